"""TRUNC: floats with fewer mantissa bits, for a bound on the relative error."""

import numpy as np

from astroae.codec.forms.base import Form, coded
from astroae.pixels import levels, nulls


def kept_bits(relative_error):
    """Mantissa bits that keep rounding within a relative error."""
    return max(0, int(np.ceil(-np.log2(relative_error))) - 1)


def analyze(values, context):
    """See the package's protocol."""
    kept, limits = kept_bits(context.settings.mode.relative_error), np.finfo(values.dtype)
    if kept >= limits.nmant - 1:
        return None
    found = nulls.special(values)
    clean = values if found is None else np.where(found, values.dtype.type(0), values)
    if ((clean != 0) & (np.abs(clean) < limits.tiny)).any():
        return None  # denormals have no relative precision to give
    k = levels.truncate(clean, kept)
    if not np.isfinite(levels.extend(k, kept, values.dtype)).all():
        return None
    return coded(Form.TRUNC, k, values, found, parameter=kept)


def restore(k, plan, coded, context):
    """See the package's protocol."""
    if not 0 <= coded.parameter < np.finfo(context.dtype).nmant:
        raise ValueError(f"{coded.parameter} kept bits are out of range")
    if np.abs(k).max(initial=0) >= 1 << coded.parameter + 12:
        raise ValueError("a value lies outside the image's type")
    return levels.extend(k, coded.parameter, context.dtype)
