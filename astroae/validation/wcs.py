"""How far another WCS puts the pixels of an image: in pixels, with every distortion.

Two WCSs are the same where they put the same pixels at the same places, however they are
written: each is evaluated on a grid of pixels, on the sky, along the spectrum, in time.
"""

import logging
import re
import warnings
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from astropy.coordinates import (
    FK4,
    FK5,
    ICRS,
    BarycentricTrueEcliptic,
    FK4NoETerms,
    Galactic,
    SkyCoord,
    angular_separation,
)
from astropy.wcs import WCS
from astropy.wcs.utils import wcs_to_celestial_frame

__all__ = ["CARDS", "Move", "keys_of", "largest_move"]

#: Cards that a WCS is made of; the last letter names an alternate one.
CARDS = re.compile(
    r"(?:(?:CTYPE|CRVAL|CRPIX|CDELT|CUNIT|CROTA)\d+|(?:CD|PC|PV|PS)\d+_\d+"
    r"|(?:CPDIS|CQDIS|CPERR|CQERR)\d+|(?:DP|DQ)\d+.*|LONPOLE|LATPOLE|RADESYS|EQUINOX|WCSAXES"
    r")([A-Z]?)"
    r"|(?:A|B|AP|BP)_(?:\d+_\d+|ORDER)|D2IM.*|RADECSYS|EPOCH|PC\d{6}"
    r"|T(?:CTYP|CRVL|CRPX|CDLT|CUNI)\d+"
)
_AXES = re.compile(r"(?:CTYPE|CRVAL)\d+([A-Z]?)")  # without one of them there is no WCS
_DISTORTIONS = re.compile(r"(?:A|B|AP|BP)_(?:\d+_\d+|ORDER)|CPDIS.*|CQDIS.*|DP\d.*|DQ\d.*|D2IM.*")
_ACROSS = 33  # pixels of the grid along the two longest axes, beside the corners
_ALONG = 5  # along the others
_NODES = 20_000  # of a lookup table
_EDGE = 0.01  # of the grid, that may fall on and off the edge of a projection by rounding
_FRAMES = (ICRS, FK5, FK4, FK4NoETerms, Galactic, BarycentricTrueEcliptic)


@dataclass(frozen=True)
class Move:
    """What another WCS does.

    Attributes
    ----------
    pixels : float
        Largest move; infinite where a WCS is gone or means something else.
    points : int
        Pixels that were looked at.
    note : str
        Which WCS, and where.
    unread : tuple of str
        Keys of those that cannot be evaluated in the original, nor in the restored image.
    """

    pixels: float
    points: int
    note: str = ""
    unread: tuple = ()


class _Changed(Exception):
    """It means something else: no distance tells how much."""


def keys_of(image):
    """Keys of the WCSs of an image: ``" "``, then letters.

    Parameters
    ----------
    image : `~astroae.validation.pairing.Image`
    """
    found = {m[1] or " " for key in image.header if (m := _AXES.fullmatch(str(key)))}
    return sorted(found | ({" "} if image.wcs is not None else set()))


def largest_move(one, other):
    """Largest move of a pixel through the WCSs of two images, the alternate ones too.

    Parameters
    ----------
    one, other : `~astroae.validation.pairing.Image`
        Before and after, of one shape.

    Returns
    -------
    Move or None
        None where the first has no WCS.

    Examples
    --------
    >>> import numpy as np
    >>> from astropy.io import fits
    >>> from astroae.validation.pairing import images_of
    >>> from astroae.validation.wcs import largest_move
    >>> hdu = fits.PrimaryHDU(np.zeros((50, 50)))
    >>> hdu.header.update(CTYPE1="RA---TAN", CTYPE2="DEC--TAN", CDELT1=-1e-4, CDELT2=1e-4)
    >>> moved = hdu.copy()
    >>> moved.header["CRVAL2"] = 3e-4
    >>> with images_of(hdu) as (one,), images_of(moved) as (other,):
    ...     round(largest_move(one, other).pixels, 3)
    3.0
    """
    keys = keys_of(one)
    if not keys:
        return None
    there, found, unread = keys_of(other), [], []
    for key in keys:
        name = "the WCS" if key == " " else f"WCS {key}"
        before = _read(one, key)
        try:
            if key not in there:
                raise _Changed("is gone")
            after = _read(other, key)
            if before is None:
                if after is None:
                    unread.append(key)
                    continue
                raise _Changed("could not be evaluated before")
            if after is None:
                raise _Changed("cannot be evaluated any more")
            found.append(_of_pair(one, other, before, after, name))
        except _Changed as exc:
            found.append((np.inf, 0, f"{name} {exc}"))
    if not found:
        return Move(0.0, 0, unread=tuple(unread))
    worst = max(found, key=lambda each: each[0])
    return Move(worst[0], sum(n for _, n, _ in found), worst[2], tuple(unread))


