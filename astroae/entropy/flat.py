"""Whole numbers <-> deflated bytes: for latents of few levels, as drawings have."""

import math
import zlib

import numpy as np

__all__ = ["deflate", "inflate"]


def deflate(tensors):
    """As 16-bit numbers, their low bytes first.

    Parameters
    ----------
    tensors : list of int64 ndarray

    Returns
    -------
    bytes
        Longer than any other coding where a number does not fit.
    """
    whole = np.concatenate([tensor.ravel() for tensor in tensors] or [np.empty(0, np.int64)])
    if np.abs(whole).max(initial=0) >= 1 << 15:
        return bytes(16 * whole.size + 64)
    planes = whole.astype("<i2").view(np.uint8).reshape(-1, 2).T
    return zlib.compress(planes.tobytes(), 6)


def inflate(data, shapes):
    """Inverse of `deflate`: list of int64 ndarray.

    Raises
    ------
    ValueError
        If the bytes are damaged, or hold more or less than ``shapes`` ask for.
    """
    sizes = [math.prod(shape) for shape in shapes]
    reader = zlib.decompressobj()
    try:
        raw = reader.decompress(data, 2 * sum(sizes) + 1)
    except zlib.error as exc:
        raise ValueError("the deflated latents are damaged") from exc
    if len(raw) != 2 * sum(sizes) or not reader.eof or reader.unused_data:
        raise ValueError("the deflated latents have another length")
    planes = np.frombuffer(raw, np.uint8).reshape(2, -1).T
    whole = np.ascontiguousarray(planes).view("<i2").ravel().astype(np.int64)
    parts = np.split(whole, np.cumsum(sizes)[:-1])
    return [part.reshape(shape) for part, shape in zip(parts, shapes)]
