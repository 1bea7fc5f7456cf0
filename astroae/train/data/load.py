"""`load_data`: one door for everything that stamps can come from."""

from pathlib import Path

from astroae.errors import InputError
from astroae.train.data.arrays import IDX_NAME, ArrayFile, idx_labels
from astroae.train.data.fitsimages import FITS_SUFFIXES, FitsFiles
from astroae.train.data.lists import LISTS, list_path, read_list
from astroae.train.data.live import LiveFolder, is_live
from astroae.train.data.photographs import PHOTOGRAPHS, photographs
from astroae.train.data.pictures import PICTURE_SUFFIXES, PictureFiles
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
    >>> import numpy as np, tempfile, pathlib
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> np.save(folder / "stamps.npy", np.random.default_rng(1).normal(size=(5, 40, 40)))
    >>> load_data(folder / "stamps.npy", get_recipe("dense784")).images.shape
    (5, 1, 28, 28)
    """
    view = view if isinstance(view, View) else View.of(view)
    return make_stamps(open_source(data, data_dir=data_dir, hdu=hdu, plane=plane), view)


def open_source(data, *, data_dir=None, hdu=None, plane=None):
    """The images behind a name or path.

    Parameters
    ----------
    data : str or path-like
        A name: ``"train"`` and ``"measure"`` are the stamp lists of the package,
        ``"photographs"`` and ``"photographs-kept"`` the pictures that scikit-image and
        scikit-learn bring.  Or a path: a stamp list (``.csv``), a FITS file, a picture
        (PNG, JPEG, BMP), an array (``.npy``), an idx file like MNIST's, or a folder of
        files of one of these kinds.  Of a folder with MNIST's names the training file
        is taken; one like LIVE's gives its originals, with their JPEG versions.
    data_dir, hdu, plane
        As for `load_data`.

    Returns
    -------
    Source

    Raises
    ------
    InputError
        Nothing there, nothing that can be read, or files of several kinds.
    """
    if str(data) in LISTS:
        return read_list(list_path(str(data)), data_dir)
    if str(data) in PHOTOGRAPHS:
        return photographs(str(data))
    path = Path(data)
    if path.suffix == ".csv":
        return read_list(path, data_dir)
    folder, files = _files(path)
    kinds = {kind: [p for p in files if test(p)] for kind, test in _KINDS.items()}
    kinds = {kind: found for kind, found in kinds.items() if found}
    if len(kinds) != 1:
        raise _no_kind(path, files, kinds)
    ((kind, found),) = kinds.items()
    if kind == "FITS":
        return FitsFiles.found(folder, found, hdu, plane)
    if kind == "pictures":
        live = path.is_dir() and is_live(path)
        return LiveFolder(path) if live else PictureFiles.found(folder, found)
    return _arrays(path, found)


def _name_ends(suffixes):
    return lambda path: path.name.lower().endswith(suffixes)


_KINDS = {
    "FITS": _name_ends(FITS_SUFFIXES),
    "pictures": _name_ends(PICTURE_SUFFIXES),
    "idx": lambda path: IDX_NAME.fullmatch(path.name) is not None,
    "arrays": _name_ends(".npy"),
}


def _files(path):
    """A folder and the files to take from it, sorted."""
    if path.is_file():
        return path.parent, [path]
    if not path.is_dir():
        raise InputError(
            "no such file or folder",
            where=str(path),
            found=f"nothing there; names known are {', '.join((*LISTS, *PHOTOGRAPHS))}",
            hint="check the path",
        )
    return path, sorted(p for p in path.rglob("*") if p.is_file())


def _no_kind(path, files, kinds):
    found = " and ".join(kinds) or "none of a kind that is read here"
    return InputError(
        "no images of one kind",
        where=str(path),
        found=f"{len(files)} files: {found}",
        hint=f"give one kind of {', '.join(_KINDS)}, or a stamp list",
    )


def _arrays(path, found):
    """An array file; of MNIST's two the one to train on."""
    chosen = [p for p in found if p.name.startswith("train-")] if len(found) > 1 else found
    if len(chosen) != 1:
        raise InputError(
            "several arrays",
            where=str(path),
            found=", ".join(p.name for p in found),
            hint="name one of the files",
        )
    return ArrayFile(chosen[0], idx_labels(chosen[0]))
