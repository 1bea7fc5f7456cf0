"""Values <-> integers on a grid of scale, zero point and dither, as FITS has it.

Floats follow the FITS tiled-image convention: ``k = nint((x - zero) / scale + r -
0.5)`` and back ``x = (k - r + 0.5) * scale + zero`` with the standard random numbers
r, so that the same integers can be written as RICE_1 (Pence, White & Seaman 2010,
PASP 122, 1065).  Integers use an odd step s and whole dither d = floor(r s), all of it
in integers: medians and modes of a sky on a bare grid would stand on the grid.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from astroae.core import pixels
from astroae.pixels.dither import dither_values
from astroae.pixels.tiling import TileGrid

#: Scale below the promised step by this fraction: room for float64's rounding.
MARGIN = 2.0**-20
ZERO_MARKER = -2147483646  # FITS dither method 2: an exact zero
LARGEST = 2**30  # integers kept well inside 31 bits
_RANDOM_BITS = 24
_RANDOM = 1 << _RANDOM_BITS  # steps of the random numbers, as whole ones
_FINE = 4096  # plane units in the finest step of a grid taken over


def tile_dither(number, seed, shape):
    """Random numbers of tile ``number`` (from 0) as float64 of ``shape``."""
    n = int(np.prod(shape))
    return np.asarray(dither_values(number, seed, n), np.float64).reshape(shape)


def quantize(values, scale, zero, dither=None):
    """int32 of floats on a grid; None where one is no number or beyond 31 bits."""
    k = pixels.quantize(values, scale, zero, dither, np.int32)
    return None if k is None or _beyond(k) else k


def _beyond(k):
    return k.size and not -LARGEST <= k.min() <= k.max() <= LARGEST


def dequantize(k, scale, zero, dither, dtype):
    """Floats that integers on a grid stand for; scale and zero may be given per pixel."""
    return pixels.dequantize(k, scale, zero, dither, dtype)


def step_dither(random, half):
    """Whole dither from 0 to ``2 half`` for the odd step ``2 half + 1``; 0 for None."""
    if random is None:
        return np.int64(0)
    # A float32 of 24 bits times a step of 31: no product leaves 64 bits.
    whole = np.minimum(np.floor(random * _RANDOM), _RANDOM - 1).astype(np.int64)
    return whole * (2 * half + 1) >> _RANDOM_BITS


def step_quantize(values, half, base, dither):
    """Integers ``k`` such that ``base + k (2 half + 1) - dither`` is within ``half``."""
    return (values.astype(np.int64) - base + dither + half) // (2 * half + 1)


def step_dequantize(k, half, base, dither, dtype):
    """Inverse of `step_quantize`, kept inside the type."""
    limits = np.iinfo(dtype)
    return np.clip(base + k * (2 * half + 1) - dither, limits.min, limits.max).astype(dtype)


@dataclass(frozen=True)
class SourceGrid:
    """Grid of a quantised float image taken over from fpack.

    Parameters
    ----------
    tile_shape : tuple of int
        Tiles of the source, C order.
    scale, zero : float64 ndarray (source tiles,)
        ZSCALE and ZZERO.
    exact : bool ndarray (source tiles,)
        Tiles that the source holds as lossless floats.
    dither : {0, 1, 2}
        None, SUBTRACTIVE_DITHER_1 or _2.
    seed : int
        ZDITHER0.
    null : int
        Integer that stands for NaN (ZBLANK).
    """

    tile_shape: tuple[int, ...]
    scale: np.ndarray
    zero: np.ndarray
    exact: np.ndarray
    dither: int
    seed: int
    null: int

    def __eq__(self, other):
        return isinstance(other, SourceGrid) and all(
            np.array_equal(getattr(self, name), getattr(other, name))
            for name in self.__dataclass_fields__
        )

    @cached_property
    def unit(self):
        """Physical size of one plane unit."""
        usable = self.scale[~self.exact & (self.scale > 0) & np.isfinite(self.scale)]
        return float(usable.min()) / _FINE if usable.size else 1.0

    def maps(self, shape, region):
        """Per pixel of a region: scale, zero, dither (or None), exact.

        Parameters
        ----------
        shape : tuple of int
            Of the whole image.
        region : tuple of slice
        """
        grid = TileGrid(shape, self.tile_shape)
        size = [r.stop - r.start for r in region]
        scale, zero = np.ones(size), np.zeros(size)
        dither, exact = np.zeros(size), np.zeros(size, bool)
        for i in grid.touching(region):
            inside, outside = grid.overlap(i, region)
            exact[outside] = self.exact[i]
            if self.exact[i]:
                continue
            scale[outside], zero[outside] = self.scale[i], self.zero[i]
            if self.dither:
                dither[outside] = tile_dither(i, self.seed, grid.tile_shape_of(i))[inside]
        return scale, zero, dither if self.dither else None, exact
