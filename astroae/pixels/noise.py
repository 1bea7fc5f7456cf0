"""Noise of a tile, as CFITSIO's quantisation level means it.

Median absolute differences of 2nd, 3rd and 5th order along x, each scaled to the
standard deviation of white Gaussian noise; the smallest counts (Pence, Seaman &
White 2009, PASP 121, 414, and CFITSIO's ``quantize.c``, from which the factors
come).
"""

import numpy as np

#: (offsets, weights, factor) of each order of difference.
_ORDERS = (
    ((0, 2), (1, -1), 1.0483579),
    ((0, 2, 4), (-1, 2, -1), 0.6052697),
    ((0, 2, 4, 6, 8), (1, -4, 6, -4, 1), 0.1772048),
)

FACTORS = tuple(factor for _, _, factor in _ORDERS)


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
    values = np.asarray(values)
    work = values.astype(np.float32 if values.dtype == np.float32 else np.float64)
    if good is not None:
        work[~good] = np.nan
    found = [_median_difference(work, *order) for order in _ORDERS]
    found = [sigma for sigma in found if sigma > 0]
    return min(found, default=0.0)


def _median_difference(work, offsets, weights, factor):
    n = work.shape[-1] - offsets[-1]
    if n < 1:
        return 0.0
    parts = [work[..., o : o + n] for o in offsets]
    with np.errstate(all="ignore"):
        difference = sum(w * part for w, part in zip(weights, parts))
        difference = np.abs(difference)[np.isfinite(difference)]
    if not difference.size:
        return 0.0
    middle = _median(difference)
    if middle == 0:  # flat background: let the pixels that vary speak, as CFITSIO does
        varying = difference[difference > 0]
        middle = _median(varying) if varying.size else 0.0
    return float(middle) * factor


def _median(values):
    half = len(values) // 2
    return np.partition(values, half)[half]
