"""The integers of one tile <-> bytes: walk the phases, predict, classify, code.

In: integers k (planes, y, x), a mask of the pixels that count, `Units` that say what
one integer means, and a predictor.  Out: bytes.  Exact.
"""

from dataclasses import dataclass

import numpy as np

from astroae.entropy import phases, tables
from astroae.entropy.coder import Grouping, SymbolReader, SymbolWriter
from astroae.varint import pack_numbers, unpack_numbers

ONE = 16  # plane units in a quantisation step


@dataclass(frozen=True)
class Units:
    """How integers k become plane units: ``k * step + shift``.

    ``shift`` holds each pixel's dither and zero point, ``step`` differs from
    pixel to pixel only in grids taken over from fpack; both are whole plane
    units, int64 arrays of the tile's shape.
    """

    step: np.ndarray | None = None
    shift: np.ndarray | None = None

    def at(self, where):
        """The part of one phase."""
        return Units(*(None if v is None else v[where] for v in (self.step, self.shift)))

    def to_plane(self, k):
        """Integers as plane units (float64, whole numbers)."""
        plane = k * (float(ONE) if self.step is None else self.step.astype(float))
        return plane if self.shift is None else plane + self.shift

    def to_levels(self, plane):
        """Plane units as sixteenths of an integer (int64)."""
        moved = plane if self.shift is None else plane - self.shift
        moved = moved.astype(np.int64)
        return moved if self.step is None else moved * ONE // self.step

    def classes(self, classes):
        """Classes of scale, in integers, where one is not 16 plane units."""
        if self.step is None:
            return classes
        octaves = phases.integer_log(self.step.astype(float)) - (4 << 8)
        return np.clip(classes - (octaves.ravel() >> 6), 0, tables.CLASSES - 1)


def encode(k, valid, units, predictor):
    """Code one tile.

    Parameters
    ----------
    k : int64 ndarray (planes, y, x)
    valid : bool ndarray of the same shape, or None
        Pixels that are coded; the others read back as predicted.
    units : Units
    predictor : Predictor

    Returns
    -------
    bytes
    """
    writer = SymbolWriter()
    coarse = phases.coarsest_grid(k.shape)
    head = k[coarse] if valid is None else np.where(valid[coarse], k[coarse], 0)

    def exchange(where, centre, grouping, keep):
        actual = k[where]
        writer.put((actual - centre).ravel()[keep], grouping)
        return actual if valid is None else np.where(valid[where], actual, centre)

    _run(head, k.shape, valid, units, predictor, exchange)
    return pack_numbers(head.ravel()) + writer.finish()


def decode(data, shape, valid, units, predictor):
    """Inverse of `encode`: the integers, int64 (planes, y, x).

    Raises
    ------
    ValueError
        If the bytes cannot be what `encode` wrote.
    """
    k = np.empty(shape, np.int64)
    coarse = phases.coarsest_grid(shape)
    head, start = unpack_numbers(data, 0, count=k[coarse].size)
    if np.abs(head).max(initial=0) >= 1 << 32:
        raise ValueError("a first pixel is out of range")
    k[coarse] = head.reshape(k[coarse].shape)
    reader = SymbolReader(data[start:])

    def exchange(where, centre, grouping, keep):
        centre.reshape(-1)[keep] += reader.get(grouping)
        k[where] = centre
        return centre

    _run(k[coarse], shape, valid, units, predictor, exchange)
    reader.finish()
    return k


def _run(head, shape, valid, units, predictor, exchange):
    """Walk a tile; ``exchange`` turns each phase's forecast into its integers."""
    values, errors = np.zeros(shape), np.zeros(shape)
    coarse = phases.coarsest_grid(shape)
    values[coarse] = units.at(coarse).to_plane(head)
    for phase in phases.walk(values, errors, predictor.line):
        slot, support = predictor.of(phase)
        mean = slot.predict(phase.neighbours(support)).reshape(phase.shape)
        part = units.at(phase.where)
        classes = part.classes(slot.classes(phase.features(mean)))
        levels = part.to_levels(mean)
        centre = (levels + ONE // 2) >> 4
        offset = (levels - (centre << 4)).ravel()
        keep = slice(None) if valid is None else np.flatnonzero(valid[phase.where])
        classes, offset = classes[keep], offset[keep]
        grouping = Grouping(slot.scale[classes], slot.shape[classes], offset)
        actual = part.to_plane(exchange(phase.where, centre, grouping, keep))
        values[phase.where] = actual
        errors[phase.where] = np.abs(actual - mean)
