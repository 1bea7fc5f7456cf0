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
_HEAD_SHAPE = 2


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

    scale = _put_head(writer, head.ravel())
    _run(head, k.shape, valid, units, predictor, exchange)
    return pack_numbers([scale]) + writer.finish()


def decode(data, shape, valid, units, predictor):
    """Inverse of `encode`: the integers, int64 (planes, y, x).

    Raises
    ------
    ValueError
        If the bytes cannot be what `encode` wrote.
    """
    k = np.empty(shape, np.int64)
    coarse = phases.coarsest_grid(shape)
    (scale,), start = unpack_numbers(data, 0, count=1)
    reader = SymbolReader(data[start:])
    k[coarse] = _get_head(reader, int(scale), k[coarse].size).reshape(k[coarse].shape)

    def exchange(where, centre, grouping, keep):
        centre.reshape(-1)[keep] += reader.get(grouping)
        k[where] = centre
        return centre

    _run(k[coarse], shape, valid, units, predictor, exchange)
    reader.finish()
    return k


def _put_head(writer, head):
    """Code the coarsest grid as differences along its rows; gives their scale."""
    steps = np.diff(head, prepend=0)
    scale = round(4 * np.log2(1.25 * np.abs(steps).mean() + 0.05) + 20)
    scale = min(max(scale, 0), tables.CLASSES - 1)
    writer.put(steps, _head_grouping(scale, len(head)))
    return scale


def _get_head(reader, scale, n):
    if not 0 <= scale < tables.CLASSES:
        raise ValueError("the scale of the first pixels is out of range")
    head = np.cumsum(reader.get(_head_grouping(scale, n)))
    if np.abs(head).max(initial=0) >= 1 << 32:
        raise ValueError("a first pixel is out of range")
    return head


def _head_grouping(scale, n):
    return Grouping(np.full(n, scale), np.full(n, _HEAD_SHAPE), np.zeros(n, np.int64))


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
