"""Stamps from FITS files: any number of axes, any type, in physical units."""

import csv
import math
import warnings
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from astropy.io import fits
from astropy.utils.exceptions import AstropyWarning

from astroae.errors import InputError, UnsupportedDataError
from astroae.train.data.origin import Source, StampOrigin, sha256_of

__all__ = ["FITS_SUFFIXES", "FitsFiles", "read_plane", "read_sources", "whole_image"]

FITS_SUFFIXES = (".fits", ".fits.gz", ".fit", ".fts", ".fits.fz")


class FitsFiles(Source):
    """Images of FITS files, or cut-outs of them.

    Parameters
    ----------
    folder : Path
        What the names of origins are relative to.
    origins : list of StampOrigin
    """

    def __init__(self, folder, origins):
        super().__init__(origins)
        self.folder = Path(folder)
        self.sources = read_sources(self.folder)

    @classmethod
    def found(cls, folder, paths, hdu=None, plane=None):
        """One image of each file: its first, and the middle plane of a cube.

        Parameters
        ----------
        folder : Path
        paths : list of Path
            Files in it.
        hdu, plane : int, optional
            Others than those.

        Raises
        ------
        InputError
            A file that is not FITS.
        UnsupportedDataError
            The only file has no such image; of several it is left out.
        """
        sources = read_sources(folder)
        origins = []
        for path in paths:
            name = path.relative_to(folder).as_posix()
            group = sources.get(path.name, {}).get("instrument", name)
            try:
                origins.append(whole_image(path, name, group, hdu, plane))
            except UnsupportedDataError:  # a table among many images
                if len(paths) == 1:
                    raise
        return cls(folder, origins)

    def load(self, origin):
        return read_plane(self.folder / origin.file, origin.hdu, origin.plane)

    def card(self, files):
        return [self._entry(name) for name in files]

    def _entry(self, name):
        line = self.sources.get(Path(name).name, {})
        known = {key: line[key] for key in ("instrument", "licence", "repo") if line.get(key)}
        if line.get("lossy_before") == "yes":
            known["lossy_before"] = True
        return {"file": name, "sha256": sha256_of(self.folder / name), **known}


def read_sources(folder):
    """Lines of the folder's ``SOURCES.csv`` (or its parent's) by file name; may be empty."""
    for place in (Path(folder), Path(folder).parent):
        table = place / "SOURCES.csv"
        if table.is_file():
            with open(table, newline="") as file:
                return {Path(line["file"]).name: line for line in csv.DictReader(file)}
    return {}


@contextmanager
def _opened(path):
    """The file, stored values as they are, without remarks on other people's cards."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", AstropyWarning)
            with fits.open(path, do_not_scale_image_data=True, memmap=False) as hdus:
                yield hdus
    except (UnsupportedDataError, InputError):
        raise
    except (OSError, ValueError, IndexError, KeyError, TypeError) as exc:
        raise InputError(
            "not readable as FITS",
            where=str(path),
            found=f"{type(exc).__name__}: {exc}",
            hint="check the file with `fitsverify`, or leave it out",
        ) from exc


def whole_image(path, name, group, hdu=None, plane=None):
    """Origin of a file's image: the first HDU with pixels, the middle plane.

    Parameters
    ----------
    path : path-like
    name, group : str
        Of the origin.
    hdu, plane : int, optional

    Raises
    ------
    InputError
        Not FITS.
    UnsupportedDataError
        No image there, or no such plane.
    """
    with _opened(path) as hdus:
        numbers = range(len(hdus)) if hdu is None else [hdu] if 0 <= hdu < len(hdus) else []
        number = next((n for n in numbers if hdus[n].is_image and 0 not in _shape(hdus[n])), None)
        if number is None:
            raise UnsupportedDataError(
                "no image",
                where=str(path),
                found=f"{len(hdus)} HDUs, none with pixels" if hdu is None else f"HDU {hdu}",
                hint="leave the file out, or name another HDU",
            )
        shape = _shape(hdus[number])
    planes = math.prod(shape[:-2])
    middle = planes // 2 if plane is None else plane
    if not 0 <= middle < planes:
        raise UnsupportedDataError(
            "no such plane",
            where=f"{path}[{number}]",
            found=f"plane {plane} of {planes}",
            hint="planes are counted from 0, over all but the last two axes",
        )
    height = shape[-2] if len(shape) > 1 else 1
    return StampOrigin(name, number, middle, 0, 0, height, shape[-1], group)


def _shape(hdu):
    return hdu.shape or (0,)


def read_plane(path, hdu, plane):
    """One plane in physical units.

    Parameters
    ----------
    path : path-like
    hdu : int
    plane : int
        Counted over all but the last two axes.

    Returns
    -------
    ndarray (y, x) of float64
        BZERO and BSCALE applied, NaN where BLANK; one row for an image of one axis.

    Raises
    ------
    InputError, UnsupportedDataError
        Not FITS, or no such plane.
    """
    with _opened(path) as hdus:
        stored, header = hdus[hdu].data, hdus[hdu].header
        stored = stored.reshape(-1, *(stored.shape[-2:] if stored.ndim > 1 else (1, stored.size)))
        values = stored[plane]
        blank = values == header["BLANK"] if _has_blank(values, header) else None
        values = values.astype(np.float64)
        # Two roundings at most, as the FITS standard's formula is written.
        values = values * header.get("BSCALE", 1) + header.get("BZERO", 0)
    if blank is not None:
        values[blank] = np.nan
    return values


def _has_blank(values, header):
    return values.dtype.kind in "iu" and isinstance(header.get("BLANK"), int)
