"""Lossless numbers as integers: sparse levels, hidden grids, bit planes of floats.

Each pair of functions here turns stored values into integers worth predicting, and
back, bit for bit.
"""

import zlib

import numpy as np

from astroae.pixels.nulls import inflate
from astroae.varint import pack_numbers, unpack_numbers

MOST_LEVELS = 65_536
_SAMPLE = 4096
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


def trailing_exponent(values):
    """Exponent of the lowest set bit of each float: x is odd times 2 to this."""
    mantissa, exponent = np.frexp(values)
    whole = (np.abs(mantissa.astype(float)) * 2.0**53).astype(np.int64)
    low = (whole & -whole).astype(float)
    return exponent + np.frexp(low)[1] - 1 - 53


def hidden_grid(values):
    """Step 2^p such that all floats are whole multiples of it, coarser than their ulps.

    Returns the exponent p, or None.
    """
    nonzero = values[values != 0]
    if not nonzero.size or np.signbit(values[values == 0]).any():
        return None
    top = float(np.abs(nonzero).max())
    p = int(trailing_exponent(nonzero).min())
    ulp = int(np.frexp(top)[1]) - 1 - np.finfo(values.dtype).nmant
    if p < ulp or not -1000 < p < 900 or np.ldexp(top, -p) >= 2**30:
        return None
    return p


def split(values, p):
    """Floats as ``floor(x / 2^p)`` and the bits below.

    Parameters
    ----------
    values : float ndarray
        Finite; -0.0 must have been taken out.
    p : int

    Returns
    -------
    k : int64 ndarray
    low : bytes
        The bits below 2^p: `join` needs them and ``k``.
    """
    k = np.floor(np.ldexp(values.astype(float), -p)).astype(np.int64)
    flat, kf = values.ravel(), k.ravel()
    binade = _binade(kf, p)
    near = (kf == 0) | (kf == -1)
    unit = binade - _mantissa(values.dtype)
    far = ~near
    rest = flat[far].astype(float) - np.ldexp(kf[far].astype(float), p)
    low = np.ldexp(rest, -unit[far]).astype(np.int64)
    small = np.abs(flat[near])
    return k, _pack_low(low, (p - unit)[far]) + _pack_small(small)


def join(k, low, p, dtype):
    """Inverse of `split`."""
    dtype = np.dtype(dtype)
    kf = k.ravel()
    unit = _binade(kf, p) - _mantissa(dtype)
    near = (kf == 0) | (kf == -1)
    far = ~near
    rest, at = _unpack_low(low, (p - unit)[far])
    out = np.empty(kf.shape, dtype)
    out[far] = np.ldexp(kf[far].astype(float), p) + np.ldexp(rest.astype(float), unit[far])
    small = _unpack_small(low[at:], int(near.sum()), dtype)
    out[near] = np.where(kf[near] < 0, -small, small)
    return out.reshape(k.shape)


def _mantissa(dtype):
    return np.finfo(dtype).nmant


def _binade(k, p):
    """Exponent of the floats between k and k + 1, in units of 2^p (not for 0 and -1)."""
    inner = np.where(k < 0, -k - 1, k)
    return np.frexp(np.maximum(inner, 1).astype(float))[1] - 1 + p


def _pack_low(low, bits):
    """``bits[i]`` bits of each number: packed tightly, or deflated if that is smaller."""
    parts = []
    for n in np.unique(bits):
        if n <= 0:
            continue
        mine = low[bits == n]
        planes = _planes(mine, n)
        sample = planes[:, :_SAMPLE].tobytes()
        squeezed = len(zlib.compress(sample, 1)) * 8 < 0.97 * n * min(len(mine), _SAMPLE)
        body = zlib.compress(planes.tobytes(), 6) if squeezed else _tight(mine, n)
        parts.append(pack_numbers([squeezed, len(body)]) + body)
    return b"".join(parts)


def _unpack_low(data, bits):
    out, at = np.zeros(len(bits), np.int64), 0
    for n in np.unique(bits):
        if n <= 0:
            continue
        mine = bits == n
        count = int(mine.sum())
        (squeezed, size), at = unpack_numbers(data, at, count=2)
        body, at = data[at : at + max(int(size), 0)], at + int(size)
        if squeezed:
            width = -(-n // 8)
            planes = np.frombuffer(inflate(body, width * count), np.uint8).reshape(width, count)
            out[mine] = sum(planes[i].astype(np.int64) << (8 * i) for i in range(width))
        else:
            out[mine] = _loose(body, n, count)
    return out, at


def _planes(values, n):
    return np.stack([(values >> 8 * i).astype(np.uint8) for i in range(-(-int(n) // 8))])


def _tight(values, n):
    return np.packbits((values[:, None] >> np.arange(n)) & 1 == 1).tobytes()


def _loose(data, n, count):
    if len(data) != -(-n * count // 8):
        raise ValueError("low bits are cut off")
    bits = np.unpackbits(np.frombuffer(data, np.uint8), count=n * count).reshape(count, n)
    return (bits.astype(np.int64) << np.arange(n)).sum(axis=1)


def _pack_small(small):
    """Magnitudes below 2^p: exponents (few, deflated), then the mantissas."""
    bits = small.view(f"u{small.dtype.itemsize}").astype(np.int64)
    n = _mantissa(small.dtype)
    exponents = zlib.compress((bits >> n).astype("<u2").tobytes(), 6)
    mantissas = _pack_low(bits & (1 << n) - 1, np.full(len(bits), n))
    return pack_numbers([len(exponents)]) + exponents + mantissas


def _unpack_small(data, count, dtype):
    n = _mantissa(dtype)
    (size,), at = unpack_numbers(data, 0, count=1)
    exponents = np.frombuffer(inflate(data[at : at + int(size)], 2 * count), "<u2")
    mantissas, _ = _unpack_low(data[at + int(size) :], np.full(count, n))
    bits = (exponents.astype(np.int64) << n) | mantissas
    return bits.astype(f"u{np.dtype(dtype).itemsize}").view(dtype)


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
