"""Where a stamp comes from, and what every source of stamps can do."""

import hashlib
from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

__all__ = ["Source", "Stamp", "StampOrigin", "hashed", "sha256_of"]


@dataclass(frozen=True)
class StampOrigin:
    """A rectangle of one plane of one image.

    Parameters
    ----------
    file : str
        Relative to the folder of the data.
    hdu : int
        0 where the format has none.
    plane : int
        Number of the plane, or of the image in a file of many.
    y, x : int
        First row and column.
    height, width : int
    group : str
        Instrument or source image: stamps of one group are never split.
    """

    file: str
    hdu: int
    plane: int
    y: int
    x: int
    height: int
    width: int
    group: str

    @property
    def slices(self):
        """The rectangle, as an index of a plane."""
        return slice(self.y, self.y + self.height), slice(self.x, self.x + self.width)


@dataclass(frozen=True)
class Stamp:
    """Pixels at their own resolution, in the image's units.

    Parameters
    ----------
    values : ndarray (y, x) or (channel, y, x) of float64
        NaN where undefined.
    origin : StampOrigin
    """

    values: np.ndarray
    origin: StampOrigin


class Source(ABC):
    """Images to take stamps from: files of one kind.

    Attributes
    ----------
    origins : list of StampOrigin
        Whole images, or the cut-outs that a list names.
    pictures : bool
        Gray levels of 8 bits, not measured flux.
    labels : ndarray or None
        One per origin.
    side : int or None
        Common side of the stamps for a network that takes any size.
    """

    pictures = False
    labels = None
    side = None

    def __init__(self, origins):
        self.origins = origins
        self._last = None, None

    @abstractmethod
    def load(self, origin):
        """The whole plane that ``origin`` is in: (y, x) or (channel, y, x)."""

    @abstractmethod
    def card(self, files):
        """Name, SHA-256 and, where known, licence of each of these files, as dicts."""

    def read(self, origin):
        """Pixels of one origin.

        Returns
        -------
        ndarray (y, x) or (channel, y, x) of float64
        """
        # Origins of one plane follow each other, so the last plane is kept.
        key = origin.file, origin.hdu, origin.plane
        if self._last[0] != key:
            self._last = key, self.load(origin)
        return np.array(self._last[1][(..., *origin.slices)], np.float64)


@lru_cache(maxsize=4096)
def sha256_of(path):
    """SHA-256 of a file, in hexadecimal digits; each file is read once per process."""
    with open(Path(path), "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def hashed(*parts):
    """A whole number below 2^64 that looks random and hangs on the parts alone.

    Unlike the state of a generator it needs no history, so a run that is resumed
    makes the same choices, whatever numpy's version.

    Examples
    --------
    >>> from astroae.train.data.origin import hashed
    >>> hashed("split", 0, "hst-acs") == hashed("split", 0, "hst-acs")
    True
    """
    digest = hashlib.blake2b(repr(parts).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big")
