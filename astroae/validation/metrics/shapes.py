"""Shapes: second moments in a Gaussian window as wide as the PSF.

Each image about its own windowed centroid; stars and galaxies that stand alone.  In such a
window a source of the PSF's size has half its ellipticity (a^2 - b^2) / (a^2 + b^2), which
is its shear, with an error of 1 over its S/N.
"""

import numpy as np

from astroae.validation.metrics import Measured, Quantity, Skipped
from astroae.validation.stamps import FWHM, centroids, moments
from astroae.validation.statistics import capped, effective_number, mean, resampled

NAME = "shapes"
TITLE = "Shapes"
QUANTITIES = (
    Quantity("fwhm", "%", "within", "mean change of the FWHM"),
    Quantity("e1", "", "within", "mean change of the ellipticity along the axes"),
    Quantity("e2", "", "within", "mean change of the ellipticity along the diagonals"),
    Quantity("m", "", "within", "slope of the ellipticities after on those before, less 1"),
)
_SNR = 20.0
_FEWEST = 10  # sources
_FEWEST_CARRYING = 5  # sources by weight: with fewer no interval can be drawn
_NARROWEST, _WIDEST = 0.8, 1.7  # windows: cosmic rays; of a wider source little is seen
_MOST_ELLIPTIC = 0.5  # in the window; what exceeds it is a streak
_ELLIPTIC = 2500.0  # sum of (ellipticity x S/N)^2: q = 4 then moves the slope by 0.001


def measure(pair):
    """See `QUANTITIES`."""
    original = pair.original
    why = original.scene.no_sources or original.scene.no_shapes
    if why:
        return {q.name: Skipped(why) for q in QUANTITIES}
    sources, before = original.keep("shapes", lambda: _before(original))
    if len(sources) < _FEWEST:
        why = f"{len(sources)} sources alone of S/N {_SNR:.0f}, {_FEWEST} needed"
        return {q.name: Skipped(why) for q in QUANTITIES}
    after = _shape(pair.signal, sources, original.fwhm)
    kept = np.isfinite(after).all(0)
    if kept.sum() < _FEWEST:
        why = f"{len(sources)} sources alone of S/N {_SNR:.0f}, {kept.sum()} of them with a shape"
        return {q.name: Skipped(f"{why} afterwards") for q in QUANTITIES}
    change, before, snr = (after - before)[:, kept], before[:, kept], sources.snr[kept]
    weights = capped(snr) ** 2
    lost = f"{np.sum(~kept)} sources without a shape afterwards" if not kept.all() else ""
    means = zip(("fwhm", "e1", "e2"), (100 * change[0], *change[1:]))
    found = {name: Measured(mean(values, weights), note=lost) for name, values in means}
    return found | {"m": _skip_round(before, snr, weights) or _slope(before, change, weights)}


def _before(original):
    """Sources that have a shape, and log width, e1 and e2 of each."""
    sources = original.sample.isolated
    sources = sources[sources.snr >= _SNR]
    shape = _shape(original.signal, sources, original.fwhm)
    width = np.exp(shape[0]) * FWHM / original.fwhm
    fine = (width > _NARROWEST) & (width < _WIDEST) & (np.hypot(*shape[1:]) < _MOST_ELLIPTIC)
    return sources[fine], shape[:, fine]


def _shape(image, sources, fwhm):
    """Log width, e1 and e2, (3, n); NaN where a source has none."""
    width = fwhm / FWHM
    x, y = centroids(image, sources.x, sources.y, fwhm)
    ixx, iyy, ixy = moments(image, x, y, width)
    size = (ixx + iyy) / 2
    size = np.where((size > 0) & (size < width**2), size, np.nan)
    # A Gaussian of variance v seen through the window: 1/size = 1/v + 1/width^2.
    return np.stack(
        [
            -0.5 * np.log(1 / size - 1 / width**2),
            (ixx - iyy) / (2 * size),
            ixy / size,
        ]
    )


def _skip_round(before, snr, weights):
    """Skipped, where ellipticities are too small or few for a slope; else None."""
    squares = (_centred(before, weights) ** 2).sum(0)
    noise = np.sum(weights**2 * squares / snr**2)
    known = float(np.sum(weights * squares) ** 2 / noise)
    if known >= _ELLIPTIC:
        carrying = effective_number(weights * squares)
        few = f"{carrying:.1f} sources carry the slope, {_FEWEST_CARRYING} needed"
        return Skipped(few) if carrying < _FEWEST_CARRYING else None
    count = int(np.ceil(len(snr) * _ELLIPTIC / known))
    return Skipped(f"{len(snr)} sources are too few, or too round, for a slope; {count} needed")


def _slope(before, change, weights):
    """Slope of the change on the ellipticity, both components together."""
    e = _centred(before, weights)
    both, own = (e * change[1:]).sum(0) * weights, (e**2).sum(0) * weights

    def of(draws):
        return (draws @ both) / np.maximum(draws @ own, 1e-30)

    return Measured(resampled(of, len(own), effective=effective_number(own)))


def _centred(before, weights):
    """Both ellipticities, less their means."""
    e = before[1:]
    return e - (e @ weights / weights.sum())[:, None]
