"""Encoder only: find the numbers of a predictor on a sample of tiles.

Floating point is free here, since what it finds is sent as integers.
"""

import numpy as np

from astroae.entropy import phases
from astroae.entropy.context import TAP_BITS, WEIGHT_BITS
from astroae.entropy.predictor import Predictor
from astroae.entropy.residual import ONE, Units
from astroae.entropy.tablefit import calibrate, laplace_weights

_TAP_SAMPLE = 30_000  # pixels of a phase from which taps are learned
_SAMPLE = 10_000  # and scales
_TRIAL = 1500  # pixels of a class that choose its table


def fit(k, valid, units, line):
    """A predictor learned from tiles of one shape.

    Parameters
    ----------
    k : int64 ndarray (tiles, y, x)
    valid : bool ndarray of the same shape, or None
    units : Units
        Of the same shape.
    line : bool
        Whether tiles are one pixel high.
    """
    predictor = Predictor.plain(line)
    values, errors = units.to_plane(k), np.zeros(k.shape)
    known = np.ones(k.shape, bool) if valid is None else valid
    values[~known] = 0  # the caller subtracted the background
    for phase in phases.walk(values, errors, line):
        target = values[phase.where]
        weight = known[phase.where].astype(float).ravel()
        slot, support = predictor.of(phase)
        if phase.slot is not None:
            _fit_taps(slot, phase, support, target, weight)
        mean = slot.predict(phase.neighbours(support)).reshape(phase.shape)
        errors[phase.where] = np.abs(target - mean)
        if phase.slot is not None:
            _fit_scale(slot, phase, mean, target, units.at(phase.where), weight)
    return predictor


def _fit_taps(slot, phase, support, target, weight):
    """Least-squares taps, quiet pixels counting most."""
    x = phase.neighbours(support)
    y = target.ravel()
    activity = np.std(phase.adjacent(), axis=0).ravel()
    quiet = np.median(activity[weight > 0]) if (weight > 0).any() else 0.0
    w = weight / (activity**2 + quiet**2 + ONE**2 / 12)
    every = -(-len(y) // _TAP_SAMPLE)
    x, y, w = x[:, ::every], y[::every], w[::every]
    scaled = x * w
    gram = scaled @ x.T
    gram[np.diag_indices_from(gram)] *= 1 + 1e-7
    gram[np.diag_indices_from(gram)] += 1e-9 * np.trace(gram) / len(gram) + 1e-12
    taps = np.linalg.solve(gram, scaled @ y)
    if (
        np.isfinite(taps).all() and np.abs(taps).sum() < 7.9
    ):  # a little inside what a predictor may hold
        slot.taps = np.round(taps * (1 << TAP_BITS))


def _fit_scale(slot, phase, mean, target, units, weight):
    """Weights of the features by maximum likelihood, then a table for each class."""
    chosen = np.flatnonzero(weight)
    if not chosen.size:
        return
    chosen = chosen[:: -(-chosen.size // _SAMPLE)]
    features = phase.features(mean)[:, chosen]
    error = np.abs(target - mean).ravel()[chosen] + ONE / 8
    x = features / 256.0
    slot.weights = np.round(laplace_weights(x, error) * (1 << WEIGHT_BITS)).astype(np.int64)
    classes = slot.classes(features)
    classes = Units(units.step if units.step is None else units.step.ravel()[chosen]).classes(
        classes
    )
    levels = units.to_levels(mean).ravel()[chosen]
    k = (units.to_levels(target).ravel()[chosen] + ONE // 2) >> 4
    centre = (levels + ONE // 2) >> 4
    slot.scale, slot.shape = calibrate(classes, k - centre, levels - (centre << 4), _TRIAL)
