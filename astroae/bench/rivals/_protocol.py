"""What a rival is given, and what it answers."""

import importlib.util
from dataclasses import dataclass
from typing import Protocol

import numpy as np


@dataclass(frozen=True)
class Scene:
    """One image as every rival gets it.

    Parameters
    ----------
    levels : ndarray of int64 (y, x)
        The integers to be coded, least value 0; planes of a cube stand below
        each other.
    scaled : ndarray of float32 or float64 (y, x), optional
        The pixels before rounding, in units of the step: for coders that take
        floats and a bound, which is then 0.5.  None where the integers are the image.
    """

    levels: np.ndarray
    scaled: np.ndarray | None = None

    @property
    def bits(self):
        """Bits that the largest level needs, at least 1."""
        return max(1, int(self.levels.max(initial=0)).bit_length())

    def smallest(self):
        """The levels in the smallest unsigned type that holds them, C order."""
        size = next(n for n in (8, 16, 32, 64) if self.bits <= n)
        return np.ascontiguousarray(self.levels, dtype=f"u{size // 8}")


class Rival(Protocol):
    """One other coder.

    Attributes
    ----------
    name : str
        As tables show it.
    exact : bool
        Whether `decode` gives the levels themselves; else pixels within half a step.
    """

    name: str
    exact: bool

    def missing(self):
        """What is not installed here; empty where the rival can run."""

    def refuses(self, scene):
        """Why this scene cannot be expressed; empty where it can."""

    def encode(self, scene):
        """The scene as bytes, complete enough for `decode`."""

    def size(self, coded):
        """Bytes that count: all but FITS headers."""

    def decode(self, coded, scene):
        """The levels back, or floats in steps; of ``scene`` only shape and type are used."""


def missing_module(name):
    """Words for `Rival.missing` where a module of the bench extra is not installed."""
    if importlib.util.find_spec(name) is None:
        return f"{name} is not installed (pip install astroae[bench])"
    return ""
