"""Stamps of FITS files, with where they are in pixels and on the sky."""

import warnings
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from astropy.io import fits
from astropy.table import Table, vstack
from astropy.utils.exceptions import AstropyWarning
from astropy.wcs import WCS

from astroae.errors import AstroAEError, InputError, SettingError, UnsupportedDataError

__all__ = ["Plane", "Stamps", "cut_files", "cut_stamps", "read_plane", "stamp_at"]

LEAST_DEFINED = 0.5  # of a stamp's pixels; with fewer it says little


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


@dataclass(frozen=True)
class Stamps:
    """Stamps and a table of where they come from.

    Attributes
    ----------
    values : list of ndarray (y, x)
    table : astropy.table.Table
        ``file``, ``hdu``, ``plane``, ``x`` and ``y`` of the middle (pixels from 0),
        ``side``, and ``ra`` and ``dec`` (longitude and latitude of the image's own
        celestial system, in degrees; NaN without one).
    """

    values: list
    table: Table

    def __len__(self):
        return len(self.values)


def cut_files(planes, side, *, stride=None, most=2000):
    """Stamps of several images, side by side around the middle of each.

    Parameters
    ----------
    planes : sequence of Plane
    side : int
        Of the square stamps; a smaller image is one stamp as it is.
    stride : int, optional
        Distance of their middles; by default ``side``.
    most : int
        Stamps of all images together; where there are more, evenly spaced ones of each
        are taken.

    Returns
    -------
    Stamps

    Raises
    ------
    UnsupportedDataError
        Not one image holds a stamp.
    """
    share = max(1, most // max(1, len(planes)))
    found = [cut_stamps(plane, side, stride=stride, most=share) for plane in planes]
    tables = [part.table for part in found if len(part)]
    if not tables:
        raise UnsupportedDataError(
            "no stamps",
            where=", ".join(plane.file for plane in planes[:3]),
            found=f"{len(planes)} images, no stamp with half of its pixels defined and not all "
            "of them equal",
            hint="give other images, or another --hdu or --plane",
        )
    return Stamps([values for part in found for values in part.values], vstack(tables))


def cut_stamps(plane, side, *, stride=None, most=2000):
    """Stamps of one plane; those with too few defined pixels, or all equal, are left out.

    Parameters
    ----------
    plane : Plane
    side : int
    stride : int, optional
    most : int

    Returns
    -------
    Stamps
    """
    height, width = (min(side, n) for n in plane.values.shape)
    tops, lefts = (
        starts(n, length, stride or side)
        for n, length in zip(plane.values.shape, (height, width), strict=True)
    )
    corners = np.array([(top, left) for top in tops for left in lefts])
    if len(corners) > most:
        corners = corners[np.linspace(0, len(corners) - 1, most).round().astype(int)]
    cuts = [plane.values[top : top + height, left : left + width] for top, left in corners]
    good = [i for i, values in enumerate(cuts) if _useful(values)]
    y, x = (corners[good] + (np.array([height, width]) - 1) / 2).T
    return Stamps([cuts[i] for i in good], _table(plane, x, y, max(height, width)))


def stamp_at(plane, side, x=None, y=None):
    """One stamp of a plane.

    Parameters
    ----------
    plane : Plane
    side : int
    x, y : float, optional
        Its middle in pixels from 0, by default the image's; near an edge the stamp is
        moved inside.

    Returns
    -------
    ndarray (y, x)

    Raises
    ------
    SettingError
        A middle outside the image.
    """
    cuts = []
    for axis, (place, length) in enumerate(zip((y, x), plane.values.shape, strict=True)):
        place = (length - 1) / 2 if place is None else place
        if not 0 <= place <= length - 1:
            raise SettingError(
                "a stamp outside the image",
                where=f"{plane.file}[{plane.hdu}]",
                found=f"{'yx'[axis]} = {place:g}; the image has 0 to {length - 1}",
                hint="give its middle in pixels from 0, x first",
            )
        size = min(side, length)
        start = int(np.clip(round(place - (size - 1) / 2), 0, length - size))
        cuts.append(slice(start, start + size))
    return plane.values[tuple(cuts)]


def starts(length, side, stride):
    """First pixels of pieces of ``side`` along an axis, the rest shared by both ends.

    Examples
    --------
    >>> from astroae.explore.stamps import starts
    >>> starts(10, 4, 2)
    array([0, 2, 4, 6])
    >>> starts(11, 4, 4)
    array([1, 5])
    """
    count = max(0, length - side) // stride
    return (length - side - count * stride) // 2 + stride * np.arange(count + 1)


def _useful(values):
    good = np.isfinite(values)
    return good.mean() >= LEAST_DEFINED and np.ptp(values[good]) > 0


def _table(plane, x, y, side):
    count = len(x)
    table = Table(
        {
            "file": np.full(count, plane.file),
            "hdu": np.full(count, plane.hdu),
            "plane": np.full(count, plane.plane),
            "x": x,
            "y": y,
            "side": np.full(count, side),
        }
    )
    sky = np.full((2, count), np.nan)
    if plane.wcs is not None and count:
        world = plane.wcs.all_pix2world(x, y, 0)
        sky[:] = world if plane.wcs.wcs.lng == 0 else world[::-1]
    table["ra"], table["dec"] = sky
    for name in ("x", "y", "side"):
        table[name].unit = "pix"
    for name in ("ra", "dec"):
        table[name].unit = "deg"
    return table


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
