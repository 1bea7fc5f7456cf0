"""Is what compression changed like noise: white, and independent of the image?

White changes average out over a source and over the frame; correlated ones do not, and
those that follow the signal are a bias.  All are measured on the change over the noise,
clipped at five times its own spread: a few large errors are another metric's matter.
"""

import numpy as np
from astropy.stats import mad_std

from astroae.validation.metrics import Measured, Quantity, Skipped
from astroae.validation.statistics import Estimate, exact, resampled
from astroae.validation.tiles import fewest_tiles, tile_sums

__all__ = ["power_spectrum"]
__doctest_requires__ = {"power_spectrum": ["photutils"]}

NAME = "whiteness"
TITLE = "Whiteness of the residual"
THINGS = "tiles"
QUANTITIES = (
    Quantity("large_scale", "%", "at most", "growth of the noise of sums over 8 x 8 pixels"),
    Quantity("correlation", "", "at most", "largest correlation of neighbours up to 3 pixels"),
    Quantity("signal", "", "within", "correlation of the change with the image"),
)
_BOX = 8
_TILE = 64
_FAR = 3  # pixels
_CLIP = 5.0  # sigma, of the change and of the image
_NEGLIGIBLE = 0.005  # sigma; fully correlated over 100 pixels it adds 0.1 % to their sum's noise
_FEWEST = 4096  # good pixels
_LAGS = [
    (dy, dx)
    for dy in range(_FAR + 1)
    for dx in range(-_FAR, _FAR + 1)
    if (dy > 0 or dx > 0) and dy**2 + dx**2 <= _FAR**2
]


def measure(pair):
    """See `QUANTITIES`."""
    original = pair.original
    n = int(original.good.sum())
    if original.noise <= 0:
        return {q.name: Skipped(original.scene.no_noise) for q in QUANTITIES}
    if not pair.change.any():
        return {q.name: Measured(exact(0, n), note="nothing changed") for q in QUANTITIES}
    if n < _FEWEST:
        return {q.name: Skipped(f"{n} good pixels, {_FEWEST} needed") for q in QUANTITIES}
    whole = _scaled(pair)
    clipped = _clipped(whole, original.good)
    spread = float(np.sqrt(np.mean(clipped[original.good] ** 2)))
    found = {"large_scale": _large_scale(whole, original.good)}
    if spread < _NEGLIGIBLE:
        why = (
            f"the change is {spread:.2g} of the noise: below {_NEGLIGIBLE} its pattern is harmless"
        )
        return found | {"correlation": Skipped(why), "signal": Skipped(why)}
    return found | {
        "correlation": _correlation(clipped, original.good),
        "signal": _signal(clipped, original),
    }


