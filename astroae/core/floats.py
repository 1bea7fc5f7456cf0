"""Floats as integers worth predicting and the bits below them, compiled.

`astroae.core.tests.twins` has the same in plain Python, number for number.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from astroae.core import _core

#: Bits of the mantissa, and what is added to an exponent, by bytes of a float.
MANTISSA = {4: 23, 8: 52}
BIAS = {4: 127, 8: 1023}
MOST_BITS = 30  # of an integer, besides its sign


@dataclass(frozen=True)
class Survey:
    """What the ordinary floats of a tile have in common.

    Attributes
    ----------
    good : bool ndarray
        Which are ordinary: no NaN, infinity or -0.0.
    special : int
        How many are not.
    zeros : int
        How many are 0.
    drop : int
        Low bits of the mantissa that are 0 in all of them.
    unit : int
        All are multiples of 2^unit; beyond every exponent where all are 0.
    top : int
        Exponent of the largest, rounded down.
    """

    good: np.ndarray
    special: int
    zeros: int
    drop: int
    unit: int
    top: int

    def at(self, p):
        """The split at 2^p."""
        return Split(p, self.drop, self.unit)


class Split(NamedTuple):
    """How floats are split: at 2^p, where drop and unit say what need not be kept."""

    p: int
    drop: int
    unit: int

    @property
    def whole(self):
        """Nothing lies below 2^p."""
        return self.unit >= self.p


@dataclass(frozen=True)
class Parts:
    """Split floats.

    Attributes
    ----------
    k : int32 ndarray
        ``floor(x / 2^p)``.
    near : int32 ndarray, flat
        Of each pixel with k of 0 or -1, unless all are whole: by how much its exponent is
        less than p; 0 for the number 0.
    low : bytes
        The bits below 2^p.
    zeros : int32 ndarray or None
        How many of a pixel's low bits are 0 below the lowest 1, which `low` then lacks.
    copies : int32 ndarray or None
        1 where a pixel is the one before bit for bit, else 2 where it is the one above, else
        0; the first two have nothing in `near`, `low` and `zeros`.
    """

    k: np.ndarray
    near: np.ndarray
    low: bytes
    zeros: np.ndarray | None = None
    copies: np.ndarray | None = None


def survey(values):
    """`Survey` of float32 or float64, not empty."""
    good = np.empty(values.shape, bool)
    flat = np.ascontiguousarray(values).reshape(-1)
    return Survey(good, *_core.float_survey(flat, good.reshape(-1).view(np.uint8)))


def split(values, found, how, zeros=False, copies=False):
    """`Parts` of floats.

    Parameters
    ----------
    values : float32 or float64 ndarray
    found : Survey
        Of these values.
    how : Split
        With drop and unit at most those found.
    zeros, copies : bool
        Whether to count the first and to mark the second.

    Examples
    --------
    >>> import numpy as np
    >>> from astroae.core import floats
    >>> values = np.array([[1.25, -3.0]], np.float32)
    >>> found = floats.survey(values)
    >>> parts = floats.split(values, found, found.at(0))
    >>> parts.k.tolist(), len(parts.low)
    ([[1, -3]], 1)
    >>> floats.join(parts, None, found.at(0), np.float32).tolist()
    [[1.25, -3.0]]
    """
    check(how, values.dtype)
    if found.top - how.p >= MOST_BITS:
        raise ValueError(f"integers of {found.top - how.p + 1} bits are too long")
    flat = np.ascontiguousarray(values).reshape(-1)
    good = found.good if found.special else None
    k = np.empty(values.shape, np.int32)
    zeros, copies = (
        np.empty(values.shape, np.int32) if asked else None for asked in (zeros, copies)
    )
    near, low = np.empty(flat.size, np.int32), np.empty(8 * flat.size + 16, np.uint8)
    planes = k.reshape(-1), _flat(zeros), _flat(copies), values.shape[-1]
    counted, size = _core.float_split(flat, _flat(good, np.uint8), how, *planes, near, low)
    return Parts(k, near[:counted].copy(), low[:size].tobytes(), zeros, copies)


def join(parts, good, how, dtype):
    """Inverse of `split`; what is not good becomes 0.

    Raises
    ------
    ValueError
        The parts make no sense.
    """
    check(how, dtype)
    values = np.empty(parts.k.shape, dtype)
    k = np.ascontiguousarray(parts.k, np.int32).reshape(-1)
    near = np.ascontiguousarray(parts.near, np.int32)
    planes = (
        k,
        _flat(good, np.uint8),
        how,
        _flat(parts.zeros),
        _flat(parts.copies),
        values.shape[-1],
    )
    fits = _core.float_join(*planes, near, parts.low, values.reshape(-1))
    if not fits:
        raise ValueError("the parts of floats do not fit each other")
    return values


def check(how, dtype):
    """Raise ValueError unless 2^p is a normal number and drop leaves some mantissa or none."""
    size = np.dtype(dtype).itemsize
    if not 1 <= how.p + BIAS[size] <= 2 * BIAS[size]:
        raise ValueError(f"floats of {size} bytes are not split at 2^{how.p}")
    if not 0 <= how.drop <= MANTISSA[size] or abs(how.unit) > 1 << 14:
        raise ValueError("floats are not split so")


def _flat(array, view=None):
    if array is None:
        return None
    flat = np.ascontiguousarray(array).reshape(-1)
    return flat if view is None else flat.view(view)
