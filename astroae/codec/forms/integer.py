"""INTEGER: integers as they are."""

import numpy as np

from astroae.codec.forms.base import Form, coded, narrow, ordinary
from astroae.pixels import nulls


def analyze(values, context):
    """See the package's protocol."""
    found = nulls.special(values, context.blank)
    plain = ordinary(values, found)
    if plain.size and int(plain.max()) - int(plain.min()) >= 2**31:
        return None  # wider ones gain nothing over their bits
    return coded(Form.INTEGER, values.astype(np.int64), values, found)


def restore(k, plan, coded, context):
    """See the package's protocol."""
    return narrow(k, context.dtype)
