"""Aperture photometry at three radii, at the original's positions.

Restored less original flux is the sum of the pixel differences, so the source's own
photon noise, which is the same in both images, drops out.
"""

import numpy as np

from astroae.validation.bins import by_magnitude, worst_bin
from astroae.validation.metrics import Measured, Quantity, Skipped
from astroae.validation.sources import aperture_sums, flux_errors
from astroae.validation.statistics import Estimate, capped, exact, mean, rms

NAME = "aperture"
TITLE = "Aperture photometry"
QUANTITIES = (
    Quantity("bias", "mmag", "within", "change of the flux scale, weighted by (S/N)^2"),
    Quantity("pull", "sigma", "within", "mean change of a flux over its error, by magnitude"),
    Quantity("growth", "%", "at most", "growth of the flux errors"),
    Quantity("worst", "sigma", "at most", "largest change of a flux over its error"),
)
RADII = (0.75, 1.0, 1.5)  # FWHM
_MMAG = -2500 / np.log(10)  # of a small fraction of the flux


def measure(pair):
    """See `QUANTITIES`; of the three radii the one that comes out worst."""
    original = pair.original
    if original.scene.no_sources:
        return {q.name: Skipped(original.scene.no_sources) for q in QUANTITIES}
    sources = original.sample.clean
    if not len(sources):
        return {q.name: Skipped("none of the sampled sources is unflagged") for q in QUANTITIES}
    found = [_one(pair, sources, radius * original.fwhm) for radius in RADII]
    return {name: _worst([one[name] for one in found]) for name in found[0]}


def _one(pair, sources, radius):
    """All quantities at one radius."""
    original = pair.original
    flux = aperture_sums(original.signal, sources.x, sources.y, radius)
    error = flux_errors(original, sources.x, sources.y, radius, flux)
    pull = pair.aperture_changes(sources, radius) / error
    at = f"radius {radius:.1f} px"
    return {
        "bias": Measured(scale_change(pull, flux / error), note=at),
        "pull": worst_bin(pull, sources.mag, note=at),
        "growth": growth_of(pull, sources.mag, at),
        "worst": Measured(exact(np.abs(pull).max(), len(pull)), note=at),
    }


def scale_change(pull, snr):
    """Change of the flux scale, best estimate from all sources, in mmag.

    Parameters
    ----------
    pull : array (n,)
        Change of the flux over its error.
    snr : array (n,)
        Flux over its error.

    Returns
    -------
    Estimate
        ``sum(w pull / snr) / sum(w)``, ``w = snr^2`` but never above that of the 8th
        brightest: a mean over one star has no interval.
    """
    seen = snr > 0
    pull, snr = pull[seen], snr[seen]
    if not len(snr):
        return Estimate(np.nan, -np.inf, np.inf, 0)
    return mean(_MMAG * pull / snr, capped(snr) ** 2)


def as_growth(spread):
    """An rms in sigma as growth of the error, in per cent: the two add in quadrature."""

    def percent(value):
        return 100 * (np.sqrt(1 + max(value, 0) ** 2) - 1)

    ends = percent(spread.value), percent(spread.low), percent(spread.high)
    return Estimate(*ends, spread.n, spread.parts and spread.parts.then(as_growth))


def growth_of(pull, mag, note):
    """Growth of the errors, of all sources and by magnitude.

    Parameters
    ----------
    pull : array (n,)
        Changes over their errors.
    mag : array (n,)
    note : str

    Returns
    -------
    Measured
    """
    bins = by_magnitude(pull, mag, lambda part: as_growth(rms(part)))
    return Measured(as_growth(rms(pull)), bins, note=note)


def _worst(measured):
    """The one that reaches farthest from zero."""
    return max(measured, key=lambda m: max(abs(m.estimate.low), abs(m.estimate.high)))
