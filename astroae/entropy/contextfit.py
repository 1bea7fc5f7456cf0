"""Learn the contexts of a model's latents on samples, once, when it is frozen.

Floating point is free here, since what it finds becomes whole numbers.
"""

from dataclasses import replace

import numpy as np

from astroae.entropy import phases, tables
from astroae.entropy.context import (
    FEATURES,
    TAP_BITS,
    WEIGHT_BITS,
    Context,
    Slot,
    from_numbers,
)
from astroae.entropy.latents import walk
from astroae.entropy.tablefit import bits, calibrate, laplace_weights

__all__ = ["fit"]

_ONE = 16.0
_MOST = 1 << 21  # latents of a tensor that are learned from
_SIDE = 32  # of the part of a map that is learned from, at least
_SAMPLE = 24_000  # of them for a phase's weights
_FLOOR = 0.1  # part of the latents that lie on their channel's smallest, where it is a floor
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
    found, window = [], _Window()
    for tensor, given in zip(samples, classes):
        part, coarse = window.cut(tensor)
        given = given if given.ndim == 1 else given[: len(part)]
        learner = _Learner(part)
        window.energy = walk(part.shape, given, learner, coarse, learner.exchange)
        found.append(learner.context().to_numbers())
    return found


class _Window:
    """The part of the tensors that is learned from: the middle of the larger ones.

    Half as far from the middle whenever a tensor would be too much: many images tell
    more than the whole of a few.
    """

    def __init__(self):
        self._depth, self._sides = 0, (0, 0)
        self.energy = None  # of the part that was cut last

    def cut(self, tensor):
        """A part of a tensor, and the energy of the coarser one there, or None."""
        count, channels, height, width = tensor.shape
        sides = (height, width)
        coarser, depth = (self._sides, self._depth)
        while count * channels * height * width >> 2 * self._depth > _MOST:
            if min(sides) >> self._depth < 2 * _SIDE or (height | width) >> self._depth & 3:
                break
            self._depth += 1
        self._sides = sides
        part = _middle(tensor, self._depth)
        part = part[: max(1, _MOST // part[0].size)]
        if self.energy is None or sides != (2 * coarser[0], 2 * coarser[1]):
            return part, None
        energy = _middle(self.energy, self._depth - depth)[: len(part)]
        return part[: len(energy)], energy


def _middle(array, depth):
    """The middle of the last two axes, halved so many times."""
    for _ in range(depth):
        height, width = array.shape[-2:]
        array = array[..., height // 4 : height // 4 + height // 2, :]
        array = array[..., width // 4 : width // 4 + width // 2]
    return array


class _Learner:
    """Stands in for a `Context` in a walk, and learns one from what passes."""

    def __init__(self, tensor):
        self._tensor = tensor
        self._plain = from_numbers((), tensor.shape[1])
        self._slots = {}
        self._open = None
        self._shape = self.head = self._plain.head
        least = tensor.min((2, 3), keepdims=True)
        self.floor = bool((tensor == least).mean() > _FLOOR)

    def of(self, phase):
        number = phase.slot
        self._open = self._slots.setdefault(number, _LearningSlot(self._plain.slots[number]))
        target = self._tensor[:, :, *phase.where[1:]] * _ONE
        self._open.expect(target, _activity(phase, target.shape))
        return self._open, phases.SUPPORT[number]

    def exchange(self, part):
        actual = self._tensor[part.where]
        if self._open is None:
            self._shape = _head_shape(actual.ravel(), part.scale)
        else:
            self._open.learn(actual, part)
        return actual

    def context(self):
        slots = [
            self._slots[number].fitted() if number in self._slots else plain
            for number, plain in enumerate(self._plain.slots)
        ]
        return Context(tuple(slots), self._shape, self.floor)


class _LearningSlot:
    """One phase: taps when it predicts, the rest at the end."""

    def __init__(self, plain):
        self._plain = plain
        self.scale, self.shape = plain.scale, plain.shape
        self._taps, self._cross = plain.taps, plain.cross.copy()
        self._target = self._weight = self._told = None
        self._seen = []

    def expect(self, target, activity):
        """The latents that come next, and how lively their neighbourhoods are."""
        quiet = np.median(activity) if activity.size else 0.0
        self._target = target
        self._weight = 1.0 / (activity**2 + quiet**2 + _ONE**2 / 12)

    def predict(self, neighbours):
        self._taps = _taps(neighbours, self._target, self._weight)
        return replace(self._plain, taps=self._taps).predict(neighbours)

    def refine(self, part, mean, errors):
        if part.start:
            before = errors[:, : part.start].swapaxes(0, 1)
            wanted = self._target - mean
            for channel in range(part.start, part.stop):
                own = np.s_[:, channel]
                self._cross[channel, : part.start] = _least_squares(
                    before, wanted[own], self._weight[own], self._cross.shape[1]
                )
        return replace(self._plain, cross=self._cross).refine(part, mean, errors)

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
        slot = Slot(self._taps, self._cross, weights, self.scale, self.shape)
        scale, shape = calibrate(slot.classes(told), error, offset)
        return replace(slot, scale=scale, shape=shape)


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
    """Taps of each channel: (C, neighbours)."""
    each = range(target.shape[1])
    return np.stack(
        [_least_squares(neighbours[:, :, c], target[:, c], weight[:, c], 0) for c in each]
    )


def _least_squares(inputs, target, weight, least):
    """Whole taps for inputs (n, ...), quiet places counting most; zeros for few places."""
    x, w = inputs.reshape(len(inputs), -1), weight.ravel()
    found = np.zeros(len(x))
    if w.size < 4 * least:
        return found
    scaled = x * w
    gram = scaled @ x.T
    level = np.trace(gram) / len(gram) + 1e-9
    gram[np.diag_indices_from(gram)] += level * _PRIOR / w.size
    solved = np.linalg.solve(gram, scaled @ target.ravel())
    if np.isfinite(solved).all() and np.abs(solved).sum() < 7.9:
        found = np.round(solved * (1 << TAP_BITS))
    return found
