"""Encoder only: what tables cost, and which serve best; scales learned from errors.

Floating point is free here, since what it finds is stored as whole numbers.
"""

from functools import cache

import numpy as np

from astroae.entropy import tables
from astroae.entropy.coder import INNER, SHIFT

__all__ = ["bits", "calibrate", "laplace_weights"]

_NEWTON = 6
_TRIAL, _FEWEST = 4000, 8  # latents of a class that choose its table


def laplace_weights(x, error):
    """Coefficients c that make 2^(c x) the scale of Laplace errors.

    Parameters
    ----------
    x : float64 ndarray (features, latents)
        The first feature is a constant 1.
    error : float64 ndarray (latents,)
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


def calibrate(classes, errors, offsets):
    """The table that codes each class best, by trial around its mean error.

    Parameters
    ----------
    classes, errors, offsets : int64 ndarray (latents,)

    Returns
    -------
    scale, shape : int64 ndarray (CLASSES,)
    """
    scales = np.arange(tables.CLASSES)
    shapes = np.full(tables.CLASSES, tables.PLAIN_SHAPE)
    for c in np.unique(classes):
        mine = np.flatnonzero(classes == c)[:_TRIAL]
        if len(mine) < _FEWEST:
            continue
        e = np.where(offsets[mine] < 0, -errors[mine], errors[mine])
        pairs, count = np.unique(np.stack([np.abs(offsets[mine]), e]), axis=1, return_counts=True)
        start = round(4 * np.log2(1.25 * np.abs(e).mean() + 0.05) + 20)
        near = np.clip(np.arange(start - 3, start + 4), 0, tables.CLASSES - 1)
        scale = min(near, key=lambda s: bits(*pairs, count, s, tables.PLAIN_SHAPE))
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
    """Bits of a table's symbols for each offset of the mean, 0 to 8."""
    coarse = tables.coarse_offset(np.arange(9), scale)
    return np.stack([16 - np.log2(tables.counts(int(INNER[scale]), shape, int(o))) for o in coarse])
