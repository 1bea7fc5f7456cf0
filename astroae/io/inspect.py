"""What a compressed file holds, read from its headers and tile tables: no pixel is decoded."""

import json
import math
from collections import Counter
from pathlib import Path

from astroae.container.keywords import is_extra
from astroae.errors import CorruptFileError
from astroae.io.latent_errors import latent_errors
from astroae.io.spans import plain_source, quiet_headers, scan
from astroae.io.whole import coded_hdus, file_sha256, written_hdus
from astroae.settings import Latent

__all__ = ["info", "original_of"]


def info(file):
    """Describe a file that astroae wrote, or any other FITS file.

    Parameters
    ----------
    file : str or path-like

    Returns
    -------
    dict
        Plain values, fit for JSON: ``file``, ``bytes``, ``original`` (name, bytes,
        SHA-256 of the file that was compressed; whether `astroae.decompress` gives
        it back byte for byte, as checked while compressing; whether that takes
        ``fpack=True``; None where there was none), ``complete`` (no HDU is missing), and
        ``hdus``, a dict each.

    Raises
    ------
    InputError
        Not FITS, or cut short.
    CorruptFileError, FormatVersionError, ModelError
        A table that describes no image, or one of a newer format.  The model of latent
        mode need not be here.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> import numpy as np
    >>> from astropy.io import fits
    >>> import astroae
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> fits.writeto(folder / "a.fits", np.arange(90000, dtype="int16").reshape(300, 300))
    >>> _ = astroae.compress(folder / "a.fits", folder / "a.aae.fits")
    >>> found = astroae.info(folder / "a.aae.fits")
    >>> found["original"]["byte_identical"], found["hdus"][1]["mode"]
    (True, 'lossless')
    """
    file = Path(file)
    with plain_source(file) as plain, quiet_headers():
        spans = scan(plain, file)
        coded = coded_hdus(plain, spans, file)
        return {
            "file": str(file),
            "bytes": plain.stat().st_size,
            "original": original_of(coded),
            "complete": len(spans) >= written_hdus(coded),
            "hdus": [_hdu(span, coded.get(span.index), file_sha256(coded)) for span in spans],
        }


def original_of(coded):
    """Name, size, SHA-256 and way back of the file that was compressed; None: unknown.

    Parameters
    ----------
    coded : dict of int to CodedHDU
    """
    edited = any(hdu.was_edited for hdu in coded.values())
    for hdu in coded.values():
        header = hdu.span.header
        if isinstance(header.get("AEFILSHA"), str):
            return {
                "name": header.get("AEFILNAM"),
                "bytes": header.get("AEFILSIZ"),
                "sha256": header["AEFILSHA"],
                "byte_identical": header.get("AEFILSAM") is True and not edited,
                "edited": edited,
                "fpacked": any(each.was_fpacked for each in coded.values()),
            }
    return None


def _hdu(span, coded, sha256):
    if coded is None and span.header.get("AECERT") is True and is_extra(span.header, sha256):
        return _certificate(span)
    about = {"index": span.index, "name": span.name, "kind": _kind(span), "bytes": span.size}
    if coded is None:
        return about
    about |= {"kind": "astroae image", "was_primary": coded.was_primary}
    structure, encoded = coded.structure, coded.encoded
    header = span.header
    about |= {
        "shape": list(structure.shape),
        "dtype": structure.dtype.name,
        "mode": structure.settings.mode.name,
        "model": structure.settings.model,
        "settings": _plain(structure.settings.to_dict()),
        "version": header["AEVERSN"],
        "creator": header.get("AECREATR", ""),
        "exact": coded.is_exact,
        "original_bytes": coded.restored_size,
    }
    if encoded is None:
        return about
    if isinstance(structure.settings.mode, Latent):
        about |= _latent(structure, encoded)
    data = coded.layout.rows_size + coded.layout.heap_size
    return about | {
        "tiles": len(encoded.tiles),
        "tiles_by_method": dict(sorted(Counter(encoded.tile_methods).items())),
        "bits_per_pixel": 8 * data / math.prod(structure.shape),
        "ratio": coded.restored_size / span.size,
        "largest_error": float(encoded.tiles["MAXERR"].max()) * abs(structure.bscale),
    }


def _latent(structure, encoded):
    """What latent mode was measured to lose, and what it keeps beside the pixels."""
    return {
        "model_sha256": structure.settings.mode.model.sha256,
        "latents": 0 if encoded.latents is None else encoded.latents.shape[1],
        "tiles_as_latents": int((encoded.tiles["SCALE"] > 0).sum()),
        **latent_errors(encoded, structure.bscale),
    }


def _certificate(span):
    """Verdict, tolerance set and quantities of a certificate."""
    header = span.header
    return {
        "index": span.index,
        "name": span.name,
        "kind": "certificate",
        "bytes": span.size,
        "of": {"name": header.get("AEOWNER", ""), "version": header.get("AEOWNVER", 1)},
        "verdict": header.get("AEVERDIC", ""),
        "tolerance": {"name": header.get("AETOLNAM", ""), "sha256": header.get("AETOLSHA", "")},
        "sources": header.get("AESOURCE", 0),
        "rows": header.get("NAXIS2", 0),
        "why_no_sources": header.get("AENOSRC", ""),
        "quantities": _quantities(span),
        "creator": header.get("AECREATR", ""),
        "packages": header.get("AEPACKGS", ""),
    }


def _quantities(span):
    """What AEQTYn say: name, verdict and the rest of each."""
    texts = [str(card.value) for card in span.header.cards if card.keyword.startswith("AEQTY")]
    try:
        found = [json.loads(text) for text in texts]
    except ValueError:
        found = [None]
    if all(isinstance(one, list) and len(one) in (3, 8) for one in found):
        return found
    raise CorruptFileError(
        "a certificate cannot be read",
        where=span.label,
        found="AEQTYn are not what was written",
        hint="`astroae verify` tells whether the images are whole",
    )


def _kind(span):
    if span.header.get("AEPREV") is True:
        return "preview"
    if span.header.get("AEMODEXT") is True:
        return "model"
    if span.is_image:
        return "image"
    if span.data_end == span.data:
        return "empty"
    if span.header.get("ZIMAGE") is True:
        return "tile-compressed image"
    return str(span.header.get("XTENSION", "groups")).strip().lower()


def _plain(values):
    """Tuples as lists, so that JSON gives back what went in."""
    if isinstance(values, dict):
        return {key: _plain(value) for key, value in values.items()}
    return list(values) if isinstance(values, tuple) else values
