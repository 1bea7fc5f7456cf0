"""BITS: the bits of each value, as an integer that sorts alike.  Serves anything."""

from astroae.codec.forms.base import Coded, Form, integer_type, narrow
from astroae.pixels import levels


def analyze(values, context):
    """See the package's protocol."""
    k = levels.ordered(values) if values.dtype.kind == "f" else values
    k = k.astype(integer_type(Form.BITS, values.dtype))
    return Coded(Form.BITS, k, levels=context.record.levels)


def restore(k, plan, coded, context):
    """See the package's protocol."""
    if context.dtype.kind == "f":
        return levels.unordered(k, context.dtype)
    return narrow(k, context.dtype)
