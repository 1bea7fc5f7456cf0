"""Forms: what the integers of a tile stand for.

A form turns the stored values of a tile into integers worth coding (`Coded`) and
back.  `choose` offers the forms that serve a tile under the settings, best first;
the last one, `BITS`, always serves.

=======  ==========================================================  ========
form     integers                                                    exact
=======  ==========================================================  ========
BITS     the bits of each value                                      yes
INTEGER  values less the base                                        yes
LEVEL    place of each value in the image's list of levels           yes
DYADIC   floats in units of 2^p, all of them whole                   yes
SPLIT    floats in units of 2^p, with the bits below beside them     yes
TRUNC    floats with fewer mantissa bits                             relative
QUANT    floats on a FITS grid, dithered or not                      step / 2
STEP     integers on an odd step                                     step / 2
SOURCE   integers of an fpacked source, as they were                 yes
=======  ==========================================================  ========
"""

import zlib
from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np

from astroae.entropy.residual import Units
from astroae.pixels import grids, levels, nulls
from astroae.settings import Bounded, Relative


class Form(IntEnum):
    """Codes as stored in the stream."""

    BITS = 0
    INTEGER = 1
    LEVEL = 2
    DYADIC = 3
    SPLIT = 4
    TRUNC = 5
    QUANT = 6
    STEP = 7
    SOURCE = 8


