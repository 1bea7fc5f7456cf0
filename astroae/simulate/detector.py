"""What a detector makes of electrons: noise, defects, digits.

`expose` goes from expected electrons to the integers of a raw frame, `calibrate`
back to electrons with what an observatory knows of its detector.
"""

from dataclasses import dataclass

import numpy as np

__all__ = ["Defects", "Detector", "calibrate", "expose", "find_defects"]

LARGEST = 65535  # of a 16 bit converter


@dataclass(frozen=True)
class Detector:
    """A charge-coupled device and its converter.

    Parameters
    ----------
    gain : float
        Electrons per ADU.
    read_noise : float
        Electrons.
    bias : float
        Level in ADU.
    bias_structure : float
        RMS in ADU of the pattern fixed to columns, and of the drift along rows.
    full_well : float
        Electrons at which a pixel is saturated.
    flat_gradient : float
        Change of the response from one corner to the opposite one, as a fraction.
    bad_columns : int
        Columns that answer with a tenth of their light.
    cosmic_rays : float
        Hits per million pixels.
    """

    gain: float = 1.5
    read_noise: float = 5.0
    bias: float = 1000.0
    bias_structure: float = 1.0
    full_well: float = 90_000.0
    flat_gradient: float = 0.05
    bad_columns: int = 2
    cosmic_rays: float = 30.0

    def __post_init__(self):
        for name in ("gain", "full_well"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be above 0; got {getattr(self, name)!r}")
        for name in ("read_noise", "bias", "bias_structure", "bad_columns", "cosmic_rays"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name} must be 0 or more; got {getattr(self, name)!r}")
        if not -1 < self.flat_gradient < 1:
            raise ValueError(f"flat_gradient must be between -1 and 1; got {self.flat_gradient!r}")


@dataclass(frozen=True)
class Defects:
    """Of one frame: ``flat``, ``bias`` (ADU), ``bad`` columns, ``hits`` (electrons)."""

    flat: np.ndarray
    bias: np.ndarray
    bad: np.ndarray
    hits: np.ndarray


def find_defects(detector, shape, rng):
    """The detector's patterns and one exposure's cosmic rays.

    Returns
    -------
    Defects
    """
    ramp_y, ramp_x = (np.linspace(-0.25, 0.25, n) for n in shape)
    flat = 1 + detector.flat_gradient * (ramp_y[:, None] + ramp_x)
    bad = rng.choice(shape[1], min(detector.bad_columns, shape[1]), replace=False)
    flat[:, bad] *= 0.1
    columns = rng.normal(0, 1, shape[1])
    drift = np.sin(np.linspace(0, 5, shape[0]) + rng.uniform(0, 6)) * np.sqrt(2)
    bias = detector.bias + detector.bias_structure * (columns + drift[:, None])
    hits = _cosmic_rays(detector.cosmic_rays * shape[0] * shape[1] / 1e6, shape, rng)
    return Defects(flat, bias, np.sort(bad), hits)


def _cosmic_rays(expected, shape, rng):
    """Straight tracks of random length, angle and charge."""
    image = np.zeros(shape)
    count = rng.poisson(expected)
    y, x = (rng.uniform(0, n, count) for n in shape)
    angle, length = rng.uniform(0, 2 * np.pi, count), 1 + rng.exponential(6.0, count)
    charge = rng.lognormal(np.log(800), 0.8, count)  # electrons per pixel of track
    for k in range(0, int(2 * length.max(initial=0)) + 1):
        on = k / 2 < length  # two points per pixel along the track
        row = np.floor(y + np.sin(angle) * k / 2).astype(int)
        column = np.floor(x + np.cos(angle) * k / 2).astype(int)
        on &= (row >= 0) & (row < shape[0]) & (column >= 0) & (column < shape[1])
        np.add.at(image, (row[on], column[on]), charge[on] / 2)
    return image


def expose(electrons, detector, defects, rng):
    """One raw frame.

    Parameters
    ----------
    electrons : array of float
        Expected from sky and sources, before the flat.
    detector : Detector
    defects : Defects
    rng : numpy.random.Generator

    Returns
    -------
    frame : array of uint16
        ADU.
    mask : array of bool
        True at bad columns, cosmic rays and saturated pixels.
    """
    charge = rng.poisson(electrons * defects.flat) + defects.hits
    saturated = charge >= detector.full_well
    np.minimum(charge, detector.full_well, out=charge)
    charge += rng.normal(0, detector.read_noise, charge.shape)
    adu = np.rint(charge / detector.gain + defects.bias)
    mask = saturated | (defects.hits > 0) | (adu > LARGEST)
    mask[:, defects.bad] = True
    return np.clip(adu, 0, LARGEST).astype(np.uint16), mask


def calibrate(frame, detector, defects):
    """Bias away, flat divided out: float32 electrons, sky still in."""
    return ((frame - defects.bias) * detector.gain / defects.flat).astype(np.float32)
