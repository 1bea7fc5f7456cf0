"""SPLIT: floats in units of 2^p near their noise, with the bits below beside them.

Side information, see `astroae.core.floats`::

    drop, p - unit, near exponents, bytes of these, of zeros, of copies   as numbers
    near exponents | zeros | copies | low bits

Near exponents are a byte of 0, then for each of them, less 1, so many zeros and a one, high
bits first; or a byte of 1, then a plane of one row.  Zeros and copies are planes where they
pay.  Where all floats are multiples of 2^p there is nothing beside.
"""

import numpy as np

from astroae.codec.forms.base import Form, coded
from astroae.codec.forms.splitting import choose
from astroae.core import floats
from astroae.core.planes import decode_plane, encode_plane
from astroae.varint import pack_numbers, unpack_numbers

_DEEPEST = 1 << 14
_UNARY, _ROW = 0, 1  # how near exponents are coded
_FEW = 64


def analyze(values, context):
    """See the package's protocol."""
    found = floats.survey(values)
    if not found.good.any():
        return None
    found, how, beside = choose(values, found, context.sigma, pack)
    parts = floats.split(values, found, how, *beside)
    special = None if not found.special else ~found.good
    return coded(
        Form.SPLIT, parts.k, values, special, side=pack(parts, found, how), parameter=how.p
    )


def restore(k, plan, coded, context):
    """See the package's protocol."""
    (drop, depth, count, *sizes), at = unpack_numbers(coded.side, 0, count=6)
    if min(depth, count, *sizes) < 0 or depth > _DEEPEST or count > k.size:
        raise ValueError("the side information of split floats makes no sense")
    how = floats.Split(coded.parameter, int(drop), coded.parameter - int(depth))
    near, zeros, copies, low = _cut(coded.side[at:], *(int(size) for size in sizes))
    near = _unpack_near(near, int(count))
    copies = (
        decode_plane(copies, k.shape, _alike(k, plan.valid), dtype=np.int32) if copies else None
    )
    own = _own(plan.valid, copies)
    zeros = decode_plane(zeros, k.shape, own, dtype=np.int32) if zeros else None
    parts = floats.Parts(k, near, low, zeros, copies)
    return floats.join(parts, plan.valid, how, context.dtype)


def _cut(data, *sizes):
    """Pieces of these sizes, and what is left."""
    if sum(sizes) > len(data):
        raise ValueError("the parts of split floats do not add up")
    ends = np.cumsum((0, *sizes)).tolist()
    return *(data[a:b] for a, b in zip(ends, ends[1:])), data[ends[-1] :]


def pack(parts, found, how):
    """Side information of split floats."""
    valid = found.good if found.special else None
    near = _pack_near(parts.near)
    zeros = b"" if parts.zeros is None else encode_plane(parts.zeros, _own(valid, parts.copies))
    copies = b"" if parts.copies is None else encode_plane(parts.copies, _alike(parts.k, valid))
    depth = max(how.p - how.unit, 0)
    sizes = len(near), len(zeros), len(copies)
    head = pack_numbers([how.drop, depth, len(parts.near), *sizes])
    return head + near + zeros + copies + parts.low


def _pack_near(near):
    if not near.size:
        return b""
    in_row = bytes([_ROW]) + encode_plane(near[None]) if near.size < _FEW or _odd(near) else None
    if near.min() == 0 or (in_row is not None and 8 * len(in_row) < near.sum()):
        return in_row or bytes([_ROW]) + encode_plane(near[None])
    bits = np.zeros(int(near.sum()), np.uint8)
    bits[np.cumsum(near) - 1] = 1
    return bytes([_UNARY]) + np.packbits(bits).tobytes()


def _odd(near):
    """Whether exponents are not as those of numbers spread evenly: each half as many as the last."""
    return abs(float(near.mean()) - 2) > 0.1


def _unpack_near(data, count):
    if not count:
        return np.empty(0, np.int32)
    if data[:1] == bytes([_ROW]):
        return decode_plane(data[1:], (1, count), dtype=np.int32)[0]
    ends = np.flatnonzero(np.unpackbits(np.frombuffer(data, np.uint8, offset=1)))
    if data[:1] != bytes([_UNARY]) or len(ends) != count:
        raise ValueError("near exponents do not add up")
    return np.diff(ends, prepend=-1).astype(np.int32)


def _own(valid, copies):
    """Which pixels are ordinary and no copies."""
    if copies is None:
        return valid
    return copies == 0 if valid is None else valid & (copies == 0)


def _alike(k, valid):
    """Which pixels have the integer of the one before or above: others are no copies."""
    rows = k.reshape(-1, k.shape[-1])
    alike = np.zeros(rows.shape, bool)
    alike[:, 1:] = rows[:, 1:] == rows[:, :-1]
    alike[1:] |= rows[1:] == rows[:-1]
    alike = alike.reshape(k.shape)
    return alike if valid is None else alike & valid
