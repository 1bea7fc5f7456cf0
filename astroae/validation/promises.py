"""What the writer of a compressed image promised of every pixel, and its coder once more."""

from dataclasses import replace

import numpy as np
from astropy.io import fits

from astroae.codec.image import decode_image, encode_image
from astroae.codec.promise import relative_bound
from astroae.io.hdu import AEImageHDU
from astroae.pixels.grids import MARGIN
from astroae.pixels.tiling import TileGrid
from astroae.settings import Bounded, Latent, Lossless, Relative

__all__ = ["bound_of", "bound_of_coded", "codec_of"]

_EXACT_ON_INTEGERS = ("RICE_1", "GZIP_1", "GZIP_2", "PLIO_1", "NOCOMPRESS")


def bound_of(restored, original, key, values):
    """Largest error that was promised for every pixel of a plane.

    Parameters
    ----------
    restored, original : `~astroae.validation.pairing.Image`
    key : tuple of int or Ellipsis
        Of the plane.
    values : array (y, x)
        Of the original.

    Returns
    -------
    float, array (y, x) or None
        In physical units; None where nothing was promised.
    """
    hdu = restored.source
    if isinstance(hdu, AEImageHDU):
        from_fpack = isinstance(original.source, fits.CompImageHDU)
        bzero = restored.header.get("BZERO", 0)
        bound = bound_of_coded(
            hdu.encoded, hdu.stored_unit, values, key, bzero=bzero, from_fpack=from_fpack
        )
    elif isinstance(hdu, fits.CompImageHDU):
        bound = _of_fpack(hdu, key, values)
    else:
        return None
    if bound is None or _scaling(original.header) == _scaling(restored.header):
        return bound
    return bound + _rounding_of_scaled(values, original.header)


def bound_of_coded(encoded, unit, values, key=..., *, bzero=0, from_fpack=True):
    """The same of what astroae coded.

    Parameters
    ----------
    encoded : `~astroae.codec.image.EncodedImage`
    unit : float
        Physical units per stored level.
    values : array (y, x)
        Of the original.
    key : tuple of int or Ellipsis
        Of the plane.
    bzero : float
        BZERO of the image.
    from_fpack : bool
        Where the image is a tile-compressed one taken over: that is the original.
    """
    mode, region = encoded.settings.mode, _region(encoded.shape, key)
    if isinstance(mode, Latent):
        return None
    if encoded.source is not None and not from_fpack:
        # Exact is what fpack had made of the floats before astroae saw them.
        scale, _, _, exact = encoded.source.maps(encoded.shape, region)
        return (np.where(exact, 0, scale) / 2 * unit).reshape(values.shape)
    if isinstance(mode, Lossless):
        return 0.0
    if isinstance(mode, Relative):
        # The ceiling of `mode` is in stored units, as its values would be.
        return unit * relative_bound(mode, values / unit) if encoded.dtype.kind == "f" else 0.0
    step = encoded.tiles["SCALE"] / (1 - MARGIN)
    half = step / 2 if encoded.dtype.kind == "f" else np.maximum(np.rint(step) - 1, 0) / 2
    bound = _spread(half * unit, encoded.grid, region).reshape(values.shape)
    if encoded.dtype.kind == "f":
        return bound
    # Stored times BSCALE is rounded before BZERO is added, which may leave little of it;
    # product and sum of both images.
    kind = np.float32 if encoded.dtype.itemsize < 4 else np.float64
    largest = np.nan_to_num(np.abs(values)) + abs(bzero)
    return np.where(bound > 0, bound + 2 * np.spacing(largest.astype(kind)), 0)


def _scaling(header):
    return tuple(header.get(key) for key in ("BITPIX", "BSCALE", "BZERO"))


def _rounding_of_scaled(values, header):
    """What physical values may be off because astropy computes them from integers.

    BSCALE, the product and the sum are rounded to the type of the result.
    """
    if values.dtype.kind != "f" or not header.get("BITPIX", -32) > 0:
        return 0.0
    largest = np.nan_to_num(np.abs(values)) + abs(header.get("BZERO", 0))
    return 1.5 * np.spacing(largest.astype(values.dtype)).astype(np.float64)


def _of_fpack(hdu, key, values):
    """Half of ZSCALE, tile by tile; None where HCOMPRESS may have smoothed."""
    if hdu.compression_type not in _EXACT_ON_INTEGERS:
        return None
    rows = hdu.compressed_data
    if "ZSCALE" not in rows.names:
        return 0.0  # integers, or floats that were not quantised
    quantised = np.array([len(stream) > 0 for stream in rows["COMPRESSED_DATA"]])
    half = np.where(quantised, np.nan_to_num(rows["ZSCALE"]), 0) / 2
    if hdu.header["BITPIX"] == -64:  # whose values are no finer than its arithmetic
        half = half * (1 + MARGIN)
    grid = TileGrid(tuple(hdu.shape), tuple(int(n) for n in hdu.tile_shape))
    return _spread(half, grid, _region(hdu.shape, key)).reshape(values.shape)


def _region(shape, key):
    """The plane as one slice of each axis."""
    key = () if key is ... else key
    return tuple(slice(k, k + 1) for k in key) + tuple(slice(0, n) for n in shape[len(key) :])


def _spread(of_tiles, grid, region):
    """A number for each tile -> for each pixel of the region."""
    out = np.empty([r.stop - r.start for r in region])
    for i in grid.touching(region):
        out[grid.overlap(i, region)[1]] = of_tiles[i]
    return out


def codec_of(restored):
    """The coder of an image, to be used on another plane like it.

    Parameters
    ----------
    restored : `~astroae.validation.pairing.Image`

    Returns
    -------
    callable or None
        See `coder`.  None where the coder is not astroae's, or has no step: lossless or
        by a model.
    """
    hdu = restored.source
    if not isinstance(hdu, AEImageHDU) or restored.is_line:
        return None
    encoded = hdu.encoded
    if not isinstance(encoded.settings.mode, (Bounded, Relative)):
        return None
    settings = replace(encoded.settings, tile_shape=encoded.tile_shape[-2:], dither_seed=None)
    return coder(settings, encoded.dtype, hdu.stored_unit)


def coder(settings, dtype, unit, threads=None):
    """What coding does to a plane.

    Only that is in the result: the rounding of the plane to the image's own integers is
    taken off again.

    Parameters
    ----------
    settings : `~astroae.settings.Settings`
        Bounds in stored units.
    dtype : dtype
        Of the stored values.
    unit : float
        Physical units of one stored level.
    threads : int, optional

    Returns
    -------
    callable
        ``codec(array) -> array`` (y, x), physical units.
    """
    if dtype.kind != "f":  # BZERO may put them where only a wider type reaches
        dtype = np.dtype("i8" if dtype.itemsize == 8 else "i4")

    def codec(array):
        stored, blank = _stored(np.asarray(array, np.float64) / unit, dtype)
        encoded = encode_image(stored, settings, blank=blank, threads=threads)
        decoded = decode_image(encoded, threads=threads)
        with np.errstate(invalid="ignore"):  # infinite pixels become NaN
            return array + (decoded.astype(np.float64) - stored) * unit

    return codec


def _stored(levels, dtype):
    """Physical values as stored ones, and the BLANK among them."""
    if dtype.kind == "f":
        return levels.astype(dtype), None
    limits = np.iinfo(dtype)
    inside = np.isfinite(levels)
    whole = np.rint(np.clip(np.where(inside, levels, 0), limits.min / 2, limits.max / 2))
    return np.where(inside, whole.astype(dtype), limits.min).astype(dtype), limits.min
