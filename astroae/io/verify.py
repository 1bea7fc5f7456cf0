"""Is a compressed file whole, and what does decompressing it give?

`verify` decodes every tile, and puts the answer in the words that the user needs:
the same file byte for byte, or the same headers and pixels, or pixels as promised.
"""

import hashlib
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

from astroae.codec.image import decode_image
from astroae.errors import AstroAEError, CorruptFileError
from astroae.io.certify import damaged_certificates
from astroae.io.compare import compare_hdus
from astroae.io.inspect import original_of
from astroae.io.restore import restored
from astroae.io.spans import plain_source, quiet_headers, sha256_of
from astroae.io.whole import (
    altered,
    check_complete,
    coded_hdus,
    file_sha256,
    nothing_compressed,
    spans_of,
)
from astroae.settings import Latent

__all__ = ["Verification", "verify"]

SAME_FILE = "decompress gives the same file byte for byte"
SAME_DATA = "decompress gives the same headers and the same data, not the same file"
FPACKED = {
    SAME_FILE: "decompress with fpack=True (--fpack) gives the same file byte for byte",
    SAME_DATA: "decompress with fpack=True (--fpack) gives the same cards, integers, scales and"
    " pixels, in streams that another program coded",
}
AS_PROMISED = "decompress gives the same headers, and pixels within what was promised"
AS_MEASURED = (
    "decompress gives the same headers, and what the model's latents keep of the pixels: no bound"
    " was promised, the largest error of each tile is known"
)


@dataclass(frozen=True)
class Verification:
    """What `verify` found.

    Parameters
    ----------
    file : str
    ok : bool
        No damage, and no difference beyond the promise.
    damages : tuple of (str, str)
        Place (extension and tile) and message.
    verdict : str
        What decompressing gives, in a sentence; empty where it is not known.
    byte_identical : bool or None
        Of the file that decompressing gives and the original: by the SHA-256
        kept in the header, or by ``against``.  None where neither is there.
    differences : tuple of str
        How the restored HDUs differ from those of ``against``.
    largest_error_over_bound : float
        Of the pixels of ``against``; 0 where all are exact or none was given.
    """

    file: str
    ok: bool
    damages: tuple = ()
    verdict: str = ""
    byte_identical: bool | None = None
    differences: tuple = ()
    largest_error_over_bound: float = 0.0

    def to_dict(self):
        """Plain values, for JSON."""
        return asdict(self)


def verify(file, against=None, *, threads=None, progress=None):
    """Decode every tile of a file and check it.

    Parameters
    ----------
    file : str or path-like
        File that astroae wrote.
    against : str or path-like, optional
        The original: compared byte for byte, then HDU by HDU, pixel by pixel.
    threads : int, optional
        Tiles decoded at once.
    progress : callable, optional
        ``progress(done, total)``, tiles of the whole file.

    Returns
    -------
    Verification

    Raises
    ------
    InputError
        Not FITS, cut short, or not written by astroae.
    FormatVersionError, ModelError
        The file is of a newer format, or of a model that is not here.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> import numpy as np
    >>> from astropy.io import fits
    >>> import astroae
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> fits.writeto(folder / "a.fits", np.arange(90000, dtype="int16").reshape(300, 300))
    >>> _ = astroae.compress(folder / "a.fits", folder / "a.aae.fits")
    >>> astroae.verify(folder / "a.aae.fits", against=folder / "a.fits").verdict
    'decompress gives the same file byte for byte'
    """
    file = Path(file)
    with plain_source(file) as plain, quiet_headers():
        try:
            spans = spans_of(plain, file)
            coded = coded_hdus(plain, spans, file)
            check_complete(spans, coded, file)
        except CorruptFileError as exc:
            return Verification(str(file), False, ((exc.where, str(exc)),))
        if not coded:
            raise nothing_compressed(file, len(spans))
        certificates = list(damaged_certificates(plain, spans, file_sha256(coded)))
        if certificates:
            damages = [(f"{file}, {place}", found) for place, found in certificates]
            return Verification(str(file), False, (*damages, *_damages(coded, file)))
        with tempfile.NamedTemporaryFile(prefix="astroae-", suffix=".fits") as scratch:
            try:
                options = {"fpack": _fpacked(coded), "threads": threads, "progress": progress}
                pieces = restored(plain, file, spans, coded, **options)
                digest = _digest(pieces, scratch if against is not None else None)
            except CorruptFileError as exc:
                # Tiles may all be whole, and what stands around them not.
                damages = tuple(_damages(coded, file)) or ((exc.where, str(exc)),)
                return Verification(str(file), False, damages)
            if against is not None:
                return _against(file, coded, digest, scratch, Path(against))
            if changed := altered(plain, spans, coded):
                return Verification(str(file), False, ((str(file), changed),))
        return _alone(file, coded, digest)


def _fpacked(coded):
    """Whether the original was a tile-compressed file, which needs ``fpack=True`` to come back."""
    return any(hdu.was_fpacked for hdu in coded.values())


def _digest(pieces, scratch):
    """SHA-256 of the restored file, whose bytes go to ``scratch`` where one is given."""
    digest = hashlib.sha256()
    for piece in pieces:
        digest.update(piece)
        if scratch is not None:
            scratch.write(piece)
    if scratch is not None:
        scratch.flush()
    return digest.hexdigest()


def _damages(coded, file):
    """Every damaged tile, found one by one."""
    for hdu in coded.values():
        for i in range(len(hdu.encoded.tiles) if hdu.encoded is not None else 0):
            try:
                decode_image(hdu.encoded, hdu.encoded.grid.slices(i), threads=1)
            except AstroAEError as exc:
                exc = exc.at(f"{file}, {hdu.span.label}")
                yield exc.where, str(exc)


def _alone(file, coded, digest):
    original = original_of(coded)
    if original is None:
        return Verification(str(file), True)
    same = digest == original["sha256"]
    words = FPACKED if _fpacked(coded) else {}
    if same:
        verdict = words.get(SAME_FILE, SAME_FILE)
    elif original["edited"] or original["byte_identical"]:
        verdict = "the file was changed after it was compressed: decompress gives another file"
    elif all(hdu.is_exact for hdu in coded.values()):
        verdict = words.get(SAME_DATA, SAME_DATA)
    else:
        verdict = _lossy(coded)
    return Verification(str(file), True, (), verdict, same)


def _lossy(coded):
    """The verdict on a file whose pixels are not exact."""
    modes = [hdu.structure.settings.mode for hdu in coded.values() if not hdu.is_exact]
    return AS_MEASURED if any(isinstance(mode, Latent) for mode in modes) else AS_PROMISED


def _against(file, coded, digest, scratch, against):
    words = FPACKED if _fpacked(coded) else {}
    with plain_source(against) as plain:
        if sha256_of(plain) == digest:
            return Verification(str(file), True, (), words.get(SAME_FILE, SAME_FILE), True)
        found = compare_hdus(scratch.name, plain, against, list(coded.values()))
    if found.differences:
        verdict = "decompress gives another file"
    else:
        lost = found.largest_error_over_bound
        verdict = _lossy(coded) if lost else words.get(SAME_DATA, SAME_DATA)
    return Verification(
        str(file),
        not found.differences,
        (),
        verdict,
        False,
        tuple(found.differences),
        found.largest_error_over_bound,
    )
