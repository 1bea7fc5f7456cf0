"""A small picture of an image, as a standard RICE_1 extension that any viewer shows.

In goes an array with its header, out comes the bytes of a PREVIEW extension: means
over square blocks, the WCS scaled with them, at most 512 px, as large as a budget of
bytes allows and none below 64 px.  Of more than two axes the middle plane is shown.
"""

import math
import re

import numpy as np
from astropy.io import fits
from astropy.io.fits.verify import VerifyError

from astroae.codec.image import encode_image
from astroae.container.fpack_write import standard
from astroae.container.header import raw_cards
from astroae.errors import InputError
from astroae.io.coded import header_block
from astroae.io.spans import BLOCK, quiet_headers, reading
from astroae.settings import from_keywords

__all__ = ["BUDGET", "binned", "make_preview", "preview", "preview_header"]

#: Share of the compressed image that its preview may take.
BUDGET = 0.01
LARGEST, SMALLEST = 512, 64
#: What a preview takes, about: a first guess at the size that fits.
HEADERS, BYTES_PER_PIXEL = 5760, 0.75
NAME = "PREVIEW"
SLAB = 1 << 24  # pixels in memory at once while blocks are averaged

_WCS = re.compile(
    r"(WCSAXES|CTYPE[12]|CUNIT[12]|CRVAL[12]|CRPIX[12]|CDELT[12]|CROTA[12]|CD[12]_[12]|PC[12]_[12]"
    r"|PV[12]_\d+|LONPOLE|LATPOLE|RADESYS|EQUINOX|WCSNAME|RADECSYS|EPOCH)"
)
_SIP = re.compile(r"(A|B|AP|BP)_(\d)_(\d)")
#: Those that change with the size of a pixel.
_SIZES = re.compile(r"CRPIX|CDELT|CD[12]_")
_SIP_KEYS = re.compile(r"(A|B|AP|BP)_(ORDER|DMAX)")
_OTHER = ("OBJECT", "BUNIT", "TELESCOP", "INSTRUME", "FILTER", "DATE-OBS", "MJD-OBS")


def make_preview(data, header, budget, notes):
    """Bytes of a PREVIEW extension.

    Parameters
    ----------
    data : `~numpy.ndarray`
        Stored values, two axes or more.
    header : `~astropy.io.fits.Header`
        The image's own: BSCALE, BZERO, BLANK and WCS are used.
    budget : int
        Most bytes that the extension may take.
    notes : dict
        Further cards (keyword: value or (value, comment)), who owns the preview.

    Returns
    -------
    bytes or None
        None where 64 px do not fit, the image is no larger itself, or its BSCALE or BZERO
        is no number.
    """
    plane = _middle_plane(data)
    if plane is None or not all(_is_number(header.get(key, 1)) for key in ("BSCALE", "BZERO")):
        return None
    room = max((budget - HEADERS) / BYTES_PER_PIXEL, 1.0)
    factor = max(max(plane.shape) / LARGEST, math.sqrt(plane.size / room), 1.0)
    factor = math.ceil(factor)
    while max(plane.shape) // factor >= SMALLEST and min(plane.shape) >= factor:
        small = binned(plane, factor, header)
        coded = _rice(small, preview_header(header, factor, notes))
        if len(coded) <= budget:
            return coded
        # Bytes go with the area; the headers do not shrink, hence one step at least.
        factor = max(factor + 1, int(factor * math.sqrt(len(coded) / budget)))
    return None


