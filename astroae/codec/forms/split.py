"""SPLIT: floats in units of 2^p near their noise, with the bits below them beside.

Side information::

    drop, p - unit, bytes of near exponents, bytes of zeros   as numbers
    near exponents, in one row | zeros | low bits             see `astroae.core.floats`

The exponents and, where they are counted, the zeros are coded as planes.  Where all
floats are multiples of 2^p there is nothing beside.
"""

import numpy as np

from astroae.codec.forms.base import Form, coded
from astroae.core import floats
from astroae.core.planes import decode_plane, encode_plane
from astroae.pixels.nulls import MOST_PATTERNS
from astroae.varint import pack_numbers, unpack_numbers

_BELOW_NOISE = 3  # bits: finer ones are noise and cost what they are
_STRIP = 1 << 13  # pixels by which p and the counting of zeros are judged
_FEW_BITS = 4.4  # what k costs at least, a pixel, where its p is near the noise
_FINER = 4  # bits at a time on the way to a smooth image's noise
_DEEPEST = 1 << 12


def analyze(values, context):
    """See the package's protocol."""
    found = floats.survey(values)
    if not found.good.any():
        return None
    p = _start(values, found, context.sigma)
    found, p = _without_outliers(values, found, p)
    strip = _strip(values)
    how, counted = found.at(p), False
    if not how.whole:
        bits, counted = _judge(strip, how)
        if bits < _FEW_BITS:
            how = _finer(values, found, p)
    parts = floats.split(values, found, how, counted)
    special = None if not found.special else ~found.good
    return coded(Form.SPLIT, parts.k, values, special, side=_pack(parts, found, how), parameter=how.p)


def restore(k, plan, coded, context):
    """See the package's protocol."""
    (drop, depth, *sizes), at = unpack_numbers(coded.side, 0, count=4)
    if not 0 <= depth <= _DEEPEST or min(sizes) < 0 or at + sum(sizes) > len(coded.side):
        raise ValueError("the side information of split floats makes no sense")
    how = floats.Split(coded.parameter, int(drop), coded.parameter - int(depth))
    near, zeros, low = _cut(coded.side, at, at + int(sizes[0]), at + int(sum(sizes)))
    count = 0
    if not how.whole:
        close = (k == 0) | (k == -1)
        count = int(np.count_nonzero(close if plan.valid is None else close & plan.valid))
    near = decode_plane(near, (1, count), dtype=np.int32) if count else np.empty((1, 0), np.int32)
    zeros = decode_plane(zeros, k.shape, plan.valid, dtype=np.int32) if len(zeros) else None
    return floats.join(floats.Parts(k, near[0], low, zeros), plan.valid, how, context.dtype)


def _cut(data, *places):
    return (data[a:b] for a, b in zip(places, (*places[1:], len(data))))


def _pack(parts, found, how):
    near = encode_plane(parts.near[None]) if parts.near.size else b""
    zeros = b"" if parts.zeros is None else encode_plane(parts.zeros, _valid(found))
    depth = max(how.p - how.unit, 0)
    return pack_numbers([how.drop, depth, len(near), len(zeros)]) + near + zeros + parts.low


def _valid(found):
    return found.good if found.special else None


# ---- the choice of p -------------------------------------------------------------------


def _start(values, found, sigma):
    """p below the noise, or what all are multiples of where that is not much finer."""
    p = _resolution(values, found)
    if 0 < sigma < np.inf:
        p = max(p, int(np.floor(np.log2(sigma))) - _BELOW_NOISE)
    if p - _BELOW_NOISE <= found.unit <= found.top:
        p = found.unit
    return max(p, _lowest(values))


def _lowest(values):
    return 1 - floats.BIAS[values.itemsize]


def _resolution(values, found):
    """Exponent of the last bit that ordinary pixels have."""
    sample = np.abs(values.reshape(-1)[:: values.size // _STRIP + 1])
    sample = sample[(sample > 0) & (sample < np.inf)]
    usual = float(np.partition(sample, sample.size // 2)[sample.size // 2]) if sample.size else 1.0
    return int(np.frexp(usual)[1]) - 1 - floats.MANTISSA[values.itemsize] + found.drop


def _without_outliers(values, found, p):
    """The survey, and p such that integers have 30 bits: a few fill values are made special."""
    most = p + floats.MOST_BITS
    if found.top < most:
        return found, p
    with np.errstate(all="ignore"):
        beyond = found.good & (np.abs(values) >= np.ldexp(1.0, most))
        if len(np.unique(values[beyond])) > MOST_PATTERNS // 2 or beyond.sum() == found.good.sum():
            return found, found.top - floats.MOST_BITS + 1
        return floats.survey(np.where(beyond, values.dtype.type(np.nan), values)), p


def _strip(values):
    """Some rows from the middle."""
    rows = values.reshape(-1, values.shape[-1])
    count = min(len(rows), -(-_STRIP // rows.shape[1]))
    first = (len(rows) - count) // 2
    return rows[first : first + count, :_STRIP]


def _judge(strip, how):
    """(bits a pixel of the integers, whether zeros of low bits are worth counting)."""
    found = floats.survey(strip)
    parts, counting = (floats.split(strip, found, how, count) for count in (False, True))
    good = int(found.good.sum())
    if not good:
        return _FEW_BITS, False
    counts = np.bincount(counting.zeros[found.good])
    saved = len(parts.low) - len(counting.low) - _entropy(counts) / 8
    bits = 8 * len(encode_plane(parts.k, _valid(found))) / good
    return bits, saved > 0.01 * len(parts.low) + 0.01 * good


def _entropy(counts):
    counts = counts[counts > 0]
    return float(counts.sum() * np.log2(counts.sum()) - (counts * np.log2(counts)).sum())


def _finer(values, found, p):
    """The split of a smooth image, whose noise lies lower: finer while that pays."""
    lowest = max(_resolution(values, found) + 1, _lowest(values), found.top - floats.MOST_BITS + 1)
    best = None
    while best is None or (p := max(p - _FINER, lowest)) < best[1].p:
        how = found.at(p)
        parts = floats.split(values, found, how)
        size = len(encode_plane(parts.k, _valid(found))) + len(_pack(parts, found, how))
        if best is not None and size > 0.998 * best[0]:
            break
        best = size, how
    return best[1]