def _of_pair(one, other, before, after, name):
    """Largest move, number of points, and where, of one WCS."""
    found, points = (0.0, ""), 0
    for a, b in zip(before, after):
        if (a is None) != (b is None):
            raise _Changed("has lost its distortion" if b is None else "has got a distortion")
        if a is None:
            continue
        grid = _grid(one.shape, a, b)
        moves = _moves(a, b, grid)
        at = int(np.argmax(moves))
        points += len(grid)
        if moves[at] > found[0]:
            place = ", ".join(f"{p:g}" for p in grid[at])
            found = float(moves[at]), f"{name} at pixel ({place})"
    return found[0], points, found[1]


# ---- evaluating ----------------------------------------------------------------------------


def _read(image, key):
    """The WCS whole, and its two distorted axes apart where it has more; None: neither."""
    with _quiet():
        try:
            if key == " " and image.wcs is not None:
                return image.wcs, None
            header = image.header.copy()
            names = [str(card) for card in header]
            distorted = [card for card in names if _DISTORTIONS.fullmatch(card)]
            axes = [int(m[1]) for card in names if (m := re.fullmatch(r"CTYPE(\d+).?", card))]
            if not distorted or max(axes, default=2) <= 2:
                return _usable(WCS(header, image.hdus, key=key), image), None
            flat = WCS(header, image.hdus, key=key, naxis=2)
            for card in distorted:
                header.remove(card, ignore_missing=True, remove_all=True)
            return _usable(WCS(header, key=key), image), flat
        except Exception:  # wcslib refuses headers in many ways; all mean: no WCS
            return None


def _usable(wcs, image):
    if not np.isfinite(_world(wcs, _grid(image.shape, wcs))).all(1).any():
        raise ValueError("no pixel has a place")
    return wcs


def _world(wcs, pixels):
    with np.errstate(all="ignore"), _quiet():
        return wcs.all_pix2world(pixels, 0)


@contextmanager
def _quiet():
    """Without the advice that astropy and wcslib have for whoever wrote the header."""
    log = logging.getLogger("astropy")
    before, log.disabled = log.disabled, True
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        log.disabled = before


def _grid(shape, *systems):
    """Pixels, x first: corners, edges, inside, and the nodes of lookup tables."""
    naxis = systems[0].naxis
    lengths = [*shape[::-1], *(1,) * naxis][:naxis]
    longest = sorted(range(naxis), key=lambda axis: -lengths[axis])[:2]
    axes = []
    for axis, n in enumerate(lengths):
        few = _ALONG if naxis <= 4 else 2
        some = np.rint(np.linspace(0, n - 1, _ACROSS if axis in longest else few))
        axes.append(np.unique([*some, -0.5, n - 0.5] if axis in longest and n > 1 else some))
    grid = np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, naxis)
    nodes = [_nodes(table, lengths) for wcs in systems for table in _tables(wcs)]
    return np.concatenate([grid, *nodes]) if nodes and naxis == 2 else grid


def _tables(wcs):
    found = (wcs.cpdis1, wcs.cpdis2, wcs.det2im1, wcs.det2im2)
    return [table for table in found if table is not None]


