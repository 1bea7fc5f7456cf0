"""Errors of an image in latent mode, from its tile table: nothing is decoded."""

import math

import numpy as np

__all__ = ["latent_errors"]


def latent_errors(encoded, bscale=1.0):
    """What was measured of the errors of latent mode, which promises nothing of them.

    Parameters
    ----------
    encoded : `~astroae.codec.image.EncodedImage`
    bscale : float
        Physical units per stored level.

    Returns
    -------
    dict
        ``rms_error`` (physical units), and ``largest_error_in_noise`` and
        ``rms_error_in_noise``, each tile in units of its own noise; tiles without
        noise are left out of these, and 0 stands where no tile has any.
    """
    tiles, grid = encoded.tiles, encoded.grid
    pixels = np.array([math.prod(grid.tile_shape_of(i)) for i in range(len(grid))], float)
    rms, noise = tiles["SCALE"] / 12**0.5, tiles["SIGMA"].astype(float)
    noisy = noise > 0
    ratios = tiles["MAXERR"][noisy] / noise[noisy]
    return {
        "rms_error": _rms(rms, pixels) * abs(bscale),
        "largest_error_in_noise": float(ratios.max(initial=0)),
        "rms_error_in_noise": _rms(rms[noisy] / noise[noisy], pixels[noisy]),
    }


def _rms(values, weights):
    return float(np.average(values**2, weights=weights) ** 0.5) if values.size else 0.0
