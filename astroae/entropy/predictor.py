"""What the decoder needs to predict: taps, scale weights, calibration; as bytes.

A `Slot` serves one phase of one level, a `Predictor` a whole tile.  Its numbers are
integers: the encoder finds them in floating point (`fit`) and sends them.
"""

from dataclasses import dataclass

import numpy as np

from astroae.entropy import phases, tables
from astroae.entropy.context import CLASS_ZERO, LARGEST_PLANE, TAP_BITS, WEIGHT_BITS
from astroae.varint import pack_numbers, unpack_numbers

_MOST_GAIN = 8 << TAP_BITS

IDENTITY = np.arange(tables.CLASSES)
PLAIN_SHAPE = np.full(tables.CLASSES, tables.PLAIN_SHAPE)


@dataclass
class Slot:
    """Model of one phase.

    Attributes
    ----------
    taps : float64 ndarray of integers, in 2^-12
    weights : int64 ndarray, in 2^-8
        Of the features, giving the logarithm of the errors' scale.
    scale, shape : int64 ndarray (CLASSES,)
        Table for each class of scale.
    """

    taps: np.ndarray
    weights: np.ndarray
    scale: np.ndarray
    shape: np.ndarray

    def predict(self, neighbours):
        """Mean of each pixel, whole plane units."""
        # einsum, not BLAS: as fast here, leaves the GIL, starts no threads.
        total = np.einsum("i,ij->j", self.taps, neighbours)
        mean = np.floor((total + (1 << TAP_BITS - 1)) * 0.5**TAP_BITS)
        return np.clip(mean, -LARGEST_PLANE, LARGEST_PLANE)

    def classes(self, features):
        """Class of scale of each pixel, before calibration."""
        log = np.einsum("i,ij->j", self.weights, features) >> WEIGHT_BITS
        return np.clip((log >> 6) + CLASS_ZERO, 0, tables.CLASSES - 1)


def plain_slot(support):
    """The fixed model: mean of the adjacent pixels, scale from their errors."""
    taps = np.zeros(len(support))
    nearest = sorted(range(len(support)), key=lambda i: sum(d * d for d in support[i]))
    taps[nearest[:2]] = (1 << TAP_BITS) // 4
    weights = np.array([-500, 128, 128, 0, 0, 0])
    return Slot(taps, weights, IDENTITY, PLAIN_SHAPE)


@dataclass
class Predictor:
    """Slots for tiles that are planes, or lines one pixel high."""

    line: bool
    slots: list

    @classmethod
    def plain(cls, line):
        """A predictor that nothing was learned for."""
        table = phases.LINE_SUPPORT if line else phases.SUPPORT
        return cls(line, [plain_slot(support) for support in table])

    def of(self, phase):
        """Slot and support of a phase; the coarsest phases share a fixed slot."""
        table = phases.LINE_SUPPORT if self.line else phases.SUPPORT
        if phase.slot is None:
            support = table[phases.SLOTS - 3 + phase.number]
            return plain_slot(support), support
        return self.slots[phase.slot], table[phase.slot]

    def pack(self):
        """As bytes."""
        numbers = [[self.line]]
        for slot in self.slots:
            changed = np.flatnonzero((slot.scale != IDENTITY) | (slot.shape != PLAIN_SHAPE))
            numbers += [slot.taps, slot.weights, [len(changed)], np.diff(changed, prepend=0)]
            numbers += [slot.scale[changed] - changed, slot.shape[changed]]
        return pack_numbers(np.concatenate(numbers).astype(np.int64))

    @classmethod
    def unpack(cls, data):
        """Inverse of `pack`; raises ValueError on numbers that cannot be."""
        numbers = _Numbers(unpack_numbers(data, 0)[0])
        predictor = cls.plain(bool(numbers.take(1)[0]))
        for slot in predictor.slots:
            slot.taps = numbers.take(len(slot.taps)).astype(float)
            slot.weights = numbers.take(phases.FEATURES)
            n = int(numbers.take(1)[0])
            changed = np.cumsum(numbers.take(n))
            slot.scale = _changed(IDENTITY, changed, changed + numbers.take(n), tables.CLASSES)
            slot.shape = _changed(PLAIN_SHAPE, changed, numbers.take(n), tables.SHAPES)
            gain, weight = np.abs(slot.taps).sum(), np.abs(slot.weights).max()
            if gain > _MOST_GAIN or weight > 1 << 24:
                raise ValueError("a predictor's numbers are out of range")
        numbers.finish()
        return predictor


class _Numbers:
    """Takes numbers off a list, and never more than there are."""

    def __init__(self, numbers):
        self._numbers, self._at = numbers, 0

    def take(self, n):
        if not 0 <= n <= len(self._numbers) - self._at:
            raise ValueError("a predictor is cut off")
        self._at += n
        return self._numbers[self._at - n : self._at]

    def finish(self):
        if self._at != len(self._numbers):
            raise ValueError("a predictor is too long")


def _changed(table, places, values, limit):
    """``table`` with some entries replaced, all of them checked."""
    table = table.copy()
    if len(places):
        if places.min() < 0 or places.max() >= len(table):
            raise ValueError("a predictor names a class that does not exist")
        if values.min() < 0 or values.max() >= limit:
            raise ValueError("a predictor names a table that does not exist")
        table[places] = values
    return table
