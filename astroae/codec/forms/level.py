"""LEVEL: place of each value in the sorted list of levels that the image uses."""

import numpy as np

from astroae.codec.forms.base import Form, coded, narrow
from astroae.pixels import levels, nulls


def analyze(values, context):
    """See the package's protocol."""
    listed = context.record.levels
    if listed is None:
        return None
    found = nulls.special(values, context.blank)
    numbers = levels.ordered(values) if values.dtype.kind == "f" else values.astype(np.int64)
    place = np.searchsorted(listed, numbers)
    hit = listed[np.minimum(place, len(listed) - 1)] == numbers
    if not (hit if found is None else hit | found).all():
        return None
    return coded(Form.LEVEL, place.astype(np.int64), values, found)


def restore(k, plan, coded, context):
    """See the package's protocol."""
    listed = context.record.levels
    if listed is None or k.min(initial=0) < 0 or k.max(initial=0) >= len(listed):
        raise ValueError("a level lies outside the image's list")
    if context.dtype.kind == "f":
        return levels.unordered(listed[k], context.dtype)
    return narrow(listed[k], context.dtype)
