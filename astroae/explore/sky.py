"""What an image's sky and stars are like: background, noise, width of the PSF.

All of it robust and rough: enough to put an image on the scale that a denoiser or a
score of oddities works on.  `astroae.validation` measures; this only prepares.
"""

import numpy as np

from astroae.errors import UnsupportedDataError
from astroae.pixels.noise import noise_sigma
from astroae.pixels.stamps import undefined
from astroae.simulate import MoffatPSF

__all__ = ["Sky", "measure_fwhm", "measure_sky"]

CLIP = 2.5  # sigma beyond which a pixel is no sky
WIDTHS = np.geomspace(1.2, 9.0, 40)  # px, of the PSFs that are tried
REACH = 9  # px around a star
BRIGHT = 20.0  # noise sigma of a star's central 3 x 3 pixels, for its width to be measured
MOST_STARS = 200


class Sky:
    """Background and noise of an image, pixel by pixel.

    Attributes
    ----------
    level, sigma : ndarray (y, x) of float64
    bad : bool ndarray (y, x)
        True where a pixel has no value.
    """

    def __init__(self, level, sigma, bad):
        self.level, self.sigma, self.bad = level, sigma, bad

    def normalise(self, image):
        """(image - level) / sigma; 0 where undefined."""
        with np.errstate(invalid="ignore", over="ignore"):
            scaled = (image - self.level) / self.sigma
        return np.where(self.bad, 0.0, scaled)


def measure_sky(image, mask=None, box=64):
    """Background and noise in boxes, interpolated in between.

    Parameters
    ----------
    image : ndarray (y, x)
        NaN and inf are undefined.
    mask : bool ndarray (y, x), optional
        True where undefined too.
    box : int
        Side of the boxes in pixels.

    Returns
    -------
    Sky

    Raises
    ------
    UnsupportedDataError
        Not an image of two axes, or one without noise.

    Examples
    --------
    >>> import numpy as np
    >>> from astroae.explore.sky import measure_sky
    >>> image = np.random.default_rng(1).normal(100, 5, (128, 128))
    >>> sky = measure_sky(image)
    >>> bool(abs(sky.level - 100).max() < 1), bool(abs(sky.sigma - 5).max() < 0.5)
    (True, True)
    """
    image = np.asarray(image, np.float64)
    if image.ndim != 2 or 0 in image.shape:
        raise _unfit(f"shape {image.shape}; two axes are needed")
    bad = undefined(image, mask)
    middles, cuts = zip(*(_boxes(n, box) for n in image.shape))
    level = np.full([len(c) for c in cuts], np.nan)
    sigma = level.copy()
    for row, column in np.ndindex(level.shape):
        place = cuts[0][row], cuts[1][column]
        good = ~bad[place]
        if good.mean() > 0.25:
            sigma[row, column] = noise_sigma(image[place], good)
            level[row, column] = _clipped_median(image[place][good])
    sigma[~(sigma > 0)] = np.nan
    if np.isnan(sigma).all():
        raise _unfit("no noise: every box of it is constant or undefined")
    maps = (
        _spread(np.where(np.isnan(m), np.nanmedian(m), m), middles, image.shape)
        for m in (level, sigma)
    )
    return Sky(*maps, bad)


def _unfit(found):
    return UnsupportedDataError(
        "the sky of the image cannot be measured",
        where="image",
        found=found,
        hint="give one plane of a measured image",
    )


def _boxes(length, box):
    """Middles and slices of boxes that share a side evenly."""
    edges = np.linspace(0, length, max(1, round(length / box)) + 1).astype(int)
    cuts = [slice(a, b) for a, b in zip(edges[:-1], edges[1:])]
    return (edges[:-1] + edges[1:] - 1) / 2, cuts


def _clipped_median(values):
    for _ in range(5):
        middle = np.median(values)
        spread = 1.4826 * np.median(np.abs(values - middle))
        kept = values[np.abs(values - middle) <= CLIP * spread]
        if len(kept) == len(values) or not len(kept):
            break
        values = kept
    return np.median(values)


def _spread(values, middles, shape):
    """Bilinear between the middles of boxes, constant beyond the outermost."""
    columns = np.array([np.interp(np.arange(shape[1]), middles[1], row) for row in values])
    place = np.clip(np.interp(np.arange(shape[0]), middles[0], np.arange(len(values))), 0, None)
    low = np.minimum(place.astype(int), max(len(values) - 2, 0))
    high = np.minimum(low + 1, len(values) - 1)
    part = (place - low)[:, None]
    return columns[low] * (1 - part) + columns[high] * part


def measure_fwhm(scaled, default=3.0):
    """Width of the PSF, from the image's own stars.

    Parameters
    ----------
    scaled : ndarray (y, x)
        In units of the noise, background away (`Sky.normalise`).
    default : float
        Given back where fewer than 5 stars are bright enough.

    Returns
    -------
    float
        Full width at half maximum in pixels, of the Moffat profile (beta 3.5) that fits
        the narrower half of the bright sources; galaxies are the wider ones.

    Examples
    --------
    >>> from astroae.explore.sky import measure_fwhm, measure_sky
    >>> from astroae.simulate import FieldSettings, MoffatPSF, make_field
    >>> field = make_field(FieldSettings(shape=(512, 512), psf=MoffatPSF(2.4), seed=2))
    >>> sky = measure_sky(field.image, field.mask)
    >>> bool(abs(measure_fwhm(sky.normalise(field.image)) - 2.4) < 0.25)
    True
    """
    cuts = _star_cuts(scaled)
    if len(cuts) < 5:
        return default
    y, x = np.indices(cuts[0].shape) - REACH
    found = []
    for cut in cuts:
        core = np.where(np.hypot(y, x) < 3, np.maximum(cut, 0), 0)
        dy, dx = ((core * axis).sum() / core.sum() for axis in (y, x))
        found.append(_best_width(cut, np.clip(dy, -0.7, 0.7), np.clip(dx, -0.7, 0.7)))
    found = np.sort(found)
    return float(np.median(found[: (len(found) + 1) // 2]))


def _star_cuts(scaled):
    """Cut-outs around bright local maxima that stand alone, the brightest left out.

    The brightest may be saturated.
    """
    height, width = scaled.shape
    if min(height, width) < 2 * REACH + 3:
        return []
    total = sum(np.roll(scaled, (dy, dx), (0, 1)) for dy in (-1, 0, 1) for dx in (-1, 0, 1))
    inner = np.zeros(scaled.shape, bool)
    inner[REACH + 1 : -REACH - 1, REACH + 1 : -REACH - 1] = True
    rows, columns = np.nonzero(inner & (total > 3 * BRIGHT))
    order = np.argsort(-total[rows, columns], kind="stable")
    cuts, taken = [], np.zeros(scaled.shape, bool)
    for row, column in zip(rows[order], columns[order]):
        around = np.s_[row - REACH : row + REACH + 1, column - REACH : column + REACH + 1]
        if not taken[row, column] and scaled[row, column] == scaled[around].max():
            cuts.append(scaled[around])
        taken[around] = True
        if len(cuts) == MOST_STARS:
            break
    return cuts[len(cuts) // 20 :]


def _best_width(cut, dy, dx):
    """The PSF's width whose profile and a constant leave the least squares."""
    left = []
    for width in WIDTHS:
        profile = MoffatPSF(width, 3.5).stamps([dy], [dx], REACH)[0]
        near = profile - profile.mean()
        amount = (near * cut).sum() / (near**2).sum()
        left.append(((cut - cut.mean() - amount * near) ** 2).sum())
    return WIDTHS[int(np.argmin(left))]