def power_spectrum(pair, side=256):
    """Power spectrum of the change over the noise, averaged over directions and tiles.

    Parameters
    ----------
    pair : `~astroae.validation.pair.Pair`
    side : int
        Of a tile, pixels (Welch 1967, IEEE Trans. AU-15, 70; tiles side by side).

    Returns
    -------
    frequency : array (n,)
        Cycles per pixel, up to 0.5.
    power : array (n,)
        The image's own white noise has 1 at every frequency, white changes of r sigma r^2.
        Empty arrays where the image has no noise or no side of 16 pixels.

    Examples
    --------
    >>> import numpy as np
    >>> from astroae.validation.metrics.whiteness import power_spectrum
    >>> from astroae.validation.original import Original
    >>> from astroae.validation.pair import Pair
    >>> noise = np.random.default_rng(1).normal(size=(2, 512, 512))
    >>> frequency, power = power_spectrum(Pair(Original(noise[0]), noise[0] + 0.1 * noise[1]))
    >>> bool(abs(power.mean() - 0.01) < 0.001)
    True
    """
    original = pair.original
    side = min(side, *original.shape)
    if original.noise <= 0 or side < 16:
        return np.zeros(0), np.zeros(0)
    ny, nx = (length // side for length in original.shape)
    scaled, good = _scaled(pair)[: ny * side, : nx * side], original.good[: ny * side, : nx * side]
    tiles = scaled.reshape(ny, side, nx, side).swapaxes(1, 2).reshape(-1, side, side)
    power = np.zeros((side, side // 2 + 1))
    for tile in tiles:
        power += np.abs(np.fft.rfft2(tile)) ** 2
    power /= max(1, int(good.sum()))
    frequency = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side))
    return _by_radius(frequency, power, side)


def _by_radius(frequency, power, side):
    """Means over rings one frequency step wide; those beyond the Nyquist frequency left out."""
    ring = np.rint(frequency * side).astype(int).ravel()
    count = np.maximum(np.bincount(ring), 1)
    use = slice(1, side // 2 + 1)
    return (
        (np.bincount(ring, frequency.ravel()) / count)[use],
        (np.bincount(ring, power.ravel()) / count)[use],
    )


def _scaled(pair):
    """Change over the noise, 0 at bad pixels."""
    original = pair.original
    return np.where(original.good, pair.change / original.sigma, 0.0).astype(np.float32)


def _clipped(scaled, good):
    """Less its mean, clipped; 0 at bad pixels."""
    values = scaled[good]
    middle = values.mean()
    few = values[:: max(1, values.size // 1_000_000)]
    most = _CLIP * max(float(mad_std(few)), _NEGLIGIBLE / _CLIP)
    return np.where(good, np.clip(scaled - middle, -most, most), np.float32(0))


def _large_scale(scaled, good):
    """Rms of the boxes' sums, over what the image's own noise gives them."""
    ny, nx = (length // _BOX for length in scaled.shape)

    def boxes(image):
        return image[: ny * _BOX, : nx * _BOX].reshape(ny, _BOX, nx, _BOX).sum((1, 3))

    number = boxes(good.astype(np.float32))
    full = number >= _BOX**2 / 2
    squares = np.where(full, boxes(scaled) ** 2 / np.maximum(number, 1), 0)
    side = fewest_tiles(squares.shape, 1)
    sums, number = tile_sums(squares, side), tile_sums(full.astype(np.float32), side)
    sums, number = sums[number > 0], number[number > 0]

    def growth(draws):
        return 100 * (np.sqrt(1 + (draws @ sums) / np.maximum(draws @ number, 1)) - 1)

    return Measured(resampled(growth, len(number)), note=f"{int(number.sum())} boxes")


def _correlation(clipped, good):
    """Autocorrelation at every lag; the largest, with its interval."""
    side = fewest_tiles(clipped.shape, _TILE)
    own = tile_sums(clipped**2, side) / good.sum()
    sums = np.stack([tile_sums(_product(clipped, lag), side) for lag in _LAGS], 1)
    sums /= [_product(good, lag).sum() if not good.all() else good.size for lag in _LAGS]
    used = own > 0
    own, sums = own[used], sums[used]
    values = sums.sum(0) / own.sum()
    worst = int(np.argmax(np.abs(values)))
    sign = np.sign(values[worst])

    def of(draws):
        return sign * (draws @ sums[:, worst]) / np.maximum(draws @ own, 1e-30)

    dy, dx = _LAGS[worst]
    note = (
        f"{sign * abs(values[worst]):+.3f} at ({dx}, {dy}) pixels; interval from {len(own)} tiles"
    )
    return Measured(_at_least_zero(resampled(of, len(own))), note=note)


def _at_least_zero(found):
    """A size has no negative end."""
    return Estimate(found.value, max(found.low, 0.0), found.high, found.n)


def _product(image, lag):
    """Each pixel times the one that is ``lag`` away; 0 where that is outside."""
    (dy, dx), (ny, nx) = lag, image.shape
    here = np.s_[: ny - dy, max(0, -dx) : nx - max(0, dx)]
    there = np.s_[dy:, max(0, dx) : nx - max(0, -dx)]
    out = np.zeros_like(image)
    out[here] = image[here] * image[there]
    return out


def _signal(clipped, original):
    """Correlation coefficient with the image less its background, both clipped."""
    image = original.keep("whiteness", lambda: _image(original))
    side = fewest_tiles(clipped.shape, _TILE)
    both, own, other = (
        tile_sums(product, side) for product in (clipped * image, clipped**2, image**2)
    )

    def of(draws):
        return (draws @ both) / np.sqrt(np.maximum((draws @ own) * (draws @ other), 1e-30))

    return Measured(resampled(of, len(both)), note=f"interval from {len(both)} tiles")


def _image(original):
    """Signal over noise of every pixel, clipped, less its mean; 0 at bad pixels."""
    image = (original.signal / original.sigma).astype(np.float32)
    np.clip(image, -_CLIP, _CLIP, out=image)
    image -= image[original.good].mean()
    image[original.bad] = 0
    return image
