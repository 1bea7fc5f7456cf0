"""Shapes to look for: what ordinary sources look like, and lines, rings, discs and arcs.

Kernels have unit norm, so the correlation with white noise of unit variance is in units
of its standard deviation.  All lengths grow with the PSF.
"""

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

from astroae.explore.extras import needed

__all__ = ["REACH", "Kernels", "Lines", "ordinary_kernels", "shape_kernels", "shape_lines"]

REACH = 20  # px, half width of a kernel
SOFT = 0.7  # px, of edges before the PSF


@dataclass(frozen=True, eq=False)
class Kernels:
    """Kernels of one family, and their correlation with stamps.

    Attributes
    ----------
    values : ndarray (n, 2 * REACH + 1, 2 * REACH + 1)
        Of unit norm.
    side : int
        Of the stamps.
    """

    values: np.ndarray
    side: int

    @cached_property
    def _transforms(self):
        full = np.zeros((len(self.values), self._full, self._full), np.float32)
        full[:, : 2 * REACH + 1, : 2 * REACH + 1] = self.values
        full = np.roll(full, (-REACH, -REACH), (1, 2))
        return np.conj(np.fft.rfft2(full)).astype(np.complex64)

    @property
    def _full(self):
        return -(-(self.side + REACH) // 32) * 32  # beyond the edge there is nothing

    def correlate(self, stamp):
        """Response at every pixel: ndarray (n, side, side) of float32."""
        transform = np.fft.rfft2(stamp.astype(np.float32), (self._full, self._full))
        full = np.fft.irfft2(self._transforms * transform, (self._full, self._full))
        return full[:, : self.side, : self.side]


@dataclass(frozen=True, eq=False)
class Lines:
    """Straight lines that cross a stamp, as wide as the PSF.

    Attributes
    ----------
    weights : scipy.sparse matrix (lines, pixels)
        Rows of unit norm.
    middles : ndarray (lines, 2)
        (y, x) of the middle of each line within the stamp.
    """

    weights: object
    middles: np.ndarray

    def respond(self, stamp):
        """Response of every line: ndarray (lines,)."""
        return self.weights @ stamp.ravel().astype(np.float32)


def _grid():
    return np.mgrid[-REACH : REACH + 1, -REACH : REACH + 1].astype(float)


def _soft(distance):
    return np.exp(-0.5 * (distance / SOFT) ** 2)


def _seen(images, psf):
    """Images through the PSF, each of unit norm."""
    kernel = psf.stamps([0.0], [0.0], 12)[0]
    shape = [n + 24 for n in images[0].shape]
    product = np.fft.rfft2(images, shape) * np.fft.rfft2(kernel, shape)
    full = np.fft.irfft2(product, shape)
    seen = full[:, 12 : 12 + images[0].shape[0], 12 : 12 + images[0].shape[1]]
    return seen / np.sqrt((seen**2).sum((1, 2), keepdims=True))


@lru_cache(maxsize=4)
def ordinary_kernels(psf, side):
    """A star, and galaxies of several sizes, flattenings and orientations.

    Parameters
    ----------
    psf : MoffatPSF, GaussianPSF or AiryPSF
    side : int

    Returns
    -------
    Kernels
    """
    star = psf.stamps([0.0], [0.0], REACH)
    scale = psf.fwhm / 3
    images = [_sersic(1.5 * scale, 1.5, 1.0, 0.0)]
    for radius, index in ((2.5, 1.5), (4.0, 1.5), (6.5, 1.0)):
        images.append(_sersic(radius * scale, index, 1.0, 0.0))
        images += [
            _sersic(radius * scale, index, squash, angle)
            for squash in (0.5, 0.3)
            for angle in np.arange(4) * np.pi / 4
        ]
    images += [_sersic(radius * scale, 4.0, 0.9, 0.0) for radius in (2.5, 5.0)]
    star = star / np.sqrt((star**2).sum())
    return Kernels(np.concatenate([star, _seen(np.array(images), psf)]), side)


def _sersic(radius, index, squash, angle):
    """A galaxy, the mean of 3 x 3 points in each pixel."""
    y, x = _grid()
    total = np.zeros_like(y)
    for dy, dx in np.ndindex(3, 3):
        v, u = y + (dy - 1) / 3, x + (dx - 1) / 3
        along = u * np.cos(angle) + v * np.sin(angle)
        across = (v * np.cos(angle) - u * np.sin(angle)) / squash
        distance = np.hypot(along, across) / radius
        total += np.exp(-(2 * index - 1 / 3) * distance ** (1 / index)) * (distance < 6)
    return total


@lru_cache(maxsize=4)
def shape_kernels(psf, side):
    """What is neither star nor galaxy.

    Parameters
    ----------
    psf : MoffatPSF, GaussianPSF or AiryPSF
    side : int

    Returns
    -------
    dict of str to Kernels
        ``ring``, ``disc`` (filled and pierced), ``arc``, ``segment`` (of a line).
    """
    scale = min(psf.fwhm / 3, 1.4)  # the largest still fit
    families = {"ring": _rings(scale), "disc": _discs(scale)}
    families |= {"arc": _arcs(scale), "segment": _segments(scale)}
    return {name: Kernels(_seen(np.array(v), psf), side) for name, v in families.items()}


def _rings(scale):
    y, x = _grid()
    rings = []
    for radius in (5.0, 6.0, 7.5, 9.0, 10.5, 12.0):
        rings.append(_soft(np.hypot(x, y) - radius * scale))
        for angle in np.arange(3) * np.pi / 3:
            along = x * np.cos(angle) + y * np.sin(angle)
            across = (y * np.cos(angle) - x * np.sin(angle)) / 0.7
            rings.append(_soft(np.hypot(along, across) - radius * scale))
    return rings


def _discs(scale):
    r = np.hypot(*_grid())
    return [
        1 / (1 + np.exp((r - outer * scale) / SOFT) + np.exp((hole * outer * scale - r) / SOFT))
        for outer in (7.0, 8.5, 10.0, 12.0, 14.0)
        for hole in (0.0, 0.35)
    ]


def _arcs(scale):
    """Of 100 degrees."""
    y, x = _grid()
    arcs = []
    for radius in (5.0 * scale, 7.0 * scale, 9.5 * scale):
        for angle in np.arange(12) * np.pi / 6:
            away = np.abs((np.arctan2(y, x) - angle + np.pi) % (2 * np.pi) - np.pi)
            beyond = np.maximum(away - np.radians(50), 0) * radius / 2
            arcs.append(_soft(np.hypot(x, y) - radius) * _soft(beyond))
    return arcs


def _segments(scale):
    y, x = _grid()
    segments = []
    for half in (6.0 * scale, 12.0 * scale):
        for angle in np.arange(12) * np.pi / 12:
            along = x * np.cos(angle) + y * np.sin(angle)
            across = y * np.cos(angle) - x * np.sin(angle)
            segments.append(_soft(across) * _soft(np.maximum(np.abs(along) - half, 0)))
    return segments


@lru_cache(maxsize=4)
def shape_lines(fwhm, side):
    """Lines in 48 directions, a pixel apart.

    Parameters
    ----------
    fwhm : float
    side : int

    Returns
    -------
    Lines
        Those that have half of the side within the stamp.
    """
    sparse = needed("scipy.sparse")
    middle = (side - 1) / 2
    y, x = (axis.ravel() - middle for axis in np.mgrid[:side, :side])
    width = np.hypot(fwhm / 2.355, 0.8)
    rows, middles = [], []
    for angle in np.arange(48) * np.pi / 48:
        distance = x * np.sin(angle) - y * np.cos(angle)
        for offset in np.arange(-round(0.63 * side), round(0.63 * side) + 1):
            profile = np.exp(-0.5 * ((distance - offset) / width) ** 2)
            profile[profile < 0.02] = 0
            if profile.sum() < 0.5 * side * width * np.sqrt(2 * np.pi):
                continue
            rows.append(sparse.csr_matrix(profile / np.sqrt((profile**2).sum())))
            place = [(profile * axis).sum() / profile.sum() + middle for axis in (y, x)]
            middles.append(place)
    return Lines(sparse.vstack(rows).tocsr().astype(np.float32), np.array(middles))