@dataclass
class Coded:
    """A tile as integers.

    Attributes
    ----------
    form : Form
    k : int64 ndarray (planes, y, x)
        Base not yet subtracted; anything where not ``valid``.
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
    units : Units
    """

    form: Form
    k: np.ndarray
    valid: np.ndarray | None = None
    special: bytes = b""
    side: bytes = b""
    parameter: int = 0
    scale: float = 0.0
    zero: float = 0.0
    units: Units = field(default_factory=Units)


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
    sigma : float
        Noise of the tile; the decoder does not know it.
    """

    number: int
    settings: object
    blank: int | None
    dtype: np.dtype
    record: object
    region: tuple
    image_shape: tuple
    sigma: float = 0.0

    @property
    def shape(self):
        """(planes, y, x) of the tile; columns one pixel wide lie on their side."""
        size = [r.stop - r.start for r in self.region]
        if len(size) == 1:
            return (1, 1, size[0])
        h, w = size[-2:]
        return (int(np.prod(size[:-2], initial=1)), *((1, h) if w == 1 else (h, w)))


# ---- encoder ---------------------------------------------------------------------------


def choose(values, context, source_integers=None):
    """Candidates for a tile, best first, as a list of functions that give `Coded`.

    Parameters
    ----------
    values : ndarray (planes, y, x)
        Stored values, native byte order, contiguous.
    context : TileContext
    source_integers : int32 ndarray of the same shape, optional
        Stored integers of a source taken over.
    """
    if source_integers is not None:
        return [lambda: _source(values, source_integers, context)]
    mode = context.settings.mode
    if values.dtype.kind == "f":
        lossy = {Bounded: _quant, Relative: _trunc}.get(type(mode))
        exact, lossy = [_dyadic, _level, _split, _bits], [lossy] if lossy else []
    else:
        exact, lossy = [_level, _integer, _bits], [_step] if isinstance(mode, Bounded) else []
    if context.record.coarse:  # what the image itself leaves out is more than a step
        return _bound(exact[:-2] + lossy + exact[-2:], values, context)
    return _bound(lossy + exact, values, context)


def _bound(forms, values, context):
    return [lambda form=form: form(values, context) for form in forms]


def _bits(values, context):
    return Coded(Form.BITS, values.view(f"i{values.dtype.itemsize}").astype(np.int64))


def _integer(values, context):
    found = nulls.special(values, context.blank)
    ordinary = values if found is None else values[~found]
    if ordinary.size and int(ordinary.max()) - int(ordinary.min()) >= 2**31:
        return None  # wider ones gain nothing over their bits
    return _exact(Form.INTEGER, values.astype(np.int64), values, found)


def _exact(form, k, values, found, **more):
    special = nulls.mask(values, found)
    if special is None:
        return None
    return Coded(form, k, None if found is None else ~found, special, **more)


def _level(values, context):
    listed = context.record.levels
    if listed is None:
        return None
    found = nulls.special(values, context.blank)
    numbers = levels.ordered(values) if values.dtype.kind == "f" else values.astype(np.int64)
    place = np.searchsorted(listed, numbers)
    hit = listed[np.minimum(place, len(listed) - 1)] == numbers
    if not (hit if found is None else hit | found).all():
        return None
    return _exact(Form.LEVEL, place.astype(np.int64), values, found)


def _special_floats(values):
    """NaN, inf and -0.0: what no form with a grid can hold."""
    found = ~np.isfinite(values) | ((values == 0) & np.signbit(values))
    return found if found.any() else None


def _dyadic(values, context):
    found = _special_floats(values)
    ordinary = values if found is None else values[~found]
    p = levels.hidden_grid(ordinary)
    if p is None:
        return None
    k = np.ldexp(np.where(found, 0, values) if found is not None else values, -p)
    return _exact(Form.DYADIC, k.astype(np.int64), values, found, parameter=p)


def _split(values, context):
    found = _special_floats(values)
    ordinary = values if found is None else values[~found]
    sigma = context.sigma
    if not ordinary.size or not sigma > 0 or not np.isfinite(sigma):
        return None
    top = float(np.abs(ordinary).max())
    p = int(np.floor(np.log2(sigma))) - 3
    p = max(p, int(np.ceil(np.log2(top))) - 29)
    if not -900 < p < 900:
        return None
    clean = values if found is None else np.where(found, values.dtype.type(0), values)
    k, low = levels.split(clean, p)
    return _exact(Form.SPLIT, k, values, found, side=low, parameter=p)


def _trunc(values, context):
    found = nulls.special(values)
    kept = max(0, int(np.ceil(-np.log2(context.settings.mode.relative_error))) - 1)
    if kept >= np.finfo(values.dtype).nmant - 1:
        return None
    clean = values if found is None else np.where(found, values.dtype.type(0), values)
    k = levels.truncate(clean, kept)
    if not np.isfinite(levels.extend(k, kept, values.dtype)).all():
        return None
    tiny = (clean != 0) & (np.abs(clean) < np.finfo(values.dtype).tiny)
    if tiny.any():  # denormals have no relative precision to give
        return None
    return _exact(Form.TRUNC, k, values, found, parameter=kept)


def step_of(context):
    """Step of the quantised forms in stored units."""
    mode = context.settings.mode
    if mode.error_bound is not None:
        return 2 * mode.error_bound
    return context.sigma / mode.quantize_level


def _quant(values, context):
    mode = context.settings.mode
    found = nulls.special(values, zeros=mode.dither == 2)
    ordinary = values if found is None else values[~found]
    if not ordinary.size:
        return None
    low, high = float(ordinary.min()), float(ordinary.max())
    step = step_of(context)
    scale = step * (1 - grids.MARGIN)
    if not scale > 0 or not high / scale - low / scale < grids.LARGEST:
        return None
    if scale < np.spacing(values.dtype.type(max(abs(low), abs(high)))):
        return None
    zero = np.rint(low / scale) * scale
    dither = None
    if mode.dither:
        dither = grids.tile_dither(context.number, context.settings.dither_seed, values.shape)
    clean = values if found is None else np.where(found, values.dtype.type(low), values)
    k = grids.quantize(clean, scale, zero, dither).astype(np.int64)
    return _exact(Form.QUANT, k, values, found, scale=scale, zero=zero, units=_units(dither))


def _step(values, context):
    found = nulls.special(values, context.blank)
    good = slice(None) if found is None else ~found
    ordinary = values[good]
    if not ordinary.size or int(ordinary.max()) - int(ordinary.min()) >= 2**31:
        return None
    half = int(min(step_of(context) / 2, 2**30))
    if half < 1:
        return None
    base = int(ordinary.min())
    k = grids.step_quantize(values, half, base)
    back = grids.step_dequantize(k, half, base, values.dtype)
    if context.blank is not None and (back[good] == context.blank).any():
        return None  # a pixel would become BLANK
    coded = _exact(Form.STEP, k, values, found, parameter=half, zero=float(base))
    if coded is not None:
        coded.scale, coded.side = float(2 * half + 1), base.to_bytes(8, "little", signed=True)
    return coded


def _units(dither):
    """Dithered integers in plane units: each pixel's own shift."""
    if dither is None:
        return Units()
    return Units(shift=np.rint((0.5 - dither) * 16).astype(np.int64))


