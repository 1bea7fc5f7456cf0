"""What the writer of a compressed image promised of every pixel, and its coder once more."""

from dataclasses import replace

import numpy as np
from astropy.io import fits

from astroae.codec.image import decode_image, encode_image
from astroae.io.hdu import AEImageHDU
from astroae.pixels.grids import MARGIN
from astroae.pixels.tiling import TileGrid
from astroae.settings import Bounded, Latent, Lossless, Relative

__all__ = ["bound_of", "codec_of"]

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
        return _of_astroae(hdu, isinstance(original.source, fits.CompImageHDU), key, values)
    return _of_fpack(hdu, key, values) if isinstance(hdu, fits.CompImageHDU) else None


def _of_astroae(hdu, from_fpack, key, values):
    encoded = hdu.encoded
    mode, region = encoded.settings.mode, _region(encoded.shape, key)
    if isinstance(mode, Latent):
        return None
    if encoded.source is not None and not from_fpack:
        # Exact is what fpack had made of the floats before astroae saw them.
        scale, _, _, exact = encoded.source.maps(encoded.shape, region)
        return (np.where(exact, 0, scale) / 2 * hdu.stored_unit).reshape(values.shape)
    if isinstance(mode, Lossless):
        return 0.0
    if isinstance(mode, Relative):
        return mode.relative_error * np.abs(values) if encoded.dtype.kind == "f" else 0.0
    step = encoded.tiles["SCALE"] / (1 - MARGIN)
    half = step / 2 if encoded.dtype.kind == "f" else np.maximum(np.rint(step) - 1, 0) / 2
    # Up: the product is rounded too, where the unit is no power of two.
    half = np.where(half > 0, np.nextafter(half * hdu.stored_unit, np.inf), 0)
    return _spread(half, encoded.grid, region).reshape(values.shape)


def _of_fpack(hdu, key, values):
    """Half of ZSCALE, tile by tile; None where HCOMPRESS may have smoothed."""
    if hdu.compression_type not in _EXACT_ON_INTEGERS:
        return None
    rows = hdu.compressed_data
    if "ZSCALE" not in rows.names:
        return 0.0  # integers, or floats that were not quantised
    quantised = np.array([len(stream) > 0 for stream in rows["COMPRESSED_DATA"]])
    half = np.where(quantised, np.nan_to_num(rows["ZSCALE"]), 0) / 2
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

    Only what coding does is in the result: the rounding of the new plane to the image's
    own integers is taken off again.

    Parameters
    ----------
    restored : `~astroae.validation.pairing.Image`

    Returns
    -------
    callable or None
        ``codec(array) -> array`` (y, x), physical units.  None where the coder is not
        astroae's, or has no step: lossless or by a model.
    """
    hdu = restored.source
    if not isinstance(hdu, AEImageHDU) or restored.is_line:
        return None
    encoded, unit = hdu.encoded, hdu.stored_unit
    if not isinstance(encoded.settings.mode, (Bounded, Relative)):
        return None
    dtype = encoded.dtype
    if dtype.kind != "f":  # BZERO may put them where only a wider type reaches
        dtype = np.dtype("i8" if dtype.itemsize == 8 else "i4")
    settings = replace(encoded.settings, tile_shape=encoded.tile_shape[-2:], dither_seed=None)

    def codec(array):
        stored, blank = _stored(np.asarray(array, np.float64) / unit, dtype)
        decoded = decode_image(encode_image(stored, settings, blank=blank))
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