def _middle_plane(data):
    if data.ndim < 2 or max(data.shape[-2:]) < SMALLEST:
        return None
    return data[tuple(n // 2 for n in data.shape[:-2])]


def binned(plane, factor, header):
    """Means over ``factor`` x ``factor`` blocks, physical units, NaN where all is blank.

    Rows and columns beyond the last whole block are left out.

    Parameters
    ----------
    plane : `~numpy.ndarray`
        Stored values, shape (y, x).
    factor : int
        Pixels along a block.
    header : `~astropy.io.fits.Header`
        BSCALE, BZERO, BLANK.

    Returns
    -------
    `~numpy.ndarray`
        float32, shape (y // factor, x // factor).
    """
    height, width = (n // factor for n in plane.shape)
    out = np.empty((height, width), np.float32)
    rows = max(1, SLAB // (plane.shape[1] * factor))
    blank = header.get("BLANK") if plane.dtype.kind in "iu" else None
    for top in range(0, height, rows):
        bottom = min(top + rows, height)
        block = plane[top * factor : bottom * factor, : width * factor]
        block = block.astype(block.dtype.newbyteorder("="), copy=False)
        good = np.isfinite(block) if blank is None else block != blank
        whole = good.all()
        values = block if whole else np.where(good, block, 0)
        count = factor**2 if whole else _block_sums(good, factor)
        with np.errstate(invalid="ignore", over="ignore"):
            out[top:bottom] = _block_sums(values, factor) / count
    with np.errstate(invalid="ignore", over="ignore"):
        return out * float(header.get("BSCALE", 1)) + float(header.get("BZERO", 0))


def _block_sums(values, factor):
    """Sums over blocks: along y first, which runs through memory in order."""
    height, width = (n // factor for n in values.shape)
    # Rows one after another: whole lines are added, without a pass through buffers.
    lines = values[::factor].astype(np.float64)
    for y in range(1, factor):
        lines += values[y::factor]
    return lines.reshape(height, width, factor).sum(axis=2)


def preview_header(header, factor, notes):
    """Header of a preview: the WCS scaled by ``factor``, little else.

    Parameters
    ----------
    header : `~astropy.io.fits.Header`
        The image's.
    factor : int
        Pixels along a block.
    notes : dict
        Further cards.

    Returns
    -------
    `~astropy.io.fits.Header`
    """
    small = fits.Header()
    small["EXTNAME"] = (NAME, "small picture for viewers")
    for key, value in notes.items():
        small[key] = value
    for keyword, value, comment in _readable(header):
        value = _scaled(keyword, value, factor)
        if not isinstance(value, float) or math.isfinite(value):
            small.append((keyword, value, comment))
    if "CRPIX1" in small and not any(key in small for key in ("CD1_1", "CD1_2", "CD2_1", "CD2_2")):
        for axis in "12":
            small.setdefault(f"CDELT{axis}", float(factor))
    if "WCSAXES" in small:
        small["WCSAXES"] = 2
    return small


def _readable(header):
    """Cards that a preview takes over, those left out that say nothing."""
    for card in header.cards:
        key = card.keyword
        if key not in _OTHER and not any(kind.fullmatch(key) for kind in (_WCS, _SIP, _SIP_KEYS)):
            continue
        try:
            value = card.value
        except VerifyError:  # no value that FITS knows
            continue
        if _is_number(value) or not (_SIZES.match(key) or _SIP.fullmatch(key)):
            yield key, value, card.comment


def _is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _scaled(keyword, value, factor):
    if keyword.startswith("CRPIX"):
        return (value - 0.5) / factor + 0.5
    if sip := _SIP.fullmatch(keyword):
        return value * float(factor) ** (int(sip[2]) + int(sip[3]) - 1)
    return value * factor if _SIZES.match(keyword) else value


def _rice(small, header):
    """Bytes of a RICE_1 extension of one tile: one per row, as is usual, would take longer than
    coding the image, and so would astropy's own HDU.
    """
    settings = from_keywords(quantize_level=4, tile_shape=small.shape)
    height, width = small.shape
    sizes = {"BITPIX": -32, "NAXIS": 2, "NAXIS1": width, "NAXIS2": height, "PCOUNT": 0, "GCOUNT": 1}
    cards = ["XTENSION= 'IMAGE   '".ljust(80), *map(_size_card, *zip(*sizes.items()))]
    encoded = encode_image(small, settings, threads=1)
    cards, data, _ = standard(encoded, cards + raw_cards(header), threads=1)
    return header_block(cards) + data + bytes(-len(data) % BLOCK)


def _size_card(name, value):
    return f"{name:8s}= {value:>20d}".ljust(80)


def preview(file, hdu=None):
    """A small picture of an image in a file.

    The PREVIEW extension where the file has one, else the image is decoded and
    averaged down to 512 px.

    Parameters
    ----------
    file : str or path-like
    hdu : int, str or tuple, optional
        Image of which the preview is wanted; by default the first with pixels.

    Returns
    -------
    `~astropy.io.fits.ImageHDU`
        float32, physical units, its WCS scaled.

    Raises
    ------
    InputError
        No image of two axes or more in the file.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> import numpy as np
    >>> from astropy.io import fits
    >>> import astroae
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "a.fits"
    >>> fits.writeto(file, np.ones((1024, 2048), "f4"))
    >>> astroae.preview(file).shape
    (256, 512)
    """
    with quiet_headers(), reading(file), fits.open(file) as hdus:
        image = _first_image(hdus, file) if hdu is None else hdus[hdu]
        for other in hdus:
            if other.header.get("AEPREV") is True and _belongs(other, image):
                return fits.ImageHDU(other.data, other.header)
        header = image.header.copy()
        plane = image.data
        if plane is None or plane.ndim < 2:
            raise _no_image(file)
        plane = plane[tuple(n // 2 for n in plane.shape[:-2])]
        factor = max(1, math.ceil(max(plane.shape) / LARGEST))
        factor = min(factor, *plane.shape)
        for key in ("BSCALE", "BZERO", "BLANK"):  # astropy has applied them
            header.remove(key, ignore_missing=True)
        return fits.ImageHDU(binned(plane, factor, header), preview_header(header, factor, {}))


def _first_image(hdus, file):
    for hdu in hdus:
        if hdu.is_image and len(hdu.shape) > 1 and hdu.header.get("AEPREV") is not True:
            return hdu
    raise _no_image(file)


def _belongs(preview_hdu, image):
    header = preview_hdu.header
    return (header.get("AEOWNER"), header.get("AEOWNVER")) == (image.name, image.ver)


def _no_image(file):
    return InputError(
        "no image to preview",
        where=str(file),
        found="no HDU with pixels in two axes or more",
        hint="say which one with hdu=",
    )
