"""Did anything move?  Windowed centroids before and after; without sources, the gradient.

The centroid is where ``N = sum(w I dx)`` is 0; its error is the noise of N over its slope.
Of a Gaussian source of width s and flux F, in a window of width w, on noise n a pixel:
``n sqrt(pi/2) (s^2 + w^2)^2 / (F w^2)``; with w = s that is ``sqrt(8 pi) n s^2 / F``, the
limit that no method beats (King 1983, PASP 95, 163).  Photons add, squared, with gain g and
``1/v = 1/s^2 + 2/w^2``: ``v^2 (s^2 + w^2)^4 / (s^2 w^8 F g)``.
"""

import numpy as np
from astropy.stats import mad_std

from astroae.validation.extras import needed
from astroae.validation.metrics import Measured, Quantity, Skipped
from astroae.validation.metrics.aperture import growth_of
from astroae.validation.sources import APERTURE, noise_at
from astroae.validation.stamps import centroids, moments
from astroae.validation.statistics import capped, exact, mean, resampled
from astroae.validation.tiles import fewest_tiles, tile_sums

NAME = "astrometry"
TITLE = "Astrometry"
THINGS = "sources or tiles"
QUANTITIES = (
    Quantity("shift_x", "px", "within", "mean shift of the centroids along x"),
    Quantity("shift_y", "px", "within", "mean shift of the centroids along y"),
    Quantity("growth", "%", "at most", "growth of the centroids' errors"),
    Quantity("registration", "px", "within", "shift of an image without sources, worse axis"),
)
_SNR = 10.0
_FEWEST = 5  # sources
_SURE = 0.03  # pixels, error of the mean: q = 4 then moves it by 0.002
_SETTLED = 0.1  # of its error a centroid moves by more steps; else it has no one value
_OUTLIER = 6.0  # spreads, and at least
_JUMP = 3.0  # errors, from which a centroid found another top and says nothing of a shift
_SMOOTH = 1.0  # pixels, sigma: the gradient is that of structure, not of pixels
_STEEP = 5.0  # sigma of the gradient
_FEWEST_STEEP = 100  # pixels
_REACH = 5  # pixels around bad ones that smoothing spoils
_TILE = 16  # pixels; noise of the change is independent beyond
_FEWEST_TILES = 20


def measure(pair):
    """See `QUANTITIES`."""
    original = pair.original
    if original.scene.no_noise:
        return {q.name: Skipped(original.scene.no_noise) for q in QUANTITIES}
    sources, x, y, error = original.keep("astrometry", lambda: _before(original))
    if len(sources) < _FEWEST:
        why = original.scene.no_sources or (
            f"{len(sources)} unflagged sources of S/N {_SNR:.0f}, {_FEWEST} needed"
        )
        skipped = {q.name: Skipped(why) for q in QUANTITIES[:3]}
        return skipped | {"registration": _registration(pair)}
    found = _centroids(pair, sources, x, y, error)
    weights = _weights(error)
    sure = float(np.sqrt(np.sum(weights**2 * error**2)) / np.sum(weights))
    if sure > _SURE:
        why = (
            f"the mean of {len(sources)} centroids has an error of {sure:.2g} px, {_SURE} "
            f"needed: about {int(np.ceil(len(sources) * (sure / _SURE) ** 2))} sources"
        )
        skipped = dict.fromkeys(("shift_x", "shift_y"), Skipped(why))
        return found | skipped | {"registration": _registration(pair)}
    return found | {"registration": Skipped(f"the centroids of {len(sources)} sources tell it")}


# ---- centroids ---------------------------------------------------------------------------


def _before(original):
    """Sources whose centroids are well defined, these, and their errors."""
    if original.scene.no_sources:
        return (), None, None, None
    sources = original.sample.clean
    sources = sources[(sources.snr >= _SNR) & (sources.flux > 0)]
    x, y = centroids(original.signal, sources.x, sources.y, original.fwhm)
    error = centroid_errors(original, sources)
    settled = np.hypot(x - sources.x, y - sources.y) < _SETTLED * error
    return sources[settled], x[settled], y[settled], error[settled]


def centroid_errors(original, sources):
    """Error of each windowed centroid along one axis, in pixels; formula: see the module.

    Parameters
    ----------
    original : `~astroae.validation.original.Original`
    sources : `~astroae.validation.sources.Sources`
        With fluxes above 0.

    Returns
    -------
    array (n,)
    """
    w2 = original.psf_sigma**2
    s2 = _squared_widths(original, sources, w2)
    sigma = noise_at(original, sources.x, sources.y)
    # Of a wide source much lies outside of the aperture of Sources.flux.
    flux = sources.flux / (1 - np.exp(-((APERTURE * original.fwhm) ** 2) / (2 * s2)))
    variance = np.pi / 2 * (sigma * (s2 + w2) ** 2 / (flux * w2)) ** 2
    if original.gain:
        v = 1 / (1 / s2 + 2 / w2)
        variance = variance + v**2 * (s2 + w2) ** 4 / (s2 * w2**4 * flux * original.gain)
    return np.sqrt(variance)


