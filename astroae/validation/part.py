"""The part of a large image that settings are tried on."""

from itertools import product

import numpy as np

from astroae.pixels.noise import noise_sigma
from astroae.pixels.tiling import TileGrid

__all__ = ["choose_part", "describe_part"]

_PLANES = 5  # of a cube, at most, among which one is chosen
_BRIGHT = 5  # sigma of a pixel that may be a source


def choose_part(shape, tile_shape, side, read):
    """The square of one plane that has most to lose: the one with most peaks.

    Deciding needs sources, and what holds for the richest part holds for emptier ones,
    because a level is a fraction of each tile's own noise.  The square begins at a tile's
    corner, so that its tiles are those of the whole image.

    Parameters
    ----------
    shape : tuple of int
        Two axes or more, (..., y, x).
    tile_shape : tuple of int
        Of the whole image.
    side : int or None
        Pixels; None: the whole plane.
    read : callable
        ``read(slices)`` gives physical values.

    Returns
    -------
    tuple of slice
        As many as the image has axes.  Of equally rich ones that with most finite
        pixels, then the one nearest to the middle.

    Examples
    --------
    >>> import numpy as np
    >>> from astroae.validation.part import choose_part
    >>> sky = np.random.default_rng(1).normal(0, 1, (64, 96))
    >>> sky[10:60:10, 70:90:5] += 30
    >>> choose_part(sky.shape, (32, 32), 32, lambda part: sky[part])
    (slice(0, 32, None), slice(64, 96, None))
    """
    planes = list(product(*map(range, shape[:-2])))
    some = np.unique(np.linspace(0, len(planes) - 1, _PLANES + 2).round().astype(int)[1:-1])
    steps = tuple(min(t, n) for t, n in zip(tile_shape[-2:], shape[-2:]))
    squares = [_starts(n, step, side) for n, step in zip(shape[-2:], steps)]
    found = [(planes[i], y, x) for i in some for y, x in product(*squares)]
    if len(found) > 1:
        counts = {p: _counted(shape[-2:], steps, p, read) for p in {f[0] for f in found}}
        found.sort(key=lambda f: _rank(f, counts[f[0]], steps, shape))
    plane, *square = found[0]
    return tuple(slice(i, i + 1) for i in plane) + tuple(square)


def describe_part(part, shape):
    """In words: the whole image, or where the part lies (from 0, slowest axis first)."""
    if all(s.stop - s.start == n for s, n in zip(part, shape)):
        return "whole image"
    y, x = part[-2:]
    words = []
    if (y, x) != tuple(slice(0, n) for n in shape[-2:]):
        words = [f"{x.stop - x.start} x {y.stop - y.start} pixels from x {x.start}, y {y.start}"]
    planes = ", ".join(str(s.start) for s, n in zip(part[:-2], shape) if n > 1)
    return " of ".join(words + ([f"plane {planes}"] if planes else []))


def _starts(n, step, side):
    """Slices along an axis, half a side apart."""
    if side is None or side >= n:
        return [slice(0, n)]
    apart = max(step, side // 2 // step * step)
    last = (n - side) // step * step
    return [slice(i, i + side) for i in sorted({*range(0, last, apart), last})]


def _counted(shape, steps, plane, read):
    """Peaks and finite pixels of every tile, (2, tiles along y, along x)."""
    grid = TileGrid(shape, steps)
    found = np.zeros((2, *grid.counts))
    before = tuple(slice(i, i + 1) for i in plane)
    for i in range(len(grid)):
        tile = np.asarray(read(before + grid.slices(i)), float).reshape(grid.tile_shape_of(i))
        found[(slice(None), *grid.index(i))] = _peaks(tile), np.isfinite(tile).sum()
    return found


def _peaks(tile):
    """Local maxima well above the tile's noise."""
    good = np.isfinite(tile)
    sigma = noise_sigma(tile, good)
    if not sigma > 0:
        return 0
    values = np.where(good, tile - np.median(tile[good]), 0)
    middle = values[1:-1, 1:-1]
    # A plateau is one peak: two of the four neighbours must be lower.
    return int(
        (
            (middle > _BRIGHT * sigma)
            & (middle > values[:-2, 1:-1])
            & (middle > values[1:-1, :-2])
            & (middle >= values[2:, 1:-1])
            & (middle >= values[1:-1, 2:])
        ).sum()
    )


def _rank(found, counted, steps, shape):
    """Smallest for the best."""
    plane, y, x = found
    tiles = tuple(slice(s.start // t, -(-s.stop // t)) for s, t in zip((y, x), steps))
    peaks, good = counted[(slice(None), *tiles)].sum((1, 2))
    place = [(i + 0.5) / n - 0.5 for i, n in zip(plane, shape[:-2])]
    place += [(s.start + s.stop) / 2 / n - 0.5 for s, n in zip((y, x), shape[-2:])]
    return -peaks, -good, sum(p * p for p in place), found[0], y.start, x.start
