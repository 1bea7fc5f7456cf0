"""The random numbers of the FITS subtractive dither.

10 000 numbers from the generator of Park & Miller; tile number i starts at a place
that the numbers themselves choose, and starts anew there when they run out (FITS
Standard 4.0, section 10.2.2 and appendix I; CFITSIO's ``imcompress.c``).
"""

from functools import lru_cache

import numpy as np

COUNT = 10_000


@lru_cache(maxsize=1)
def sequence():
    """The 10 000 numbers, rounded to float32 as CFITSIO holds them."""
    numbers, seed = np.empty(COUNT, np.float32), 1
    for i in range(COUNT):
        seed = seed * 16_807 % 2_147_483_647
        numbers[i] = seed / 2_147_483_647
    numbers.setflags(write=False)
    return numbers


@lru_cache(maxsize=64)
def dither_values(tile, seed, n):
    """The first ``n`` random numbers of a tile.

    Parameters
    ----------
    tile : int
        Number of the tile, from 0.
    seed : int
        ZDITHER0, 1 to 10 000.
    n : int
        Pixels of the tile.

    Returns
    -------
    float32 ndarray (n,)
        Read-only; between 0 and 1.
    """
    numbers = sequence()
    start = (tile + seed - 1) % COUNT
    parts, filled = [], 0
    while filled < n:
        first = int(numbers[start] * 500)
        parts.append(numbers[first : first + n - filled])
        filled += len(parts[-1])
        start = (start + 1) % COUNT
    values = np.concatenate(parts)
    values.setflags(write=False)
    return values
