"""Pixels that stand for no number: NaN, inf, BLANK, kept zeros.  Mask / unmask.

`mask` finds them and writes down where they are and their exact bits (a NaN has a
payload); `unmask` puts them back.  A tile without any costs nothing.
"""

import zlib

import numpy as np

from astroae.errors import UnsupportedDataError
from astroae.varint import pack_numbers, unpack_numbers

MOST_PATTERNS = 200


def special(values, blank=None, zeros=False):
    """Which pixels are no ordinary number: bool array, or None if there are none.

    Parameters
    ----------
    values : ndarray
    blank : int, optional
        BLANK of an integer image.
    zeros : bool
        Whether exact zeros are kept as they are (dither method 2).
    """
    if values.dtype.kind == "f":
        found = ~np.isfinite(values)
    else:
        found = np.zeros(values.shape, bool) if blank is None else values == blank
    for zero in _zeros(values.dtype) if zeros else ():
        found |= values == zero
    return found if found.any() else None


def _zeros(dtype):
    """Stored values that may stand for 0: FITS stores the other signedness with an offset."""
    if dtype.kind == "f":
        return (0,)
    limits = np.iinfo(dtype)
    return limits.min, (limits.min + limits.max + 1) // 2


def refuse_mask(data):
    """Raise `UnsupportedDataError` where an array masks pixels: FITS has no mask for them."""
    if np.ma.is_masked(data):
        raise UnsupportedDataError(
            "masked pixels would lose their mask",
            where="data",
            found=f"{np.ma.count_masked(data)} masked pixels",
            hint="fill them first: data.filled(numpy.nan), or with BLANK where they are integers",
        )


def _bits(values):
    return values.view(f"u{values.dtype.itemsize}")


def mask(values, found):
    """Bytes that say where the special pixels are and what they hold.

    Returns None if they hold more different patterns than can be listed.
    """
    if found is None:
        return b""
    patterns, labels = np.unique(_bits(np.ascontiguousarray(values))[found], return_inverse=True)
    if len(patterns) > MOST_PATTERNS:
        return None
    listed = pack_numbers(patterns.astype(np.uint64).view(np.int64))
    if len(patterns) == 1:
        plane = np.packbits(found).tobytes()
    else:
        full = np.zeros(found.shape, np.uint8)
        full[found] = labels + 1
        plane = full.tobytes()
    packed = zlib.compress(plane, 9)
    return pack_numbers([len(patterns)]) + listed + packed


def where_special(data, shape):
    """What `mask` wrote: (labels, patterns); labels 0 are ordinary pixels.

    Raises
    ------
    ValueError
        If the bytes cannot be a mask of this shape.
    """
    count, at = unpack_numbers(data, 0, count=1)
    n = int(count[0])
    if not 1 <= n <= MOST_PATTERNS:
        raise ValueError("a mask lists no valid number of patterns")
    patterns, at = unpack_numbers(data, at, count=n)
    size = int(np.prod(shape))
    plane = inflate(data[at:], -(-size // 8) if n == 1 else size)
    raw = np.frombuffer(plane, np.uint8)
    labels = np.unpackbits(raw, count=size) if n == 1 else raw
    if labels.max(initial=0) > n:
        raise ValueError("a mask uses a pattern that it does not list")
    return labels.reshape(shape), patterns.view(np.uint64)


def unmask(values, labels, patterns):
    """Put the special pixels back, bit for bit (in place)."""
    found = labels > 0
    bits = _bits(values)
    bits[found] = patterns.astype(bits.dtype)[labels[found].astype(int) - 1]
    return values


def inflate(data, size):
    """Deflated bytes of a known size; no more than that is ever unpacked."""
    worker = zlib.decompressobj()
    try:
        plain = worker.decompress(data, size + 1)
    except zlib.error as exc:
        raise ValueError(f"deflated bytes are damaged ({exc})") from exc
    if len(plain) != size:
        raise ValueError(f"{len(plain)} bytes unpacked where {size} belong")
    return plain
