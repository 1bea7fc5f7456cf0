"""Planes of FITS images: pixels in physical units, header and celestial WCS."""

import warnings
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from astropy.io import fits
from astropy.utils.exceptions import AstropyWarning
from astropy.wcs import WCS

from astroae.errors import AstroAEError, InputError, UnsupportedDataError
from astroae.explore.coding import model_cards

__all__ = ["Plane", "read_plane"]


@dataclass(frozen=True)
class Plane:
    """One plane of a FITS image.

    Attributes
    ----------
    values : ndarray (y, x) of float64
        Physical units, NaN where undefined.
    header : astropy.io.fits.Header
    wcs : astropy.wcs.WCS or None
        Of the two axes, where they are celestial.
    file : str
    hdu, plane : int
    """

    values: np.ndarray
    header: fits.Header
    wcs: WCS | None
    file: str
    hdu: int
    plane: int

    def to_hdus(self, values, model):
        """Other values in the place of the plane's, with its header and the model's name.

        Parameters
        ----------
        values : ndarray (y, x)
        model : astroae.nets.modelfile.Model

        Returns
        -------
        astropy.io.fits.HDUList
        """
        header = fits.Header() if self.wcs is None else self.wcs.to_header(relax=True)
        if self.header.get("NAXIS", 2) == 2:
            header = self.header.copy(strip=True)
        elif "BUNIT" in self.header:
            header["BUNIT"] = self.header["BUNIT"]
        for key in ("BSCALE", "BZERO", "BLANK", "CHECKSUM", "DATASUM", "DATAMIN", "DATAMAX"):
            header.remove(key, ignore_missing=True)
        header.update(model_cards(model))
        return fits.HDUList([fits.PrimaryHDU(values.astype(np.float32), header)])


def read_plane(path, hdu=None, plane=None):
    """One plane of a FITS file.

    Parameters
    ----------
    path : path-like
        Compressed by astroae or not.
    hdu : int, optional
        By default the first with two axes or more.
    plane : int, optional
        Counted over all but the last two axes; by default the middle one.

    Returns
    -------
    Plane

    Raises
    ------
    InputError
        The file cannot be read.
    UnsupportedDataError
        No image, or no such plane.
    """
    with _opened(path) as hdus:
        number = _image_number(hdus, hdu, path)
        shape = hdus[number].shape
        planes = int(np.prod(shape[:-2]))
        chosen = planes // 2 if plane is None else plane
        if not 0 <= chosen < planes:
            raise UnsupportedDataError(
                "no such plane",
                where=f"{path}[{number}]",
                found=f"plane {chosen} of {planes}",
                hint="planes are counted from 0, over all but the last two axes",
            )
        place = np.unravel_index(chosen, shape[:-2]) if shape[:-2] else ()
        values = np.asarray(hdus[number].data[place], np.float64)
        header = hdus[number].header
        return Plane(values, header.copy(), _wcs(header, hdus), str(path), number, chosen)


def _image_number(hdus, hdu, path):
    numbers = range(len(hdus)) if hdu is None else [hdu] if 0 <= hdu < len(hdus) else []
    for number in numbers:
        shape = getattr(hdus[number], "shape", None) or ()
        if hdus[number].is_image and len(shape) > 1 and 0 not in shape:
            return number
    raise UnsupportedDataError(
        "no image of two axes or more",
        where=str(path),
        found=f"{len(hdus)} HDUs" if hdu is None else f"HDU {hdu} of {len(hdus)}",
        hint="leave the file out, or name another HDU (--hdu)",
    )


@contextmanager
def _opened(path):
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", AstropyWarning)  # other people's cards
            with fits.open(path) as hdus:
                yield hdus
    except AstroAEError:
        raise
    except (OSError, ValueError, IndexError, KeyError, TypeError) as exc:
        raise InputError(
            "not readable as FITS",
            where=str(path),
            found=getattr(exc, "strerror", None) or f"{type(exc).__name__}: {exc}",
            hint="check its name, or the file with `fitsverify`",
        ) from exc


def _wcs(header, hdus):
    """The celestial WCS of the last two axes, or None where there is none."""
    try:
        found = WCS(header, hdus, fix=True)
        found = found.sub(2) if found.naxis > 2 else found
        return found if {found.wcs.lng, found.wcs.lat} == {0, 1} else None
    except Exception:  # noqa: BLE001 - WCSLIB raises a dozen kinds for other people's headers
        return None
