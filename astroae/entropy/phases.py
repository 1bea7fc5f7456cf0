"""Interlaced phases: which pixels are coded when, and what is known about each.

A tile is walked from coarse to fine.  With the grid of stride 2s known, the
pixels at (s, s), then (0, s), then (s, 0) of each cell follow::

    a b a b        a  known already
    c d c d        d  first phase,  from a
    a b a b        b  second phase, from a and d
    c d c d        c  third phase,  from a, d and b

All pixels of a phase depend on earlier ones only, so a phase is one array and no
loop over pixels exists.  Encoder and decoder walk the same `walk`; all that
it computes is sums of integers below 2^53 in float64, which are exact in any order.

Values are in *plane units*, 1/16 of a quantisation step.
"""

from dataclasses import dataclass

import numpy as np

PHASES = ((1, 1), (0, 1), (1, 0))
LEVELS = 4  # levels with a model of their own; coarser ones share a fixed one
SLOTS = 3 * LEVELS
HEAD = 16  # side of the coarsest grid, at most
FEATURES = 6
_RADII = ((5, 5, 4), (3, 3, 3), (2, 2, 2), (2, 2, 2))
_PAD = 4  # reaches of the supports, in pixels of one plane
_LINE_PAD = 9
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
_LINE = tuple((0, dx) for dx in range(1, 16, 2))
LINE_SUPPORT = tuple(_LINE for _ in range(SLOTS))

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
_LINE_NEAR = (((0, 1), 1),)
_LINE_WIDE = (((0, 3), 1), ((0, 5), 1))


def integer_log(values):
    """Piecewise linear log2 of float64 integers of 1 or more, with 8 fraction bits.

    Read off the bits of the number, so no library's logarithm is involved.
    """
    bits = np.ascontiguousarray(values).view(np.int64) >> 52 - _LOG_BITS
    return bits - (1023 << _LOG_BITS)


def _padded(plane, pad):
    """A plane with its edge repeated ``pad`` times all round."""
    t, h, w = plane.shape
    out = np.empty((t, h + 2 * pad, w + 2 * pad))
    if not h or not w:
        out[...] = 0
        return out
    body = out[:, pad:-pad]
    body[:, :, pad:-pad] = plane
    body[:, :, :pad] = plane[:, :, :1]
    body[:, :, -pad:] = plane[:, :, -1:]
    out[:, :pad] = body[:, :1]
    out[:, -pad:] = body[:, -1:]
    return out


@dataclass
class Phase:
    """The pixels of one phase, and their known neighbours.

    ``where`` slices them out of the tile; ``slot`` is the number of their model,
    None where the fixed one serves.
    """

    number: int
    slot: int | None
    where: tuple
    shape: tuple
    line: bool
    _values: dict
    _errors: dict

    def _at(self, planes, dy, dx):
        py, px = PHASES[self.number]
        y, x = py + dy, px + dx
        plane = planes[y & 1, x & 1]
        _, h, w = self.shape
        pad = _LINE_PAD if self.line else _PAD
        top, left = pad + (y >> 1), pad + (x >> 1)
        return plane[:, top : top + h, left : left + w]

    def _pair(self, planes, dy, dx):
        return self._at(planes, dy, dx) + self._at(planes, -dy, -dx)

    def neighbours(self, support):
        """Sums of mirrored neighbours: float64 array (len(support), pixels)."""
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
        offsets = ((0, 1), (0, 3)) if self.line else _ADJACENT[self.number]
        return [self._at(self._values, s * dy, s * dx) for dy, dx in offsets for s in (1, -1)]

    def features(self, mean):
        """What tells the scale of the errors: int64 array (FEATURES, pixels).

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
        near = _LINE_NEAR if self.line else _NEAR[self.number]
        wide = _LINE_WIDE if self.line else _WIDE[self.number]
        out[2] = integer_log(self._weighted(near) + 16 * _FLOOR)
        out[3] = integer_log(self._weighted(wide) + 16 * _FLOOR)
        out[4] = integer_log(np.maximum(mean, 0) + 4 * _FLOOR)
        out[5] = integer_log(np.abs(across) + 4 * _FLOOR)
        return out.reshape(FEATURES, -1)


def coarsest(shape, side=HEAD):
    """Stride of the first grid: at most ``side`` x ``side`` pixels of it lie in a tile."""
    stride = 1
    while max(shape[1:]) > side * stride:
        stride *= 2
    return stride


def coarsest_grid(shape, side=HEAD):
    """Slices of the pixels that come first, before any phase."""
    stride = coarsest(shape, side)
    return (slice(None), slice(None, None, stride), slice(None, None, stride))


def walk(values, errors, line, side=HEAD):
    """Phases of a tile, coarse to fine.

    Parameters
    ----------
    values, errors : float64 ndarray (planes, y, x)
        Pixels in plane units and the sizes of their errors; the caller fills in
        ``[phase.where]`` of both before it asks for the next phase.
    line : bool
        A plane one pixel high: neighbours along x only.
    side : int
        Of the coarsest grid, at most.
    """
    stride, pad = coarsest(values.shape, side) // 2, _LINE_PAD if line else _PAD
    while stride:
        level = stride.bit_length() - 1
        known = {"values": {}, "errors": {}}
        for parity in ((0, 0), *PHASES):
            where = (slice(None), *(slice(p * stride, None, 2 * stride) for p in parity))
            shape = values[where].shape
            if parity != (0, 0):
                number = PHASES.index(parity)
                slot = 3 * level + number if level < LEVELS else None
                if 0 not in shape:
                    yield Phase(number, slot, where, shape, line, *known.values())
            if parity != (1, 0):
                known["values"][parity] = _padded(values[where], pad)
                known["errors"][parity] = _padded(errors[where], pad)
        stride //= 2
