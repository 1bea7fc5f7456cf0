"""What the integers of one tile are coded with: the compiled core, or bzip2.

The core looks at neighbours.  Where instead a value tells what follows it (events of one
shape, tables, repeated patterns), sorting by context, which is what bzip2 does, is shorter.
"""

import bz2

import numpy as np

from astroae.core.planes import decode_plane, encode_plane
from astroae.pixels.levels import shuffle, unshuffle

__all__ = ["BZIP2", "CORE", "NAMES", "decode", "encode"]

CORE, BZIP2 = 1, 2
NAMES = {CORE: "core", BZIP2: "bzip2"}

_TYPES = ("<i1", "<i2", "<i4", "<i8")
_JUDGED = 1 << 12  # pixels
#: Part of them that must come as they did after the same value before, and bits a pixel below
#: which nothing is to be gained.
_FOLLOW, _FEW_BITS = 0.3, 1.0


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
    if 8 * len(best[1]) < _FEW_BITS * k.size:
        return best
    plain = k if valid is None else np.where(valid, k, 0)
    middle = max(k.size - _JUDGED, 0) // 2
    if not _follows(plain.reshape(-1)[middle : middle + _JUDGED]):
        return best
    return min(best, (BZIP2, _sort(plain, levels)), key=lambda made: len(made[1]))


def decode(method, data, shape, valid, grid, levels, dtype):
    """Inverse of `encode`, as ``dtype``; raises ValueError on bytes that cannot be right."""
    if method == CORE:
        return decode_plane(data, shape, valid, grid=grid, levels=levels, dtype=dtype)
    if method != BZIP2:
        raise ValueError(f"METHOD {method} is unknown")
    return _unsort(bytes(data), shape, levels).astype(dtype)


def _follows(k):
    """Whether values mostly are followed by what followed them before, and not by themselves."""
    here, after = k[:-1], k[1:]
    order = np.argsort(here, kind="stable")
    here, after = here[order], after[order]
    known = (here[1:] == here[:-1]) & (after[1:] == after[:-1]) & (after[1:] != here[1:])
    return np.count_nonzero(known) > _FOLLOW * len(k)


def _sort(k, levels):
    """Type, whether the numbers are places in the list of levels, then they, bytes apart."""
    ranked = levels is not None and bool(np.isin(k, levels).all())
    k = np.searchsorted(levels, k) if ranked else k
    limits = int(k.min()), int(k.max())
    width = next(i for i, t in enumerate(_TYPES) if all(_holds(t, limit) for limit in limits))
    return bytes([width + len(_TYPES) * ranked]) + bz2.compress(shuffle(k.astype(_TYPES[width])))


def _holds(kind, number):
    return np.iinfo(kind).min <= number <= np.iinfo(kind).max


def _unsort(data, shape, levels):
    if not data or data[0] >= 2 * len(_TYPES):
        raise ValueError("sorted integers have no valid type")
    ranked, width = divmod(data[0], len(_TYPES))
    kind = np.dtype(_TYPES[width])
    k = unshuffle(_unpacked(data[1:], kind.itemsize * int(np.prod(shape))), kind).reshape(shape)
    if not ranked:
        return k
    if levels is None or k.min() < 0 or k.max() >= len(levels):
        raise ValueError("a place lies outside the list of levels")
    return levels[k]


def _unpacked(data, size):
    """bzip2's bytes of a known size; no more than that is ever unpacked."""
    worker = bz2.BZ2Decompressor()
    try:
        plain = worker.decompress(data, size + 1)
        if len(plain) == size and not worker.eof:
            plain += worker.decompress(b"", 1)
    except (OSError, EOFError) as exc:
        raise ValueError(f"sorted bytes are damaged ({exc})") from exc
    if len(plain) != size or not worker.eof or worker.unused_data:
        raise ValueError(f"{len(plain)} bytes unpacked where {size} belong")
    return plain
