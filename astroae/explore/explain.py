"""What an image model leaves of a stamp: principal components, or an autoencoder.

The same face as `astroae.explore.ordinary.Ordinary`, so that the same score sees the
residual of each.  An autoencoder gives one residual, not one for each source.
"""

import numpy as np

from astroae.explore.coding import decode, encode
from astroae.explore.shapes import ordinary_kernels
from astroae.pixels.resize import resize
from astroae.pixels.stamps import Normalisation

__all__ = ["Components", "Reconstruction"]

UNSURE = 0.1  # of the light that a model gives: what it may be wrong by


class _Explanation:
    """Steps of a model that explains a stamp in one."""

    def __init__(self, psf, side, electrons=np.inf):
        self.kernels, self.side = ordinary_kernels(psf, side), side
        self.electrons = electrons

    def steps(self, stamp, bad=None):
        """One whitened residual, and what ordinary sources could still explain of it."""
        good = np.ones(stamp.shape, bool) if bad is None else ~bad
        filled = np.where(good, stamp, np.median(stamp[good]))
        given = self.reconstruct(filled)
        light = np.maximum(given - np.median(given), 0)
        noise = np.sqrt(1 + light / self.electrons + (UNSURE * light) ** 2)
        whitened = np.where(good, (filled - given) / noise, 0.0)
        yield whitened, self.kernels.correlate(whitened).max(0)


class Components(_Explanation):
    """Principal components of ordinary stamps.

    Parameters
    ----------
    stamps : ndarray (n, side, side)
        Ordinary ones, in units of the noise.
    psf, electrons
        As for `astroae.explore.ordinary.Ordinary`.
    count : int
    """

    def __init__(self, stamps, psf, electrons=np.inf, count=8):
        super().__init__(psf, stamps.shape[1], electrons)
        flat = stamps.reshape(len(stamps), -1).astype(np.float64)
        self._mean = flat.mean(0)
        self._axes = np.linalg.svd(flat - self._mean, full_matrices=False)[2][:count]

    def reconstruct(self, stamp):
        """What the components give of a stamp."""
        amounts = self._axes @ (stamp.ravel() - self._mean)
        return (amounts @ self._axes + self._mean).reshape(stamp.shape)


class Reconstruction(_Explanation):
    """An autoencoder.

    Parameters
    ----------
    model : astroae.nets.modelfile.Model
        Stamps are resized to its side and back.
    psf, side, electrons
        As for `astroae.explore.ordinary.Ordinary`.
    skips : bool
        Whether the skips of a U-Net carry what they carry; without them only the
        latents count.
    """

    def __init__(self, model, psf, side, electrons=np.inf, *, skips=True):
        super().__init__(psf, side, electrons)
        self._model, self._skips = model, skips

    def reconstruct(self, stamp):
        """What the autoencoder gives of a stamp."""
        coded = encode(self._model, stamp)
        names = self._model.network.crossing if self._skips else self._model.network.latents
        crossing = {name: coded.crossing[name] for name in names}
        given = decode(self._model, crossing, coded.x.shape[1:])
        given = Normalisation.from_dict(self._model.input).restore(given, coded.scaling)
        given = given.mean(0)
        if given.shape == stamp.shape:
            return given
        return resize(given, stamp.shape)
