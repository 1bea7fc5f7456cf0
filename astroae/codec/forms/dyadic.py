"""DYADIC: floats that are all whole multiples of 2^p, coarser than their resolution."""

import numpy as np

from astroae.codec.forms.base import Form, checked_exponent, coded, ordinary, special_floats
from astroae.pixels import levels


def analyze(values, context):
    """See the package's protocol."""
    found = special_floats(values)
    p = levels.hidden_grid(ordinary(values, found))
    if p is None:
        return None
    clean = values if found is None else np.where(found, 0, values)
    k = np.ldexp(clean.astype(float), -p).astype(np.int32)
    return coded(Form.DYADIC, k, values, found, parameter=p)


def restore(k, plan, coded, context):
    """See the package's protocol."""
    with np.errstate(all="ignore"):
        return np.ldexp(k.astype(float), checked_exponent(coded.parameter)).astype(context.dtype)
