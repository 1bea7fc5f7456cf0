"""Does a FITS file hold a compressed image, and where?  Headers only, nothing moved or closed."""

import os

from astropy.io import fits

from astroae.container.keywords import MARK
from astroae.errors import InputError
from astroae.io.hdu import AEImageHDU
from astroae.io.spans import quiet_headers

__all__ = ["FORMAT", "first_image", "identify", "image_of", "is_marked", "primary_of"]

FORMAT = "astroae"
SUFFIX = ".aae.fits"
#: HDUs that are looked at: a compressed image stands near the front of its file.
MOST_HDUS = 64


def is_marked(hdu):
    """Whether an HDU is a compressed image, opened as an image or as a table."""
    return isinstance(hdu, AEImageHDU) or hdu.header.get(MARK) is True


def first_image(source):
    """Number of the first compressed image, or None.

    Parameters
    ----------
    source : str, path-like, binary file object or `~astropy.io.fits.HDUList`
        A file object is left where it was.

    Returns
    -------
    int or None
    """
    if isinstance(source, fits.HDUList):
        return next((i for i, hdu in enumerate(source) if is_marked(hdu)), None)
    if isinstance(source, (str, os.PathLike)):
        with quiet_headers(), fits.open(source) as hdus:
            return first_image(hdus)
    place = source.tell()
    try:
        with quiet_headers():
            return _search(source)
    finally:
        source.seek(place)


def image_of(source):
    """As `first_image`; an error where there is none."""
    found = first_image(source)
    if found is None:
        raise InputError(
            "no image compressed by astroae in it",
            where=str(getattr(source, "name", source)),
            found="no HDU with AEIMAGE = T",
            hint='read it with format="fits"',
        )
    return found


def _search(stream):
    for i in range(MOST_HDUS):
        try:
            header = fits.Header.fromfile(stream)
        except (EOFError, OSError, ValueError):
            return None
        if i == 0 and header.get("SIMPLE") is not True:
            return None
        if header.get(MARK) is True:
            return i
        stream.seek(header.data_size_padded, 1)
    return None


def primary_of(source):
    """Header of an empty primary HDU that says something of the image behind it, or None.

    Parameters
    ----------
    source
        As in `first_image`.

    Returns
    -------
    `~astropy.io.fits.Header` or None
        None where the primary HDU holds an image, or nothing but astroae's note.
    """
    if isinstance(source, (str, os.PathLike)):
        with quiet_headers(), fits.open(source) as hdus:
            return primary_of(hdus)
    if isinstance(source, fits.HDUList):
        header, following = source[0].header, source[1] if len(source) > 1 else None
        moved = isinstance(following, AEImageHDU) and following.notes.get("AEPRIM") is True
        return None if moved or header.get("NAXIS") else header.copy()
    place = source.tell()
    try:
        with quiet_headers():
            header = fits.Header.fromfile(source)
            source.seek(header.data_size_padded, 1)
            moved = fits.Header.fromfile(source).get("AEPRIM") is True
            return None if moved or header.get("NAXIS") else header
    finally:
        source.seek(place)


def identify_read(origin, path, fileobj, *args, **kwargs):
    """For `astropy.io.registry`: whether what is read holds a compressed image."""
    if fileobj is not None:
        place = fileobj.tell()
        magic = fileobj.read(9)
        fileobj.seek(place)
        return magic == b"SIMPLE  =" and first_image(fileobj) is not None
    source = args[0] if args else None
    if isinstance(source, fits.HDUList):
        return first_image(source) is not None
    return isinstance(source, AEImageHDU)


def identify_write(origin, path, fileobj, *args, **kwargs):
    """For `astropy.io.registry`: the name of the output decides."""
    return path is not None and str(path).lower().endswith(SUFFIX)


def identify(origin, path, fileobj, *args, **kwargs):
    """Both, by what is asked for."""
    judge = identify_read if origin == "read" else identify_write
    return judge(origin, path, fileobj, *args, **kwargs)
