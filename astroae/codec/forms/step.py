"""STEP: integers on an odd step, undithered."""

from astroae.codec.forms.base import Form, coded, ordinary
from astroae.pixels import grids, nulls

_FAR = 2**62


def analyze(values, context):
    """See the package's protocol."""
    found = nulls.special(values, context.blank)
    plain = ordinary(values, found)
    if not plain.size or int(plain.max()) - int(plain.min()) >= 2**31:
        return None
    if context.grid:
        half, base = int(context.grid[0]) // 2, int(context.grid[1])
    else:
        half, base = int(min(context.step / 2, 2**30)), int(plain.min())
    if half < 1:
        return None  # a step of 1: the mode is lossless here
    if abs(base) >= _FAR:
        return None  # sums could leave 64 bits
    k = grids.step_quantize(values, half, base)
    back = ordinary(grids.step_dequantize(k, half, base, values.dtype), found)
    if context.blank is not None and (back == context.blank).any():
        return None  # a pixel would become BLANK
    return coded(
        Form.STEP,
        k,
        values,
        found,
        parameter=half,
        side=base.to_bytes(8, "little", signed=True),
        scale=float(2 * half + 1),
        zero=float(base),
    )


def restore(k, plan, coded, context):
    """See the package's protocol."""
    half = coded.parameter
    if len(coded.side) != 8 or not 1 <= half <= 2**30:
        raise ValueError("an integer grid is out of range")
    base = int.from_bytes(coded.side, "little", signed=True)
    if abs(k).max(initial=0) >= 2**32 or abs(base) >= _FAR:
        raise ValueError("an integer lies outside its grid")
    return grids.step_dequantize(k, half, base, context.dtype)
