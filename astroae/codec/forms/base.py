"""What all forms share: their codes, a tile as integers, a tile's surroundings."""

from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property

import numpy as np

from astroae.pixels import nulls
from astroae.pixels.grids import LARGEST, tile_dither

ONE = 4096  # units of `astroae.core.encode_plane` in a usual step
#: Steps in the noise below which dithered integers are predicted as the values they stand
#: for: above, the dither is lost in the noise and costs time alone.
FINE = 2


class Form(IntEnum):
    """Codes as stored in the stream."""

    BITS = 0
    INTEGER = 1
    SPLIT = 2
    TRUNC = 3
    QUANT = 4
    STEP = 5
    SOURCE = 6
    LATENT = 7


def integer_type(form, dtype):
    """Type that holds the integers of a form in an image of ``dtype``."""
    if form in (Form.SPLIT, Form.QUANT, Form.STEP, Form.LATENT):
        return np.int32
    if form in (Form.SOURCE, Form.TRUNC) or dtype.itemsize == 8:
        return np.int64
    return np.int32


@dataclass
class Coded:
    """A tile as integers.

    Attributes
    ----------
    form : Form
    k : int32 or int64 ndarray (planes, y, x)
        Anything where not ``valid``.
    valid : bool ndarray or None
        Pixels that ``k`` counts for.
    special : bytes
        The other pixels (`nulls.mask`).
    side : bytes
        What the form needs beside ``k``.
    parameter : int
        The form's own number (p, kept bits, half step).
    scale, zero : float
        Grid; scale 0 where the tile is exact.
    fine : bool
        Whether dithered integers are predicted as the values they stand for.
    grid : (step or None, shift) of int64 ndarray, or None
        Where each pixel's levels lie, as `astroae.core.encode_plane` takes it.
    levels : int64 ndarray or None
        The image's list of levels, where ``k`` may be among them.
    vector : float32 ndarray or None
        Latent vector of the tile, of form LATENT.
    """

    form: Form
    k: np.ndarray | None
    valid: np.ndarray | None = None
    special: bytes = b""
    side: bytes = b""
    parameter: int = 0
    scale: float = 0.0
    zero: float = 0.0
    fine: bool = False
    grid: tuple | None = None
    levels: np.ndarray | None = None
    vector: np.ndarray | None = None


@dataclass
class Layout:
    """Mask, grid and levels of a tile, and its special pixels.

    ``first`` holds the integers from which those of a source are counted.
    """

    valid: np.ndarray | None = None
    grid: tuple | None = None
    levels: np.ndarray | None = None
    labels: np.ndarray | None = None
    patterns: np.ndarray | None = None
    first: np.ndarray | None = None


@dataclass(frozen=True)
class TileContext:
    """What a form may know about a tile besides its values.

    Attributes
    ----------
    number : int
        Of the tile.
    settings : Settings
        Seed filled in.
    blank : int or None
    dtype : numpy.dtype
        Stored type of the image.
    record : ImageRecord
    region : tuple of slice
        Place of the tile in the image.
    image_shape : tuple of int
    model : astroae.nets.modelfile.Model or None
        In latent mode.
    sigma : float
        Noise of the tile; the decoder does not know it.
    grid : (scale, zero), optional
        Of a tile that is coded again, for the encoder: pixels that lie on it stay
        where they are.  A scale of 0 keeps the tile exact.
    """

    number: int
    settings: object
    blank: int | None
    dtype: np.dtype
    record: object
    region: tuple
    image_shape: tuple
    model: object = None
    sigma: float = 0.0
    grid: tuple | None = None

    @cached_property
    def shape(self):
        """(planes, y, x) of the tile; columns one pixel wide lie on their side."""
        size = [r.stop - r.start for r in self.region]
        if len(size) == 1:
            return (1, 1, size[0])
        h, w = size[-2:]
        return (int(np.prod(size[:-2], initial=1)), *((1, h) if w == 1 else (h, w)))

    @property
    def step(self):
        """Step of the quantised forms, in stored units; encoder only."""
        mode = self.settings.mode
        if mode.error_bound is not None:
            return 2 * mode.error_bound
        return self.sigma / mode.quantize_level

    @property
    def half_step(self):
        """Largest error of integers, whole: their odd step is at most the asked one."""
        asked = self.step
        if self.settings.mode.error_bound is None:
            asked -= 1
        return int(min(max(asked, 0) / 2, LARGEST))

    @property
    def keeps_zeros(self):
        """Whether exact zeros come back as they were."""
        return getattr(self.settings.mode, "dither", 0) == 2

    @cached_property
    def dither(self):
        """The tile's random numbers of the FITS dither as float64; None where there is none."""
        if not getattr(self.settings.mode, "dither", 0):
            return None
        if self.settings.dither_seed is None:
            raise ValueError("dithered integers without the seed of their dither")
        return tile_dither(self.number, self.settings.dither_seed, self.shape)


def coded(form, k, values, found, **more):
    """`Coded` with its special pixels; None if they are too many kinds."""
    special = nulls.mask(values, found)
    if special is None:
        return None
    return Coded(form, k, None if found is None else ~found, special, **more)


def ordinary(values, found):
    """The values that are not special, flat where some are."""
    return values if found is None else values[~found]


def narrow(k, dtype):
    """Integers in the image's own type; those that do not fit are an error."""
    limits = np.iinfo(dtype)
    wider = np.iinfo(k.dtype)
    if limits.min <= wider.min and wider.max <= limits.max:
        return k.astype(dtype, copy=False)
    if k.min(initial=0) < limits.min or k.max(initial=0) > limits.max:
        raise ValueError("a value lies outside the image's type")
    return k.astype(dtype)
