"""SPLIT: floats as noise-sized integers, with the bits below them beside."""

import numpy as np

from astroae.codec.forms.base import Form, checked_exponent, coded, ordinary, special_floats
from astroae.pixels import levels

_BELOW_NOISE = 3  # bits: finer ones are noise and cost what they are
_MOST_BITS = 29


def analyze(values, context):
    """See the package's protocol."""
    found = special_floats(values)
    plain = ordinary(values, found)
    if not plain.size or not 0 < context.sigma < np.inf:
        return None
    p = int(np.floor(np.log2(context.sigma))) - _BELOW_NOISE
    p = max(p, int(np.ceil(np.log2(float(np.abs(plain).max())))) - _MOST_BITS)
    if not -900 < p < 900:
        return None
    clean = values if found is None else np.where(found, values.dtype.type(0), values)
    k, low = levels.split(clean, p)
    return coded(Form.SPLIT, k, values, found, side=low, parameter=p)


def restore(k, plan, coded, context):
    """See the package's protocol."""
    return levels.join(k, coded.side, checked_exponent(coded.parameter), context.dtype)
