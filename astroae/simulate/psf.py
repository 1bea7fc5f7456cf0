"""Point spread functions: a circular profile of unit flux, integrated over pixels.

In come positions within a pixel, out come stamps.  Each stamp pixel is the
integral of the profile over that pixel, so undersampled images keep their flux
wherever a star falls.  Lost is only what lies outside the stamp.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

__all__ = ["AiryPSF", "GaussianPSF", "MoffatPSF"]

RADII = np.geomspace(0.25, 512, 2048)  # px, where a stamp's size is looked up
LARGEST = 512  # px, half width of the largest stamp


def _check(name, value, above):
    if not (np.isfinite(value) and value > above):
        raise ValueError(f"{name} must be a finite number above {above}; got {value!r}")


class _Profile:
    """What all profiles share; ``fwhm`` is in pixels."""

    def radius(self, flux, level):
        """Half width of the stamp outside which ``flux`` stays below ``level``.

        Parameters
        ----------
        flux : array of float
            Total fluxes.
        level : float
            Surface brightness per pixel, in the unit of ``flux``.

        Returns
        -------
        array of int
            Powers of two from 4 px, so that few sizes occur.
        """
        # Rings: the largest radius still above the level counts, not the first below it.
        brightest_outside = np.maximum.accumulate(self.profile(RADII)[::-1])[::-1]
        found = np.searchsorted(-brightest_outside, -level / np.asarray(flux, float))
        needed = RADII[np.minimum(found, len(RADII) - 1)]
        powers = np.ceil(np.log2(np.maximum(needed, 4)))
        return np.minimum(2**powers, LARGEST).astype(int)

    def stamps(self, dy, dx, radius):
        """Stars of unit flux, off the middle of their central pixel by dy, dx.

        Parameters
        ----------
        dy, dx : array of float, shape (n,)
            Offsets in pixels, from -0.5 to 0.5.
        radius : int
            Half width; stamps are ``2 * radius + 1`` pixels wide.

        Returns
        -------
        array of float, shape (n, width, width)

        Examples
        --------
        >>> from astroae.simulate import GaussianPSF
        >>> stamp = GaussianPSF(fwhm=1.5).stamps([0.3], [-0.2], radius=8)
        >>> stamp.shape, round(float(stamp.sum()), 4)
        ((1, 17, 17), 1.0)
        """
        nodes, weights = pixel_nodes(radius, self.fwhm)
        y = nodes - np.asarray(dy, float)[:, None]  # (star, node)
        x = nodes - np.asarray(dx, float)[:, None]
        values = self.profile(np.hypot(y[:, :, None], x[:, None, :]))
        return integrate_pixels(values, weights)


@dataclass(frozen=True)
class GaussianPSF(_Profile):
    """Gaussian profile.

    Parameters
    ----------
    fwhm : float
        Full width at half maximum in pixels; below about 2 it is undersampled.
    """

    fwhm: float = 3.0

    def __post_init__(self):
        _check("fwhm", self.fwhm, 0)

    def profile(self, r):
        """Surface brightness of unit flux at ``r`` pixels, per square pixel."""
        variance = self.fwhm**2 / (8 * np.log(2))
        return np.exp(-(r**2) / (2 * variance)) / (2 * np.pi * variance)


@dataclass(frozen=True)
class MoffatPSF(_Profile):
    """Moffat profile, as seeing makes it.

    Parameters
    ----------
    fwhm : float
        Full width at half maximum in pixels.
    beta : float
        Slope of the wings, above 1; 2.5 to 4.8 is usual.
    """

    fwhm: float = 3.0
    beta: float = 3.5

    def __post_init__(self):
        _check("fwhm", self.fwhm, 0)
        _check("beta", self.beta, 1)

    def profile(self, r):
        """Surface brightness of unit flux at ``r`` pixels, per square pixel."""
        core = self.fwhm / (2 * np.sqrt(2 ** (1 / self.beta) - 1))
        return (self.beta - 1) / (np.pi * core**2) * (1 + (r / core) ** 2) ** -self.beta


@dataclass(frozen=True)
class AiryPSF(_Profile):
    """Diffraction by a round aperture with a round obscuration.

    Parameters
    ----------
    fwhm : float
        Full width at half maximum in pixels.
    obscuration : float
        Diameter of the obscuration over that of the aperture, 0 to below 1.
    """

    fwhm: float = 2.0
    obscuration: float = 0.0

    def __post_init__(self):
        _check("fwhm", self.fwhm, 0)
        if not 0 <= self.obscuration < 1:
            raise ValueError(f"obscuration must be from 0 to below 1; got {self.obscuration!r}")

    def profile(self, r):
        """Surface brightness of unit flux at ``r`` pixels, per square pixel."""
        x, shape, half = _airy_table(self.obscuration)
        per_pixel = 2 * half / self.fwhm
        total = 4 * np.pi / (per_pixel**2 * (1 - self.obscuration**2))  # Parseval: the pupil's area
        return np.interp(np.asarray(r) * per_pixel, x, shape, right=0.0) / total


@lru_cache(maxsize=8)
def _airy_table(obscuration):
    """The diffraction pattern over x = pi D r / lambda, and x of its half maximum."""
    x = np.linspace(0, 2500, 125_001)
    amplitude = _jinc(x) - obscuration**2 * _jinc(obscuration * x)
    shape = (amplitude / (1 - obscuration**2)) ** 2
    below = np.argmax(shape < 0.5)
    half = np.interp(0.5, shape[[below, below - 1]], x[[below, below - 1]])
    for table in (x, shape):
        table.flags.writeable = False
    return x, shape, half


def _jinc(x):
    """2 J1(x) / x, from Bessel's integral and, far out, from Hankel's expansion."""
    far = x > 40
    near = x[~far]
    angle = (np.arange(64) + 0.5) * (np.pi / 64)  # midpoints: exact to rounding below x = 60
    j1 = np.empty_like(x)
    j1[~far] = np.cos(angle - near[:, None] * np.sin(angle)).mean(axis=1)
    z = x[far]
    phase = z - 0.75 * np.pi
    p, q = 1 + 15 / 128 / z**2, 3 / 8 / z - 105 / 1024 / z**3
    j1[far] = np.sqrt(2 / (np.pi * z)) * (p * np.cos(phase) - q * np.sin(phase))
    return np.divide(2 * j1, x, out=np.ones_like(x), where=x > 0)


def pixel_nodes(radius, scale):
    """Where to evaluate a profile that changes over ``scale`` pixels.

    Returns
    -------
    nodes : array of float, shape ((2 * radius + 1) * k,)
        Positions along one axis from the middle of the central pixel.
    weights : array of float, shape (k,)
        Gauss-Legendre weights within a pixel.
    """
    count = int(np.clip(np.ceil(6 / scale), 2, 9))
    inner, weights = np.polynomial.legendre.leggauss(count)
    pixels = np.arange(-radius, radius + 1)
    return (pixels[:, None] + inner / 2).ravel(), weights / 2


def integrate_pixels(values, weights):
    """Values at `pixel_nodes`, shape (n, nodes, nodes), to integrals over pixels."""
    count, k = len(values), len(weights)
    width = values.shape[1] // k
    split = values.reshape(count, width, k, width, k)
    return np.einsum("nykxl,k,l->nyx", split, weights, weights, optimize=True)
