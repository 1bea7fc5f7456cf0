"""What was promised of the pixels, worked out without the package, in exact fractions.

Nothing here calls the package: its own check is one of the things that are tested.
"""

from fractions import Fraction
from itertools import product

import numpy as np

__all__ = ["broken_promise"]

#: CFITSIO's differences: places, weights, and the factor to the sigma of white noise.
_ORDERS = (
    ((0, 2), (1, -1), 1.0483579),
    ((0, 2, 4), (-1, 2, -1), 0.6052697),
    ((0, 2, 4, 6, 8), (1, -4, 6, -4, 1), 0.1772048),
)
#: Room for the last bits of a noise that was worked out in another order.
_SLACK = Fraction(1, 10**6)


def broken_promise(before, after, asked, tile_shape, blank=None):
    """What is wrong with the pixels that came back; empty where nothing is.

    Parameters
    ----------
    before, after : ndarray
        Stored values.
    asked : dict
        ``quantize_level``, ``error_bound`` or ``relative_error``, ``dither`` and
        ``lossy_integers``; none of them for lossless.
    tile_shape : tuple of int
    blank : int, optional
    """
    before = np.ascontiguousarray(before, before.dtype.newbyteorder("="))
    if after.shape != before.shape or after.dtype != before.dtype:
        return f"{after.shape} of {after.dtype} for {before.shape} of {before.dtype}"
    changed = _bits(before) != _bits(np.ascontiguousarray(after))
    if not changed.any():
        return ""
    kept = _kept(before, asked, blank)
    if (changed & kept).any():
        return f"{np.count_nonzero(changed & kept)} pixels changed that no loss may touch"
    if (_undefined(after, blank) & ~_undefined(before, blank)).any():
        return "a pixel became NaN, infinite or BLANK"
    for tile in _tiles(before.shape, tile_shape):
        allowed = _bound(before[tile], asked, blank)
        for x, y, moved in zip(before[tile].flat, after[tile].flat, changed[tile].flat):
            if moved and _error(x, y) > allowed(x, y):
                return f"{x!r} became {y!r}, allowed are {float(allowed(x, y)):.17g}"
    return ""


def _bits(values):
    return values.view(f"u{values.dtype.itemsize}")


def _undefined(values, blank):
    if values.dtype.kind == "f":
        return ~np.isfinite(values)
    return np.zeros(values.shape, bool) if blank is None else values == blank


def _kept(before, asked, blank):
    """Pixels of which every bit must come back."""
    whole = before.dtype.kind != "f"
    if not asked or (whole and not asked.get("lossy_integers")):
        return np.ones(before.shape, bool)
    kept = _undefined(before, blank)
    if asked.get("dither") == 2 or "relative_error" in asked:
        for zero in _zeros(before.dtype):
            kept |= before == zero
    return kept


def _zeros(dtype):
    """What is stored for 0; BZERO may make a type of the other signedness of integers."""
    if dtype.kind == "f":
        return [0]
    return [0, 1 << 7 if dtype.kind == "u" else -(1 << 8 * dtype.itemsize - 1)]


def _tiles(shape, tile_shape):
    starts = (range(0, n, t) for n, t in zip(shape, tile_shape))
    for corner in product(*starts):
        yield tuple(slice(c, c + t) for c, t in zip(corner, tile_shape))


def _bound(tile, asked, blank):
    """``allowed(x, y)``: the largest error of a pixel of this tile."""
    if "relative_error" in asked:
        part = Fraction(asked["relative_error"])
        return lambda x, y: part * abs(_exact(x)) if (x < 0) == (y < 0) and y != 0 else -1
    if "error_bound" in asked:
        half = Fraction(asked["error_bound"])
    else:
        noise = _noise(tile, blank)  # without a finite one nothing may be lost
        half = Fraction(noise if np.isfinite(noise) else 0) / Fraction(asked["quantize_level"]) / 2
        half *= 1 + _SLACK
    if tile.dtype.kind != "f":
        return lambda x, y: half
    return lambda x, y: half + _exact(np.spacing(np.abs(y))) / 2


def _exact(value):
    return Fraction(int(value)) if value.dtype.kind != "f" else Fraction(float(value))


def _error(x, y):
    return abs(_exact(x) - _exact(y))


def _noise(tile, blank):
    """The smallest of three median absolute differences along x, as CFITSIO has it."""
    if tile.ndim > 1 and tile.shape[-1] == 1:
        tile = np.swapaxes(tile, -1, -2)  # a column is coded as a row
    work = tile.astype(np.float32 if tile.dtype == np.float32 else np.float64)
    work[_undefined(tile, blank)] = np.nan
    found = []
    for places, weights, factor in _ORDERS:
        count = work.shape[-1] - places[-1]
        if count < 1:
            continue
        with np.errstate(all="ignore"):
            each = sum(w * work[..., p : p + count] for p, w in zip(places, weights))
        each = sorted(abs(float(d)) for d in each.flat if np.isfinite(d))
        varying = [d for d in each if d > 0]
        if varying:
            middle = each[len(each) // 2] or varying[len(varying) // 2]
            found.append(middle * factor)
    return min((sigma for sigma in found if sigma > 0), default=0.0)
