"""Planes of a tile as bytes.

`encode_plane` takes integers of any range and gives bytes; `decode_plane` takes these
bytes and what else the decoder knows (shape, mask, level list) and gives the same
integers.  Masked pixels cost nothing and come back as 0.
"""

import numpy as np

from astroae.core import _core

EFFORTS = {"default": 0, "high": 1}
MAX_PIXELS = 1 << 22


class CorruptPlaneError(ValueError):
    """Bytes that no encoder wrote."""


def encode_plane(k, valid=None, *, grid=None, effort="default", levels=None, verify=False):
    """Bytes of a tile's integers.

    Parameters
    ----------
    k : int32 or int64 ndarray (y, x) or (planes, y, x)
        At most 2^22 pixels.  Planes are coded one below the other.
    valid : bool ndarray of the same shape, optional
        Pixels that count; the decoder must know it.
    grid : tuple of int64 ndarray, optional
        (step, shift) per pixel, which the decoder must know: level k of a pixel lies at
        ``k * step + shift``, in 1/4096 of the usual step; step may be None: 4096.  So
        dithered integers and those of a source with many scales are predicted as values.
    effort : {"default", "high"}
        High takes about ten times as long and gives 1 to 4 % fewer bytes.
    levels : int64 ndarray, optional
        Sorted list of values that the decoder knows too.  The tile may then be coded as
        places in this list, where that is smaller and all its values are there.
    verify : bool
        Decode what was written and compare.

    Returns
    -------
    bytes

    Examples
    --------
    >>> import numpy as np
    >>> from astroae.core import decode_plane, encode_plane
    >>> k = np.random.default_rng(0).poisson(100, (64, 64))
    >>> coded = encode_plane(k)
    >>> np.array_equal(decode_plane(coded, k.shape), k)
    True
    """
    k = np.asarray(k)
    if k.dtype not in (np.int32, np.int64) or k.ndim not in (2, 3):
        raise TypeError(f"int32 or int64 in 2 or 3 dimensions are coded, not {k.dtype}, {k.ndim}")
    h, w = _plane_shape(k.shape)
    flat = np.ascontiguousarray(k).reshape(h * w)
    known = _mask(valid, k.shape), h, w, *_grid(grid, k.shape), _levels(levels)
    return _core.encode(flat, *known, EFFORTS[effort], verify)


def decode_plane(data, shape, valid=None, *, grid=None, levels=None, dtype=np.int64):
    """Integers that `encode_plane` was given.

    Parameters
    ----------
    data : bytes
    shape : tuple of int
    valid, grid, levels
        As given to `encode_plane`.
    dtype : numpy.int64 or numpy.int32

    Returns
    -------
    ndarray of ``shape`` and ``dtype``

    Raises
    ------
    CorruptPlaneError
        The bytes make no sense, or a value does not fit the type.
    """
    h, w = _plane_shape(shape)
    k = np.empty(h * w, dtype)
    if k.dtype not in (np.int32, np.int64):
        raise TypeError(f"planes are decoded to int32 or int64, not {k.dtype}")
    known = _mask(valid, shape), h, w, *_grid(grid, shape), _levels(levels)
    problem = _core.decode(data, *known, k)
    if problem:
        raise CorruptPlaneError(problem)
    return k.reshape(shape)


def _plane_shape(shape):
    """(rows, columns) of all planes one below the other."""
    *above, w = (int(n) for n in shape)
    h = int(np.prod(above))
    if min(h, w) < 1 or h * w > MAX_PIXELS:
        raise ValueError(f"a tile has 1 to {MAX_PIXELS} pixels, not {h} x {w}")
    return h, w


def _mask(valid, shape):
    if valid is None:
        return None
    valid = np.ascontiguousarray(valid)
    if valid.dtype != bool or valid.shape != tuple(shape):
        raise TypeError(f"a mask is bool of shape {tuple(shape)}, not {valid.dtype} {valid.shape}")
    return valid.reshape(-1).view(np.uint8)


def _grid(grid, shape):
    """Flat (step, shift), within what the coder's sums can hold."""
    step, shift = (None, None) if grid is None else grid
    if shift is None:
        return None, None
    shift = np.ascontiguousarray(shift, np.int64)
    step = None if step is None else np.ascontiguousarray(step, np.int64)
    if shift.shape != tuple(shape) or (step is not None and step.shape != tuple(shape)):
        raise ValueError(f"a grid has the shape of its pixels, {tuple(shape)}")
    if np.abs(shift).max() >= 2**48 or (step is not None and not _steps_serve(step)):
        raise ValueError("a grid has steps of 2048 to 2^30 and shifts below 2^48")
    return None if step is None else step.reshape(-1), shift.reshape(-1)


def _steps_serve(step):
    return step.min() >= 2048 and step.max() <= 2**30


def _levels(levels):
    if levels is None:
        return None
    levels = np.ascontiguousarray(levels, np.int64)
    if levels.ndim != 1 or np.any(levels[1:] <= levels[:-1]):
        raise ValueError("levels are one list, sorted, each once")
    return levels if len(levels) else None
