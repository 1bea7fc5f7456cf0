"""A labelled task with known truth: star, galaxy, cosmic ray or satellite trail?

Stamps are cut from simulated fields, each with its own seeing, sky and neighbours, and
one object is added near the middle of each.  Objects are as bright as their
signal-to-noise ratio asks: that of a matched filter, sum(s^2 / v) ** 0.5 for a signal
s on pixels of variance v.
"""

from dataclasses import dataclass

import numpy as np
from astropy import units as u
from astropy.table import QTable

from astroae.simulate import Detector, FieldSettings, MoffatPSF, Population, make_field
from astroae.simulate.sources import paint

__all__ = ["CLASSES", "SHAPES", "LabelledStamps", "simulate_classes"]

CLASSES = ("star", "galaxy", "cosmic ray", "trail")
SIDE = 64
SIGNAL_TO_NOISE = (8.0, 300.0)  # faintest and brightest, even in the logarithm
OFFSET = 4.0  # px at most from the middle: where a finder would put it


@dataclass(frozen=True)
class LabelledStamps:
    """Stamps and what is true of them.

    Attributes
    ----------
    values : ndarray (N, 64, 64) of float32
        Electrons.
    labels : ndarray (N,) of int
        Index in `CLASSES`.
    fields : ndarray (N,) of int
        Field that a stamp was cut from.
    signal_to_noise : ndarray (N,) of float64
    """

    values: np.ndarray
    labels: np.ndarray
    fields: np.ndarray
    signal_to_noise: np.ndarray


def simulate_classes(fields=10, each=25, seed=1):
    """Balanced stamps from several fields.

    Parameters
    ----------
    fields : int
    each : int
        Stamps of each class in each field.
    seed : int

    Returns
    -------
    LabelledStamps

    Examples
    --------
    >>> from astroae.explore.classes import simulate_classes
    >>> stamps = simulate_classes(fields=2, each=1)
    >>> stamps.values.shape, stamps.labels.tolist()
    ((8, 64, 64), [0, 1, 2, 3, 0, 1, 2, 3])
    """
    parts = [_one_field(number, each, seed) for number in range(fields)]
    count = each * len(CLASSES)
    return LabelledStamps(
        np.concatenate([values for values, _ in parts]),
        np.tile(np.arange(len(CLASSES)), fields * each),
        np.repeat(np.arange(fields), count),
        np.concatenate([ratios for _, ratios in parts]),
    )


def _one_field(number, each, seed):
    rng = np.random.default_rng([seed, number])
    count = each * len(CLASSES)
    columns = int(np.ceil(np.sqrt(count)))
    psf = MoffatPSF(fwhm=rng.uniform(2.2, 4.5), beta=rng.uniform(2.5, 4.5))
    area = (columns * SIDE) ** 2
    settings = FieldSettings(
        shape=(columns * SIDE, columns * SIDE),
        psf=psf,
        population=Population(
            stars=area // 4000, galaxies=area // 4000, faintest=100.0, brightest=5000.0
        ),
        detector=Detector(bad_columns=0, cosmic_rays=0.0),
        sky=float(np.exp(rng.uniform(np.log(80), np.log(1500)))),
        seed=int(rng.integers(1 << 31)),
    )
    field = make_field(settings)
    ratios = np.exp(rng.uniform(*np.log(SIGNAL_TO_NOISE), count))
    stamps = np.empty((count, SIDE, SIDE), np.float32)
    for i, ratio in enumerate(ratios):
        y, x = (SIDE * k for k in divmod(i, columns))
        cell = slice(y, y + SIDE), slice(x, x + SIDE)
        variance = field.expected[cell] + settings.detector.read_noise**2
        shape = SHAPES[CLASSES[i % len(CLASSES)]](psf, rng)
        electrons = shape * ratio / np.sqrt((shape**2 / variance).sum())
        stamps[i] = field.image[cell] + rng.poisson(electrons)
    return stamps, ratios


def _star(psf, rng):
    return _painted(psf, rng, "star")


def _galaxy(psf, rng):
    return _painted(psf, rng, "galaxy")


def _painted(psf, rng, kind):
    """Light of one source of unit flux."""
    x, y = (SIDE - 1) / 2 + rng.uniform(-OFFSET, OFFSET, 2)
    truth = QTable(
        {
            "x": [x] * u.pix,
            "y": [y] * u.pix,
            "flux": [1.0] * u.electron,
            "kind": [kind],
            "r_eff": [np.exp(rng.uniform(*np.log([2.0, 8.0])))] * u.pix,
            "n": [rng.uniform(0.7, 4.0)],
            "axis_ratio": [rng.uniform(0.25, 1.0)],
            "theta": [rng.uniform(0, 180)] * u.deg,
        }
    )
    return paint(truth, (SIDE, SIDE), psf, level=1e-6)


def _cosmic_ray(psf, rng):
    """A straight track of a few pixels, not smeared by the atmosphere."""
    length, angle = 1 + rng.exponential(6.0), rng.uniform(0, np.pi)
    middle = (SIDE - 1) / 2 + rng.uniform(-OFFSET, OFFSET, 2)
    along = np.linspace(-length / 2, length / 2, int(8 * length) + 1)
    path = middle[:, None] + np.array([np.sin(angle), np.cos(angle)])[:, None] * along
    row, column = np.clip(np.rint(path).astype(int), 0, SIDE - 1)
    track = np.zeros((SIDE, SIDE))
    np.add.at(track, (row, column), 1.0)
    return track


def _trail(psf, rng):
    """A line right across the stamp, as wide as the seeing."""
    angle, offset = rng.uniform(0, np.pi), rng.uniform(-2 * OFFSET, 2 * OFFSET)
    y, x = np.mgrid[:SIDE, :SIDE] - (SIDE - 1) / 2
    distance = x * np.sin(angle) - y * np.cos(angle) - offset
    radius = 64  # far enough that what is cut off a star's wings does not matter
    profile = psf.stamps([0.0], [0.0], radius)[0].sum(0)
    return np.interp(np.abs(distance), np.arange(radius + 1), profile[radius:])


#: Light of one object of a class on a stamp: ``shape(psf, rng)``.
SHAPES = {"star": _star, "galaxy": _galaxy, "cosmic ray": _cosmic_ray, "trail": _trail}
