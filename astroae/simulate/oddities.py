"""Faint oddities of known strength, put into stamps of ordinary fields.

Ordinary stamps are cut from fields of `make_field`: noise, stars, galaxies.  An odd
one holds one thing more, whose matched-filter signal to noise ratio is chosen: that
of an observer who knows its shape and its place, ``sqrt(sum(light^2 / variance))``.
"""

from dataclasses import dataclass, field, replace

import numpy as np

from .detector import Detector
from .field import FieldSettings, make_field
from .sources import Population

__all__ = ["ODDITIES", "OddStamps", "faint_settings", "make_odd_stamps", "oddity"]

#: Kinds, and whether they sit on a galaxy.
ODDITIES = {
    "trail": False,
    "ghost": False,
    "merger": True,
    "ring": False,
    "column": False,
    "arc": True,
}
SOFT = 0.7  # px, sigma of the edges before the PSF
HOST = 10.0  # least S/N of a galaxy in the middle of a stamp
CENTRED = 1 / 3  # of ordinary stamps: as many as of the odd ones, so that it tells nothing


def faint_settings(seed, shape=(1024, 1024), **changes):
    """Settings of a faint field: nothing above an S/N of about 100, a clean detector.

    Parameters
    ----------
    seed : int
    shape : tuple of int
    **changes
        Of `FieldSettings`.

    Returns
    -------
    FieldSettings
    """
    share = shape[0] * shape[1] / 1024**2
    population = Population(
        stars=round(300 * share), galaxies=round(100 * share), faintest=200.0, brightest=1e4
    )
    plain = Detector(bad_columns=0, cosmic_rays=0.0)
    settings = FieldSettings(shape=shape, population=population, detector=plain, seed=seed)
    return replace(settings, **changes)


@dataclass(frozen=True)
class OddStamps:
    """Stamps, and what is odd about some of them.

    Attributes
    ----------
    images : array of float32, shape (n, side, side)
        Electrons, sky still in.
    kind : array of str, shape (n,)
        Empty for the ordinary ones.
    snr : array of float, shape (n,)
        Of the oddity, for an observer who knows its shape and place; else 0.
    light : array of float32, shape (n, side, side)
        The oddity itself, without noise.
    variance : array of float32, shape (n, side, side)
        Of the noise, in electrons squared.
    settings : FieldSettings
        Of the first field.
    """

    images: np.ndarray
    kind: np.ndarray
    snr: np.ndarray
    light: np.ndarray
    variance: np.ndarray
    settings: FieldSettings = field(repr=False)

    @property
    def odd(self):
        """True where a stamp is odd."""
        return self.kind != ""


def make_odd_stamps(count=2000, odd=200, *, seed=1, snr=(5.0, 10.0), side=64, settings=None):
    """Stamps of which some are odd, in random order.

    Parameters
    ----------
    count, odd : int
        All stamps, and odd ones: as many of each kind as can be.
    seed : int
    snr : tuple of float
        Smallest and largest S/N of the oddities, between which it is uniform.
    side : int
    settings : FieldSettings, optional
        Of the fields; by default `faint_settings`.  The seed is replaced.

    Returns
    -------
    OddStamps

    Examples
    --------
    >>> from astroae.simulate import make_odd_stamps
    >>> stamps = make_odd_stamps(40, 6, seed=3)
    >>> stamps.images.shape, int(stamps.odd.sum())
    ((40, 64, 64), 6)
    """
    rng = np.random.default_rng([seed, 1])
    settings = settings or faint_settings(seed)
    kinds = np.resize(list(ODDITIES), odd)
    hosted = np.array([ODDITIES[kind] for kind in kinds], bool)
    ordinary = count - odd
    centred = np.concatenate([hosted, np.arange(ordinary) < round(ordinary * CENTRED)])
    kinds = np.concatenate([kinds, np.full(ordinary, "", kinds.dtype)])
    images, expected = _cut(settings, side, centred, rng)
    variance = expected + settings.detector.read_noise**2
    light = np.zeros(images.shape, np.float32)
    strength = np.where(kinds != "", rng.uniform(*snr, count), 0.0)
    for i in range(odd):
        shape = oddity(kinds[i], (side, side), settings.psf, rng)
        light[i] = shape * strength[i] / np.sqrt((shape**2 / variance[i]).sum())
        images[i] += rng.poisson(light[i])  # a sum of Poisson numbers is one
    order = rng.permutation(count)
    parts = (images, kinds, strength, light, variance)
    return OddStamps(*(part[order] for part in parts), settings)


def _cut(settings, side, centred, rng):
    """Stamps and their expected electrons, from as many fields as it takes."""
    images = np.empty((len(centred), side, side), np.float32)
    expected = np.empty_like(images)
    for wanted in (False, True):
        waiting = np.flatnonzero(centred == wanted)
        while len(waiting):
            made = make_field(replace(settings, seed=int(rng.integers(2**31))))
            corners = (_galaxies if wanted else _grid)(made, side, rng)[: len(waiting)]
            for i, (top, left) in zip(waiting, corners):
                place = np.s_[top : top + side, left : left + side]
                images[i], expected[i] = made.image[place], made.expected[place]
            waiting = waiting[len(corners) :]
    return images, expected


