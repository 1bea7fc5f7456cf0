"""Fluxes above a background that each image measures by itself: how much noisier they get.

A median is one of the pixels' own values.  Where compression leaves few of them, as whole
steps without dither do, medians and modes stand on a grid, and so does every flux above
them; one background for both images, as the other metrics have, does not show it.

Two medians of one place differ even where nothing is lost: other pixels happen to lie in the
middle, and one is as good as the other.  So what counts is not how far they lie from each
other, but how far those of either image lie from the truth.  Its place is taken by the
original's clipped mean of the same pixels, whose error knows nothing of the median's distance
from it (Basu 1955, Sankhya 15, 377; for Gaussian noise).
"""

import math

import numpy as np
from astropy.stats import mad_std

from astroae.validation.levels import annuli
from astroae.validation.metrics import Measured, Skipped
from astroae.validation.sources import APERTURE, BAD, EDGE, aperture_sums, nearest
from astroae.validation.statistics import exact, resampled

__all__ = ["aperture_area", "flux_growth", "own_fluxes", "told", "unspoilt"]
__doctest_requires__ = {"flux_growth": ["scipy"]}

_OUTLIER = 5.0  # sigma of the original's own distances; beyond it is a neighbour's light
_STANDS_OUT = 2.0  # half intervals from 0


def aperture_area(original):
    """Pixels of the aperture of 1.25 FWHM."""
    return math.pi * (APERTURE * original.fwhm) ** 2


def unspoilt(before):
    """Places whose median and mean agree as noise lets them, by the original alone.

    Parameters
    ----------
    before : array (n,)
        Distances of the median from the mean.
    """
    if not len(before):
        return np.zeros(0, bool)
    distance = np.abs(before - np.median(before))
    return distance <= max(_OUTLIER * mad_std(before), np.finfo(float).tiny)


def flux_growth(before, after, noise):
    """Growth of the errors of fluxes as faint as the sky's noise, in per cent.

    Parameters
    ----------
    before, after : array (n,)
        Flux above each image's own background, less the original's above the reference,
        over the noise of the aperture.  Their means are another quantity's matter.
    noise : float
        Variance of the reference's part of the flux, over that of the aperture's noise.

    Returns
    -------
    Measured
        Of the whole error: what structure adds to it in both images makes growth smaller.
        Below 0 where fluxes got better: a dither fills the gaps between whole numbers.

    Examples
    --------
    >>> import numpy as np
    >>> from astroae.validation.own import flux_growth
    >>> before, grid = np.random.default_rng(1).normal(0, [[0.2], [0.3]], (2, 1000))
    >>> round(flux_growth(before, before + grid, 0.05).estimate.value)
    4
    """
    if not (after - before).any():
        return Measured(exact(0, len(before)))
    before, after = before - before.mean(), after - after.mean()
    whole, change = 1 + noise + np.mean(before**2), after**2 - before**2

    def of(draws):
        ratio = 1 + (draws @ change) / np.maximum(draws.sum(1), 1) / whole
        return 100 * (np.sqrt(np.maximum(ratio, 0)) - 1)

    return Measured(resampled(of, len(change)))


def told(measured, width, what, instead):
    """Skipped, where there are too few to tell it, and nothing stands out even so.

    Parameters
    ----------
    measured : Measured
    width : float
        Half of the interval that is needed.
    what, instead : str
        What it was measured from, and which quantity is judged anyway.
    """
    found = measured.estimate
    if not found.n:
        return Skipped(f"no {what}; {instead} stands in")
    half = max(found.high - found.value, found.value - found.low)
    if half <= width or abs(found.value) > _STANDS_OUT * half:
        return measured
    many = "are too few"
    if math.isfinite(half):
        many = f"tell it to +- {half:.2g}, {math.ceil(found.n * (half / width) ** 2)} would decide"
    return Skipped(f"{found.n} {what} {many}; {instead} stands in")


def own_fluxes(pair, sources, change):
    """Fluxes above the clipped medians of each image's own annuli, for a certificate.

    Parameters
    ----------
    pair : `~astroae.validation.pair.Pair`
    sources : `~astroae.validation.sources.Sources`
    change : array (n,)
        Of the sums in their apertures.

    Returns
    -------
    dict of str to array (n,)
        ``own_before``, ``own_after``, and ``change_own`` over the error; NaN where an annulus
        has no pixel.
    """
    original, area = pair.original, _areas(pair.original, sources)
    place = sources.x, sources.y, original.fwhm
    before, after = (annuli(image.pixels, *place).median for image in (original, pair))
    level = original.level[nearest(original.shape, sources.x, sources.y)]
    first = sources.flux - area * (before - level)
    moved = change - area * (after - before)
    return {
        "own_before": first,
        "own_after": first + moved,
        "change_own": moved / sources.flux_err,
    }


def _areas(original, sources):
    """Good pixels in each aperture: fewer than a circle's at the edge and at bad pixels."""
    areas = np.full(len(sources), aperture_area(original))
    cut_off = (sources.flags & (BAD | EDGE)) != 0
    some, good = sources[cut_off], original.good.astype(np.float32)
    areas[cut_off] = aperture_sums(good, some.x, some.y, APERTURE * original.fwhm)
    return areas
