"""Background and noise, mesh by mesh: photutils's Background2D before and after.

Medians and modes are those of each image by itself.  That they agree in the mean does not say
that every one is as good as it was: `astroae.validation.own` says why, and how it is judged.
"""

import numpy as np

from astroae.validation.levels import meshes
from astroae.validation.metrics import Measured, Quantity, Skipped
from astroae.validation.own import aperture_area, flux_growth, told, unspoilt
from astroae.validation.sky import box_of, measure_sky
from astroae.validation.sources import noise_at
from astroae.validation.statistics import mean

NAME = "background"
TITLE = "Background and noise"
THINGS = "meshes"
QUANTITIES = (
    Quantity("shift", "sigma", "within", "mean shift of the meshes' background, over the noise"),
    Quantity("noise", "%", "within", "growth of the meshes' noise"),
    Quantity("mode", "sigma", "within", "mean shift of the meshes' modes, over the noise"),
    Quantity("medians", "%", "at most", "growth of the errors of fluxes above mesh medians"),
    Quantity("modes", "%", "at most", "growth of the errors of fluxes above mesh modes"),
)
_FILLED = 0.5  # of a mesh that has to be left
# Half intervals that let q = 4 pass, and what is judged where they are wider.
_TOLD = {
    "mode": (0.0125, "background.shift"),
    "medians": (0.5, "background.shift"),
    "modes": (0.5, "background.medians"),
}


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
        **_own(pair),
    }


def _mean_of(values, reason):
    values = values[np.isfinite(values)]
    return Measured(mean(values)) if len(values) else Skipped(reason)


# ---- medians and modes of each image by itself -------------------------------------------


def _own(pair):
    """What they do to fluxes in the aperture of 1.25 FWHM."""
    if pair.original.is_counts:
        return {name: Skipped("few photons: levels are means") for name in _TOLD}
    both = MeshPair(pair)
    found = {
        "mode": Measured(mean((both.after.mode - both.before.mode) / both.sigma)),
        "medians": both.growth("median"),
        "modes": both.growth("mode"),
    }
    return {
        name: told(found[name], width, "meshes", instead)
        for name, (width, instead) in _TOLD.items()
    }


class MeshPair:
    """Levels of the meshes of both images that are well filled.

    Parameters
    ----------
    pair : `~astroae.validation.pair.Pair`
    """

    def __init__(self, pair):
        original = pair.original
        box = box_of(original.shape)
        before = original.keep("background", lambda: meshes(original.pixels, box))
        after = meshes(pair.pixels, box)
        self.pixels, self.area = box[0] * box[1], aperture_area(original)
        seen = np.minimum(before.number, after.number) > _FILLED * self.pixels
        self.before, self.after, self.sigma = before[seen], after[seen], _noise(original, box)[seen]

    def growth(self, name):
        """Growth of the errors of fluxes above their "median" or "mode", in per cent."""
        flux = np.sqrt(self.area) / self.sigma  # over its noise, of a level of 1
        first, then = (
            flux * (getattr(levels, name) - self.before.mean)
            for levels in (self.before, self.after)
        )
        alike = unspoilt(first)
        return flux_growth(first[alike], then[alike], self.area / self.pixels)


def _noise(original, box):
    """Noise in the middle of each mesh."""
    counts = (length // side for length, side in zip(original.shape, box))
    y, x = np.indices(tuple(counts)).reshape(2, -1)
    return noise_at(original, (x + 0.5) * box[1], (y + 0.5) * box[0])
