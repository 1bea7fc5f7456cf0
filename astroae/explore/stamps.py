"""Stamps of FITS files, with where they are in pixels and on the sky."""

from dataclasses import dataclass

import numpy as np
from astropy.table import Table, vstack

from astroae.errors import SettingError, UnsupportedDataError
from astroae.explore.planes import Plane

__all__ = ["Plane", "Stamps", "cut_files", "cut_stamps", "stamp_at", "starts"]

LEAST_DEFINED = 0.5  # of a stamp's pixels; with fewer it says little


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
