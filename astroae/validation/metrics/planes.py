"""Masks, weights and errors: planes whose values mean something each."""

import numpy as np

from astroae.validation.metrics import Measured, Quantity, Skipped
from astroae.validation.statistics import exact

NAME = "planes"
TITLE = "Masks and weights"
QUANTITIES = (
    Quantity("differing", "pixels", "at most", "values of a mask that are not the same"),
    Quantity("largest", "%", "at most", "largest change of a weight or error over itself"),
    Quantity("negative", "pixels", "at most", "weights or errors that fell below zero"),
    Quantity("zeros", "pixels", "at most", "weights or errors of zero that are no longer zero"),
)


def measure(pair):
    """See `QUANTITIES`; `Pair.role` says what the plane is, or its few values do."""
    before, after = pair.original.data, pair.restored
    same = (before == after) | (np.isnan(before) & np.isnan(after))
    if pair.role == "exact":
        why = "a mask, not weights"
        return {
            "differing": _count(~same),
            "largest": Skipped(why),
            "negative": Skipped(why),
            "zeros": Skipped(why),
        }
    if pair.role == "relative":
        return {
            "differing": Skipped("weights or errors, not a mask"),
            "largest": _largest(pair),
            "negative": _count((after < 0) & ~(before < 0)),
            "zeros": _count((before == 0) & (after != 0)),
        }
    found = {q.name: Skipped("a picture, not a mask or weight plane") for q in QUANTITIES}
    if pair.original.scene.kinds == ("labels",):
        found["differing"] = _count(~same)
    return found


def _largest(pair):
    values = pair.original.data
    used = pair.original.good & (values != 0)  # of zeros see planes.zeros
    if not used.any():
        return Skipped("no weight or error that is not zero")
    return Measured(exact(100 * np.abs(pair.change[used] / values[used]).max(), used.sum()))


def _count(wrong):
    return Measured(exact(np.count_nonzero(wrong), wrong.size))
