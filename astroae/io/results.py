"""What whole-file work reports back: frozen, printable, and plain for JSON."""

from dataclasses import asdict, dataclass

__all__ = ["CompressionResult", "HDUResult"]


@dataclass(frozen=True)
class HDUResult:
    """What became of one HDU.

    Parameters
    ----------
    index : int
        Number of the HDU in the original file.
    name : str
        EXTNAME.
    action : str
        ``"compressed"``, ``"kept"`` (byte for byte), ``"taken over"`` (from
        fpack), or ``"restored"``.
    mode : str
        Promise that holds for its pixels: lossless, bounded, relative; empty
        where it was kept.
    original_bytes, compressed_bytes : int
        Of the whole HDU, header and padding included.
    largest_error : float
        Largest error of a pixel that was measured, physical units; 0: exact.
    error_over_bound : float
        Largest error over its bound; 0: exact, or a relative bound, which is
        another for each pixel (`astroae.verify` with ``against`` measures that).
    rms_error : float
        In latent mode, physical units.
    largest_error_in_noise, rms_error_in_noise : float
        The same in units of each tile's noise; tiles without noise are left out.
    note : str
        Why it was kept, or what the mode became.
    verdict : str
        Of its certificate: pass, fail or undetermined; empty where it has none.
    broken : tuple of str
        The quantities that fail, with value and tolerance.
    role, why : str
        What a plane was taken for, image, exact or relative, and by what sign, see
        `astroae.io.planes`.
    """

    index: int
    name: str
    action: str
    mode: str
    original_bytes: int
    compressed_bytes: int
    largest_error: float = 0.0
    error_over_bound: float = 0.0
    rms_error: float = 0.0
    largest_error_in_noise: float = 0.0
    rms_error_in_noise: float = 0.0
    note: str = ""
    verdict: str = ""
    broken: tuple[str, ...] = ()
    role: str = ""
    why: str = ""

    @property
    def ratio(self):
        """Original over compressed size."""
        return self.original_bytes / max(self.compressed_bytes, 1)


@dataclass(frozen=True)
class CompressionResult:
    """What became of a file.

    Parameters
    ----------
    source, target : str
        Paths; the target is what would be written in a dry run.
    original_bytes, compressed_bytes : int
        Of the FITS files; a gzipped original counts unpacked.
    source_bytes : int
        Size of the input as it lies on the disk.
    sha256 : str
        Of the original FITS file, unpacked; of the restored one after decompressing.
    byte_identical : bool
        `astroae.decompress` (with ``fpack=True`` where tile-compressed images were
        taken over) gives the same file byte for byte, as checked while
        compressing; else the same headers, and the data as promised.
    hdus : tuple of HDUResult
    dry_run : bool
        Nothing was written.
    model : str
        In latent mode the model, its SHA-256, and where readers find it.
    damages : tuple of str
        Of a file that was decompressed for what is whole of it: what is not.
    changed : str
        That something which is kept as it is is not what was written; empty: nothing is.
    """

    source: str
    target: str
    original_bytes: int
    compressed_bytes: int
    source_bytes: int
    sha256: str
    byte_identical: bool
    hdus: tuple[HDUResult, ...]
    dry_run: bool = False
    model: str = ""
    damages: tuple[str, ...] = ()
    changed: str = ""

    @property
    def ratio(self):
        """Original over compressed size, both unpacked FITS."""
        return self.original_bytes / max(self.compressed_bytes, 1)

    @property
    def largest_error_over_bound(self):
        """The worst HDU's; at most 1, give or take half an ulp."""
        return max((hdu.error_over_bound for hdu in self.hdus), default=0.0)

    @property
    def verdict(self):
        """The worst of its certificates': pass, fail or undetermined; empty without any."""
        found = {hdu.verdict for hdu in self.hdus}
        return next((each for each in ("fail", "undetermined", "pass") if each in found), "")

    def to_dict(self):
        """Plain values, for JSON."""
        values = asdict(self) | {
            "verdict": self.verdict,
            "ratio": self.ratio,
            "largest_error_over_bound": self.largest_error_over_bound,
        }
        values["hdus"] = [
            asdict(hdu) | {"ratio": hdu.ratio, "broken": list(hdu.broken)} for hdu in self.hdus
        ]
        return values