# ---- sources taken over from fpack -------------------------------------------------------


def _source_maps(context):
    """Per pixel of the tile: scale, zero, dither (or None), exact."""
    maps = context.record.source.maps(context.image_shape, context.region)
    return [None if m is None else m.reshape(context.shape) for m in maps]


def _source_units(scale, zero, dither, context):
    """Each pixel's integer at the image's centre, and plane units around that.

    Source tiles differ in scale and zero point, and CFITSIO may start near
    -2^31: integers are counted from the one that stands for one common value.
    """
    source, centre = context.record.source, context.record.centre
    with np.errstate(all="ignore"):
        first = np.rint((centre - zero) / scale)
        lift = 0.5 - dither if dither is not None else 0.0
        shift = np.rint(((zero - centre) + (first + lift) * scale) / source.unit)
        step = np.rint(scale / source.unit)
    usable = (np.abs(first) < 2**32) & (np.abs(shift) < 2**40) & (step >= 16) & (step < 2**30)
    first, shift = np.where(usable, first, 0), np.where(usable, shift, 0)
    step = np.where(usable, step, 16)
    return first.astype(np.int64), Units(step.astype(np.int64), shift.astype(np.int64))


def _source(values, integers, context):
    scale, zero, dither, exact = _source_maps(context)
    source = context.record.source
    found = ~exact & (integers == source.null)
    if source.dither == 2:
        found |= ~exact & (integers == grids.ZERO_MARKER)
    special = nulls.mask(integers, found if found.any() else None)
    side = b""
    if exact.any():
        side = zlib.compress(levels.shuffle(np.ascontiguousarray(values[exact])), 6)
    valid = ~exact & ~found
    first, units = _source_units(scale, zero, dither, context)
    k = np.where(valid, integers - first, 0)
    valid = None if valid.all() else valid
    return Coded(Form.SOURCE, k, valid, special, side, units=units)


# ---- decoder ---------------------------------------------------------------------------


@dataclass
class Layout:
    """What the decoder knows of a tile before its integers: mask and units."""

    valid: np.ndarray | None
    units: Units
    labels: np.ndarray | None = None
    patterns: np.ndarray | None = None
    first: np.ndarray | None = None


def layout(form, special, row, context):
    """Mask and units of a tile, from its special bytes."""
    labels = patterns = valid = None
    if special:
        labels, patterns = nulls.where_special(special, context.shape)
        valid = labels == 0
    if form == Form.QUANT and context.settings.mode.dither:
        dither = grids.tile_dither(context.number, context.settings.dither_seed, context.shape)
        return Layout(valid, _units(dither), labels, patterns)
    if form == Form.SOURCE:
        if context.record.source is None:
            raise ValueError("a tile of a source without its grid")
        scale, zero, dither, exact = _source_maps(context)
        first, units = _source_units(scale, zero, dither, context)
        if exact.any():
            valid = ~exact if valid is None else valid & ~exact
        return Layout(valid, units, labels, patterns, first)
    return Layout(valid, Units(), labels, patterns)


def restore(form, k, plan, side, parameter, row, context):
    """Stored values of a tile from its integers: inverse of the encoder's forms.

    Raises
    ------
    ValueError
        If the numbers cannot belong to this tile.
    """
    values = np.ascontiguousarray(_RESTORE[form](k, side, parameter, row, context, plan))
    if plan.labels is not None and form != Form.SOURCE:
        nulls.unmask(values, plan.labels, plan.patterns)
    return values


def _narrow(k, dtype):
    """Integers in the image's own type; those that do not fit are an error."""
    limits = np.iinfo(dtype)
    if k.min(initial=0) < limits.min or k.max(initial=0) > limits.max:
        raise ValueError("a value lies outside the image's type")
    return k.astype(dtype)


