"""Errors of the pixels themselves, and how alike the two pictures are."""

import numpy as np

from astroae.validation import images
from astroae.validation.metrics import Measured, Quantity, Skipped
from astroae.validation.sources import pixel_errors
from astroae.validation.statistics import exact
from astroae.validation.tiles import tile_sums

NAME = "pixels"
TITLE = "Pixels"
QUANTITIES = (
    Quantity("over_bound", "", "at most", "largest error over the error that was promised"),
    Quantity("lost", "pixels", "at most", "finite pixels that came back as NaN or infinite"),
    Quantity("filled", "pixels", "at most", "NaN or infinite pixels that came back finite"),
    Quantity("rms", "sigma", "at most", "rms error over the noise of the pixel"),
    Quantity("local", "sigma", "at most", "largest rms error of 8 x 8 pixels over their own error"),
    Quantity("mse", "", "at most", "mean squared error, image on [0, 1]"),
    Quantity("psnr", "dB", "at least", "peak signal-to-noise ratio, image on [0, 1]"),
    Quantity("ssim", "", "at least", "structural similarity, 11 pixel window, image on [0, 1]"),
    Quantity("ms_ssim", "", "at least", "multi-scale structural similarity, image on [0, 1]"),
)
_BOX = 8  # pixels: smaller than what other metrics average over, so that no damage hides
_PICTURE = 20  # sigma of range; below, what passes as noise would fail as a picture


def measure(pair):
    """See `QUANTITIES`."""
    original = pair.original
    n = int(original.good.sum())
    filled = {"filled": _filled(pair)}
    if not n:
        return {q.name: Skipped("no good pixel") for q in QUANTITIES} | filled
    found = {"over_bound": _over_bound(pair, n), "lost": Measured(exact(pair.lost.sum(), n))}
    found |= filled
    if pair.role != "image":
        why = "a mask or weights: neither noise nor a picture"
        return found | {q.name: Skipped(why) for q in QUANTITIES if q.name not in found}
    if original.noise > 0:
        scaled = pair.change[original.good] / original.sigma[original.good]
        found["rms"] = Measured(exact(np.sqrt(np.mean(scaled**2)), n))
        found["local"] = _local(pair)
    else:
        found |= dict.fromkeys(("rms", "local"), Skipped(original.scene.no_noise))
    return found | _likeness(pair, n)


def _filled(pair):
    missing = ~np.isfinite(pair.original.data)
    if not missing.any():
        return Skipped("every pixel of the original is finite")
    return Measured(exact(np.sum(missing & np.isfinite(pair.restored)), missing.sum()))


def _local(pair):
    original = pair.original
    squares = np.where(original.good, (pair.change / pixel_errors(original)) ** 2, 0.0)
    number = tile_sums(original.good.astype(np.float64), _BOX)
    means = tile_sums(squares, _BOX) / np.maximum(number, 1)
    return Measured(exact(np.sqrt(means.max()), np.count_nonzero(number)))


def _over_bound(pair, n):
    if pair.bound is None:
        return Skipped("no bound was promised")
    bound = np.broadcast_to(pair.bound, pair.original.shape)
    error = np.abs(pair.change)
    # Half a unit in the last place of each of the two.
    larger = np.fmax(np.abs(pair.original.data), np.abs(pair.restored))
    rounding = np.spacing(np.where(pair.original.good, larger, 0).astype(_single(pair)))
    over = np.maximum(error - rounding, 0)
    # A bound of 0 asks for the very same pixel.
    ratio = np.where(over > bound, error / np.where(bound > 0, bound, 1), 0)
    ratio[(over > 0) & (bound == 0)] = np.inf
    inside = (over <= bound) & (bound > 0)
    ratio[inside] = np.minimum(error[inside] / bound[inside], 1)
    return Measured(exact(ratio[pair.original.good].max(), n))


def _single(pair):
    kind = pair.original.dtype
    return np.float32 if kind == np.float32 else np.float64


def _likeness(pair, n):
    """MSE, PSNR, SSIM and MS-SSIM, both images scaled by the original's range."""
    original = pair.original
    values = original.data[original.good]
    low, high = values.min(), values.max()
    names = ("mse", "psnr", "ssim", "ms_ssim")
    if high == low:
        return {name: Skipped("every pixel is the same: no range") for name in names}
    if high - low < _PICTURE * original.noise:
        why = f"its range is {(high - low) / original.noise:.0f} sigma: noise, see pixels.rms"
        return {name: Skipped(why) for name in names}
    before = np.where(original.bad, 0, (original.data - low) / (high - low))
    after = before + pair.change / (high - low)
    found = {}
    for name in names:
        value = images.MEASURES[name](before, after)
        side = 10 if name == "ssim" else images.SMALLEST_MS_SSIM
        found[name] = (
            Skipped(f"a side has {side} pixels or fewer")
            if value is None
            else Measured(exact(value, n))
        )
    return found
