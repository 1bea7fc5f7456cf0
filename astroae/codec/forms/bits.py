"""BITS: the bits of each value, as an integer that sorts alike.  Serves anything."""

import numpy as np

from astroae.codec.forms.base import Coded, Form, narrow
from astroae.pixels import levels


def analyze(values, context):
    """See the package's protocol."""
    k = levels.ordered(values) if values.dtype.kind == "f" else values
    return Coded(Form.BITS, k.astype(_wide(values.dtype)), levels=context.record.levels)


def restore(k, plan, coded, context):
    """See the package's protocol."""
    if context.dtype.kind == "f":
        return levels.unordered(k, context.dtype)
    return narrow(k, context.dtype)


def _wide(dtype):
    return np.int64 if dtype.itemsize == 8 else np.int32
