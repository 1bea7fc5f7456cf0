"""Aperture photometry above the background that each image measures by itself.

The median of an annulus, clipped, as users take it from the file they have.  The other metrics
hold both images against the original's background; see `astroae.validation.own` for why the
two are not the same.
"""

import numpy as np

from astroae.validation.levels import annuli, reach
from astroae.validation.metrics import Measured, Quantity, Skipped
from astroae.validation.own import aperture_area, flux_growth, told, unspoilt
from astroae.validation.sources import APERTURE, aperture_sums, noise_at
from astroae.validation.statistics import mean

NAME = "own_background"
TITLE = "Photometry above its own background"
QUANTITIES = (
    Quantity("pull", "sigma", "within", "mean change of a flux above its own annulus"),
    Quantity("growth", "%", "at most", "growth of the errors of fluxes above their own annuli"),
)
_FILLED = 0.5  # of an annulus that has to be left
_TOLD = {  # as of `astroae.validation.metrics.background`
    "pull": (0.05, "background.shift"),
    "growth": (0.35, "background.medians"),
}


def measure(pair):
    """See `QUANTITIES`."""
    original = pair.original
    why = _why_not(original)
    if why:
        return {q.name: Skipped(why) for q in QUANTITIES}
    first, then, noise = _errors(pair)
    found = {"pull": Measured(mean(then - first)), "growth": flux_growth(first, then, noise)}
    return {
        name: told(found[name], width, "annuli beside each other", instead)
        for name, (width, instead) in _TOLD.items()
    }


def _errors(pair):
    """Errors of the two own fluxes of each place, and the reference's part of them.

    See `astroae.validation.own.flux_growth`.
    """
    original = pair.original
    x, y, before = original.keep("own_background", lambda: _before(original))
    after = annuli(pair.pixels, x, y, original.fwhm)
    least = _FILLED * np.max(before.number, initial=0)
    seen = np.minimum(before.number, after.number) > least
    x, y, before, after = x[seen], y[seen], before[seen], after[seen]
    area = aperture_area(original)
    moved = aperture_sums(pair.change, x, y, APERTURE * original.fwhm)
    scale = np.sqrt(area) * noise_at(original, x, y)
    first = -area * (before.median - before.mean) / scale
    then = (moved - area * (after.median - before.mean)) / scale
    alike = unspoilt(first)
    noise = area / np.median(before.number) if alike.any() else 0.0
    return first[alike], then[alike], noise


def _why_not(original):
    """Reason not to measure; an image without sources has a sky all the same."""
    scene = original.scene
    if scene.no_sources and "empty" not in scene.kinds:
        return scene.no_sources
    return "few photons: medians of counts are whole numbers" if original.is_counts else ""


def _before(original):
    """Places, and the levels of their annuli in the original."""
    x, y = _places(original)
    return x, y, annuli(original.pixels, x, y, original.fwhm)


def _places(original):
    """One in each cell as wide as an annulus: its faintest source, or else its middle."""
    side = 2 * reach(original.fwhm) + 1
    rows, columns = (length // side for length in original.shape)
    y, x = ((np.mgrid[:rows, :columns] + 0.5) * side - 0.5).reshape(2, -1)
    if not original.scene.no_sources:
        faintest = original.sample.clean[::-1]
        row, column = (faintest.y // side).astype(int), (faintest.x // side).astype(int)
        inside = (row < rows) & (column < columns)
        cell, which = np.unique((row * columns + column)[inside], return_index=True)
        x[cell], y[cell] = faintest.x[inside][which], faintest.y[inside][which]
    if len(x) > original.max_sources:
        chosen = np.random.default_rng(3).choice(len(x), original.max_sources, replace=False)
        x, y = x[np.sort(chosen)], y[np.sort(chosen)]
    return x, y
