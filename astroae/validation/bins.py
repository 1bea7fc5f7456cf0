"""Sources by magnitude, and the worst of the bins."""

from functools import partial

import numpy as np

from astroae.validation.metrics import Bin, Measured
from astroae.validation.statistics import Parts, mean

__all__ = ["by_magnitude", "magnitude_bins", "worst_bin"]

_FEWEST = 20  # sources of a bin


def magnitude_bins(mag):
    """Bins of a magnitude, joined until each holds twenty sources.

    Parameters
    ----------
    mag : array (n,)
        NaN: in no bin.

    Returns
    -------
    list of (str, array of int)
        Label, and indices of the sources.
    """
    mag = np.asarray(mag, float)
    known = np.flatnonzero(np.isfinite(mag))
    if len(known) < _FEWEST:
        return []
    order = known[np.argsort(mag[known], kind="stable")]
    whole = np.floor(mag[order]).astype(int)
    bins, start = [], 0
    for edge in range(whole[0] + 1, whole[-1] + 2):
        stop = int(np.searchsorted(whole, edge))
        if stop - start >= _FEWEST:
            bins.append([start, stop])
            start = stop
    if start < len(order) and bins:
        bins[-1][1] = len(order)
    elif not bins:
        bins = [[0, len(order)]]
    return [(_label(whole[a], whole[b - 1] + 1), order[a:b]) for a, b in bins]


def _label(low, high):
    return f"{low} to {high} mag"


def by_magnitude(values, mag, estimate=mean):
    """The same estimate in every magnitude bin.

    Parameters
    ----------
    values : array (n,)
    mag : array (n,)
    estimate : callable
        ``estimate(values)`` gives an Estimate.

    Returns
    -------
    tuple of Bin
    """
    values = np.asarray(values)
    return tuple(Bin(label, estimate(values[index])) for label, index in magnitude_bins(mag))


def worst_bin(values, mag, note=""):
    """Mean of the bin that reaches farthest from zero; every bin has to pass.

    Parameters
    ----------
    values : array (n,)
    mag : array (n,)
    note : str

    Returns
    -------
    Measured
        Joint: its intervals hold all together in 95 % of cases (Bonferroni).
    """
    parts = Parts(partial(worst_bin, note=note), (values, mag))
    count = max(1, len(magnitude_bins(mag)))
    level = 1 - 0.05 / count
    bins = by_magnitude(values, mag, lambda part: mean(part, level=level))
    if not bins:
        return Measured(mean(values), note=note, parts=parts)
    worst = max(bins, key=lambda one: max(abs(one.estimate.low), abs(one.estimate.high)))
    return Measured(worst.estimate, bins, True, note, parts)