def _nodes(table, lengths):
    """Where a lookup table has its values: between them it is bilinear."""
    axes = []
    for axis, n in enumerate(table.data.shape[::-1]):
        place = (np.arange(1, n + 1) - table.crpix[axis]) * table.cdelt[axis] + table.crval[axis]
        axes.append(place[(place >= 0.5) & (place <= lengths[axis] + 0.5)] - 1)
    nodes = np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, 2)
    return nodes[:: max(1, len(nodes) // _NODES)]


# ---- comparing -----------------------------------------------------------------------------


def _moves(one, other, grid):
    """Move of every pixel of the grid, in pixels of the first WCS."""
    if other.naxis < one.naxis:
        raise _Changed(f"has {other.naxis} axes, it had {one.naxis}")
    wider = np.pad(grid, ((0, 0), (0, other.naxis - one.naxis)))
    before, after = _world(one, grid), _world(other, wider)
    steps = [_world(one, grid + unit) for unit in np.eye(one.naxis)]
    moves, sky = np.zeros(len(grid)), _sky_axes(one)
    if sky:
        moves = _on_the_sky(one, other, before, after, steps)
    mine = [axis for axis in range(one.naxis) if axis not in sky]
    theirs = [axis for axis in range(other.naxis) if axis not in _sky_axes(other)]
    for i, k in zip(mine, theirs):
        change = np.abs(after[:, k] * _factor(one, other, i, k) - before[:, i])
        scale = np.max([np.abs(step[:, i] - before[:, i]) for step in steps], 0)
        moves = np.fmax(moves, _over(change, scale))
    fell = np.isfinite(before).all(1) != np.isfinite(after).all(1)
    if fell.mean() > _EDGE:
        raise _Changed(f"gives no place to {fell.mean():.0%} of the pixels in one of the two")
    return np.nan_to_num(np.where(fell, 0, moves), nan=0, posinf=np.inf)


def _sky_axes(wcs):
    return (wcs.wcs.lng, wcs.wcs.lat) if wcs.has_celestial else ()


def _over(change, scale):
    """Change over the size of a pixel; the typical one where it has none of its own."""
    known = np.isfinite(scale) & (scale > 0)
    if not known.any():
        return np.where(change > 1e-12, np.inf, 0.0)
    return change / np.where(known, scale, np.median(scale[known]))


def _on_the_sky(one, other, before, after, steps):
    if not other.has_celestial:
        raise _Changed("is no longer one of the sky")
    place, there = _radians(one, before), _radians(other, after)
    if _frame(one, other) is not None:
        first, second = _frame(one, other)
        known = np.isfinite(there).all(0)
        moved = SkyCoord(*there[:, known], unit="rad", frame=second).transform_to(first)
        there[:, known] = moved.spherical.lon.rad, moved.spherical.lat.rad
    sizes = np.stack([angular_separation(*place, *_radians(one, step)) for step in steps])
    sizes[~(sizes > 1e-6 * np.nanmax(sizes))] = np.inf  # along other axes
    return _over(angular_separation(*place, *there), sizes.min(0))


def _radians(wcs, world):
    return np.radians(world[:, list(_sky_axes(wcs))]).T


def _frame(one, other):
    """The two frames where they differ, None where they do not."""
    frames = []
    for wcs in (one, other):
        try:
            frames.append(wcs_to_celestial_frame(wcs))
        except ValueError:  # the Sun's, a planet's
            frames.append(None)
    names = [(wcs.wcs.lngtyp.strip(), wcs.wcs.lattyp.strip()) for wcs in (one, other)]
    if None in frames:
        if frames[0] is not frames[1] or names[0] != names[1]:
            raise _Changed(f"is of {'/'.join(names[1])}, it was of {'/'.join(names[0])}")
        return None
    if frames[0].is_equivalent_frame(frames[1]):
        return None
    if not all(isinstance(frame, _FRAMES) for frame in frames):
        raise _Changed(f"is of {frames[1]}, it was of {frames[0]}")
    return frames


def _factor(one, other, axis, there):
    """What a value of an axis is multiplied by for the unit of the first."""
    kinds = [wcs.wcs.ctype[i].split("-")[0].strip() for wcs, i in ((one, axis), (other, there))]
    if kinds[0] and kinds[0] != kinds[1]:
        raise _Changed(f"has an axis {kinds[1] or 'without name'}, it was {kinds[0]}")
    first, second = one.wcs.cunit[axis], other.wcs.cunit[there]
    if str(first) in ("", str(second)):
        return 1.0
    try:
        return second.to(first)
    except Exception:  # no unit, or none that leads to the other
        raise _Changed(f"has an axis in {str(second)!r}, it was in {str(first)!r}") from None
