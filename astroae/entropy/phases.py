"""Interlaced phases: which latents are coded when, and what is known about each.

A map is walked from coarse to fine.  With the grid of stride 2s known, the
latents at (s, s), then (0, s), then (s, 0) of each cell follow::

    a b a b        a  known already
    c d c d        d  first phase,  from a
    a b a b        b  second phase, from a and d
    c d c d        c  third phase,  from a, d and b

All latents of a phase depend on earlier ones only, so a phase is one array and no
loop over them exists.  Encoder and decoder walk the same `walk`; all that
it computes is sums of integers below 2^53 in float64, which are exact in any order.

Values are in *plane units*, 1/16 of a quantisation step.
"""

from dataclasses import dataclass

import numpy as np

PHASES = ((1, 1), (0, 1), (1, 0))
LEVELS = 4  # levels with a model of their own; coarser ones share one
HEAD = 2  # side of the coarsest grid, at most
FEATURES = 6
_RADII = ((5, 5, 4), (3, 3, 3), (2, 2, 2), (2, 2, 2))
_PAD = 4  # reach of the supports, in places of one grid
_FLOOR = 4.0  # a quarter of a step: keeps logarithms of zero out
_LOG_BITS = 8  # fraction bits of the integer logarithm


def _known(phase, dy, dx):
    if phase == 0:
        return dy % 2 == 1 and dx % 2 == 1
    if phase == 1:
        return (dy + dx) % 2 == 1
    return dy % 2 == 1 or dx % 2 == 1


def _pairs(phase, radius):
    """Half of the neighbours: a noise spectrum is symmetric, so d and -d share a tap."""
    span = range(-radius, radius + 1)
    return tuple(
        (dy, dx)
        for dy in span
        for dx in span
        if (dy > 0 or (dy == 0 and dx > 0))
        and dy * dy + dx * dx <= radius * radius + 1
        and _known(phase, dy, dx)
    )


#: Offsets (dy, dx) whose sums with their mirror images carry a tap, per slot.
SUPPORT = tuple(_pairs(p, _RADII[level][p]) for level in range(LEVELS) for p in range(3))

_ADJACENT = (
    ((1, 1), (1, -1)),
    ((1, 0), (0, 1)),
    ((1, 0), (0, 1)),
)
#: Weighted neighbours whose errors tell the scale: those just coded, those further off.
_NEAR = (
    (((1, 1), 1), ((1, -1), 1)),
    (((1, 0), 2), ((1, 2), 1), ((1, -2), 1)),
    (((0, 1), 2), ((1, 1), 1), ((1, -1), 1)),
)
_WIDE = (
    (((3, 1), 1), ((3, -1), 1), ((1, 3), 1), ((1, -3), 1)),
    (((0, 1), 1), ((3, 0), 1), ((2, 1), 1), ((2, -1), 1)),
    (((1, 0), 1), ((1, 2), 1), ((1, -2), 1), ((3, 0), 1), ((0, 3), 1)),
)


def integer_log(values):
    """Piecewise linear log2 of float64 integers of 1 or more, with 8 fraction bits.

    Read off the bits of the number, so no library's logarithm is involved.
    """
    bits = np.ascontiguousarray(values).view(np.int64) >> 52 - _LOG_BITS
    return bits - (1023 << _LOG_BITS)


def _padded(plane):
    """A plane with its edge repeated all round."""
    if not plane.size:
        return np.zeros([plane.shape[0], *(side + 2 * _PAD for side in plane.shape[1:])])
    return np.pad(plane, ((0, 0), (_PAD, _PAD), (_PAD, _PAD)), "edge")


@dataclass
class Phase:
    """The latents of one phase, and their known neighbours.

    ``where`` slices them out of the planes; ``slot`` is the number of their model.
    """

    number: int
    slot: int
    where: tuple
    shape: tuple
    _values: dict
    _errors: dict

    def _at(self, planes, dy, dx):
        py, px = PHASES[self.number]
        y, x = py + dy, px + dx
        plane = planes[y & 1, x & 1]
        _, h, w = self.shape
        top, left = _PAD + (y >> 1), _PAD + (x >> 1)
        return plane[:, top : top + h, left : left + w]

    def _pair(self, planes, dy, dx):
        return self._at(planes, dy, dx) + self._at(planes, -dy, -dx)

    def neighbours(self, support):
        """Sums of mirrored neighbours: float64 array (len(support), places)."""
        out = np.empty((len(support), *self.shape))
        for row, (dy, dx) in zip(out, support):
            np.add(self._at(self._values, dy, dx), self._at(self._values, -dy, -dx), out=row)
        return out.reshape(len(support), -1)

    def _weighted(self, near):
        total = None
        for (dy, dx), weight in near:
            part = self._pair(self._errors, dy, dx)
            if weight != 1:
                part *= weight
            total = part if total is None else np.add(total, part, out=total)
        return total * (64 // sum(2 * w for _, w in near)) if total is not None else 0

    def adjacent(self):
        """The four nearest known neighbours, mirrored ones after each other."""
        offsets = [(s * dy, s * dx) for dy, dx in _ADJACENT[self.number] for s in (1, -1)]
        return [self._at(self._values, *offset) for offset in offsets]

    def features(self, mean):
        """What tells the scale of the errors: int64 array (FEATURES, places).

        Logarithms of the local activity, of the errors just coded and of those
        further off, and of the brightness; a constant first.
        """
        out = np.empty((FEATURES, *self.shape), np.int64)
        mean = mean.reshape(self.shape)
        adjacent = self.adjacent()
        activity = sum(np.abs(value - mean) for value in adjacent)
        across = adjacent[0] + adjacent[1] - adjacent[2] - adjacent[3]
        out[0] = 1 << _LOG_BITS
        out[1] = integer_log(activity + 4 * _FLOOR)
        out[2] = integer_log(self._weighted(_NEAR[self.number]) + 16 * _FLOOR)
        out[3] = integer_log(self._weighted(_WIDE[self.number]) + 16 * _FLOOR)
        out[4] = integer_log(np.maximum(mean, 0) + 4 * _FLOOR)
        out[5] = integer_log(np.abs(across) + 4 * _FLOOR)
        return out.reshape(FEATURES, -1)


def _coarsest(shape):
    """Stride of the first grid: at most `HEAD` x `HEAD` places of it lie in a map."""
    stride = 1
    while max(shape[1:]) > HEAD * stride:
        stride *= 2
    return stride


def coarsest_grid(shape):
    """Slices of the latents that come first, before any phase."""
    stride = _coarsest(shape)
    return (slice(None), slice(None, None, stride), slice(None, None, stride))


def walk(values, errors):
    """Phases of maps of one size, coarse to fine.

    Parameters
    ----------
    values, errors : float64 ndarray (planes, y, x)
        Latents in plane units and the sizes of their errors; the caller fills in
        ``[phase.where]`` of both before it asks for the next phase.
    """
    stride = _coarsest(values.shape) // 2
    while stride:
        level = min(stride.bit_length() - 1, LEVELS - 1)
        known = {"values": {}, "errors": {}}
        for parity in ((0, 0), *PHASES):
            where = (slice(None), *(slice(p * stride, None, 2 * stride) for p in parity))
            shape = values[where].shape
            if parity != (0, 0):
                number = PHASES.index(parity)
                if 0 not in shape:
                    yield Phase(number, 3 * level + number, where, shape, *known.values())
            if parity != (1, 0):
                known["values"][parity] = _padded(values[where])
                known["errors"][parity] = _padded(errors[where])
        stride //= 2
