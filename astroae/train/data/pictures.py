"""Stamps from 8-bit pictures: PNG, JPEG and BMP files, through Pillow."""

import warnings
from contextlib import contextmanager

import numpy as np

from astroae.errors import InputError, MissingDependencyError
from astroae.train.data.origin import Source, StampOrigin, sha256_of

__all__ = ["PICTURE_SUFFIXES", "PictureFiles", "picture_size", "read_picture"]

PICTURE_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp")
_GRAY, _DEEP = ("1", "L", "LA"), ("I", "I;16", "I;16B", "I;16L")


class PictureFiles(Source):
    """Picture files, each a group of its own.

    Parameters
    ----------
    paths : dict of str to Path
        Files by the name that their origins get.
    licences : dict of str to str, optional
        By name, for the data card.
    """

    pictures = True

    def __init__(self, paths, licences=None):
        self.paths, self.licences = dict(paths), licences or {}
        sizes = {name: picture_size(path) for name, path in self.paths.items()}
        super().__init__(
            [StampOrigin(name, 0, 0, 0, 0, *size, group=name) for name, size in sizes.items()]
        )

    @classmethod
    def found(cls, folder, paths):
        """Files of a folder, named relative to it."""
        return cls({path.relative_to(folder).as_posix(): path for path in paths})

    def load(self, origin):
        return read_picture(self.paths[origin.file])

    def card(self, files):
        return [self._entry(name) for name in files]

    def _entry(self, name):
        entry = {"file": name, "sha256": sha256_of(self.paths[name])}
        licence = self.licences.get(name)
        return {**entry, "licence": licence} if licence else entry


@contextmanager
def _opened(path):
    try:
        from PIL import Image
    except ImportError as exc:
        raise MissingDependencyError(
            "Pillow reads pictures and is not installed",
            where=str(path),
            found=str(exc),
            hint="pip install astroae[train]",
        ) from exc
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path) as picture:
                yield picture
    # Pillow's readers of damaged files raise nearly anything.
    except (OSError, ValueError, SyntaxError, IndexError, KeyError, TypeError) as exc:
        raise _unreadable(path, exc) from exc
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as exc:
        raise _unreadable(path, exc) from exc


def _unreadable(path, exc):
    return InputError(
        "not readable as a picture",
        where=str(path),
        found=f"{type(exc).__name__}: {exc}",
        hint="give PNG, JPEG or BMP files",
    )


def picture_size(path):
    """(height, width) of a picture, from its header.

    Raises
    ------
    InputError
        Not a picture that Pillow reads.
    """
    with _opened(path) as picture:
        return picture.height, picture.width


def read_picture(path):
    """Gray levels of a picture, from 0 to 255.

    Parameters
    ----------
    path : path-like

    Returns
    -------
    ndarray (y, x) or (3, y, x)
        uint8; float64 where the file has 16 bits, on the same scale.  Red, green and
        blue of a colour picture; transparency is ignored.

    Raises
    ------
    InputError
        Not a picture that Pillow reads.
    """
    with _opened(path) as picture:
        if picture.mode in _DEEP:
            return np.asarray(picture, np.float64) / 257  # 65535 is 255
        if picture.mode in _GRAY:
            return np.array(picture.convert("L"))
        return np.moveaxis(np.array(picture.convert("RGB")), -1, 0).copy()
