"""Images without their noise, fluxes kept.

In: an image with white noise.  Out: an estimate of what it would be without, in the same
units.  A small network (`astroae.train.denoiser`) makes the first estimate: it knows
what stars and galaxies look like.  As every estimate of least error it draws faint
sources towards the sky.  So where it found a source, what the image holds beyond it, as
seen through the PSF, is given back: a PSF-weighted flux is the image's own again, noise
included, and all between the sources is clean.
"""

import numpy as np

from astroae.explore.sky import measure_fwhm, measure_sky
from astroae.nets import exact, store
from astroae.pixels.stamps import Normalisation
from astroae.simulate import MoffatPSF

__doctest_requires__ = {"denoise": ["scipy"]}
__all__ = ["denoise", "first_estimate", "restore_flux"]

TILE, OVERLAP = 256, 32  # px; the network looks no further than the overlap
FOUND = 2.0  # least S/N of a source in the network's estimate
BRIGHT = 30.0, 45.0  # noise sigma between which pixels pass over to the image's own
AROUND = 1.2  # FWHM around a source within which the flux is given back, wherever it lies
ROUNDS = 12  # of conjugate gradients


def denoise(image, *, model="denoise", mask=None, fwhm=None, flux=True, progress=None):
    """An image without its noise.

    Parameters
    ----------
    image : array_like (y, x)
        Any unit; background and noise are measured on it.  NaN and inf stay.
    model : str, path-like or astroae.nets.modelfile.Model
        Of `astroae.train.denoiser`.
    mask : bool array_like (y, x), optional
        True where pixels are not to be used; they come back as they are.
    fwhm : float, optional
        Of the PSF, in pixels; by default measured on the image's stars.
    flux : bool
        Give back the flux that the network took from sources.
    progress : callable, optional
        Called with (done, total) tiles.

    Returns
    -------
    float64 ndarray (y, x)

    Raises
    ------
    UnsupportedDataError
        Not an image of two axes, or one without noise.
    ModelError
        No such model.

    Examples
    --------
    >>> import numpy as np
    >>> from astroae.explore.denoise import denoise
    >>> from astroae.simulate import faint_settings, make_field
    >>> field = make_field(faint_settings(5, shape=(128, 128)))
    >>> clean = denoise(field.image)
    >>> error = [float(np.std(a - field.expected)) for a in (field.image, clean)]
    >>> bool(error[1] < 0.3 * error[0])
    True
    """
    image = np.asarray(image, np.float64)
    sky, scaled, estimate = first_estimate(image, model, mask, progress)
    if flux:
        estimate = restore_flux(scaled, estimate, fwhm or measure_fwhm(scaled), sky.bad)
    return np.where(sky.bad, image, sky.level + sky.sigma * estimate)


def first_estimate(image, model="denoise", mask=None, progress=None):
    """What the network makes of an image.

    Parameters
    ----------
    image, model, mask, progress
        As for `denoise`.

    Returns
    -------
    sky : astroae.explore.sky.Sky
    scaled, estimate : ndarray (y, x)
        Image and estimate in units of the noise, background away.
    """
    sky = measure_sky(image, mask)
    scaled = sky.normalise(image)
    return sky, scaled, _own(scaled, _through(store.find(model), scaled, progress))


def _own(scaled, estimate):
    """Bright pixels are the image's own."""
    part = np.clip((scaled - BRIGHT[0]) / (BRIGHT[1] - BRIGHT[0]), 0, 1)
    return estimate + part * (scaled - estimate)


