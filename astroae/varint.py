"""Signed integers as bytes and back: zigzag varints, one by one where they are few."""

import numpy as np

_FEW = 32
_MASK = 2**64 - 1


def pack_numbers(values):
    """Signed integers as bytes, seven bits each, small ones short (zigzag varints).

    Examples
    --------
    >>> from astroae.varint import pack_numbers, unpack_numbers
    >>> unpack_numbers(pack_numbers([3, -70000]), 0)[0].tolist()
    [3, -70000]
    """
    if len(values) <= _FEW:
        return b"".join(_pack(int(value)) for value in values)
    values = np.asarray(values, np.int64)
    rest = ((values << 1) ^ (values >> 63)).view(np.uint64)
    columns, more = [], []
    while True:
        high = rest >> np.uint64(7)
        columns.append((rest & np.uint64(127)).astype(np.uint8) | ((high > 0) * np.uint8(128)))
        more.append(high > 0)
        if not high.any():
            break
        rest = high
    used = np.stack([np.ones(len(values), bool), *more[:-1]], 1)
    return np.stack(columns, 1)[used].tobytes()


def unpack_numbers(data, start, count=None):
    """Inverse of `pack_numbers`: (int64 ndarray, position after the last byte).

    Without ``count`` all of ``data`` is read.
    """
    if count is not None and count <= _FEW:
        return _unpack(data, start, count)
    raw = np.frombuffer(data, np.uint8, offset=start) if len(data) > start else np.empty(0, "u1")
    if count is not None:
        raw = raw[: 10 * count]
    ends = np.flatnonzero(raw < 128)
    if count is None:
        if raw.size and (not ends.size or ends[-1] != raw.size - 1):
            raise ValueError("a number is cut off")
    elif ends.size < count:
        raise ValueError("a number is cut off")
    else:
        ends = ends[:count]
    if not ends.size:
        return np.empty(0, np.int64), start
    raw = raw[: ends[-1] + 1]
    first = np.append(0, ends[:-1] + 1)
    if (ends - first).max() > 9:
        raise ValueError("a number is longer than 64 bits")
    place = np.arange(raw.size) - np.repeat(first, ends - first + 1)
    bits = (raw & 127).astype(np.uint64) << (7 * place).astype(np.uint64)
    total = np.add.reduceat(bits, first)
    values = (total >> np.uint64(1)).view(np.int64) ^ -(total & np.uint64(1)).view(np.int64)
    return values, start + raw.size


def _pack(value):
    if not -(2**63) <= value < 2**63:
        raise OverflowError(f"{value} is longer than 64 bits")
    rest, out = (value << 1) ^ (value >> 63), bytearray()
    while rest > 127:
        out.append(rest & 127 | 128)
        rest >>= 7
    out.append(rest)
    return bytes(out)


def _unpack(data, start, count):
    values = []
    for _ in range(count):
        total = place = 0
        for place, byte in enumerate(data[start : start + 10]):
            total |= (byte & 127) << 7 * place
            if byte < 128:
                break
        else:
            raise ValueError("a number is cut off, or longer than 64 bits")
        start += place + 1
        total &= _MASK
        values.append(total >> 1 ^ -(total & 1))
    return np.array(values, np.int64), start
