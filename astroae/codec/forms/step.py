"""STEP: integers on an odd step, dithered with integers or not."""

import numpy as np

from astroae.codec.forms.base import FINE, ONE, Form, coded, ordinary
from astroae.pixels import grids, nulls

_FAR = 2**62


def analyze(values, context):
    """See the package's protocol."""
    found = nulls.special(values, context.blank, context.keeps_zeros)
    plain = ordinary(values, found)
    if not plain.size or int(plain.max()) - int(plain.min()) >= 2**31:
        return None
    if context.grid:
        half, base = int(context.grid[0]) // 2, int(context.grid[1])
    else:
        # As ZERO holds it, so that a tile that is coded again is on the same grid.
        half, base = context.half_step, int(float(plain.min()))
    if half < 1 or not context.sigma > 0:
        return None  # a step of 1: the mode is lossless here
    if abs(base) >= _FAR:
        return None  # sums could leave 64 bits
    dither = grids.step_dither(context.dither, half)
    k = grids.step_quantize(values, half, base, dither)
    if context.blank is not None:
        back = grids.step_dequantize(k, half, base, dither, values.dtype)
        lost = back == context.blank  # no pixel becomes BLANK: these stay as they are
        found = lost if found is None else found | lost
        found = found if found.any() else None
    fine = context.dither is not None and context.sigma < FINE * (2 * half + 1)
    return coded(
        Form.STEP,
        k.astype(np.int32),
        values,
        found,
        parameter=half,
        side=base.to_bytes(8, "little", signed=True),
        scale=float(2 * half + 1),
        zero=float(base),
        fine=fine,
        grid=grid_of(half, context) if fine else None,
    )


def restore(k, plan, coded, context):
    """See the package's protocol."""
    half = coded.parameter
    if len(coded.side) != 8:
        raise ValueError("an integer grid is out of range")
    base = int.from_bytes(coded.side, "little", signed=True)
    if abs(base) >= _FAR:
        raise ValueError("an integer lies outside its grid")
    dither = grids.step_dither(context.dither, half)
    return grids.step_dequantize(k.astype(np.int64), half, base, dither, context.dtype)


def grid_of(half, context):
    """Shift of each pixel's levels; None where there is no dither."""
    if not 1 <= half <= grids.LARGEST:
        raise ValueError("an integer grid is out of range")
    random = context.dither
    if random is None:
        return None
    return None, -((grids.step_dither(random, half) * ONE + half) // (2 * half + 1))
