"""Files that CFITSIO's ``fpack`` wrote, taken over and given back.

Each original is fpacked in several ways; what `astroae.compress` and
``decompress(fpack=True)`` make of that must be the same to CFITSIO and to astropy:
the same cards, the same scales and zero points, the same pixels to the last bit.
"""

import gzip
import shutil
import subprocess
import tempfile
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from astropy.io import fits
from astropy.utils.exceptions import AstropyWarning

import astroae
from astroae.errors import AstroAEError, MissingDependencyError

__all__ = ["VARIANTS", "Takeover", "check_takeovers"]

#: Options of ``fpack``; the first is its default (RICE_1, q = 4, dithered).
VARIANTS = {
    "RICE": [],
    "RICE -q 1": ["-q", "1"],
    "RICE -qz 4": ["-qz", "4"],
    "GZIP -q 4": ["-g", "-q", "4"],
    "GZIP -qz 4": ["-g", "-qz", "4"],
}
TIMEOUT = 600  # seconds


@dataclass(frozen=True)
class Takeover:
    """One file fpacked in one way.

    Parameters
    ----------
    file, variant : str
    kind : str
        ``"float"``, ``"integer"``, or both, of the images in it.
    fpacked, taken : int
        Bytes of the ``.fits.fz`` and of astroae's file.
    problems : tuple of str
        What is not the same after the way back.
    """

    file: str
    variant: str
    kind: str = ""
    fpacked: int = 0
    taken: int = 0
    problems: tuple[str, ...] = ()

    @property
    def ratio(self):
        """Size of astroae's file over that of the ``.fits.fz``."""
        return self.taken / self.fpacked if self.fpacked else float("nan")


def check_takeovers(paths, variants=None, progress=None):
    """Take over each file in every variant, and give it back.

    Parameters
    ----------
    paths : list of path-like
        FITS files, plain or gzipped; not fpacked yet.
    variants : dict, optional
        Like `VARIANTS`.
    progress : callable, optional
        Called with (done, total).

    Returns
    -------
    list of Takeover

    Raises
    ------
    MissingDependencyError
        ``fpack`` or ``funpack`` is not installed.
    """
    for program in ("fpack", "funpack"):
        if shutil.which(program) is None:
            raise MissingDependencyError(
                f"{program} is needed",
                where="bench takeover",
                found="not on the path",
                hint="install CFITSIO's programs (Debian: libcfitsio-bin)",
            )
    found = []
    for done, path in enumerate(paths, 1):
        with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
            warnings.simplefilter("ignore", AstropyWarning)
            plain = _plain(Path(path), Path(folder))
            for variant, options in (variants or VARIANTS).items():
                found.append(_check(Path(path).name, plain, variant, options))
        if progress:
            progress(done, len(paths))
    return found


def _plain(path, folder):
    opener = gzip.open if path.suffix == ".gz" else open
    plain = folder / "original.fits"
    with opener(path, "rb") as file:
        plain.write_bytes(file.read())
    return plain


def _check(name, plain, variant, options):
    fpacked, taken, given = (plain.with_name(n) for n in ("a.fits.fz", "a.aae.fits", "b.fits.fz"))
    for path in (fpacked, taken, given):
        path.unlink(missing_ok=True)
    try:
        _program("fpack", *options, "-O", fpacked, plain)
    except subprocess.CalledProcessError as exc:
        return Takeover(name, variant, problems=(f"fpack failed with {exc.returncode}",))
    kind = _kinds(fpacked)
    try:
        astroae.compress(fpacked, taken)
        astroae.decompress(taken, given, fpack=True)
    except AstroAEError as exc:
        problem = f"{type(exc).__name__}: {exc}"
        return Takeover(name, variant, kind, fpacked.stat().st_size, problems=(problem,))
    return Takeover(
        name,
        variant,
        kind,
        fpacked.stat().st_size,
        taken.stat().st_size,
        tuple(_differences(fpacked, given)),
    )


def _kinds(path):
    with fits.open(path) as hdus:
        images = [hdu for hdu in hdus if isinstance(hdu, fits.CompImageHDU)]
        return " ".join(sorted({"float" if h._bitpix < 0 else "integer" for h in images}))


def _differences(first, second):
    """What is not the same of two fpacked files, to astropy and to ``funpack``."""
    problems = []
    with fits.open(first, disable_image_compression=True) as a:
        with fits.open(second, disable_image_compression=True) as b:
            if len(a) != len(b):
                return [f"{len(a)} HDUs became {len(b)}"]
            for i, (one, two) in enumerate(zip(a, b, strict=True)):
                problems += [f"HDU {i}: {text}" for text in _table_differences(one, two)]
    unpacked = [_unpacked(path) for path in (first, second)]
    for i, (one, two) in enumerate(zip(*unpacked, strict=True)):
        if one != two:
            problems.append(f"HDU {i}: funpack gives other pixels")
    with fits.open(first) as a, fits.open(second) as b:
        for i, (one, two) in enumerate(zip(a, b, strict=True)):
            if isinstance(one, fits.CompImageHDU) and _stored(one) != _stored(two):
                problems.append(f"HDU {i}: astropy reads other pixels")
    return problems


#: Cards that say how long coded bytes came out, or sum them up: CFITSIO's deflate
#: and ours are not of one version.
_SIZES = ("PCOUNT", "TFORM", "CHECKSUM", "DATASUM", "THEAP")


def _table_differences(one, two):
    cards = [
        [c for c in str(h.header.tostring(sep="\n")).split("\n") if not c.startswith(_SIZES)]
        for h in (one, two)
    ]
    if cards[0] != cards[1]:
        missing = [c.strip() for c in cards[0] if c not in cards[1]]
        added = [c.strip() for c in cards[1] if c not in cards[0]]
        yield (
            f"cards: lost {missing[:3]}, new {added[:3]}" if missing or added else "order of cards"
        )
    if not isinstance(one, fits.BinTableHDU) or "ZIMAGE" not in one.header:
        return
    for name in ("ZSCALE", "ZZERO", "ZBLANK"):
        columns = [name in hdu.columns.names for hdu in (one, two)]
        if columns[0] != columns[1]:
            yield f"column {name} appeared or vanished"
        elif columns[0] and one.data[name].tobytes() != two.data[name].tobytes():
            yield f"column {name} differs"


def _unpacked(path):
    target = path.with_suffix(".un.fits")
    target.unlink(missing_ok=True)
    _program("funpack", "-O", target, path)
    with fits.open(target, do_not_scale_image_data=True, memmap=False) as hdus:
        return [None if h.data is None else np.asarray(h.data).tobytes() for h in hdus]


def _stored(hdu):
    return np.asarray(hdu.data).tobytes()


def _program(*words):
    subprocess.run([str(w) for w in words], check=True, capture_output=True, timeout=TIMEOUT)
