"""Stamp lists: tables of cut-outs, checked in, over images that are not.

``astroae/train/stamps/train.csv`` and ``measure.csv`` are made by
``python -m astroae.train.stamps.make``.
"""

import csv
import os
from pathlib import Path

from astroae.errors import InputError
from astroae.train.data.fitsimages import FitsFiles
from astroae.train.data.origin import StampOrigin, sha256_of

__all__ = ["COLUMNS", "LISTS", "list_path", "read_list", "shared_folder"]

COLUMNS = ("file", "hdu", "plane", "y", "x", "side", "kind", "instrument", "sha256")
#: Lists that come with the package, by name.
LISTS = ("train", "measure")
_PACKAGE = Path(__file__).parents[2]


def list_path(name):
    """Path of a list that comes with the package."""
    return _PACKAGE / "train" / "stamps" / f"{name}.csv"


def shared_folder(data_dir=None):
    """The folder that the lists' images are in.

    Parameters
    ----------
    data_dir : path-like, optional
        By default the environment variable ``ASTROAE_DATA``, else ``../shared/data``
        beside the repository.

    Raises
    ------
    InputError
        It is not there.
    """
    beside = _PACKAGE.parent.parent / "shared" / "data"
    folder = Path(data_dir or os.environ.get("ASTROAE_DATA") or beside)
    if not folder.is_dir():
        raise InputError(
            "the images of a stamp list are not here",
            where=str(folder),
            found="no such folder",
            hint="name the folder (data_dir=, --data-dir, or the environment variable "
            "ASTROAE_DATA) that holds train/ and measure/, or give your own images",
        )
    return folder


def read_list(path, data_dir=None):
    """The cut-outs of a stamp list.

    Parameters
    ----------
    path : path-like
        CSV with the columns of `COLUMNS`.
    data_dir : path-like, optional
        Folder of its images, see `shared_folder`.

    Returns
    -------
    FitsFiles
        One origin per line; its group is the instrument.

    Raises
    ------
    InputError
        The list or an image is missing or is another than the list was made for.
    """
    path, folder = Path(path), shared_folder(data_dir)
    try:
        with open(path, newline="") as file:
            lines = list(csv.DictReader(file))
        origins = [_origin(line) for line in lines]
        sums = {line["file"]: line["sha256"] for line in lines}
    except (OSError, UnicodeDecodeError, csv.Error, KeyError, ValueError, TypeError) as exc:
        raise InputError(
            "not readable as a stamp list",
            where=str(path),
            found=f"{type(exc).__name__}: {exc}",
            hint=f"it needs the columns {', '.join(COLUMNS)}",
        ) from exc
    for name, wanted in sums.items():
        _check(folder / name, wanted)
    source = FitsFiles(folder, origins)
    # The few smaller stamps are resized, so that all fit into one batch.
    source.side = max((origin.height for origin in origins), default=None)
    return source


def _origin(line):
    hdu, plane, y, x, side = (int(line[key]) for key in ("hdu", "plane", "y", "x", "side"))
    if min(hdu, plane, y, x) < 0 or side < 1:
        raise ValueError(f"a number below 0 in {line}")
    return StampOrigin(line["file"], hdu, plane, y, x, side, side, line["instrument"])


def _check(path, wanted):
    found = sha256_of(path) if path.is_file() else "no such file"
    if found != wanted:
        raise InputError(
            "an image is not the one that the stamp list was made for",
            where=str(path),
            found=f"SHA-256 {found}, listed is {wanted}",
            hint="get the images that the list names, or make a list of your own with "
            "`python -m astroae.train.stamps.make`",
        )
