"""INTEGER: integers as they are."""

from astroae.codec.forms.base import Form, coded, integer_type, narrow
from astroae.pixels import nulls


def analyze(values, context):
    """See the package's protocol."""
    found = nulls.special(values, context.blank)
    k = values.astype(integer_type(Form.INTEGER, values.dtype), copy=False)
    return coded(Form.INTEGER, k, values, found, levels=context.record.levels)


def restore(k, plan, coded, context):
    """See the package's protocol."""
    return narrow(k, context.dtype)
