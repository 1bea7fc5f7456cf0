"""What the integers of one tile are coded with: the compiled core, or deflate.

Deflate, byte-shuffled as GZIP_2 has it, wins where patterns repeat that are no picture.
"""

import zlib

import numpy as np

from astroae.core.planes import decode_plane, encode_plane
from astroae.pixels.levels import shuffle, unshuffle
from astroae.pixels.nulls import inflate

__all__ = ["CORE", "DEFLATE", "NAMES", "decode", "encode"]

CORE, DEFLATE = 1, 2
NAMES = {CORE: "core", DEFLATE: "deflate"}

_TYPES = ("<i1", "<i2", "<i4", "<i8")
_TRIED = 1 << 12  # pixels by which deflate is judged


def encode(k, valid, grid, levels=None, effort="default"):
    """Code and bytes of the smaller method.

    Parameters
    ----------
    k : int32 or int64 ndarray (planes, y, x)
        Anything where not ``valid``.
    valid, grid, levels, effort
        As `astroae.core.encode_plane` takes them.

    Returns
    -------
    (int, bytes)
    """
    best = CORE, encode_plane(k, valid, grid=grid, levels=levels, effort=effort)
    plain = k if valid is None else np.where(valid, k, 0)
    if _deflated(plain.reshape(-1)[:_TRIED], 1) < 0.95 * len(best[1]) * min(1, _TRIED / k.size):
        best = min(best, (DEFLATE, _deflate(plain)), key=lambda made: len(made[1]))
    return best


def decode(method, data, shape, valid, grid, levels, dtype):
    """Inverse of `encode`, as ``dtype``; raises ValueError on bytes that cannot be right."""
    if method == CORE:
        return decode_plane(data, shape, valid, grid=grid, levels=levels, dtype=dtype)
    if method != DEFLATE:
        raise ValueError(f"METHOD {method} is unknown")
    return _inflate(data, shape).astype(dtype)


def _deflate(k, level=6):
    limits = int(k.min()), int(k.max())
    width = next(i for i, t in enumerate(_TYPES) if all(_holds(t, limit) for limit in limits))
    return bytes([width]) + zlib.compress(shuffle(k.astype(_TYPES[width])), level)


def _holds(kind, number):
    return np.iinfo(kind).min <= number <= np.iinfo(kind).max


def _deflated(k, level):
    return len(_deflate(k, level))


def _inflate(data, shape):
    if not len(data) or data[0] >= len(_TYPES):
        raise ValueError("deflated integers have no valid type")
    kind = np.dtype(_TYPES[data[0]])
    size = kind.itemsize * int(np.prod(shape))
    return unshuffle(inflate(data[1:], size), kind).reshape(shape)
