"""Background and noise, mesh by mesh: photutils's Background2D before and after."""

import numpy as np

from astroae.validation.metrics import Measured, Quantity, Skipped
from astroae.validation.sky import measure_sky
from astroae.validation.statistics import mean

NAME = "background"
TITLE = "Background and noise"
THINGS = "meshes"
QUANTITIES = (
    Quantity("shift", "sigma", "within", "mean shift of the meshes' background, over the noise"),
    Quantity("noise", "%", "within", "growth of the meshes' noise"),
)


def measure(pair):
    """See `QUANTITIES`."""
    original = pair.original
    if original.noise <= 0:
        return {q.name: Skipped(original.scene.no_noise) for q in QUANTITIES}
    before = original.sky
    after = measure_sky(
        original.data + pair.change, original.bad | pair.lost, counts=original.is_counts
    )
    sigma = original.noise if original.is_counts else before.sigma_mesh
    with np.errstate(divide="ignore", invalid="ignore"):
        shift = ((after.level_mesh - before.level_mesh) / sigma).ravel()
        growth = (100 * (after.sigma_mesh / before.sigma_mesh - 1)).ravel()
    return {
        "shift": _mean_of(shift, "no mesh with noise"),
        "noise": _mean_of(growth, "no mesh with noise"),
    }


def _mean_of(values, reason):
    values = values[np.isfinite(values)]
    return Measured(mean(values)) if len(values) else Skipped(reason)
