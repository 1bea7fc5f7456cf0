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
    good = pair.original.good
    error = np.abs(pair.change[good])
    bound = np.broadcast_to(pair.bound, pair.original.shape)[good]
    # A bound of 0 asks for the very same pixel.
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(error > 0, error / bound, 0.0)
    arithmetic = 4 * np.finfo(np.result_type(bound, np.float32)).eps
    kept = error <= bound.astype(np.float64) * (1 + arithmetic) + _rounding(pair, bound)
    ratio[kept] = np.minimum(ratio[kept], 1)
    ratio[kept & (bound == 0)] = 0
    return Measured(exact(ratio.max(), n))


def _rounding(pair, bound):
    """What the last place of the coarser type adds to the bound of each good pixel.

    Of one type, half a unit is the decoder's; of two, half is the original's in the other.
    """
    before, after = (np.float64 if _is_long(kind) else kind for kind in pair.dtypes)
    floats = [kind for kind in (before, after) if np.dtype(kind).kind == "f"]
    if not floats:
        return 0.0
    good = pair.original.good
    larger = np.fmax(np.abs(pair.original.data[good]), np.abs(pair.restored[good]))
    with np.errstate(over="ignore", invalid="ignore"):
        unit = np.spacing(larger.astype(min(floats, key=lambda kind: np.dtype(kind).itemsize)))
    unit = np.nan_to_num(unit.astype(np.float64), nan=0, posinf=0)
    if before == after and not _is_long(pair.dtypes[0]):
        return np.where(bound > 0, unit / 2, 0)
    return np.where(bound > 0, unit, 0 if before == after else unit / 2)


def _is_long(kind):
    """Whole numbers that float64, in which all is compared, may round."""
    return kind.kind in "iu" and kind.itemsize == 8


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