def _squared_widths(original, sources, w2):
    """Of the sources, from their moments in the window: 1/moment = 1/s^2 + 1/w^2."""
    ixx, iyy, _ = moments(original.signal, sources.x, sources.y, np.sqrt(w2))
    seen = np.nan_to_num((ixx + iyy) / 2, nan=w2 / 2)
    seen = np.clip(seen, w2 / 3, 0.9 * w2)  # widths of 0.7 to 3 windows
    return 1 / (1 / seen - 1 / w2)


def _centroids(pair, sources, x, y, error):
    after = centroids(pair.signal, sources.x, sources.y, pair.original.fwhm)
    flux = sources.flux + pair.aperture_changes(sources, APERTURE * pair.original.fwhm)
    gone = flux <= 0  # without light no centroid moves; such a source is off by all its width
    moved = [np.where(gone, pair.original.fwhm, new - old) for new, old in zip(after, (x, y))]
    pull = np.hypot(*moved) / error / np.sqrt(2)
    note = f"{np.sqrt(np.mean(pull**2)):.3f} of the error"
    return {
        "shift_x": _shift(moved[0], error, pair.original.pixel_mas),
        "shift_y": _shift(moved[1], error, pair.original.pixel_mas),
        "growth": growth_of(pull, sources.mag, note),
    }


def _shift(moved, error, pixel_mas):
    """Mean weighted by 1/error^2, without centroids that jumped to another top."""
    pull = (moved - np.median(moved)) / error
    kept = np.abs(pull) <= max(_OUTLIER * mad_std(pull), _JUMP)
    found = mean(moved[kept], _weights(error)[kept])
    left_out = f"{np.sum(~kept)} of {len(kept)} centroids left out" if not kept.all() else ""
    return Measured(
        found, note="; ".join(filter(None, (_in_mas(found.value, pixel_mas), left_out)))
    )


def _weights(error):
    return capped(1 / error) ** 2


def _in_mas(value, pixel_mas):
    return f"{value * pixel_mas:+.3g} mas" if pixel_mas else ""


# ---- without sources ---------------------------------------------------------------------


def _registration(pair):
    """Least-squares shift of the change on the gradient, interval from tiles."""
    original = pair.original
    if min(original.shape) < 2:
        return Skipped("a single row or column has no gradient across")
    gx, gy, weight = original.keep("gradient", lambda: _gradient(original))
    steep = int(np.count_nonzero(weight))
    if steep < _FEWEST_STEEP:
        return Skipped(
            f"{steep} pixels with a gradient of {_STEEP:.0f} sigma, {_FEWEST_STEEP} needed"
        )
    if not pair.change.any():
        return Measured(exact(0, steep), note="nothing changed")
    change = _smooth(pair.change)
    side = fewest_tiles(original.shape, _TILE)
    products = (gx * gx, gx * gy, gy * gy, gx * change, gy * change)
    xx, xy, yy, xd, yd = (tile_sums(weight * product, side) for product in products)
    used = xx + yy > 0
    if used.sum() < _FEWEST_TILES:
        return Skipped(f"{used.sum()} tiles with a gradient, {_FEWEST_TILES} needed")
    scale = (xx + yy).sum()  # the shift is a ratio; squares of large units would overflow
    xx, xy, yy, xd, yd = (sums[used] / scale for sums in (xx, xy, yy, xd, yd))

    def along(own, cross, other, d_own, d_other):
        def of(draws):
            a, b, c = draws @ own, draws @ cross, draws @ other
            determinant = np.maximum(a * c - b * b, 1e-6 * a * c)
            return (b * (draws @ d_other) - c * (draws @ d_own)) / np.maximum(determinant, 1e-30)

        return resampled(of, len(own), level=0.975)  # two axes, both of which have to pass

    axes = (along(xx, xy, yy, xd, yd), along(yy, xy, xx, yd, xd))
    worst = max(axes, key=lambda found: max(abs(found.low), abs(found.high)))
    note = f"x {axes[0].value:+.4f}, y {axes[1].value:+.4f} px, from {steep} pixels"
    return Measured(
        worst, note="; ".join(filter(None, (note, _in_mas(worst.value, original.pixel_mas))))
    )


def _gradient(original):
    """Gradient along x and y, and weights: 0 where it is flat or spoilt."""
    middle = np.median(original.data[original.good])
    gy, gx = np.gradient(_smooth(np.where(original.bad, 0, original.data - middle)))
    spoilt = original.bad | original.saturated
    if spoilt.any():
        spoilt = needed("scipy.ndimage").maximum_filter(spoilt, 2 * _REACH + 1)
    # White noise so smoothed has this gradient; s = _SMOOTH.
    flat = original.sigma / (np.sqrt(8 * np.pi) * _SMOOTH**2)
    size = np.hypot(gx, gy)
    steep = (size > _STEEP * flat) & ~spoilt
    if not steep.any():
        return gx, gy, np.zeros(size.shape, np.float32)
    # No pixel counts for more than those at the 90th percentile: limbs and cosmic rays would.
    most = np.percentile(size[steep], 90)
    weight = np.where(steep, np.minimum(1, most / np.maximum(size, most)) ** 2, 0)
    return gx, gy, (weight / original.sigma**2 * original.noise**2).astype(np.float32)


def _smooth(image):
    return needed("scipy.ndimage").gaussian_filter(image.astype(np.float32), _SMOOTH)
