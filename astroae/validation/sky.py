"""Background and noise of an image, mesh by mesh."""

from dataclasses import dataclass

import numpy as np
from astropy.stats import SigmaClip

from astroae.validation.extras import needed

__all__ = ["Sky", "box_of", "measure_sky"]

_BOX = 64  # pixels of a mesh


@dataclass(frozen=True)
class Sky:
    """Background and noise: maps as large as the image, and the meshes they come from.

    Attributes
    ----------
    level, sigma : array of float64 (y, x)
    level_mesh, sigma_mesh : array of float64 (my, mx)
    """

    level: np.ndarray
    sigma: np.ndarray
    level_mesh: np.ndarray
    sigma_mesh: np.ndarray


def measure_sky(data, bad, *, counts=False):
    """Background and noise by photutils's Background2D, sources clipped.

    Parameters
    ----------
    data : array (y, x)
    bad : array of bool (y, x)
    counts : bool
        Few photons: mean levels instead of medians, Poisson noise.

    Returns
    -------
    Sky
    """
    photutils = needed("photutils.background")
    shape = data.shape
    if bad.all():
        return _nothing(shape)
    box = box_of(shape)
    settings = {
        "mask": bad,
        "filter_size": 3 if min(n // b for n, b in zip(shape, box)) >= 3 else 1,
        # Of few photons, two in a pixel are no source yet.
        "sigma_clip": SigmaClip(5.0 if counts else 3.0, maxiters=10),
        "bkg_estimator": photutils.MeanBackground() if counts else photutils.MedianBackground(),
        "bkg_rms_estimator": photutils.StdBackgroundRMS(),
    }
    values = np.where(bad, 0, data)
    try:
        mesh = photutils.Background2D(values, box, exclude_percentile=90, **settings)
    except ValueError:  # no mesh has a tenth of its pixels: then with what there is
        try:
            mesh = photutils.Background2D(values, box, exclude_percentile=100, **settings)
        except ValueError:  # squares so small that they are 0, and all is clipped
            return _nothing(shape)
    level, sigma = np.asarray(mesh.background, float), np.asarray(mesh.background_rms, float)
    if counts:
        sigma = np.sqrt(np.maximum(level, max(float(np.mean(data[~bad])), 1e-3)))
    meshes = (np.asarray(m, float) for m in (mesh.background_mesh, mesh.background_rms_mesh))
    return Sky(level, sigma, *meshes)


def box_of(shape):
    """Rows and columns of a mesh."""
    return tuple(min(_BOX, max(8, n // 4), n) for n in shape)


def _nothing(shape):
    zero = np.zeros(shape)
    return Sky(zero, zero, zero[:1, :1], zero[:1, :1])
