"""What can be compared: images of files and of objects in memory, and which belong together."""

import math
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from os import PathLike
from pathlib import Path

import numpy as np
from astropy.io import fits
from astropy.nddata import NDData
from astropy.wcs import WCS

from astroae.errors import AstroAEError, InputError, UnsupportedDataError
from astroae.io.spans import plain_source, quiet_headers, scan

__all__ = ["Contents", "Image", "contents_of", "images_of", "name_of", "no_image", "partners"]

_NO_NAMES = ("", "PRIMARY", "COMPRESSED_IMAGE")  # what astropy and fpack call the nameless
_OURS = ("AEPREV", "AEMODEXT")  # marks of previews and models: astroae's, not the original's


@dataclass(frozen=True, eq=False)
class Image:
    """An image of a file, or an array.

    Parameters
    ----------
    source : HDU or array
        Of which `pixels` reads.
    header : `~astropy.io.fits.Header` or dict
    shape : tuple of int
        C order.
    index : int
        Number of the HDU in its file.
    file : str
        For messages.
    mask : array of bool, optional
        The object's own: True is bad.
    wcs : `~astropy.wcs.WCS`, optional
    unit : `~astropy.units.Unit`, optional
    hdus : `~astropy.io.fits.HDUList`, optional
        The file, for the tables that a WCS names.
    """

    source: object
    header: object
    shape: tuple
    index: int = 0
    file: str = ""
    mask: object = field(default=None, repr=False)
    wcs: object = None
    unit: object = None
    hdus: object = field(default=None, repr=False)

    @property
    def has_header(self):
        """Whether missing cards mean anything: those of an array do not."""
        return not isinstance(self.source, np.ndarray) or len(self.header) > 0

    @property
    def extname(self):
        """EXTNAME in capitals; empty where there is none."""
        name = str(self.header.get("EXTNAME", "")).strip().upper()
        return "" if name in _NO_NAMES else name

    @property
    def version(self):
        """EXTVER, 1 where there is none."""
        value = self.header.get("EXTVER", 1)
        return value if isinstance(value, int) else 1

    @property
    def label(self):
        """``"SCI,1"``, or the HDU's number."""
        if isinstance(self.source, np.ndarray):
            return self.extname or "image"
        return f"{self.extname},{self.version}" if self.extname else f"HDU {self.index}"

    def is_called(self, hdu):
        """Whether that is its number or name: ``1``, ``"SCI"``, ``"SCI,2"``."""
        if not isinstance(hdu, str):
            return self.index == hdu
        name, _, version = hdu.upper().partition(",")
        return self.extname == name.strip() and version.strip() in ("", str(self.version))

    @property
    def is_line(self):
        """One row of pixels: a spectrum, or a single pixel."""
        return sum(n > 1 for n in self.shape) <= 1 or len(self.shape) == 1

    def pixels(self, key=...):
        """Physical values (y, x), native byte order; masked pixels as they are.

        Parameters
        ----------
        key : tuple of int, optional
            Of the plane of a cube.

        Raises
        ------
        InputError
            They cannot be read.
        """
        try:
            values = np.asarray(self._read(key))
        except AstroAEError:
            raise
        except Exception as exc:  # decoders of astropy raise whatever they like
            raise InputError(
                "pixels cannot be read",
                where=f"{self.file}, {self.label}",
                found=str(exc) or type(exc).__name__,
                hint="check the file with fitsverify",
            ) from exc
        if values.dtype.kind not in "biuf":
            raise UnsupportedDataError(
                "no image of real numbers",
                where=f"{self.file}, {self.label}",
                found=f"values of type {values.dtype}",
                hint="compare real and imaginary part, or each field, by itself",
            )
        values = values.astype(values.dtype.newbyteorder("="), copy=False)
        return values.reshape(1, -1) if self.is_line else values

    def all_pixels(self):
        """Every value, in the image's own shape."""
        return self._read(...)

    def _read(self, key):
        if isinstance(self.source, np.ndarray):
            return self.source[key]
        # A section leaves the HDU as it was: nothing is kept, no scale card taken away.
        return self.source.data[key] if self.source._data_loaded else self.source.section[key]

    def masked(self, key=...):
        """Its own mask (y, x), or None."""
        return None if self.mask is None else self.plane_of(self.mask, key)

    def plane_of(self, values, key):
        """What an array of the image's shape, or a plane's, says of a plane; None: neither."""
        values = np.asarray(values)
        if values.shape not in (self.shape, self.shape[-2:]):
            return None
        plane = (values[key] if values.shape == self.shape else values) != 0
        return plane.reshape(1, -1) if self.is_line else plane


@dataclass(frozen=True, eq=False)
class Contents:
    """What a file or an object holds.

    Parameters
    ----------
    images : list of Image
        In order.
    hdus : `~astropy.io.fits.HDUList` or None
        All of the file; None of an object that is none.
    file : str
        For messages.
    """

    images: list
    hdus: object
    file: str


