"""Encoder only: find the numbers of a predictor on a sample of tiles.

Floating point is free here, since what it finds is sent as integers.
"""

from functools import cache

import numpy as np

from astroae.entropy import phases, tables
from astroae.entropy.coder import INNER, SHIFT
from astroae.entropy.predictor import IDENTITY, PLAIN_SHAPE, TAP_BITS, WEIGHT_BITS, Predictor
from astroae.entropy.residual import ONE, Units

_TAP_SAMPLE = 30_000  # pixels of a phase from which taps are learned
_SAMPLE = 10_000  # and scales
_NEWTON = 6
_TRIAL, _FEWEST = 1500, 8  # pixels of a class that choose its table


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
    slot.scale, slot.shape = calibrate(classes, k - centre, levels - (centre << 4))


def laplace_weights(x, error):
    """Coefficients c that make 2^(c x) the scale of Laplace errors.

    Parameters
    ----------
    x : float64 ndarray (features, pixels)
        The first feature is a constant 1.
    error : float64 ndarray (pixels,)
        Sizes of errors, above 0.

    Returns
    -------
    float64 ndarray (features,)
    """
    c = np.zeros(len(x))
    c[0] = np.log2(error.mean())
    ridge = 1e-3 * x.shape[1] * np.eye(len(x))
    best, best_cost = c, np.inf
    for _ in range(_NEWTON):
        log = np.clip(c @ x, -2, 40)
        ratio = np.minimum(error * np.exp2(-log), 12)
        cost = (log * np.log(2) + ratio).mean()
        if cost < best_cost:
            best, best_cost = c, cost
        gradient = x @ (1 - ratio)
        hessian = np.log(2) * (x * np.maximum(ratio, 0.2)) @ x.T + ridge
        c = c - np.linalg.solve(hessian, gradient)
    return best


def calibrate(classes, errors, offsets, most=_TRIAL):
    """The table that codes each class best, by trial around its mean error.

    Parameters
    ----------
    classes, errors, offsets : int64 ndarray (pixels,)
    most : int
        Pixels of a class that are tried.

    Returns
    -------
    scale, shape : int64 ndarray (CLASSES,)
    """
    scales, shapes = IDENTITY.copy(), PLAIN_SHAPE.copy()
    for c in np.unique(classes):
        mine = np.flatnonzero(classes == c)[:most]
        if len(mine) < _FEWEST:
            continue
        e = np.where(offsets[mine] < 0, -errors[mine], errors[mine])
        pairs, count = np.unique(np.stack([np.abs(offsets[mine]), e]), axis=1, return_counts=True)
        start = round(4 * np.log2(1.25 * np.abs(e).mean() + 0.05) + 20)
        near = np.clip(np.arange(start - 3, start + 4), 0, tables.CLASSES - 1)
        scale = min(near, key=lambda s: bits(*pairs, count, s, 2))
        around = np.clip(np.arange(scale - 2, scale + 3), 0, tables.CLASSES - 1)
        both = [(s, shape) for s in around for shape in range(tables.SHAPES)]
        scales[c], shapes[c] = min(both, key=lambda st: bits(*pairs, count, *st))
    return scales, shapes


def bits(offsets, errors, count, scale, shape):
    """Bits that a table would cost errors that occur ``count`` times.

    Parameters
    ----------
    offsets : int64 ndarray
        Sizes of the means' offsets, 0 to 8; errors are mirrored where they were below 0.
    errors, count : int64 ndarray
    scale, shape : int
        The table.

    Returns
    -------
    float
    """
    shift, m = int(SHIFT[scale]), tables.reach(int(INNER[scale]))
    e = (errors + (1 << shift - 1)) >> shift if shift else errors
    outside = np.abs(e) > m
    symbol = np.where(outside, 2 * m + 1, e + m)
    each = shift + _costs(int(scale), shape)[offsets, symbol]
    if outside.any():
        each[outside] += 8 * np.ceil(np.log2(np.abs(e[outside]) + 1) / 7 + 0.15)
    return float(each @ count)


@cache
def _costs(scale, shape):
    """Costs of a table's symbols for each offset of the mean, 0 to 8."""
    coarse = tables.coarse_offset(np.arange(9), scale)
    return np.stack([tables.costs(int(INNER[scale]), shape, int(o)) for o in coarse])
