"""SOURCE: the integers of an fpacked float image, kept as they were.

Tiles of the source (rows, as a rule) differ in scale, zero point and dither, and some
hold lossless floats; one astroae tile covers many of them.  The integers are
predicted in common plane units.
"""

import zlib

import numpy as np

from astroae.codec.forms.base import ONE, Coded, Form, narrow
from astroae.pixels import grids, levels, nulls


def _maps(context):
    """Per pixel of the tile: scale, zero, dither (or None), exact."""
    if context.record.source is None:
        raise ValueError("a tile of a source without its grid")
    maps = context.record.source.maps(context.image_shape, context.region)
    return [None if m is None else m.reshape(context.shape) for m in maps]


def _grid(scale, zero, dither, context):
    """Each pixel's integer at the image's centre, and the grid around that.

    CFITSIO may start near -2^31, and zero points differ: integers are counted
    from the one that stands for one common value.
    """
    source, centre = context.record.source, context.record.centre
    with np.errstate(all="ignore"):
        first = np.rint((centre - zero) / scale)
        lift = 0.5 - dither if dither is not None else 0.0
        shift = np.rint(((zero - centre) + (first + lift) * scale) / source.unit)
        step = np.rint(scale / source.unit)
    usable = (np.abs(first) < 2**32) & (np.abs(shift) < 2**40) & (step >= ONE // 2) & (step < 2**30)
    first, shift = np.where(usable, first, 0), np.where(usable, shift, 0)
    step = np.where(usable, step, ONE)
    return first.astype(np.int64), (step.astype(np.int64), shift.astype(np.int64))


def _is_marker(integers, source):
    found = integers == source.null
    if source.dither == 2:
        found |= integers == grids.ZERO_MARKER
    return found


def analyze(values, integers, context):
    """See the package's protocol; ``integers`` are those of the source."""
    scale, zero, dither, exact = _maps(context)
    found = ~exact & _is_marker(integers, context.record.source)
    special = nulls.mask(integers, found if found.any() else None)
    side = b""
    if exact.any():
        side = zlib.compress(levels.shuffle(np.ascontiguousarray(values[exact])), 6)
    valid = ~exact & ~found
    first, grid = _grid(scale, zero, dither, context)
    k = np.where(valid, integers - first, 0)
    valid = None if valid.all() else valid
    return Coded(Form.SOURCE, k, valid, special, side, grid=grid)


def lay_out(plan, context):
    """Add to a layout what the grid of the source tells."""
    scale, zero, dither, exact = _maps(context)
    plan.first, plan.grid = _grid(scale, zero, dither, context)
    if exact.any():
        plan.valid = ~exact if plan.valid is None else plan.valid & ~exact


def integers_of(k, plan):
    """Integers as the source stored them; 0 where it held lossless floats."""
    if np.abs(k).max(initial=0) >= 2**33:
        raise ValueError("an integer lies outside its grid")
    integers = k + plan.first
    if plan.valid is not None:
        integers = np.where(plan.valid, integers, 0)
    integers = narrow(integers, np.dtype(np.int32))
    if plan.labels is not None:
        nulls.unmask(integers, plan.labels, plan.patterns)
    return integers


def restore(k, plan, coded, context):
    """See the package's protocol."""
    integers, source = integers_of(k, plan), context.record.source
    scale, zero, dither, exact = _maps(context)
    values = grids.dequantize(integers, scale, zero, dither, context.dtype)
    values[integers == source.null] = np.nan
    if source.dither == 2:
        values[integers == grids.ZERO_MARKER] = 0
    if exact.any():
        plain = nulls.inflate(coded.side, context.dtype.itemsize * int(exact.sum()))
        values[exact] = levels.unshuffle(plain, context.dtype)
    return values
