"""Levels of a sky as people take them: clipped medians, means and modes of many rows at once.

A row holds the pixels of one annulus or of one mesh.  photutils takes one after the other;
here all of an image are one array, because every image is measured twice.
"""

from dataclasses import dataclass, fields

import numpy as np

__all__ = ["INNER", "OUTER", "Levels", "annuli", "levels_of", "meshes", "reach"]

INNER, OUTER = 4.0, 6.0  # FWHM: radii of an annulus
_CLIP, _STEPS = 3.0, 10
_BATCH = 2**18  # pixels: they stay in the cache


@dataclass(frozen=True)
class Levels:
    """Clipped statistics, one entry per row; NaN where a row has no pixel.

    Attributes
    ----------
    median, mean : array (n,)
    number : array of int (n,)
        Pixels that were left.
    """

    median: np.ndarray
    mean: np.ndarray
    number: np.ndarray

    @property
    def mode(self):
        """SExtractor's estimate, ``2.5 median - 1.5 mean``."""
        return 2.5 * self.median - 1.5 * self.mean

    def __getitem__(self, chosen):
        return Levels(*(getattr(self, f.name)[chosen] for f in fields(self)))


def levels_of(rows):
    """Levels of each row, clipped at 3 sigma about its median as photutils does.

    Parameters
    ----------
    rows : array (n, k)
        NaN is no pixel.

    Returns
    -------
    Levels

    Examples
    --------
    >>> import numpy as np
    >>> from astroae.validation.levels import levels_of
    >>> levels_of(np.array([[1.0, 2, 3, np.nan], [4, 4, 4, 4]])).median.tolist()
    [2.0, 4.0]
    """
    step = max(1, _BATCH // max(1, rows.shape[1]))
    return _joined([_clipped(rows[i : i + step]) for i in range(0, len(rows), step)])


def meshes(image, box):
    """Levels of the meshes that fit into the image, row by row.

    Parameters
    ----------
    image : array (y, x)
        NaN where it is bad.
    box : (int, int)
        Pixels of a mesh.
    """
    high, wide = box
    across = image.shape[1] // wide
    strips = [
        image[y : y + high, : across * wide].reshape(high, across, wide).swapaxes(0, 1)
        for y in range(0, image.shape[0] - high + 1, high)
    ]
    return _joined([levels_of(strip.reshape(across, high * wide)) for strip in strips])


def annuli(image, x, y, fwhm):
    """Levels of annuli of 4 to 6 FWHM around places.

    Parameters
    ----------
    image : array (y, x)
        NaN where it is bad.
    x, y : array (n,)
        Rounded to pixels; what lies beyond the edge is no pixel.
    fwhm : float
    """
    half = reach(fwhm)
    padded = np.pad(image, half, constant_values=np.nan)
    dy, dx = np.mgrid[-half : half + 1, -half : half + 1]
    distance = np.hypot(dy, dx)
    chosen = (distance >= INNER * fwhm) & (distance < OUTER * fwhm)
    ring = dy[chosen] * padded.shape[1] + dx[chosen]
    middle = (np.rint(y).astype(int) + half) * padded.shape[1] + np.rint(x).astype(int) + half
    step = max(1, _BATCH // len(ring))
    flat = padded.ravel()
    batches = (middle[i : i + step, None] + ring for i in range(0, len(middle), step))
    return _joined([_clipped(flat[pixels]) for pixels in batches])


def reach(fwhm):
    """Pixels from the middle of an annulus to its farthest."""
    return int(np.ceil(OUTER * fwhm))


def _joined(parts):
    nothing = Levels(np.zeros(0), np.zeros(0), np.zeros(0, int))
    parts = [nothing, *parts]
    return Levels(*(np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(Levels)))


def _clipped(rows):
    """Sorted rows, of which clipping only moves the two ends."""
    rows = np.sort(rows, axis=1)
    last = np.isfinite(rows).sum(1)  # NaN comes last
    first = np.zeros_like(last)
    middle = _median(rows, first, last)
    rows = np.where(np.isfinite(rows), rows - middle[:, None], np.inf)
    sums, squares = _running(rows), _running(rows, 2)
    for _ in range(_STEPS):
        center, mean = _median(rows, first, last), _mean(sums, first, last)
        variance = np.maximum(_mean(squares, first, last) - mean**2, 0)
        half = _CLIP * np.sqrt(variance)
        low = np.maximum(first, _below(rows, center - half))
        high = np.minimum(last, _below(rows, np.nextafter(center + half, np.inf)))
        if np.array_equal(low, first) and np.array_equal(high, last):
            break
        first, last = low, high
    number = last - first
    empty = np.where(number > 0, 0.0, np.nan) + middle
    return Levels(_median(rows, first, last) + empty, _mean(sums, first, last) + empty, number)


def _median(rows, first, last):
    """Of the pixels from ``first`` up to ``last`` of sorted rows; 0 where there is none."""
    number = last - first
    each = np.arange(len(rows))
    low, high = first + np.maximum(number - 1, 0) // 2, first + number // 2
    most = rows.shape[1] - 1
    middle = (rows[each, np.minimum(low, most)] + rows[each, np.minimum(high, most)]) / 2
    return np.where(number > 0, middle, 0.0)


def _below(rows, bound):
    """How many pixels of each sorted row lie below its bound: `numpy.searchsorted` by rows."""
    low, high = np.zeros(len(rows), int), np.full(len(rows), rows.shape[1])
    each = np.arange(len(rows))
    for _ in range(rows.shape[1].bit_length()):
        middle = np.minimum((low + high) // 2, rows.shape[1] - 1)
        below = (rows[each, middle] < bound) & (low < high)
        low, high = np.where(below, middle + 1, low), np.where(below, high, middle)
    return low


def _running(rows, power=1):
    """Sums up to each pixel, (n, k + 1), counted from the middle column.

    So what lies far out at either end, -1e30 for no value, spoils no sum without it.
    """
    values = np.where(np.isfinite(rows), rows, 0.0) ** power
    half = rows.shape[1] // 2
    below = -np.cumsum(values[:, :half][:, ::-1], 1)[:, ::-1]
    return np.hstack([below, np.zeros((len(rows), 1)), np.cumsum(values[:, half:], 1)])


def _mean(sums, first, last):
    each = np.arange(len(sums))
    return (sums[each, last] - sums[each, first]) / np.maximum(last - first, 1)
