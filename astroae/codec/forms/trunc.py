"""TRUNC: floats with fewer mantissa bits, for a bound on the relative error.

With an absolute bound besides, values so large that the kept bits would break it
stand on a plain grid instead, whose step is that of the last binade below them: so
the integers go on without a gap, and both bounds hold.
"""

import math

import numpy as np

from astroae.codec.forms.base import Form, coded
from astroae.pixels import levels, nulls
from astroae.varint import pack_numbers, unpack_numbers

_MOST_BITS = 40  # of a number of the plain grid, far below what a float64 holds exactly


def kept_bits(relative_error):
    """Mantissa bits that keep rounding within a relative error."""
    return max(0, int(np.ceil(-np.log2(relative_error))) - 1)


def step_exponent(error_bound):
    """The largest power of two whose half is within an absolute error; None for none."""
    return None if error_bound is None else math.frexp(error_bound)[1]


def analyze(values, context):
    """See the package's protocol."""
    mode, limits = context.settings.mode, np.finfo(values.dtype)
    kept, p = kept_bits(mode.relative_error), step_exponent(mode.error_bound)
    if kept >= limits.nmant - 1:
        return None
    found = nulls.special(values)
    clean = values if found is None else np.where(found, values.dtype.type(0), values)
    magnitude = np.abs(clean)
    if ((clean != 0) & (magnitude < limits.tiny)).any():
        return None  # denormals have no relative precision to give
    exponent = math.frexp(float(magnitude.max(initial=0)))[1]
    if p is not None and exponent <= p + kept + 1:
        p = None  # the kept bits are enough
    if p is not None and (p + kept <= limits.minexp or exponent > p + _MOST_BITS):
        return None
    k = _integers(clean, kept, p)
    if not np.isfinite(_floats(k, kept, p, values.dtype)).all():
        return None
    side = b"" if p is None else pack_numbers([p])
    return coded(Form.TRUNC, k, values, found, parameter=kept, side=side)


def restore(k, plan, coded, context):
    """See the package's protocol."""
    kept, limits = coded.parameter, np.finfo(context.dtype)
    if not 0 <= kept < limits.nmant:
        raise ValueError(f"{kept} kept bits are out of range")
    p = int(unpack_numbers(coded.side, 0, count=1)[0][0]) if coded.side else None
    if p is not None and not limits.minexp < p + kept < limits.maxexp - 1:
        raise ValueError(f"a step of 2^{p} is out of range")
    if np.abs(k).max(initial=0) >= 1 << (kept + 12 if p is None else _MOST_BITS):
        raise ValueError("a value lies outside the image's type")
    return _floats(k, kept, p, context.dtype)


def _integers(values, kept, p):
    """Sorted integers of floats: truncated, on a grid of 2^p from 2^(p + kept + 1) on."""
    if p is None:
        return levels.truncate(values, kept)
    edge = values.dtype.type(math.ldexp(1.0, p + kept + 1))
    k = levels.truncate(np.clip(values, -edge, edge), kept)
    beyond = np.rint(np.ldexp(np.maximum(np.abs(values).astype(float) - float(edge), 0), -p))
    return np.where(np.signbit(values), k - beyond.astype(np.int64), k + beyond.astype(np.int64))


def _floats(k, kept, p, dtype):
    """Inverse of `_integers`."""
    if p is None:
        return levels.extend(k, kept, dtype)
    edge = dtype.type(math.ldexp(1.0, p + kept + 1))
    last = levels.truncate(np.array([-edge, edge], dtype), kept)
    inner = levels.extend(np.clip(k, *last), kept, dtype)
    beyond = np.maximum(np.maximum(k - last[1], last[0] - k), 0)
    outer = np.ldexp(beyond.astype(float), p) + float(edge)
    return np.where(beyond > 0, np.where(k < 0, -outer, outer), inner).astype(dtype)
