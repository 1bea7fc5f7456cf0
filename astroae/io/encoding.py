"""Stored pixels and an image header -> `EncodedImage`, and the `Structure` that goes with it."""

from dataclasses import replace

import numpy as np
from astropy.io.fits.verify import VerifyError

from astroae.codec import image as codec
from astroae.container.header import header_sum, scale_sum
from astroae.container.structure import (
    BITPIX_TO_DTYPE,
    DTYPE_TO_BITPIX,
    MAX_AXES,
    Structure,
    stored_settings,
)
from astroae.errors import UnsupportedDataError
from astroae.settings import Relative, Settings

__all__ = ["check_axes", "encode_stored", "make_consistent", "structure_of"]


def check_axes(shape):
    """Refuse an image of more axes than the keywords of its table can name.

    Raises
    ------
    UnsupportedDataError
    """
    if len(shape) > MAX_AXES:
        raise UnsupportedDataError(
            "the image has too many axes",
            where="NAXIS",
            found=f"got {len(shape)}, allowed are {MAX_AXES}",
            hint="reshape it, or keep it in a plain ImageHDU",
        )


def encode_stored(stored, header, settings, bscale, **options):
    """Compress stored values.

    Parameters
    ----------
    stored : `~numpy.ndarray` or None
    header : `~astropy.io.fits.Header`
        Of the image, for BLANK and BZERO.
    settings : `~astroae.settings.Settings`
        In physical units.
    bscale : float
        Physical units per stored level.
    **options
        ``verify``, ``threads`` and ``progress`` of `astroae.codec.image.encode_image`.

    Returns
    -------
    `~astroae.codec.image.EncodedImage` or None
        None without pixels.

    Raises
    ------
    UnsupportedDataError
        A relative error of values that do not count from zero, or too many axes.
    """
    check_axes(() if stored is None else stored.shape)
    if stored is None or not stored.size:
        return None
    if isinstance(settings.mode, Relative) and header.get("BZERO", 0) != 0:
        raise UnsupportedDataError(
            "a relative error needs values that count from zero",
            where="relative_error",
            found=f"BZERO is {header['BZERO']}",
            hint="compress this image lossless or with error_bound",
        )
    return codec.encode_image(
        stored,
        stored_settings(settings, bscale),
        blank=_blank(header, stored.dtype),
        **options,
    )


def _blank(header, dtype):
    """BLANK, where it is a value that the pixels can have."""
    blank = header.get("BLANK")
    if dtype.kind == "f" or not isinstance(blank, int) or isinstance(blank, bool):
        return None
    return blank if np.iinfo(dtype).min <= blank <= np.iinfo(dtype).max else None


def structure_of(encoded, header, settings=None, bscale=1.0):
    """The `Structure` of a compressed image under its header.

    Parameters
    ----------
    encoded : `~astroae.codec.image.EncodedImage` or None
    header : `~astropy.io.fits.Header`
    settings : `~astroae.settings.Settings`, optional
        As the user gave them; by default those of ``encoded``.
    bscale : float

    Returns
    -------
    Structure
    """
    if encoded is None:
        settings = replace(settings or Settings(), tile_shape=None, dither_seed=None)
        dtype = np.dtype(BITPIX_TO_DTYPE.get(header.get("BITPIX"), "u1"))
        shape = tuple(header.get(f"NAXIS{n}", 0) for n in range(header.get("NAXIS", 0), 0, -1))
        sums = {"header_sum": header_sum(header), "scale_sum": scale_sum(header)}
        return Structure(shape, dtype, (1,) * len(shape), settings, **sums)
    filled, settings = encoded.settings, settings or encoded.settings
    if encoded.dtype.kind != "f":
        settings = settings.for_integers()
    settings = replace(
        settings,
        tile_shape=filled.tile_shape,
        dither_seed=filled.dither_seed,
    )
    return Structure(
        tuple(encoded.shape),
        np.dtype(encoded.dtype).newbyteorder("="),
        tuple(encoded.tile_shape),
        settings,
        bscale,
        encoded.blank,
        header_sum(header),
        scale_sum(header),
    )


def make_consistent(header, structure):
    """Make an image header say what the pixels are, where it says something else.

    Parameters
    ----------
    header : `~astropy.io.fits.Header`
        Changed in place.
    structure : Structure or None
        None where the table is damaged: the header then describes no pixels,
        unless it makes sense by itself.
    """
    bitpix, shape = 8, ()
    if structure is not None:
        bitpix, shape = DTYPE_TO_BITPIX[structure.dtype], structure.shape
    elif _describes_image(header):
        return
    if not ("SIMPLE" in header or "XTENSION" in header):
        header.insert(0, ("XTENSION", "IMAGE"))
    wanted = {"BITPIX": bitpix, "NAXIS": len(shape)}
    wanted |= {f"NAXIS{n}": axis for n, axis in enumerate(reversed(shape), 1)}
    for place, (keyword, value) in enumerate(wanted.items(), 1):
        if _value(header, keyword) != value:
            header.remove(keyword, ignore_missing=True, remove_all=True)
            header.insert(place, (keyword, value))


def _value(header, keyword):
    try:
        value = header.get(keyword)
    except VerifyError:
        return None
    return None if isinstance(value, bool) else value


def _describes_image(header):
    n_axes = _value(header, "NAXIS")
    if _value(header, "BITPIX") not in BITPIX_TO_DTYPE or not isinstance(n_axes, int):
        return False
    axes = [_value(header, f"NAXIS{n}") for n in range(1, min(n_axes, 999) + 1)]
    return 0 <= n_axes <= 999 and all(isinstance(axis, int) and axis >= 0 for axis in axes)
