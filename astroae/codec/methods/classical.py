"""Interlaced phases, Wiener prediction, frozen tables: see `astroae.entropy.residual`."""

import numpy as np

from astroae.entropy import residual
from astroae.entropy.predictor import LARGEST_PLANE

CODE = 3
NAME = "classical"
_LARGEST = 2**31


def encode(k, valid, units, predictor):
    """See the package's protocol; None where the integers are too large."""
    if np.abs(k).max(initial=0) >= _LARGEST:
        return None
    if np.abs(units.to_plane(k)).max(initial=0) >= LARGEST_PLANE:
        return None
    return residual.encode(k, valid, units, predictor)


def decode(data, shape, valid, units, predictor):
    """See the package's protocol."""
    return residual.decode(data, shape, valid, units, predictor)
