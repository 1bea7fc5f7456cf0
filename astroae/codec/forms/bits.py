"""BITS: the bits of each value, as an integer.  Serves anything."""

import numpy as np

from astroae.codec.forms.base import Coded, Form, narrow


def analyze(values, context):
    """See the package's protocol."""
    return Coded(Form.BITS, _signed(values).astype(np.int64))


def restore(k, plan, coded, context):
    """See the package's protocol."""
    return narrow(k, np.dtype(f"i{context.dtype.itemsize}")).view(context.dtype)


def _signed(values):
    return values.view(f"i{values.dtype.itemsize}")
