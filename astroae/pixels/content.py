"""Is it a picture?  What the pixels say: masks, labels, indices and tables show themselves.

A picture has noise: from pixel to pixel its values go up and down, and take many
levels.  Few levels, whole numbers of a small range, flat regions, or values that run
smoothly in one direction are a mask, a count, a map of labels, a wavelength plane, a
lookup table.  `blocks_of` takes a sample, so that large images cost no second reading.
"""

from dataclasses import dataclass

import numpy as np

__all__ = ["Doubt", "blocks_of", "doubt_of", "odd_plane"]

_WHOLE_UP_TO = 1 << 18  # pixels, below which all are looked at
_SIDE = 128
_LINE = 1 << 16
_FEW_VALUES, _FEWEST_LEVELS = 64, 10  # the second of integers that follow each other, as noise does
_SMALL_RANGE = 255  # of whole numbers stored as floats
_MOSTLY = 0.5  # part of the pixels that hold one value, from which whole numbers are a map
_FLAT, _FLAT_WHOLE = 0.75, 0.6  # part of the neighbours that are equal, of whole numbers
_TURNS = 0.05  # white noise turns at two of three pixels, a map of 10 px resolution at a tenth
_TURNS_OF_LINE = 2  # a table of few pixels has few turns too
_ULPS = 4
_MOST_STACKED = 16


@dataclass(frozen=True)
class Doubt:
    """Why pixels are no picture.

    Parameters
    ----------
    why : str
    smooth : bool
        Only that there is no noise: it may be a picture without any.
    """

    why: str
    smooth: bool = False


def blocks_of(pixels):
    """Parts of an image, (y, x) each, native byte order: all of a small one.

    Parameters
    ----------
    pixels : ndarray
        Of one axis or more; may be mapped from a file.
    """
    dtype = pixels.dtype.newbyteorder("=")
    shape = pixels.shape if pixels.ndim > 1 else (1, *pixels.shape)
    planes = pixels.reshape(-1, *shape[-2:])
    side = _SIDE if min(shape[-2:]) > 1 else _LINE
    chosen = _spread(len(planes), 1, 4)
    each = 4 if len(chosen) == 1 else 2
    if pixels.size <= _WHOLE_UP_TO:
        chosen, side, each = range(len(planes)), pixels.size, 1
    return [
        np.array(planes[p, y : y + side, x : x + side], dtype)
        for p in chosen
        for y in _spread(shape[-2], side, each)
        for x in _spread(shape[-1], side, each)
    ]


def _spread(length, side, count):
    """Where up to ``count`` parts of a side begin, from one end to the other."""
    starts = np.linspace(0, max(length - side, 0), min(count, max(1, length // side)))
    return sorted(set(starts.astype(int).tolist()))


def doubt_of(blocks):
    """What speaks against a picture: a `Doubt`, or None.

    Parameters
    ----------
    blocks : list of ndarray (y, x)
        As `blocks_of` gives them.

    Examples
    --------
    >>> import numpy as np
    >>> from astroae.pixels.content import blocks_of, doubt_of
    >>> noise = np.random.default_rng(1).normal(size=(64, 64)).astype("f4")
    >>> doubt_of(blocks_of(noise)) is None
    True
    >>> doubt_of(blocks_of(np.sign(noise))).why
    '2 distinct values'
    """
    values = np.concatenate([block[np.isfinite(block)] for block in blocks])
    if not values.size:
        return Doubt("no pixel is finite")
    used, counts = np.unique(values, return_counts=True)
    if len(used) <= _FEW_VALUES and not _are_levels(used, counts):
        return Doubt(f"{len(used)} distinct value{'s' if len(used) > 1 else ''}")
    common = used[counts.argmax()]
    whole = bool((used == np.rint(used)).all())
    if whole:
        if counts.max() >= _MOSTLY * values.size:
            return Doubt("whole numbers, more than half of them the same")
        if used.dtype.kind == "f" and used[-1] - used[0] <= _SMALL_RANGE:
            return Doubt(f"whole numbers from {used[0]:g} to {used[-1]:g}")
    found = [_along(blocks, axis, common) for axis in (0, 1)]
    flat = [equal for equal, _, _ in found if equal is not None]
    if flat and min(flat) >= (_FLAT_WHOLE if whole else _FLAT):
        return Doubt(f"{min(flat):.0%} of neighbours are equal")
    turns = [(turns, least) for _, turns, least in found if turns is not None]
    if any(turns <= least for turns, least in turns):
        return Doubt("too smooth: no noise from pixel to pixel", smooth=True)
    return None


def odd_plane(pixels):
    """What speaks against one of a few planes that are stacked in an image, or None.

    A mask or a map of flags may stand behind the picture in one array.  Planes of one
    value are none: they lose nothing.

    Parameters
    ----------
    pixels : ndarray (..., y, x)

    Returns
    -------
    Doubt or None
    """
    planes = pixels.reshape(-1, *pixels.shape[-2:]) if pixels.ndim > 2 else ()
    if not 2 <= len(planes) <= _MOST_STACKED:
        return None
    for number, plane in enumerate(planes):
        blocks = blocks_of(plane)
        values = np.concatenate([block[np.isfinite(block)] for block in blocks])
        doubt = doubt_of(blocks)
        if doubt is not None and not doubt.smooth and values.size and np.ptp(values):
            return Doubt(f"plane {number} of it: {doubt.why}")
    return None


def _are_levels(used, counts):
    """Whether stored integers take nearly every level of the range that most of them fill."""
    if used.dtype.kind == "f" or len(used) < _FEWEST_LEVELS:
        return False
    part = np.cumsum(counts) / counts.sum()
    bulk = used[(part > 0.01) & (part - counts / counts.sum() < 0.99)]
    return len(bulk) > _MOSTLY * (int(bulk[-1]) - int(bulk[0]) + 1)


def _along(blocks, axis, common):
    """(part of neighbours that are equal, part of the steps that turn, least for a picture)."""
    equal, steps, turns, pairs, length = 0, 0, 0, 0, 0
    for block in blocks:
        lines = block.T if axis == 0 else block
        length = max(length, lines.shape[1])
        before, after = lines[:, :-1], lines[:, 1:]
        known = np.isfinite(before) & np.isfinite(after)
        counted = known & ~((before == common) & (after == common))
        equal += int((before == after)[counted].sum())
        steps += int(counted.sum())
        turned, compared = _turns(before, after, known)
        turns, pairs = turns + turned, pairs + compared
    if length < 3:
        return None, None, 0.0
    least = max(_TURNS, _TURNS_OF_LINE / length)
    return (equal / steps if steps else None), (turns / pairs if pairs else 0.0), least


def _turns(before, after, known):
    """How many steps go against the last one of their line, and how many there are."""
    with np.errstate(invalid="ignore", over="ignore"):
        step = after.astype(float) - before
        floor = 0
        if before.dtype.kind == "f":
            floor = _ULPS * np.spacing(np.maximum(np.abs(before), np.abs(after))).astype(float)
        moves = known & (np.abs(step) > floor)
    line = np.nonzero(moves)[0]
    up = step[moves] > 0
    same = line[1:] == line[:-1]
    return int((up[1:] != up[:-1])[same].sum()), int(same.sum())