def _grid(made, side, rng):
    """Corners of stamps side by side."""
    steps = [np.arange(n // side) * side for n in made.image.shape]
    return rng.permutation(np.stack(np.meshgrid(*steps), -1).reshape(-1, 2))


def _galaxies(made, side, rng):
    """Corners of stamps that share no pixel, each with a galaxy near its middle."""
    settings = made.settings
    noise = np.sqrt(settings.sky + settings.detector.read_noise**2)
    one = noise / np.sqrt((settings.psf.stamps([0.0], [0.0], 16) ** 2).sum())
    truth = made.truth[(made.truth["kind"] == "galaxy")]
    truth = truth[truth["flux"].value > HOST * one]
    middles = np.rint([truth["y"].value, truth["x"].value]).astype(int).T
    corners = rng.permutation(middles) - side // 2
    chosen = []
    for corner in corners[((corners >= 0) & (corners <= np.array(made.image.shape) - side)).all(1)]:
        if all(np.abs(corner - other).max() >= side for other in chosen):
            chosen.append(corner)
    return np.array(chosen, int).reshape(-1, 2)


def oddity(kind, shape, psf, rng):
    """The light of one oddity, drawn at random and seen through the PSF.

    Parameters
    ----------
    kind : str
        One of `ODDITIES`: a satellite ``trail`` across the stamp; a ``ghost``, the pierced disc
        of an out-of-focus pupil; a ``merger``'s companion and two tidal tails; a thin
        ``ring``; a hot ``column``, one pixel wide, from edge to edge and not seen
        through the PSF; a lens ``arc``.
    shape : tuple of int
        (ny, nx).
    psf : GaussianPSF, MoffatPSF or AiryPSF
    rng : numpy.random.Generator

    Returns
    -------
    array of float64, shape (ny, nx)
        Not negative; its largest pixel is 1.
    """
    middle = (np.array(shape) - 1) / 2
    if kind == "column":
        light = np.zeros(shape)
        light[:, rng.integers(4, shape[1] - 4)] = 1.0
        return light
    if not ODDITIES[kind]:
        middle = middle + rng.uniform(-16, 16, 2)
    y, x = np.indices(shape) - middle[:, None, None]
    light = _convolve(_PAINTERS[kind](y, x, rng), psf)
    return light / light.max()


def _soft(distance):
    """1 on a thin line, falling off with the distance from it."""
    return np.exp(-0.5 * (distance / SOFT) ** 2)


def _trail(y, x, rng):
    angle = rng.uniform(0, np.pi)
    return _soft(x * np.sin(angle) - y * np.cos(angle))


def _ghost(y, x, rng):
    outer = rng.uniform(7, 14)
    inner = outer * rng.uniform(0.2, 0.45)
    r = np.hypot(y, x)
    return 1 / (1 + np.exp((r - outer) / SOFT)) / (1 + np.exp((inner - r) / SOFT))


def _ring(y, x, rng):
    squash, angle = rng.uniform(0.6, 1.0), rng.uniform(0, np.pi)
    along = x * np.cos(angle) + y * np.sin(angle)
    across = (y * np.cos(angle) - x * np.sin(angle)) / squash
    return _soft(np.hypot(along, across) - rng.uniform(5, 12))


def _arc(y, x, rng):
    radius, half = rng.uniform(5, 10), np.radians(rng.uniform(30, 75))
    away = np.abs(_turned(y, x, rng.uniform(0, 2 * np.pi)))
    return _soft(np.hypot(y, x) - radius) * _soft(np.maximum(away - half, 0) * radius / 2)


def _merger(y, x, rng):
    """A companion, and tails that leave both galaxies on opposite sides."""
    start, distance = rng.uniform(0, 2 * np.pi), rng.uniform(4, 8)
    r = np.hypot(y, x)
    tails = np.zeros_like(r)
    for side in (0.0, np.pi):
        away = _turned(y, x, start + side) % (2 * np.pi)
        spiral = distance + 7.0 * away / np.pi  # px; it opens as it turns
        end = np.maximum(away - 0.8 * np.pi, 0) * r / 2
        tails = np.maximum(tails, _soft((r - spiral) / 1.5) * _soft(end))
    there = np.hypot(y - distance * np.sin(start), x - distance * np.cos(start))
    return tails + np.exp(-there / 1.2)


def _turned(y, x, angle):
    """Position angle from ``angle``, -pi to pi."""
    return (np.arctan2(y, x) - angle + np.pi) % (2 * np.pi) - np.pi


_PAINTERS = {"trail": _trail, "ghost": _ghost, "merger": _merger, "ring": _ring, "arc": _arc}


def _convolve(light, psf):
    """Through the PSF; what is beyond the stamp is as its edge."""
    reach = 12
    kernel = psf.stamps([0.0], [0.0], reach)[0]
    padded = np.pad(light, reach, mode="edge")
    shape = [n + 2 * reach for n in padded.shape]
    product = np.fft.rfft2(padded, shape) * np.fft.rfft2(kernel, shape)
    full = np.fft.irfft2(product, shape)
    return np.maximum(full[2 * reach :, 2 * reach :][: light.shape[0], : light.shape[1]], 0)
