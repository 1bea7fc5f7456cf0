"""Integers as they are, in the smallest type that holds them."""

import numpy as np

CODE = 1
NAME = "raw"
_TYPES = ("<i1", "<i2", "<i4", "<i8")


def smallest(k):
    """The smallest of the integer types that holds all of ``k``."""
    low, high = int(k.min()), int(k.max())
    return next(t for t in _TYPES if np.iinfo(t).min <= low and high <= np.iinfo(t).max)


def encode(k, valid, units, predictor):
    """See the package's protocol."""
    kind = smallest(k)
    return bytes([_TYPES.index(kind)]) + k.astype(kind).tobytes()


def decode(data, shape, valid, units, predictor):
    """See the package's protocol."""
    if not data or data[0] >= len(_TYPES):
        raise ValueError("raw integers have no valid type")
    kind = np.dtype(_TYPES[data[0]])
    if len(data) - 1 != kind.itemsize * int(np.prod(shape)):
        raise ValueError("raw integers do not fill the tile")
    return np.frombuffer(data, kind, offset=1).reshape(shape).astype(np.int64)
