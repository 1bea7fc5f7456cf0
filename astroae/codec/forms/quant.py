"""QUANT: floats on a grid of scale and zero point, with the FITS subtractive dither.

Each tile is one tile of the FITS convention, so the same integers can be handed out
as RICE_1.
"""

import numpy as np

from astroae.codec.forms.base import FINE, ONE, Form, coded, ordinary
from astroae.pixels import grids, nulls


def analyze(values, context):
    """See the package's protocol."""
    mode = context.settings.mode
    found = nulls.special(values, zeros=mode.dither == 2)
    plain = ordinary(values, found)
    if not plain.size:
        return None
    low, high = float(plain.min()), float(plain.max())
    scale, zero = context.grid or (context.step * (1 - grids.MARGIN), None)
    if not scale > 0 or not high / scale - low / scale < grids.LARGEST:
        return None
    if not scale >= np.spacing(values.dtype.type(max(abs(low), abs(high)))):
        return None  # finer than the floats themselves
    zero = float(np.rint(low / scale) * scale) if zero is None else zero
    clean = values if found is None else np.where(found, values.dtype.type(low), values)
    dither = context.dither
    k = grids.quantize(clean, scale, zero, dither)
    if k is None:
        return None  # a grid of other values, far from these
    fine = dither is not None and context.sigma < FINE * scale
    grid = grid_of(context) if fine else None
    return coded(Form.QUANT, k, values, found, scale=scale, zero=zero, fine=fine, grid=grid)


def restore(k, plan, coded, context):
    """See the package's protocol."""
    return grids.dequantize(k, coded.scale, coded.zero, context.dither, context.dtype)


def grid_of(context):
    """Shift of each pixel's levels; None where there is no dither."""
    dither = context.dither
    return None if dither is None else (None, np.rint((0.5 - dither) * ONE).astype(np.int64))
