"""PSF photometry as users do it: photutils, positions free, one round Gaussian PSF.

The PSF has the original's width in both images.  Whether it is the true one does not
matter: both images are fitted with it, and what is compared are the two fluxes.
"""

import warnings

import numpy as np
from astropy.table import Table
from astropy.utils.exceptions import AstropyUserWarning

from astroae.validation.bins import worst_bin
from astroae.validation.extras import needed
from astroae.validation.metrics import Measured, Quantity, Skipped
from astroae.validation.metrics.aperture import growth_of, scale_change
from astroae.validation.sources import errors_of, noise_at, pixel_errors
from astroae.validation.statistics import capped

NAME = "psf"
TITLE = "PSF photometry"
QUANTITIES = (
    Quantity("bias", "mmag", "within", "change of the flux scale, weighted by (S/N)^2"),
    Quantity("pull", "sigma", "within", "mean change of a flux over its error, by magnitude"),
    Quantity("growth", "%", "at most", "growth of the flux errors"),
)
_MOST = 400  # sources: 1 s an image
_FEWEST = 5
_SNR2 = 2e5  # sum of (S/N)^2: q = 4 then changes the mean by 0.2 mmag
_STEPS = 100
_FAR = 0.5  # FWHM from its place: the fit has found something else


def measure(pair):
    """See `QUANTITIES`."""
    original = pair.original
    scene = original.scene
    why = scene.no_sources or (scene.no_shapes and f"no fits of single sources; {scene.no_shapes}")
    if why:
        return {q.name: Skipped(why) for q in QUANTITIES}
    sources, before = original.keep("psf", lambda: _before(original))
    after = _fit(original, pair.signal, sources, original.bad | pair.lost)
    kept = np.isfinite(before) & np.isfinite(after) & (before > 0)
    if kept.sum() < _FEWEST:
        why = f"{kept.sum()} of {len(sources)} fits came out, {_FEWEST} needed"
        return {q.name: Skipped(why) for q in QUANTITIES}
    error = _errors(original, sources, before)
    pull, snr = ((after - before) / error)[kept], (before / error)[kept]
    mag = sources.mag[kept]
    note = f"{kept.sum()} of {len(kept)} fits came out in both images"
    return {
        "bias": scale(pull, snr, note),
        "pull": worst_bin(pull, mag, note=note),
        "growth": growth_of(pull, mag, note),
    }


def scale(pull, snr, note):
    """Change of the flux scale; Skipped where sources are too few or faint to tell it.

    Parameters
    ----------
    pull, snr : array (n,)
        As `~astroae.validation.metrics.aperture.scale_change` takes them.
    note : str
    """
    weights = capped(snr) ** 2
    known = float(np.sum(weights) ** 2 / np.sum(weights**2 / snr**2))
    if known >= _SNR2:
        return Measured(scale_change(pull, snr), note=note)
    count = int(np.ceil(len(snr) * _SNR2 / known))
    return Skipped(
        f"{len(snr)} sources are too faint for a scale: (S/N)^2 sums to {known:.1e}, "
        f"{_SNR2:.0e} needed, about {count} sources"
    )


def _before(original):
    """Sources to be fitted, and their fluxes in the original."""
    sources = original.sample.isolated
    sources = sources[sources.flux > 0].stratified(_MOST)
    return sources, _fit(original, original.signal, sources, original.bad)


def _fit(original, image, sources, bad):
    """Fluxes (n,), NaN where the fit failed or went away."""
    if not len(sources):
        return np.zeros(0)
    psf = needed("photutils.psf")
    model = psf.CircularGaussianPRF(fwhm=original.fwhm)
    model.fwhm.bounds = (None, None)  # it is fixed; with bounds the fastest fitter warns
    photometry = psf.PSFPhotometry(
        model,
        2 * round(original.fwhm) + 1,
        fitter=needed("astropy.modeling.fitting").LMLSQFitter(),
        fitter_maxiters=_STEPS,
    )
    start = Table({"x": sources.x, "y": sources.y, "flux": sources.flux})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AstropyUserWarning)  # failed fits; they are counted
        found = photometry(image, mask=bad, error=pixel_errors(original), init_params=start)
    far = np.hypot(found["x_fit"] - sources.x, found["y_fit"] - sources.y) > _FAR * original.fwhm
    failed = (np.asarray(found["flags"]) != 0) | np.asarray(far)
    return np.where(failed, np.nan, np.asarray(found["flux_fit"], float))


def _errors(original, sources, flux):
    """Errors of the fluxes: noise of 4 pi s^2 pixels (King 1983, PASP 95, 163), and photons."""
    sky = 4 * np.pi * original.psf_sigma**2 * noise_at(original, sources.x, sources.y) ** 2
    return errors_of(original, sky, flux)
