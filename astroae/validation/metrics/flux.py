"""Conservation of flux: what the pixels' changes add up to."""

import numpy as np

from astroae.validation.metrics import Measured, Quantity, Skipped
from astroae.validation.statistics import exact
from astroae.validation.tiles import tile_sums

NAME = "flux"
TITLE = "Conservation of flux"
QUANTITIES = (
    Quantity("whole", "sigma", "within", "mean change of a pixel over the noise"),
    Quantity("tiles", "sigma", "at most", "largest mean change within a tile of 256 x 256 pixels"),
    Quantity("total", "ppm", "within", "change of the sum of an image without noise"),
)
_SIDE = 256
_FEWEST = 4096  # good pixels, of a tile too: with fewer the change at q = 1 is no longer small


def measure(pair):
    """See `QUANTITIES`."""
    original = pair.original
    good = original.good
    n = int(good.sum())
    if not n:
        return {q.name: Skipped("no good pixel") for q in QUANTITIES}
    if original.noise <= 0:
        why = original.scene.no_noise
        return {"whole": Skipped(why), "tiles": Skipped(why), "total": _total(pair, n)}
    pull = np.where(good, pair.change / original.sigma, 0.0)
    return {
        "whole": _whole(pull, n),
        "tiles": _tiles(pull, good),
        "total": Skipped("for images without noise: see flux.whole"),
    }


def _whole(pull, n):
    if n < _FEWEST:
        return Skipped(f"{n} good pixels, {_FEWEST} needed")
    return Measured(exact(pull.sum() / n, n))


def _tiles(pull, good):
    number = tile_sums(good.astype(np.float64), _SIDE)
    full = number >= _FEWEST
    if not full.any():
        return Skipped(f"no tile with {_FEWEST} good pixels")
    means = tile_sums(pull, _SIDE)[full] / number[full]
    return Measured(exact(np.abs(means).max(), full.sum()))


def _total(pair, n):
    """Over the sum of absolute values: a sum may be 0 by cancelling."""
    whole = np.abs(pair.original.data[pair.original.good]).sum()
    if not whole:
        changed = bool(pair.change.any())
        return Measured(exact(np.inf if changed else 0, n))
    return Measured(exact(1e6 * pair.change.sum() / whole, n))
