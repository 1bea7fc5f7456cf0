"""How alike two pictures are: measures on [0, 1], as papers on image coding report them.

Gray images are (y, x), colour images (y, x, 3); the data range is 1 throughout.
"""

import math
from contextlib import contextmanager

import numpy as np

from astroae.validation.extras import needed

__all__ = [
    "MEASURES",
    "SMALLEST_MS_SSIM",
    "blockiness",
    "edge_error",
    "ms_ssim",
    "mse",
    "psnr",
    "ssim",
    "texture_error",
]

#: Sides must be larger for five scales of an 11 pixel window to fit.
SMALLEST_MS_SSIM = 160
_SSIM_WINDOW = 11
_SMALLEST_GRADIENT = 6  # three pixels at half size
_MS_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)  # fine to coarse: table 1 of the paper
_BAND = 65536  # pixels worked on at a time: they stay in the cache
_WINDOW = 7  # pixels of the local deviation
_GMS_CONSTANT = 170 / 255**2  # Xue et al. 2014, for a data range of 1


def mse(x, y):
    """Mean squared error.

    Parameters
    ----------
    x, y : array_like (y, x) or (y, x, 3)
        Before and after, in [0, 1].

    Returns
    -------
    float

    Examples
    --------
    >>> import numpy as np
    >>> from astroae.validation.images import mse
    >>> mse(np.zeros((4, 4)), np.full((4, 4), 0.5))
    0.25
    """
    return float(np.mean((np.asarray(x, np.float64) - np.asarray(y, np.float64)) ** 2))


def psnr(x, y):
    """Peak signal-to-noise ratio in dB, -10 log10 MSE; inf where nothing differs."""
    error = mse(x, y)
    return float(-10 * np.log10(error)) if error else float("inf")


def ssim(x, y):
    """Structural similarity (Wang et al. 2004, IEEE TIP 13, 600).

    scikit-image's, Gaussian window of 1.5 pixels (11 across), population covariance.

    Returns
    -------
    float or None
        None, "not defined", where a side is shorter than the window.
    """
    if min(np.shape(x)[:2]) < _SSIM_WINDOW:
        return None
    structural_similarity = needed("skimage.metrics").structural_similarity

    def of(before, after):
        return structural_similarity(
            before,
            after,
            data_range=1.0,
            gaussian_weights=True,
            sigma=1.5,
            use_sample_covariance=False,
            channel_axis=-1 if np.ndim(x) == 3 else None,
        )

    # It leaves out a border of half a window: bands that overlap by a window give the same.
    return float(_banded(of, np.asarray(x, np.float64), np.asarray(y, np.float64), 0))


def ms_ssim(x, y):
    """Multi-scale SSIM (Wang, Simoncelli & Bovik 2003, Asilomar), window 11.

    pytorch-msssim's value in double precision, by its `ssim` of one band of rows after the
    other: a tenth of the time of its `ms_ssim`, which works through whole images.

    Returns
    -------
    float or None
        None, "not defined", where a side is 160 pixels or less.
    """
    if min(np.shape(x)[:2]) <= SMALLEST_MS_SSIM:
        return None
    pool = needed("torch.nn.functional").avg_pool2d
    before, after, value = _tensor(x), _tensor(y), 1.0
    for level, weight in enumerate(_MS_WEIGHTS):
        if level:
            odd = [side % 2 for side in before.shape[2:]]
            before, after = (pool(image, 2, padding=odd) for image in (before, after))
        last = level == len(_MS_WEIGHTS) - 1
        value = value * np.maximum(_torch_ssim(before, after, contrast=not last), 0) ** weight
    return float(np.mean(value))


def blockiness(x, y, block=8):
    """Steps across the borders of blocks in ``y``, in steps elsewhere, less those of ``x``.

    The two averages of Wang, Sheikh & Bovik 2002 (ICIP, eqs. 2 and 3), their ratio
    averaged over rows and columns; 0: no more blocks than the original has.
    """
    return _block_ratio(y, block) - _block_ratio(x, block)


