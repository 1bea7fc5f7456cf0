"""INTEGER: integers as they are."""

import numpy as np

from astroae.codec.forms.base import Form, coded, narrow
from astroae.pixels import nulls


def analyze(values, context):
    """See the package's protocol."""
    found = nulls.special(values, context.blank)
    k = values if values.dtype.itemsize == 8 else values.astype(np.int32, copy=False)
    return coded(Form.INTEGER, k, values, found, levels=context.record.levels)


def restore(k, plan, coded, context):
    """See the package's protocol."""
    return narrow(k, context.dtype)
