"""Small squares around many sources at once, and their moments.

photutils measures windowed centroids and moments too, source by source; here all sources
of an image are one array, because every image is measured twice.
"""

import numpy as np

__all__ = ["FWHM", "centroids", "cut", "disk_any", "moments"]

FWHM = 2.3548  # of a Gaussian of sigma 1
_STEPS = 6
_BATCH = 4000


def cut(image, x, y, half):
    """Squares around pixels; beyond the edge the image is 0.

    Parameters
    ----------
    image : array (y, x)
    x, y : array of int (n,)
        Middle pixels.
    half : int
        Squares are 2 half + 1 wide.

    Returns
    -------
    array (n, 2 half + 1, 2 half + 1)
    """
    offset = np.arange(-half, half + 1)
    rows, columns = np.asarray(y)[:, None] + offset, np.asarray(x)[:, None] + offset
    inside = ((rows >= 0) & (rows < image.shape[0]))[:, :, None]
    inside = inside & ((columns >= 0) & (columns < image.shape[1]))[:, None, :]
    rows, columns = np.clip(rows, 0, image.shape[0] - 1), np.clip(columns, 0, image.shape[1] - 1)
    return np.where(inside, image[rows[:, :, None], columns[:, None, :]], 0)


def disk_any(flags, x, y, radius):
    """Whether any pixel within ``radius`` of each place is flagged."""
    if not len(x) or not flags.any():
        return np.zeros(len(x), bool)
    half = int(np.ceil(radius))
    offset = np.arange(-half, half + 1)
    disk = np.hypot(*np.meshgrid(offset, offset)) <= radius + 0.5
    found = [
        (cut(flags, np.rint(x[b]).astype(int), np.rint(y[b]).astype(int), half) & disk).any((1, 2))
        for b in _batches(len(x))
    ]
    return np.concatenate(found)


def centroids(image, x, y, fwhm):
    """Centroids with a round Gaussian window, iterated.

    SExtractor's XWIN_IMAGE: ``x += 2 sum(w I (x_i - x)) / sum(w I)``, window of the
    PSF's FWHM (Bertin, SExtractor manual, "Windowed positional parameters").

    Parameters
    ----------
    image : array (y, x)
        Less its background, without NaN.
    x, y : array (n,)
        Where to begin.
    fwhm : float

    Returns
    -------
    x, y : array (n,)
    """
    x, y = np.asarray(x, float).copy(), np.asarray(y, float).copy()
    sigma = fwhm / FWHM
    half = int(np.ceil(4 * sigma)) + 1
    offset = np.arange(-half, half + 1)
    for b in _batches(len(x)):
        middle_x, middle_y = np.rint(x[b]).astype(int), np.rint(y[b]).astype(int)
        stamps = cut(image, middle_x, middle_y, half)
        cx, cy = x[b] - middle_x, y[b] - middle_y
        for _ in range(_STEPS):
            dx, dy = offset - cx[:, None], offset - cy[:, None]
            wx, wy = np.exp(-(dx**2) / (2 * sigma**2)), np.exp(-(dy**2) / (2 * sigma**2))
            whole = np.einsum("nyx,ny,nx->n", stamps, wy, wx, optimize=True)
            whole = np.where(whole > 0, whole, np.inf)
            step_x = 2 * np.einsum("nyx,ny,nx->n", stamps, wy, wx * dx, optimize=True) / whole
            step_y = 2 * np.einsum("nyx,ny,nx->n", stamps, wy * dy, wx, optimize=True) / whole
            cx = np.clip(cx + np.clip(step_x, -0.5, 0.5), -half / 2, half / 2)
            cy = np.clip(cy + np.clip(step_y, -0.5, 0.5), -half / 2, half / 2)
        x[b], y[b] = middle_x + cx, middle_y + cy
    return x, y


def moments(image, x, y, sigma):
    """Gaussian-weighted second moments about given centres.

    Parameters
    ----------
    image : array (y, x)
        Less its background, without NaN.
    x, y : array (n,)
        Centres.
    sigma : float
        Of the weight, in pixels.

    Returns
    -------
    ixx, iyy, ixy : array (n,)
        Over the weighted flux, in square pixels; NaN where that is not above 0.
    """
    half = int(np.ceil(4 * sigma))
    offset = np.arange(-half, half + 1)
    found = np.full((3, len(x)), np.nan)
    for b in _batches(len(x)):
        middle_x, middle_y = np.rint(x[b]).astype(int), np.rint(y[b]).astype(int)
        stamps = cut(image, middle_x, middle_y, half)
        dx = offset - (x[b] - middle_x)[:, None]
        dy = offset - (y[b] - middle_y)[:, None]
        wx, wy = np.exp(-(dx**2) / (2 * sigma**2)), np.exp(-(dy**2) / (2 * sigma**2))
        whole = np.einsum("nyx,ny,nx->n", stamps, wy, wx, optimize=True)
        whole = np.where(whole > 0, whole, np.nan)
        for row, (fy, fx) in enumerate(((wy, wx * dx**2), (wy * dy**2, wx), (wy * dy, wx * dx))):
            found[row, b] = np.einsum("nyx,ny,nx->n", stamps, fy, fx, optimize=True) / whole
    return tuple(found)


def _batches(n):
    return [slice(start, min(start + _BATCH, n)) for start in range(0, n, _BATCH)]
