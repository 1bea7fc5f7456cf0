"""Real images and what is known of them: files, or a folder with ``SOURCES.csv``.

The table has one line per file (``file``, ``instrument``, ``kind``,
``lossy_before``, ...); a folder without it works too, every file is then an
instrument of its own.
"""

import csv
import warnings
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from astropy.io import fits
from astropy.utils.exceptions import AstropyWarning

from astroae.errors import InputError, UnsupportedDataError

__all__ = ["Plate", "find_files", "load", "read_sources"]

SUFFIXES = (".fits", ".fits.gz", ".fit", ".fts", ".fits.fz")


@dataclass(frozen=True)
class Plate:
    """One image with what the sources table says of it.

    Parameters
    ----------
    name : str
        File name without suffix.
    instrument, kind : str
        From the sources table; ``kind="planes"`` are masks, weights, noise maps.
    lossy : bool
        Was lossy before it came to us.
    data : ndarray
        Stored values, native byte order.
    blank : int or None
        Stored value of undefined pixels, integers only.
    """

    name: str
    instrument: str
    kind: str
    lossy: bool
    data: np.ndarray
    blank: int | None

    @property
    def good(self):
        """Pixels with a value."""
        if self.data.dtype.kind == "f":
            return np.isfinite(self.data)
        if self.blank is None:
            return np.ones(self.data.shape, bool)
        return self.data != self.blank


def read_sources(folder):
    """Lines of ``SOURCES.csv`` by file name, empty where the folder has none."""
    table = Path(folder) / "SOURCES.csv"
    if not table.is_file():
        return {}
    with open(table, newline="") as file:
        return {Path(line["file"]).name: line for line in csv.DictReader(file)}


def find_files(folder, group=""):
    """FITS files of a folder, or of its sub-folder ``group``, sorted.

    Raises
    ------
    InputError
        No such folder, or nothing in it.
    """
    place = Path(folder) / group
    found = sorted(p for p in place.glob("**/*") if p.name.endswith(SUFFIXES))
    if not found:
        raise InputError(
            "no FITS files",
            where=str(place),
            found="the folder is missing" if not place.is_dir() else "none with a FITS suffix",
            hint="name the folder with --data, or name files",
        )
    return found


@contextmanager
def _opened(path):
    """The file, without what astropy thinks of other people's cards."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AstropyWarning)
        with fits.open(path, do_not_scale_image_data=True, memmap=False) as hdus:
            yield hdus


def load(path, sources=None):
    """The first image of a file as a `Plate`.

    Parameters
    ----------
    path : path-like
    sources : dict, optional
        From `read_sources`.

    Raises
    ------
    InputError
        It cannot be read.
    UnsupportedDataError
        It holds no image.
    """
    path = Path(path)
    line = (sources or {}).get(path.name, {})
    name = path.name.split(".fits")[0]
    try:
        with _opened(path) as hdus:
            hdu = next((h for h in hdus if h.is_image and h.data is not None and h.data.ndim), None)
            if hdu is None:
                raise UnsupportedDataError("no image to measure", where=str(path))
            data, blank = np.asarray(hdu.data), hdu.header.get("BLANK")
    except (OSError, ValueError) as exc:
        if isinstance(exc, UnsupportedDataError):
            raise
        raise InputError("not readable as FITS", where=str(path), found=str(exc)) from exc
    data = data.astype(data.dtype.newbyteorder("="))
    return Plate(
        name=name,
        instrument=line.get("instrument", name),
        kind=line.get("kind", ""),
        lossy=line.get("lossy_before") == "yes",
        data=data,
        blank=blank if data.dtype.kind != "f" else None,
    )
