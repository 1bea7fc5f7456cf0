"""Raw-like frames whose sky is known, and ways to code them, for tests of own backgrounds."""

from functools import lru_cache

import numpy as np

from astroae.validation.original import Original
from astroae.validation.pair import Pair

SIDE, NOISE, STEP = 768, 10.0, 3
_PITCH = 40


@lru_cache(maxsize=4)
def sky(slope=60.0, level=1000.0):
    """What the frame would be without noise and stars."""
    return level + np.tile(np.linspace(0, slope, SIDE), (SIDE, 1))


@lru_cache(maxsize=8)
def original(slope=60.0, stars=True, whole=True, level=1000.0):
    """The frame as an Original, of whole numbers or as float."""
    image = sky(slope, level) + np.random.default_rng(2).normal(0, NOISE, (SIDE, SIDE))
    if stars:
        y, x = np.mgrid[-8:9, -8:9]
        star = np.exp(-(x**2 + y**2) / (2 * 1.3**2))
        for row in range(30, SIDE - 30, _PITCH):
            for column in range(30, SIDE - 30, _PITCH):
                image[row - 8 : row + 9, column - 8 : column + 9] += 600 * star / star.sum()
    return Original(np.rint(image).astype("i4") if whole else image)


def stepped(of, step=STEP):
    """On whole steps, not dithered."""
    return Pair(of, np.rint(of.data / step) * step)


def dithered(of, step=STEP):
    """On steps that are shifted from pixel to pixel, and shifted back: subtractive dither."""
    shift = np.random.default_rng(3).uniform(-0.5, 0.5, of.shape)
    values = (np.rint(of.data / step + shift) - shift) * step
    return Pair(of, np.rint(values) if of.dtype.kind == "i" else values)