@contextmanager
def contents_of(thing):
    """`Contents` of a file or object; as `images_of`, but a file may be without an image."""
    with ExitStack() as stack:
        stack.enter_context(quiet_headers())
        if isinstance(thing, (str, PathLike)):
            plain = stack.enter_context(plain_source(thing))
            # Says what is wrong with a file; none of an empty one.
            hdus = stack.enter_context(fits.open(plain)) if scan(plain, thing) else fits.HDUList()
        else:
            hdus = thing
        file = name_of(thing)
        whole = hdus if isinstance(hdus, fits.HDUList) else None
        if whole is not None and not len(whole):
            raise no_image(file, "no HDU at all")
        yield Contents(_images(hdus, file), whole, file)


@contextmanager
def images_of(thing):
    """The images of a file or of an object, in order.

    Parameters
    ----------
    thing : path, array, masked array, `~astropy.nddata.NDData`, HDU or HDUList
        Files may be compressed by gzip, bzip2 or xz as a whole.

    Yields
    ------
    list of Image
        Readable within the block.

    Raises
    ------
    InputError
        Not FITS, cut short, or without any image.
    """
    with contents_of(thing) as contents:
        if not contents.images:
            raise no_image(contents.file)
        yield contents.images


def no_image(file, found="no HDU with pixels"):
    """The error of a file without any."""
    return InputError("no image in it", where=file, found=found, hint="give a file with an image")


def _images(thing, file):
    if isinstance(thing, fits.HDUList):
        images = [_of_hdu(hdu, i, file) for i, hdu in enumerate(thing) if _has_pixels(hdu)]
        return [replace(image, hdus=thing) for image in images]
    if isinstance(thing, (fits.ImageHDU, fits.PrimaryHDU)):
        return [_of_hdu(thing, 0, file)] if _has_pixels(thing) else []
    header = getattr(thing, "meta", None)
    header = header if hasattr(header, "get") else fits.Header()
    unit = getattr(thing, "unit", None)
    wcs = getattr(thing, "wcs", None)
    wcs = wcs if isinstance(wcs, WCS) else None
    mask = getattr(thing, "mask", None)
    values = np.asarray(thing.data if isinstance(thing, NDData) else thing)
    if values.dtype.kind == "O":
        raise InputError(
            "not an image",
            where=file,
            found=f"got {type(thing).__name__}",
            hint="give a file name, an array, an NDData or an HDU",
        )
    if not values.size or not values.ndim:
        return []
    mask = None if mask is None or mask is np.ma.nomask else np.broadcast_to(mask, values.shape)
    return [Image(values, header, values.shape, 0, file, mask, wcs, unit)]


def _has_pixels(hdu):
    if not isinstance(hdu, (fits.ImageHDU, fits.PrimaryHDU)) or isinstance(hdu, fits.GroupsHDU):
        return False
    ours = any(hdu.header.get(mark) is True for mark in _OURS)
    return bool(hdu.shape and math.prod(hdu.shape)) and not ours


def _of_hdu(hdu, index, file):
    # A copy: reading scaled pixels takes cards away.
    return Image(hdu, hdu.header.copy(), tuple(int(n) for n in hdu.shape), index, file)


def name_of(thing):
    """What reports call it."""
    if isinstance(thing, (str, PathLike)):
        return str(Path(thing))
    if isinstance(thing, fits.HDUList):
        return thing.filename() or "HDUList"
    shape = getattr(thing, "shape", None)
    kind = type(thing).__name__.removesuffix("HDU").lower()
    kind = {"ndarray": "array", "maskedarray": "masked array"}.get(kind, type(thing).__name__)
    return f"{kind} of shape {tuple(int(n) for n in shape)}" if shape else kind


# ---- which belong together ---------------------------------------------------------------


def partners(originals, restored):
    """Pairs of images, by EXTNAME and EXTVER, else by order among those of one shape.

    Parameters
    ----------
    originals, restored : list of Image

    Returns
    -------
    pairs : list of (Image, Image)
        In the order of the originals.
    notes : list of str
        Those without a partner.

    Examples
    --------
    >>> import numpy as np
    >>> from astroae.validation.pairing import images_of, partners
    >>> with images_of(np.zeros((3, 4))) as one, images_of(np.ones((3, 4))) as other:
    ...     pairs, notes = partners(one, other)
    >>> len(pairs), notes
    (1, [])
    """
    found, left = {}, list(restored)
    single = len(originals) == len(restored) == 1
    for belongs in (_same_name, _any if single else _nameless):
        for one in originals:
            if one.index in found:
                continue
            match = next((b for b in left if b.shape == one.shape and belongs(one, b)), None)
            if match is not None:
                found[one.index] = match
                left.remove(match)
    pairs = [(one, found[one.index]) for one in originals if one.index in found]
    notes = [
        f"{one.label} {one.shape} of the original has no partner: not compared"
        for one in originals
        if one.index not in found
    ]
    return pairs, notes + [
        f"{one.label} {one.shape} of the restored file has no partner: not compared" for one in left
    ]


def _same_name(one, other):
    return one.extname and (one.extname, one.version) == (other.extname, other.version)


def _nameless(one, other):
    return not (one.extname and other.extname)


def _any(one, other):
    return True
