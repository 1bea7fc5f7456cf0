"""Noise of a tile, as CFITSIO's quantisation level means it.

Median absolute differences of 2nd, 3rd and 5th order along x, each scaled to the
standard deviation of white Gaussian noise; the smallest counts (Pence, Seaman &
White 2009, PASP 121, 414, and CFITSIO's ``quantize.c``, from which the factors
come).
"""

from astroae.core import pixels

FACTORS = pixels.NOISE_FACTORS


def noise_sigma(values, good=None):
    """Standard deviation of the noise of a tile.

    Parameters
    ----------
    values : ndarray (..., x)
        Pixels, of any real type.
    good : bool ndarray of the same shape, optional
        Pixels that count.

    Returns
    -------
    float
        0 where the tile is too narrow or constant.

    Examples
    --------
    >>> import numpy as np
    >>> from astroae.pixels.noise import noise_sigma
    >>> field = np.random.default_rng(0).normal(100, 3, (256, 256))
    >>> print(f"{noise_sigma(field):.1f}")
    3.0
    """
    return pixels.noise_sigma(values, good)