def edge_error(x, y):
    """Deviation of the gradient magnitudes' similarity, 0 for equal edges.

    GMSD of Xue et al. 2014 (IEEE TIP 23, 684): Prewitt gradients at half size.  NaN
    where a side is below 6 pixels.
    """
    if min(np.shape(x)[:2]) < _SMALLEST_GRADIENT:
        return float("nan")
    a, b = _gradient(_halved(_gray(x))), _gradient(_halved(_gray(y)))
    similarity = (2 * a * b + _GMS_CONSTANT) / (a**2 + b**2 + _GMS_CONSTANT)
    return float(similarity.std())


def texture_error(x, y):
    """Mean difference of local standard deviations (7 x 7), over their mean in ``x``.

    What a smoothing coder loses of noise and fine structure: 1 where all texture is
    gone.  NaN where the original has none, or a side is below 7 pixels.
    """
    if min(np.shape(x)[:2]) < _WINDOW:
        return float("nan")
    before, after = _local_deviation(_gray(x)), _local_deviation(_gray(y))
    whole = before.mean()
    return float(np.abs(after - before).mean() / whole) if whole else float("nan")


#: All measures by name, as ``f(x, y)``.
MEASURES = {
    "mse": mse,
    "psnr": psnr,
    "ssim": ssim,
    "ms_ssim": ms_ssim,
    "blockiness": blockiness,
    "edge_error": edge_error,
    "texture_error": texture_error,
}


def _banded(of, x, y, rows_axis):
    """Mean of a measure over bands of rows that overlap by a window less a row.

    ``of(band, band)`` is a mean over its pixels that lie half a window off the edge.
    """
    height = x.shape[rows_axis]
    step = max(_SSIM_WINDOW, _BAND * height // math.prod(x.shape))
    middles = height - (_SSIM_WINDOW - 1)
    total = 0.0
    for start in range(0, middles, step):
        rows = min(step, middles - start)
        band = (slice(None),) * rows_axis + (slice(start, start + rows + _SSIM_WINDOW - 1),)
        total = total + rows * of(x[band], y[band])
    return total / middles


@contextmanager
def _one_thread():
    """Bands are too small to share: threads that wait for each other on a busy machine take long."""
    torch = needed("torch")
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _torch_ssim(x, y, contrast):
    """pytorch-msssim's SSIM of every channel, or that without its luminance term."""
    function = needed("pytorch_msssim").ssim
    # So large a first constant makes the luminance term 1 to the last bit.
    constants = (1e8 if contrast else 0.01, 0.03)

    def of(before, after):
        # Channels as pictures of their own, for a number each.
        pictures = (band.transpose(0, 1) for band in (before, after))
        return function(*pictures, data_range=1.0, size_average=False, K=constants).numpy()

    with _one_thread():
        return _banded(of, x, y, 2)


def _tensor(image):
    import torch

    values = np.asarray(image, np.float64)
    values = values[..., None] if values.ndim == 2 else values
    return torch.from_numpy(np.ascontiguousarray(np.moveaxis(values, -1, 0)))[None]


def _gray(image):
    values = np.asarray(image, np.float64)
    return values.mean(-1) if values.ndim == 3 else values


def _block_ratio(image, block):
    values, ratios = _gray(image), []
    for axis in (0, 1):
        steps = np.abs(np.diff(values, axis=axis)).mean(1 - axis)
        border = np.arange(len(steps)) % block == block - 1
        if border.any() and steps.any():
            inside = steps[~border].mean()
            ratios.append(steps[border].mean() / inside if inside else np.inf)
    return float(np.mean(ratios)) if ratios else 1.0


def _halved(image):
    even = image[: image.shape[0] // 2 * 2, : image.shape[1] // 2 * 2]
    return (even[::2, ::2] + even[1::2, ::2] + even[::2, 1::2] + even[1::2, 1::2]) / 4


def _gradient(image):
    rows = image[:, :-2] + image[:, 1:-1] + image[:, 2:]
    columns = image[:-2] + image[1:-1] + image[2:]
    return np.hypot((rows[2:] - rows[:-2]) / 3, (columns[:, 2:] - columns[:, :-2]) / 3)


def _local_deviation(image):
    windows = np.lib.stride_tricks.sliding_window_view(image, (_WINDOW, _WINDOW))
    return windows.std((-2, -1))
