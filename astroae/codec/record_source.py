"""The grid of an fpacked source as bytes, smaller than the doubles it is made of.

CFITSIO computes a tile's scale from a median m of differences as ``factor * m / q``,
m being a float32 for float32 images, and puts the zero point on a whole multiple of
the scale.  Where that reproduces the stored doubles bit for bit, m and the multiple
are kept (some 4 bytes a tile instead of 16); else the doubles.
"""

import zlib

import numpy as np

from astroae.pixels.grids import SourceGrid
from astroae.pixels.levels import shuffle, unshuffle
from astroae.pixels.noise import FACTORS
from astroae.pixels.nulls import inflate
from astroae.varint import pack_numbers, unpack_numbers

_MOST_AXES = 999
_LEVELS = (4.0, 16.0, 1.0, 2.0, 8.0, 0.5, 10.0, 20.0, 32.0, 64.0, 100.0)


def pack_source(source, centre):
    """Bytes of a `SourceGrid` and of the value its integers are counted from."""
    columns = [_pack_scale(source.scale), _pack_zero(source.zero, source.scale)]
    columns += [np.packbits(source.exact).tobytes(), np.float64(centre).astype("<f8").tobytes()]
    columns = [zlib.compress(column, 9) for column in columns]
    head = [len(source.tile_shape), *source.tile_shape]
    head += [len(source.scale), source.dither, source.seed, source.null, *map(len, columns)]
    return pack_numbers(head) + b"".join(columns)


def unpack_source(data, most):
    """Inverse of `pack_source`; raises ValueError on bytes that cannot be of ``most`` tiles."""
    (axes,), at = unpack_numbers(data, 0, count=1)
    if not 0 < axes <= _MOST_AXES:
        raise ValueError(f"its source has {axes} axes")
    numbers, at = unpack_numbers(data, at, count=int(axes) + 8)
    shape, (n, dither, seed, null), sizes = np.split(numbers, [axes, axes + 4])
    if shape.min() < 1 or dither not in (0, 1, 2) or not 0 <= n <= most:
        raise ValueError("its source grid is out of range")
    if sizes.min() < 0 or sizes.sum() != len(data) - at:
        raise ValueError("its source grid is cut off")
    n, stops = int(n), at + np.cumsum(sizes)
    parts = [data[stop - size : stop] for size, stop in zip(sizes, stops)]
    scale = _unpack_scale(_inflate_most(parts[0], 16 + 9 * n), n)
    zero = _unpack_zero(_inflate_most(parts[1], 1 + 10 * n), scale)
    bits = np.frombuffer(inflate(parts[2], -(-n // 8)), np.uint8)
    exact = np.unpackbits(bits, count=n).astype(bool)
    centre = float(np.frombuffer(inflate(parts[3], 8), "<f8")[0])
    shape = tuple(int(v) for v in shape)
    return SourceGrid(shape, scale, zero, exact, int(dither), int(seed), int(null)), centre


def _inflate_most(data, most):
    """Deflated bytes of unknown size, at most ``most``."""
    worker = zlib.decompressobj()
    try:
        plain = worker.decompress(data, most)
    except zlib.error as exc:
        raise ValueError(f"deflated bytes are damaged ({exc})") from exc
    if not worker.eof:
        raise ValueError("its source grid is longer than its tiles")
    return plain


@np.errstate(all="ignore")  # what overflows is not reproduced
def _pack_scale(scale):
    for level in _LEVELS:
        medians = [(scale * level / factor).astype(np.float32) for factor in FACTORS]
        again = np.stack([_scales(m, factor, level) for m, factor in zip(medians, FACTORS)])
        hit = again == scale
        if hit.any(axis=0).all():
            which = hit.argmax(axis=0)
            median = np.choose(which, medians).astype("<f4")
            return (
                b"\1" + np.float64(level).tobytes() + which.astype("u1").tobytes() + shuffle(median)
            )
    return b"\0" + shuffle(scale.astype("<f8"))


def _scales(median, factor, level):
    return median.astype(np.float64) * factor / level


def _unpack_scale(plain, n):
    if plain[:1] == b"\0" and len(plain) == 1 + 8 * n:
        return unshuffle(plain[1:], "<f8").astype(np.float64)
    if plain[:1] != b"\1" or len(plain) != 9 + 5 * n:
        raise ValueError("the scales of its source grid are cut off")
    level = float(np.frombuffer(plain, "<f8", count=1, offset=1)[0])
    which = np.frombuffer(plain, np.uint8, count=n, offset=9)
    if which.max(initial=0) >= len(FACTORS):
        raise ValueError("a scale of its source grid has no such factor")
    with np.errstate(all="ignore"):
        return _scales(unshuffle(plain[9 + n :], "<f4"), np.array(FACTORS)[which], level)


def _pack_zero(zero, scale):
    with np.errstate(all="ignore"):
        multiple = np.rint(zero / scale)
        multiple = np.where(np.abs(multiple) < 2**53, multiple, 0).astype(np.int64)
        same = (multiple * scale).view(np.int64) == zero.view(np.int64)
    if same.all():
        return b"\1" + pack_numbers(np.diff(multiple, prepend=0))
    return b"\0" + shuffle(zero.astype("<f8"))


def _unpack_zero(plain, scale):
    if plain[:1] == b"\0" and len(plain) == 1 + 8 * len(scale):
        return unshuffle(plain[1:], "<f8").astype(np.float64)
    multiple, end = unpack_numbers(plain, 1, count=len(scale))
    if plain[:1] != b"\1" or end != len(plain):
        raise ValueError("the zero points of its source grid are cut off")
    with np.errstate(all="ignore"):
        return np.cumsum(multiple) * scale
