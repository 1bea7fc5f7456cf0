"""Frozen probability tables: integer counts out of 65 536 for prediction errors.

A table is named by three small integers: the *scale* of the errors (index i
stands for 2^(i/4 - 5) quantisation steps), their *shape* (light to heavy tails)
and the *offset* of the predicted mean from the nearest integer (in 1/16).  All is
computed in integers from the core's frozen tails, so every machine has the same tables.
Symbols run from -M to M; the last one, M + 1, is the escape.
"""

from functools import cache
from importlib.resources import files

import numpy as np

PRECISION = 1 << 16
SCALES = 37  # 2^-5 to 2^4 steps; wider errors are coded with their low bits apart
CLASSES = 128  # scale classes, the wide ones included: up to 2^26 steps
_QUARTERS = (4_194_304, 3_526_975, 2_965_821, 2_493_948)  # 2^22 / 2^(r/4)

_INDEX = np.arange(CLASSES)
_OFFSET_STEPS = np.select([_INDEX < 14, _INDEX < 20, _INDEX < 26], [1, 2, 4], 0)

with (files("astroae.core") / "tails.npy").open("rb") as _file:
    _TAILS = np.load(_file).astype(np.int64)
SHAPES = len(_TAILS)
PLAIN_SHAPE = 2  # where nothing was learned
_HALF = int(_TAILS[0, 0])


def coarse_offset(offset, scale):
    """The offset, 0 to 8, as finely as a table of this scale index keeps it.

    A coarser offset costs about its variance over that of the errors, so wide
    errors need none.
    """
    step = _OFFSET_STEPS[scale]
    return np.where(step, (offset + (step >> 1)) // np.maximum(step, 1) * step, 0)


def reach(scale):
    """Largest error that a table of this scale codes without an escape."""
    return int(min(8 * 2 ** (scale / 4 - 5) + 2, 120))


def _upper_tail(position, scale, shape):
    """Probability above ``position`` (in 1/16 steps), out of 2^30."""
    octave, quarter = divmod(scale, 4)
    z = np.abs(position) * (_QUARTERS[quarter] >> octave)  # in 2^-21 scales
    index, fraction = z >> 16, z & 0xFFFF
    tail = _TAILS[shape]
    inside = index < len(tail) - 1
    index = np.where(inside, index, len(tail) - 2)
    value = tail[index] + ((tail[index + 1] - tail[index]) * fraction >> 16)
    value = np.where(inside, value, 0)
    return np.where(position >= 0, value, 2 * _HALF - value)


@cache
def counts(scale, shape, offset):
    """Counts of the symbols -M..M and the escape, each at least 1, sum 65 536."""
    m = reach(scale)
    edges = 16 * np.arange(-m, m + 2, dtype=np.int64) - 8 - offset
    tails = _upper_tail(edges, scale, shape)
    weights = np.append(tails[:-1] - tails[1:], 2 * _HALF - tails[0] + tails[-1])
    # Rounding the running sum keeps the total exact and no symbol far off.
    running = np.cumsum(weights) * (PRECISION - len(weights)) // weights.sum()
    table = 1 + np.diff(running, prepend=0)
    table.setflags(write=False)
    return table


@cache
def edges(scale, shape, offset):
    """The same table for the core: where each symbol's places begin, and where they end."""
    found = np.append(0, np.cumsum(counts(scale, shape, offset))).astype(np.uint32)
    found.setflags(write=False)
    return found
