"""Learn the contexts of a model's latents on samples, once, when it is frozen.

Floating point is free here, since what it finds becomes whole numbers.
"""

import numpy as np

from astroae.entropy import phases, tables
from astroae.entropy.context import FEATURES, Context, Slot, from_numbers
from astroae.entropy.fit import bits, calibrate, laplace_weights
from astroae.entropy.latents import walk
from astroae.entropy.predictor import TAP_BITS, WEIGHT_BITS

__all__ = ["fit"]

_ONE = 16.0
_MOST = 1 << 21  # latents of a tensor that are learned from
_SAMPLE = 40_000  # of them for a phase's weights
_TRIAL = 8000  # and for the table of a class
_PRIOR = 20.0  # latents that say that a tap is zero


def fit(samples, classes):
    """Contexts for the tensors of a model.

    Parameters
    ----------
    samples : list of int64 ndarray (N, C, h, w)
        The crossing tensors of N images, coarsest first.
    classes : list of int64 ndarray (C,) or (N, C)
        Their expected sizes, as they will be given to
        `astroae.entropy.latents.encode`; of each image, where their steps differ.

    Returns
    -------
    list of int32 ndarray
    """
    found, coarse = [], None
    for tensor, given in zip(samples, classes):
        most = max(1, _MOST // max(tensor[0].size, 1))
        tensor = tensor[:most]
        given = given if given.ndim == 1 else given[:most]
        if coarse is not None:
            coarse = coarse[: len(tensor)]
        learner = _Learner(tensor)
        coarse = walk(tensor.shape, given, learner, coarse, learner.exchange)
        found.append(learner.context().to_numbers())
    return found


class _Learner:
    """Stands in for a `Context` in a walk, and learns one from what passes."""

    def __init__(self, tensor):
        self._tensor = tensor
        self._plain = from_numbers((), tensor.shape[1])
        self._slots = {}
        self._open = None
        self._head = self.head = self._plain.head

    def of(self, phase):
        number = phase.slot
        if number is None:
            number = phases.SLOTS - 3 + phase.number
        support = phases.SUPPORT[number]
        self._open = self._slots.setdefault(number, _LearningSlot(self._plain.slots[number]))
        target = self._tensor[:, :, *phase.where[1:]] * _ONE
        self._open.expect(target, _activity(phase, target.shape))
        return self._open, support

    def exchange(self, part):
        actual = self._tensor[part.where]
        if self._open is None:
            self._head = _head_shape(actual.ravel(), part.scale)
        else:
            self._open.learn(actual, part)
        return actual

    def context(self):
        slots = [
            self._slots[number].fitted() if number in self._slots else plain
            for number, plain in enumerate(self._plain.slots)
        ]
        return Context(tuple(slots), self._head)


class _LearningSlot:
    """One phase: taps when it predicts, the rest at the end."""

    def __init__(self, plain):
        self._plain = plain
        self.scale, self.shape = plain.scale, plain.shape
        self._taps = plain.taps
        self._target = self._weight = self._told = None
        self._seen = []

    def expect(self, target, activity):
        """The latents that come next, and how lively their neighbourhoods are."""
        quiet = np.median(activity) if activity.size else 0.0
        self._target = target
        self._weight = 1.0 / (activity**2 + quiet**2 + _ONE**2 / 12)

    def predict(self, neighbours):
        self._taps = _taps(neighbours, self._target, self._weight)
        return Slot(self._taps, *(None,) * 3).predict(neighbours)

    def classes(self, told):
        self._told = told.reshape(FEATURES, -1)
        return np.zeros(self._told.shape[1], np.int64)

    def learn(self, actual, part):
        error = (actual - part.centre).ravel()
        every = -(-error.size // _SAMPLE)
        place = slice(None, None, every)
        self._seen.append((self._told[:, place], error[place], part.offset[place]))

    def fitted(self):
        told, error, offset = (np.concatenate(part, -1) for part in zip(*self._seen))
        x = told / 256.0
        size = np.abs(_ONE * error - offset) + _ONE / 8
        weights = np.round(laplace_weights(x, size) * (1 << WEIGHT_BITS)).astype(np.int64)
        slot = Slot(self._taps, weights, self.scale, self.shape)
        return Slot(self._taps, weights, *calibrate(slot.classes(told), error, offset, _TRIAL))


def _head_shape(errors, scales):
    """The shape of tables that codes latents without neighbours best."""
    rows, count = np.unique(np.stack([scales, errors]), axis=1, return_counts=True)
    costs = [0.0] * tables.SHAPES
    for scale in np.unique(rows[0]):
        mine = rows[0] == scale
        zero = np.zeros(mine.sum(), np.int64)
        for shape in range(tables.SHAPES):
            costs[shape] += bits(zero, rows[1, mine], count[mine], int(scale), shape)
    return int(np.argmin(costs))


def _activity(phase, shape):
    """Spread of the adjacent latents, (N, C, y, x)."""
    count, channels, height, width = shape
    spread = np.std(phase.adjacent(), axis=0)
    return spread.reshape(count, channels + 1, height, width)[:, :channels]


def _taps(neighbours, target, weight):
    """Least squares for each channel, quiet places counting most."""
    found = np.zeros((target.shape[1], len(neighbours)))
    for channel, taps in enumerate(found):
        x = neighbours[:, :, channel].reshape(len(neighbours), -1)
        w = weight[:, channel].ravel()
        scaled = x * w
        gram = scaled @ x.T
        level = np.trace(gram) / len(gram) + 1e-9
        gram[np.diag_indices_from(gram)] += level * _PRIOR / w.size
        solved = np.linalg.solve(gram, scaled @ target[:, channel].ravel())
        if np.isfinite(solved).all() and np.abs(solved).sum() < 7.9:
            taps[:] = np.round(solved * (1 << TAP_BITS))
    return found
