"""Encoder only: look at a sample of tiles and fill in the image record."""

import math

import numpy as np

from astroae.pixels import levels, nulls

MOST_TILES = 12
#: Of an image's pixels so many are judged, of a small one more: sorting is dear.
_SHARE, _FEWEST = 16, 1 << 14


@np.errstate(all="ignore")
def survey(encoded, read):
    """Fill ``encoded.record``: levels of a sparse image, centre of a source.

    Parameters
    ----------
    encoded : EncodedImage
        Without streams yet.
    read : callable
        Gives a tile as (values, source integers), shaped (planes, y, x).
    """
    count = len(encoded.tiles)
    numbers = np.unique(np.linspace(0, count - 1, min(count, MOST_TILES)).astype(int))
    parts = [read(encoded.context(int(i)))[0] for i in numbers]
    if encoded.source is None:
        encoded.record.levels = _levels(encoded, read, parts)
    else:
        encoded.record.centre = _centre(parts[len(parts) // 2])


def _levels(encoded, read, parts):
    """The list of levels, if the sample looks sparse and the whole image is."""
    seen, wanted = sum(part.size for part in parts), math.prod(encoded.shape) // _SHARE
    every = -(-seen // min(max(wanted, _FEWEST), levels.MOST_JUDGED))
    sample = [_ordinary(part.reshape(-1)[::every], encoded) for part in parts]
    if not levels.find_levels(np.concatenate(sample)):
        return None
    used = np.empty(0, np.int64)
    for i in range(len(encoded.tiles)):
        used = np.union1d(used, _ordinary(read(encoded.context(i))[0], encoded))
        if len(used) > levels.MOST_LEVELS:
            return None
    return used


def _ordinary(values, encoded):
    """What a list of levels is made of: integers, floats as integers that sort alike."""
    found = nulls.special(values, encoded.blank)
    plain = values if found is None else values[~found]
    return levels.ordered(plain) if plain.dtype.kind == "f" else plain.astype(np.int64)


def _centre(values):
    finite = values[np.isfinite(values)]
    return float(np.median(finite)) if finite.size else 0.0