def _through(model, scaled, progress):
    """The network's estimate, tile by tile: no seams, as it never looks beyond the overlap."""
    rule = Normalisation.from_dict(model.input)
    span = rule.high - rule.low
    out = np.empty_like(scaled)
    step = TILE - 2 * OVERLAP
    corners = [
        (top, left)
        for top in range(0, scaled.shape[0], step)
        for left in range(0, scaled.shape[1], step)
    ]
    multiple = model.network.multiple
    for done, (top, left) in enumerate(corners, 1):
        # A first pixel that is a multiple keeps the poolings of all tiles in step.
        first = [max(0, at - OVERLAP) for at in (top, left)]
        cut = scaled[first[0] : top + step + OVERLAP, first[1] : left + step + OVERLAP]
        x = np.clip((_at_least(cut, multiple) - rule.low) / span, 0, 1)
        y = exact.decode(model, exact.encode(model, rule.network_input(x[None])))[0]
        y = y[top - first[0] : cut.shape[0], left - first[1] : cut.shape[1]] * span + rule.low
        place = out[top : top + step, left : left + step]
        place[...] = y[: place.shape[0], : place.shape[1]]
        if progress is not None:
            progress(done, len(corners))
    return out


def _at_least(cut, side):
    """Sides that reflection can pad to a multiple."""
    return np.pad(cut, [(0, max(0, side - n)) for n in cut.shape], mode="symmetric")


def restore_flux(scaled, estimate, fwhm, bad=None):
    """Give back to sources what an estimate took of their PSF-weighted flux.

    Least squares: amounts of the PSF at every source and the pixels around it, such
    that nothing that looks like the PSF is left there of the image minus the estimate.

    Parameters
    ----------
    scaled, estimate : ndarray (y, x)
        In units of the noise.
    fwhm : float
        In pixels.
    bad : bool ndarray (y, x), optional
        Undefined pixels.

    Returns
    -------
    ndarray (y, x)
    """
    kernel = MoffatPSF(fwhm).stamps([0.0], [0.0], max(4, round(3 * fwhm)))[0]
    kernel /= np.sqrt((kernel**2).sum())
    through = _Convolution(kernel, scaled.shape)
    where = _around(_sources(through(estimate)), AROUND * fwhm)
    rest = scaled - estimate
    if bad is not None:
        rest = np.where(bad, 0.0, rest)
    if not where.any():
        return estimate
    amount = np.zeros_like(rest)
    left = through(rest) * where
    move, size = left.copy(), (left**2).sum()
    for _ in range(ROUNDS):
        if size < 1e-12:
            break
        pushed = through(through(move)) * where
        pace = size / (move * pushed).sum()
        amount += pace * move
        left -= pace * pushed
        size, before = (left**2).sum(), size
        move = left + size / before * move
    return _own(scaled, estimate + through(amount))


class _Convolution:
    """With a symmetric kernel; zeros beyond the edge."""

    def __init__(self, kernel, shape):
        self._reach = kernel.shape[0] // 2
        self._full = [n + 2 * self._reach for n in shape]
        self._kernel = np.fft.rfft2(kernel, self._full)

    def __call__(self, image):
        product = np.fft.rfft2(image, self._full) * self._kernel
        full = np.fft.irfft2(product, self._full)
        return full[self._reach :, self._reach :][: image.shape[0], : image.shape[1]]


def _around(points, radius):
    """True within ``radius`` pixels of a point."""
    reach = int(radius)
    disc = np.hypot(*np.mgrid[-reach : reach + 1, -reach : reach + 1]) <= radius
    out = np.zeros(points.shape, bool)
    height, width = points.shape
    for row, column in zip(*np.nonzero(points)):
        top, left = max(0, row - reach), max(0, column - reach)
        bottom, right = min(height, row + reach + 1), min(width, column + reach + 1)
        out[top:bottom, left:right] |= disc[
            top - row + reach : bottom - row + reach, left - column + reach : right - column + reach
        ]
    return out


def _sources(matched):
    """True at local maxima of S/N above `FOUND`; ``matched`` is in units of its noise."""
    padded = np.pad(matched, 1, constant_values=-np.inf)
    height, width = matched.shape
    highest = np.max(
        [padded[y : y + height, x : x + width] for y in range(3) for x in range(3)], axis=0
    )
    return (matched == highest) & (matched > FOUND)
