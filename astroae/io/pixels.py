"""Pixels as users see them <-> pixels as FITS stores them, and which of them changed."""

import math
import zlib
from dataclasses import dataclass

import numpy as np
from astropy.io.fits.hdu.base import BITPIX2DTYPE

from astroae.errors import UnsupportedDataError
from astroae.pixels.tiling import TileGrid

__all__ = ["Baseline", "scale_back", "stored_of_hdu", "to_stored", "unit_of"]


def to_stored(data):
    """Physical values -> stored ones: unsigned types and int8 lose their offset.

    Parameters
    ----------
    data : `~numpy.ndarray`
        Any type that a FITS image takes, any byte order.

    Returns
    -------
    `~numpy.ndarray`
        u1, i2, i4, i8, f4 or f8.

    Examples
    --------
    >>> to_stored(np.array([0, 32768, 65535], "u2")).tolist()
    [-32768, 0, 32767]
    """
    dtype = data.dtype.newbyteorder("=")
    if dtype == np.int8:
        return np.ascontiguousarray(data).view(np.uint8) ^ np.uint8(0x80)
    if dtype.kind == "u" and dtype.itemsize > 1:
        data = data.astype(dtype, copy=False)
        top = dtype.type(1 << (8 * dtype.itemsize - 1))
        return (data ^ top).view(f"i{dtype.itemsize}")
    return data


def scale_back(data, header, blank, old, same):
    """Physical values -> stored ones of the type, BSCALE and BZERO that a header names.

    Parameters
    ----------
    data : `~numpy.ndarray`
        Physical values.
    header : `~astropy.io.fits.Header`
    blank : int or None
        Stored value that reads as NaN.
    old : `~numpy.ndarray`
        Stored values as they were.
    same : `~numpy.ndarray` of bool
        Pixels that keep them: a physical value is often a float too coarse to tell
        which integer it came from.

    Raises
    ------
    UnsupportedDataError
        A value has no place in the stored type.
    """
    dtype = np.dtype(BITPIX2DTYPE[header["BITPIX"]])
    levels = (data - np.float64(header.get("BZERO", 0))) / header.get("BSCALE", 1)
    levels = np.where(same, 0, levels)
    if dtype.kind != "f":
        levels = _whole(levels, dtype, blank, same)
        if (outside := np.isnan(levels)).any():
            raise UnsupportedDataError(
                "edited pixels do not fit the stored integers",
                where=f"pixel {tuple(int(i) for i in np.argwhere(outside)[0])}",
                found=f"got {data[outside][0]}, {dtype} with BSCALE {header.get('BSCALE', 1)}",
                hint="open the file with scale_back=False to store floats",
            )
    return np.where(same, old, levels.astype(dtype))


def _whole(levels, dtype, blank, same):
    """Whole levels; NaN where the type has no place for one."""
    levels, limits = np.rint(levels), np.iinfo(dtype)
    missing = np.isnan(levels)
    outside = (levels < limits.min) | (levels >= float(limits.max) + 1)
    if blank is not None and limits.min <= blank <= limits.max:
        outside |= (levels == blank) & ~same  # a number that would be none
        levels[missing] = blank
    levels[outside] = np.nan
    return levels


def unit_of(header):
    """Physical units per stored level: \\|BSCALE\\|, 1 where it says nothing useful."""
    value = header.get("BSCALE", 1)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return 1.0
    return abs(float(value)) if math.isfinite(value) and value else 1.0


def stored_of_hdu(hdu):
    """The stored values of an image HDU of astropy, unscaled, without loading ``.data``.

    Returns
    -------
    `~numpy.ndarray` or None
        A memory map where astropy gives one; None where there are no pixels.
    """
    if hdu._data_loaded:
        return None if hdu.data is None else to_stored(hdu.data)
    if not hdu.shape or not math.prod(hdu.shape):
        return None
    if hdu.__dict__.get("_bintable") is not None:
        return _decoded(hdu)
    dtype = np.dtype(BITPIX2DTYPE[hdu._orig_bitpix]).newbyteorder(">")
    return hdu._get_raw_data(hdu.shape, dtype, hdu._data_offset)


def _decoded(hdu):
    """Stored values of astropy's own CompImageHDU, which scales unless it is told not to."""
    asked = hdu._do_not_scale_image_data
    hdu._do_not_scale_image_data = True
    try:
        return hdu.section[...]
    finally:
        hdu._do_not_scale_image_data = asked


@dataclass(frozen=True)
class Baseline:
    """Checksums of an array's tiles: users edit arrays in place, nothing else tells."""

    grid: TileGrid
    dtype: np.dtype
    sums: np.ndarray

    @classmethod
    def of(cls, data, tile_shape):
        """Remember ``data`` as it is now, tile by tile."""
        grid = TileGrid(data.shape, tuple(tile_shape))
        dtype = data.dtype.newbyteorder("=")
        sums = np.fromiter(
            (
                zlib.crc32(np.ascontiguousarray(data[grid.slices(i)], dtype))
                for i in range(len(grid))
            ),
            np.uint32,
            len(grid),
        )
        return cls(grid, dtype, sums)

    def fits(self, data):
        """Whether ``data`` is of the same shape and type."""
        return data.shape == self.grid.shape and data.dtype.newbyteorder("=") == self.dtype

    def changed(self, data):
        """Tiles of ``data`` that are no longer what they were, a bool for each."""
        return Baseline.of(data, self.grid.tile_shape).sums != self.sums