def _restore_bits(k, side, parameter, row, context, plan):
    kind = np.dtype(f"i{context.dtype.itemsize}")
    return _narrow(k, kind).view(context.dtype)


def _restore_integer(k, side, parameter, row, context, plan):
    if plan.valid is not None:
        k = np.where(plan.valid, k, 0)
    return _narrow(k, context.dtype)


def _restore_level(k, side, parameter, row, context, plan):
    listed = context.record.levels
    if plan.valid is not None:
        k = np.where(plan.valid, k, 0)
    if listed is None or k.min(initial=0) < 0 or k.max(initial=0) >= len(listed):
        raise ValueError("a level lies outside the image's list")
    numbers = listed[k]
    if context.dtype.kind == "f":
        return levels.unordered(numbers, context.dtype)
    return _narrow(numbers, context.dtype)


def _restore_dyadic(k, side, parameter, row, context, plan):
    return np.ldexp(k.astype(float), _exponent(parameter)).astype(context.dtype)


def _restore_split(k, side, parameter, row, context, plan):
    clean = k if plan.valid is None else np.where(plan.valid, k, 0)
    return levels.join(clean, side, _exponent(parameter), context.dtype)


def _exponent(p):
    if abs(p) > 1100:
        raise ValueError(f"a power of two of {p} is out of range")
    return p


def _restore_trunc(k, side, parameter, row, context, plan):
    if not 0 <= parameter < np.finfo(context.dtype).nmant:
        raise ValueError(f"{parameter} kept bits are out of range")
    return levels.extend(k, parameter, context.dtype)


def _restore_quant(k, side, parameter, row, context, plan):
    dither = None
    if context.settings.mode.dither:
        dither = grids.tile_dither(context.number, context.settings.dither_seed, context.shape)
    with np.errstate(all="ignore"):
        return grids.dequantize(k, row["SCALE"], row["ZERO"], dither, context.dtype)


def _restore_step(k, side, parameter, row, context, plan):
    if len(side) != 8 or not 1 <= parameter <= 2**30:
        raise ValueError("an integer grid is out of range")
    base = int.from_bytes(side, "little", signed=True)
    k = k if plan.valid is None else np.where(plan.valid, k, 0)
    if np.abs(k).max(initial=0) >= 2**32 or abs(base) >= 2**62:
        raise ValueError("an integer lies outside its grid")
    return grids.step_dequantize(k, parameter, base, context.dtype)


def source_integers(k, plan, context):
    """Integers of a source as it stored them; 0 where it held lossless floats."""
    if np.abs(k).max(initial=0) >= 2**33:
        raise ValueError("an integer lies outside its grid")
    integers = k + plan.first
    if plan.valid is not None:
        integers = np.where(plan.valid, integers, 0)
    integers = _narrow(integers, np.dtype(np.int32))
    if plan.labels is not None:
        nulls.unmask(integers, plan.labels, plan.patterns)
    return integers


def _restore_source(k, side, parameter, row, context, plan):
    integers = source_integers(k, plan, context)
    source = context.record.source
    scale, zero, dither, exact = _source_maps(context)
    with np.errstate(all="ignore"):
        values = grids.dequantize(integers, scale, zero, dither, context.dtype)
    values[integers == source.null] = np.nan
    if source.dither == 2:
        values[integers == grids.ZERO_MARKER] = 0
    if exact.any():
        size = context.dtype.itemsize
        plain = nulls.inflate(side, size * int(exact.sum()))
        values[exact] = levels.unshuffle(plain, context.dtype)
    return values


_RESTORE = {
    Form.BITS: _restore_bits,
    Form.INTEGER: _restore_integer,
    Form.LEVEL: _restore_level,
    Form.DYADIC: _restore_dyadic,
    Form.SPLIT: _restore_split,
    Form.TRUNC: _restore_trunc,
    Form.QUANT: _restore_quant,
    Form.STEP: _restore_step,
    Form.SOURCE: _restore_source,
}
