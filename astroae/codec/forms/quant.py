"""QUANT: floats on a grid of scale and zero point, with the FITS subtractive dither.

Each tile is one tile of the FITS convention, so the same integers can be handed out
as RICE_1.
"""

import numpy as np

from astroae.codec.forms.base import Form, coded, ordinary
from astroae.entropy.residual import ONE, Units
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
    k = grids.quantize(clean, scale, zero, context.dither)
    if k is None:
        return None  # a grid of other values, far from these
    return coded(Form.QUANT, k, values, found, scale=scale, zero=zero, units=units(context))


def restore(k, plan, coded, context):
    """See the package's protocol."""
    return grids.dequantize(k, coded.scale, coded.zero, context.dither, context.dtype)


def units(context):
    """Dithered integers in plane units: each pixel's own shift."""
    dither = context.dither
    if dither is None:
        return Units()
    return Units(shift=np.rint((0.5 - dither) * ONE).astype(np.int64))
