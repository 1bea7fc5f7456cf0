"""Stamps from arrays: numpy's ``.npy`` and MNIST's idx files, gzipped or not.

An idx file is two zero bytes, one byte for the type, one for the number of axes, the
axes as big-endian 32-bit numbers, and the values, big-endian (Y. LeCun's description
of the MNIST files).
"""

import gzip
import math
import re
import struct
from pathlib import Path

import numpy as np

from astroae.errors import InputError, UnsupportedDataError
from astroae.train.data.origin import Source, StampOrigin, sha256_of

__all__ = ["ArrayFile", "IDX_NAME", "idx_labels", "read_idx", "write_idx"]

#: ``train-images-idx3-ubyte``, ``t10k-images.idx3-ubyte.gz``, ...
IDX_NAME = re.compile(r"(?P<part>.+)-images[-.]idx3-ubyte(?P<gz>\.gz)?")
_TYPES = {8: "u1", 9: "i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}
_CODES = {np.dtype(name): code for code, name in _TYPES.items()}
_BYTES = (1 << 32) - 1  # largest length of an axis that the format can hold


class ArrayFile(Source):
    """Images of one array, each a group of its own.

    Parameters
    ----------
    path : Path
        ``.npy`` with the axes (y, x), (image, y, x), (image, channel, y, x) or
        (image, y, x, channel), of one or three channels; or an idx file.
        Unsigned bytes are pictures, other types are measured.
    labels : ndarray, optional
        One per image.
    """

    def __init__(self, path, labels=None):
        self.path = Path(path)
        self.array = _as_images(_read(self.path), self.path)
        self.pictures = self.array.dtype == np.uint8
        if labels is not None and len(labels) != len(self.array):
            raise InputError(
                "labels do not fit their images",
                where=str(path),
                found=f"{len(labels)} labels of {len(self.array)} images",
                hint="check that both files are of one set",
            )
        self.labels = labels
        name, (height, width) = self.path.name, self.array.shape[-2:]
        super().__init__(
            [
                StampOrigin(name, 0, i, 0, 0, height, width, f"{name}#{i}")
                for i in range(len(self.array))
            ]
        )

    def load(self, origin):
        return self.array[origin.plane]

    def card(self, files):
        return [{"file": name, "sha256": sha256_of(self.path.parent / name)} for name in files]


def _read(path):
    if path.suffix != ".npy":
        return read_idx(path)
    try:
        return np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as exc:
        raise InputError(
            "not readable as an array",
            where=str(path),
            found=f"{type(exc).__name__}: {exc}",
            hint="write it with numpy.save, without Python objects",
        ) from exc


def _as_images(array, path):
    """(image, y, x) or (image, channel, y, x)."""
    if array.ndim == 2:
        array = array[None]
    if array.ndim == 4 and array.shape[1] not in (1, 3) and array.shape[-1] in (1, 3):
        array = np.moveaxis(array, -1, 1)
    usual = array.ndim == 3 or (array.ndim == 4 and array.shape[1] in (1, 3))
    if not usual or 0 in array.shape or array.dtype.kind not in "buif":
        raise UnsupportedDataError(
            "an array that holds no images",
            where=str(path),
            found=f"axes {array.shape} of {array.dtype}",
            hint="give (y, x), (image, y, x), or four axes with 1 or 3 channels, of numbers",
        )
    return array


def idx_labels(path):
    """Labels beside an idx file of images, or None where there are none."""
    path = Path(path)
    for old, new in (("-images-idx3", "-labels-idx1"), ("-images.idx3", "-labels.idx1")):
        name = path.name.replace(old, new)
        for candidate in (name, f"{name}.gz", name.removesuffix(".gz")):
            place = path.with_name(candidate)
            if candidate != path.name and place.is_file():
                return read_idx(place)
    return None


def read_idx(path):
    """The array of an idx file.

    Parameters
    ----------
    path : path-like
        Gzipped if its name ends in ``.gz``.

    Returns
    -------
    ndarray
        Native byte order.

    Raises
    ------
    InputError
        Not such a file, or another size than its first bytes say.

    Examples
    --------
    >>> import numpy as np, tempfile, pathlib
    >>> from astroae.train.data.arrays import read_idx, write_idx
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder) / "labels-idx1-ubyte.gz"
    ...     write_idx(path, np.array([3, 1, 4], np.uint8))
    ...     read_idx(path)
    array([3, 1, 4], dtype=uint8)
    """
    path = Path(path)
    opener = gzip.open if path.suffix == ".gz" else open
    try:
        with opener(path, "rb") as file:
            zeros, code, axes = struct.unpack(">HBB", file.read(4))
            if zeros or code not in _TYPES or not 1 <= axes <= 4:
                raise ValueError(f"first bytes are {zeros:04x} {code:02x} {axes:02x}")
            shape = struct.unpack(f">{axes}I", file.read(4 * axes))
            dtype = np.dtype(_TYPES[code])
            wanted = math.prod(shape) * dtype.itemsize
            content = _bounded(file, wanted)
    except (OSError, ValueError, EOFError, struct.error) as exc:
        raise InputError(
            "not readable as an idx file",
            where=str(path),
            found=f"{type(exc).__name__}: {exc}",
            hint="give a file like MNIST's train-images-idx3-ubyte, gzipped or not",
        ) from exc
    values = np.frombuffer(content, dtype).reshape(shape)
    return values.astype(dtype.newbyteorder("="))


def _bounded(file, wanted):
    """Exactly ``wanted`` bytes, taken piece by piece: memory follows what is there."""
    pieces, left = [], wanted + 1
    while left and (piece := file.read(min(left, 1 << 20))):
        pieces.append(piece)
        left -= len(piece)
    found = wanted + 1 - left
    if found != wanted:
        raise ValueError(f"{'more' if found > wanted else found} bytes where {wanted} belong")
    return b"".join(pieces)


def write_idx(path, array):
    """Write an array as an idx file, gzipped if its name ends in ``.gz``.

    Parameters
    ----------
    path : path-like
    array : ndarray
        Of 1 to 4 axes, of a type that the format knows.

    Raises
    ------
    UnsupportedDataError
        Another type, or too many axes.
    """
    path, array = Path(path), np.asarray(array)
    code = next((_CODES[d] for d in _CODES if d.newbyteorder("=") == array.dtype), None)
    if code is None or not 1 <= array.ndim <= 4 or max(array.shape) > _BYTES:
        raise UnsupportedDataError(
            "an idx file cannot hold this array",
            where=str(path),
            found=f"{array.dtype} of shape {array.shape}",
            hint="use bytes, int16, int32, float32 or float64, of at most 4 axes",
        )
    head = struct.pack(f">HBB{array.ndim}I", 0, code, array.ndim, *array.shape)
    content = head + array.astype(_TYPES[code]).tobytes()
    # No time stamp: the same digits give the same file.
    path.write_bytes(gzip.compress(content, mtime=0) if path.suffix == ".gz" else content)
