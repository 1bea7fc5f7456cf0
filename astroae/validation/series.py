"""Light curves: the same sources on several images, before and after.

Sources of the first image are measured at the same places of every image, found through
the WCS where there is one.  It is a metric over many pairs, and has a metric's names.
"""

import sys

import numpy as np

from astroae.errors import InputError
from astroae.validation.metrics import Measured, Quantity, Skipped
from astroae.validation.metrics.aperture import as_growth
from astroae.validation.metrics.detection import completeness, counts
from astroae.validation.result import ImageValidation, judge
from astroae.validation.sources import APERTURE, aperture_sums, flux_errors
from astroae.validation.stamps import disk_any
from astroae.validation.statistics import mean, rms

__all__ = ["light_curves", "measure", "series_results"]
__doctest_requires__ = {"series_results": ["photutils"]}

NAME = "series"
TITLE = "Light curves"
QUANTITIES = (
    Quantity("scatter", "%", "at most", "growth of the light curves' scatter"),
    Quantity("slope", "sigma", "within", "mean trend that was not there, over its error"),
    Quantity("completeness", "%", "within", "net change of peaks of S/N 3 to 10, all images"),
)
_FEWEST = 5  # sources


def series_results(pairs, tolerances):
    """Measure and judge the light curves of a series.

    Parameters
    ----------
    pairs : list of `~astroae.validation.pair.Pair`
        In the order of time.
    tolerances : `~astroae.validation.tolerances.Tolerances`

    Returns
    -------
    `~astroae.validation.result.ImageValidation`
        Named "series".

    Raises
    ------
    InputError
        No image.

    Examples
    --------
    >>> from astroae.simulate import FieldSettings, make_field
    >>> from astroae.validation.original import Original
    >>> from astroae.validation.pair import Pair
    >>> from astroae.validation.series import series_results
    >>> from astroae.validation.tolerances import load_tolerances
    >>> fields = [make_field(FieldSettings(shape=(256, 256), seed=s)) for s in (1, 2, 3)]
    >>> pairs = [Pair(Original(f.image, header=f.header), f.image) for f in fields]
    >>> series_results(pairs, load_tolerances("default"))["series.scatter"].verdict
    'pass'
    """
    measured = measure(pairs)
    metric = sys.modules[__name__]
    results = tuple(judge(metric, q, measured[q.name], tolerances) for q in QUANTITIES)
    facts = {"kinds": [f"series of {len(pairs)} images"], "images": len(pairs)}
    return ImageValidation(NAME, results, facts)


def measure(pairs):
    """See `QUANTITIES`.

    Parameters
    ----------
    pairs : list of `~astroae.validation.pair.Pair`

    Returns
    -------
    dict of str to Measured or Skipped
    """
    if not pairs:
        raise InputError(
            "no image in the series",
            where="pairs",
            found="an empty list",
            hint="give two images or more",
        )
    lost, gained, n = np.sum([counts(pair) for pair in pairs], 0)
    found = {
        "completeness": Measured(
            completeness(lost, gained, n), note=f"lost {lost}, gained {gained} of {n}"
        )
        if n
        else Skipped("no source on any image")
    }
    why = _why_not(pairs)
    if why:
        return found | {"scatter": Skipped(why), "slope": Skipped(why)}
    pull = light_curves(pairs)
    if len(pull) < _FEWEST:
        why = f"{len(pull)} sources unspoilt on every image, fewer than {_FEWEST}"
        return found | {"scatter": Skipped(why), "slope": Skipped(why)}
    return found | _curves(pull)


def _why_not(pairs):
    if len(pairs) < 2:
        return "one image: no light curve"
    return next((p.original.scene.no_sources for p in pairs if p.original.scene.no_sources), "")


def light_curves(pairs):
    """Changes of the light curves, over the fluxes' errors.

    Parameters
    ----------
    pairs : list of `~astroae.validation.pair.Pair`

    Returns
    -------
    array (sources, images)
        Sources of the first image that are inside and unspoilt on all of them.
    """
    first = pairs[0].original
    sources = first.sample.clean
    radius = APERTURE * first.fwhm
    pulls, usable = [], np.ones(len(sources), bool)
    for pair in pairs:
        x, y = _places(first, pair.original, sources)
        usable &= _usable(pair.original, x, y, radius)
        x, y = np.where(usable, x, 0), np.where(usable, y, 0)
        flux = aperture_sums(pair.original.signal, x, y, radius)
        error = flux_errors(pair.original, x, y, radius, flux)
        pulls.append(aperture_sums(pair.change, x, y, radius) / error)
    return np.stack(pulls, 1)[usable]


def _places(first, other, sources):
    """Where the sources of the first image are on another one."""
    if first is other or first.wcs is None or other.wcs is None:
        return sources.x, sources.y
    sky = first.wcs.celestial.all_pix2world(sources.x, sources.y, 0)
    return other.wcs.celestial.all_world2pix(*sky, 0, quiet=True)


def _usable(original, x, y, radius):
    ny, nx = original.shape
    inside = (x > radius) & (y > radius) & (x < nx - 1 - radius) & (y < ny - 1 - radius)
    near_x, near_y = np.where(inside, x, 0), np.where(inside, y, 0)
    return inside & ~disk_any(original.bad | original.saturated, near_x, near_y, radius)


def _curves(pull):
    """Scatter about each curve's own mean, and the slope over the images' order."""
    images = pull.shape[1]
    deviation = pull - pull.mean(1, keepdims=True)
    scatter = np.sqrt(np.sum(deviation**2, 1) / (images - 1))
    found = {
        "scatter": Measured(as_growth(rms(scatter)), note=f"{len(pull)} sources on {images} images")
    }
    if images < 3:
        return found | {"slope": Skipped("2 images: no trend apart from scatter")}
    time = np.arange(images) - (images - 1) / 2
    slope = pull @ time / np.sqrt(np.sum(time**2))
    return found | {"slope": Measured(mean(slope), note=f"rms {np.std(slope):.3f} sigma")}
