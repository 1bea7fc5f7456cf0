"""Lossless numbers as integers: sparse levels, floats that sort alike, fewer mantissa bits.

Each pair of functions here turns stored values into integers worth predicting, and
back, bit for bit.
"""

import numpy as np

MOST_LEVELS = 65_536
MOST_JUDGED = 1 << 17  # pixels


def ordered(values):
    """Floats as signed integers that sort alike (-0.0 below 0.0)."""
    size = values.dtype.itemsize
    bits = values.view(f"i{size}").astype(np.int64)
    lowest = np.int64(-(2 ** (8 * size - 1)))
    return np.where(bits < 0, lowest - bits - 1, bits)


def unordered(numbers, dtype):
    """Inverse of `ordered`."""
    dtype = np.dtype(dtype)
    lowest = np.int64(-(2 ** (8 * dtype.itemsize - 1)))
    bits = np.where(numbers < 0, lowest - numbers - 1, numbers)
    return bits.astype(f"i{dtype.itemsize}").view(dtype)


def shuffle(values):
    """Bytes of numbers, all first bytes first (as GZIP_2)."""
    return np.ascontiguousarray(values.view(np.uint8).reshape(-1, values.itemsize).T).tobytes()


def unshuffle(data, dtype):
    """Inverse of `shuffle`, flat."""
    planes = np.frombuffer(data, np.uint8).reshape(np.dtype(dtype).itemsize, -1)
    return np.ascontiguousarray(planes.T).view(dtype).ravel()


def find_levels(values):
    """Whether an image uses few of the levels in its range, judged by a sample.

    Parameters
    ----------
    values : int64 ndarray, flat
        Some `MOST_JUDGED` of its pixels, special ones left out.
    """
    values = np.sort(values)
    # Rare bright pixels leave gaps that cost nothing; the bulk decides.
    bulk = values[len(values) // 100 : len(values) - len(values) // 100]
    used = 1 + np.count_nonzero(np.diff(bulk)) if len(bulk) else 0
    return 2 <= used <= len(bulk) // 8 and used < 0.75 * (int(bulk[-1]) - int(bulk[0]) + 1)


def _mantissa(dtype):
    return np.finfo(dtype).nmant


def truncate(values, kept):
    """Floats rounded to ``kept`` mantissa bits, as sorted integers.

    Sign, zero and order survive, and the relative error is at most
    2^-(kept + 1).  Infinities and NaN must have been taken out.
    """
    drop = _mantissa(values.dtype) - kept
    numbers = ordered(values)
    magnitude = np.where(numbers < 0, -numbers - 1, numbers)
    rounded = magnitude + (1 << drop - 1) >> drop if drop else magnitude
    return np.where(numbers < 0, -rounded - 1, rounded)


def extend(k, kept, dtype):
    """The floats that `truncate` stands for."""
    drop = _mantissa(dtype) - kept
    magnitude = np.where(k < 0, -k - 1, k) << drop
    return unordered(np.where(k < 0, -magnitude - 1, magnitude), dtype)
