"""`load_data`: one door for everything that stamps can come from."""

from pathlib import Path

from astroae.errors import InputError
from astroae.train.data.fitsimages import FITS_SUFFIXES, FitsFiles
from astroae.train.data.lists import LISTS, list_path, read_list
from astroae.train.data.stampset import make_stamps
from astroae.train.data.view import View

__all__ = ["load_data", "open_source"]


def load_data(data, view, *, data_dir=None, hdu=None, plane=None):
    """Stamps of a list, a file or a folder, as a recipe wants them.

    Parameters
    ----------
    data : str or path-like
        See `open_source`.
    view : View or Recipe
    data_dir : path-like, optional
        Folder of a stamp list's images.
    hdu, plane : int, optional
        Of FITS files; by default the first image, and the middle plane of a cube.

    Returns
    -------
    StampSet

    Raises
    ------
    InputError, UnsupportedDataError
        Nothing there that can be read.

    Examples
    --------
    >>> from astroae.train.data import load_data
    >>> from astroae.train.recipes import get_recipe
    >>> stamps = load_data("train", get_recipe("unet187"))  # doctest: +SKIP
    >>> training, validation = stamps.split(0.8, seed=1)  # doctest: +SKIP
    """
    view = view if isinstance(view, View) else View.of(view)
    return make_stamps(open_source(data, data_dir=data_dir, hdu=hdu, plane=plane), view)


def open_source(data, *, data_dir=None, hdu=None, plane=None):
    """The images behind a name or path.

    Parameters
    ----------
    data : str or path-like
        ``"train"`` or ``"measure"``: the stamp lists of the package.  A path: a stamp
        list (``.csv``), a FITS file, or a folder of them.
    data_dir, hdu, plane
        As for `load_data`.

    Returns
    -------
    Source
    """
    if str(data) in LISTS:
        return read_list(list_path(str(data)), data_dir)
    path = Path(data)
    if path.suffix == ".csv":
        return read_list(path, data_dir)
    folder, files = _files(path)
    found = [p for p in files if p.name.lower().endswith(FITS_SUFFIXES)]
    if found:
        return FitsFiles.found(folder, found, hdu, plane)
    raise InputError(
        "no images",
        where=str(path),
        found=f"{len(files)} files, none of a kind that is read here",
        hint="give FITS files or a stamp list",
    )


def _files(path):
    """A folder and the files to take from it, sorted."""
    if path.is_file():
        return path.parent, [path]
    if not path.is_dir():
        raise InputError(
            "no such file or folder",
            where=str(path),
            found=f"nothing there; names known are {', '.join(LISTS)}",
            hint="check the path",
        )
    return path, sorted(p for p in path.rglob("*") if p.is_file())
