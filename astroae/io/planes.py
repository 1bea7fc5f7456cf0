"""Which plane of a file may lose what: the one place that decides it.

============  ==============================================  ==========================
role          told by                                         coded
============  ==============================================  ==========================
``image``     what is a picture, by its header, by the other  as asked for; integers
              extensions and by its pixels                    lossless unless asked
``exact``     masks, data quality, labels, counts, tables,    lossless
              PSFs; what pixels show to be no picture; and
              whatever is in doubt
``relative``  uncertainty, variance, weight, inverse          each value within 1/512 of
              variance, by header                             itself and within an asked
                                                              bound: never negative,
                                                              zero stays zero
============  ==============================================  ==========================

A header speaks by EXTNAME, EXTTYPE, HDUCLAS1 to 3, UTYPE and BUNIT
(`astroae.io.plane_words`), by cards of other extensions that name this one, and by
distortions that look it up; pixels by `astroae.pixels.content`.  Where the image itself
is lossless, so is every plane.  ``planes={"EXTNAME": role}`` or ``{number: role}``
overrides.
"""

from dataclasses import replace
from typing import NamedTuple

from astroae.errors import SettingError
from astroae.io.coded import can_code, pixels_of
from astroae.io.plane_words import by_cards, by_unit, is_numbered, references_in
from astroae.pixels.content import blocks_of, doubt_of, odd_plane
from astroae.settings import Bounded, Lossless, Relative

__all__ = ["INTEGERS", "ROLES", "Plane", "check_planes", "plane_of", "planes_of", "settings_for"]

#: What keeps most comes first: of two signs that differ it counts.
ROLES = ("exact", "relative", "image")

#: Largest relative error of a plane of role ``relative``: 0.2 % of an uncertainty.
RELATIVE_ERROR = 1 / 512

ASKED = "asked for"

#: Why an integer image loses nothing.
INTEGERS = "integers stay lossless; lossy_integers=True (--lossy-integers) lets them lose"


class Plane(NamedTuple):
    """What a plane was taken for, and why.

    Parameters
    ----------
    role : str
        One of `ROLES`.
    why : str
    smooth : bool
        Exact only because there is no noise in it.
    """

    role: str
    why: str
    smooth: bool = False


def plane_of(header, index=None, planes=None, *, headers=(), references=None, blocks=None):
    """What an image HDU is taken for.

    Parameters
    ----------
    header : `~astropy.io.fits.Header`
    index : int, optional
        Number of the HDU in its file.
    planes : dict, optional
        Roles by EXTNAME or number, before all else.
    headers : sequence of `~astropy.io.fits.Header`
        Of all HDUs of the file.
    references : dict, optional
        What these say of each other, `astroae.io.plane_words.references_in`.
    blocks : list of array, optional
        Of its pixels, see `astroae.pixels.content.blocks_of`.  Without them it is judged
        by headers alone.

    Returns
    -------
    Plane

    Examples
    --------
    >>> from astropy.io.fits import Header
    >>> plane_of(Header([("EXTNAME", "VAR_POISSON")]))[:2]
    ('relative', 'EXTNAME = VAR_POISSON')
    >>> plane_of(Header([("EXTNAME", "SCI")]), 1, {"SCI": "exact"})[:2]
    ('exact', 'asked for')
    """
    asked = {str(key).strip().upper(): role for key, role in (planes or {}).items()}
    for key in (str(index), str(header.get("EXTNAME", "")).strip().upper()):
        if key in asked:
            return Plane(asked[key], ASKED)
    headers, name = headers or (header,), str(header.get("EXTNAME", "")).strip().upper()
    cards = by_cards(header, headers[0])
    told = list(filter(None, [cards, (references or {}).get(name), by_unit(header)]))
    told.sort(key=lambda found: ROLES.index(found[0]))
    named = Plane(*told[0]) if told else None
    if named and named.role == "exact":
        return named
    if named and named.role == "relative":
        return _checked(named, header, blocks or ())
    if blocks is None:
        return named or Plane("image", "nothing in its header says otherwise")
    return _by_pixels(header, headers, blocks, named)


def _checked(plane, header, blocks):
    """A weight or an error, which is no such thing where it is negative."""
    if any(_least(block, header) < 0 for block in blocks):
        return Plane("exact", f"{plane.why}, but with negative pixels")
    return plane


def _by_pixels(header, headers, blocks, named):
    """A plane that may be a picture, judged by what is in it; ``named``: its header says so."""
    doubt = doubt_of(blocks)
    if doubt is not None and not (named and doubt.smooth):
        return Plane("exact", doubt.why, doubt.smooth)
    other = _before(header, headers)
    if named or other is None or is_numbered(header, other):
        return named or Plane("image", "noise from pixel to pixel")
    if all(_least(block, header) >= 0 for block in blocks):
        return Plane("exact", "never negative beside an image of its shape: may be its weight")
    return Plane("image", "noise from pixel to pixel, positive and negative")


def _before(header, headers):
    """Header of an image of the same shape that stands before it in the file, or None."""
    for other in headers:
        if other is header:
            return None
        if _shape(other) == _shape(header) and other.get("XTENSION", "IMAGE").strip() == "IMAGE":
            return other
    return None


def _shape(header):
    return tuple(header.get(f"NAXIS{n + 1}") for n in range(header.get("NAXIS", 0)))


def _least(block, header):
    """The least physical value, as far as it can be told; undefined pixels aside."""
    values = block[block == block]
    scale, zero = (header.get(key, default) for key, default in (("BSCALE", 1), ("BZERO", 0)))
    if not values.size or not all(isinstance(v, (int, float)) for v in (scale, zero)):
        return 0
    return min(values.min() * float(scale), values.max() * float(scale)) + zero


def planes_of(plain, spans, settings, planes=None):
    """What the images of a file are taken for, as far as something may be lost.

    Parameters
    ----------
    plain : path-like
        A plain file.
    spans : list of `~astroae.io.spans.Span`
        Of all its HDUs.
    settings : `~astroae.settings.Settings`
    planes : dict, optional
        As in `plane_of`.

    Returns
    -------
    dict of int to Plane
        By number of the HDU.
    """
    images = [span for span in spans if span.is_image and can_code(span)]
    headers = [span.header for span in spans]
    known = {"headers": headers, "references": references_in(headers)}
    found = {}
    for span in images:
        pixels = pixels_of(plain, span) if _may_lose(settings.mode, span) else None
        blocks = None if pixels is None else blocks_of(pixels)
        plane = plane_of(span.header, span.index, planes, blocks=blocks, **known)
        if blocks is not None and plane.role == "image" and plane.why != ASKED:
            odd = odd_plane(pixels)
            plane = plane if odd is None else Plane("exact", odd.why)
        found[span.index] = _settled(plane, span, settings.mode, len(images) == 1)
    return found


def _may_lose(mode, span):
    """Whether pixels have a word in it; those of integers where these are to lose."""
    if isinstance(mode, Lossless):
        return False
    return span.header["BITPIX"] < 0 or not isinstance(mode, Bounded) or mode.lossy_integers


def _settled(plane, span, mode, alone):
    """A plane in the light of what was asked of the file."""
    if isinstance(mode, Lossless):
        return plane
    if span.header["BITPIX"] > 0:
        if plane.role == "relative":
            return Plane("exact", f"integers, {plane.why}")
        if plane.role == "image" and not _may_lose(mode, span):
            return Plane("image", INTEGERS)
    if plane.smooth and alone and getattr(mode, "error_bound", None) is not None:
        return Plane("image", f"the only image, and a bound was asked for, though {plane.why}")
    return plane


def check_planes(planes, spans, where):
    """Refuse roles that do not exist, and names that no HDU of the file has."""
    names = {span.name.upper() for span in spans} | {str(span.index) for span in spans}
    for key, role in (planes or {}).items():
        if role not in ROLES:
            raise SettingError(
                "no such role of a plane",
                where=f"planes, {key}",
                found=f"got {role!r}, allowed are {', '.join(ROLES)}",
                hint="'exact' keeps a plane bit for bit",
            )
        if str(key).strip().upper() not in names:
            raise SettingError(
                "no such plane",
                where=f"{where}, {key}",
                found=f"the file has {', '.join(sorted(names - {''}))}",
                hint="give an EXTNAME or the number of an extension",
            )


def settings_for(role, settings, bitpix):
    """What the settings of a file become for a plane.

    Parameters
    ----------
    role : str
        One of `ROLES`.
    settings : `~astroae.settings.Settings`
        As asked for.
    bitpix : int
        BITPIX of the plane.

    Returns
    -------
    `~astroae.settings.Settings`
    """
    if isinstance(settings.mode, Lossless):
        return settings
    if role == "image":
        return settings if bitpix < 0 else settings.for_integers()
    if role == "exact" or bitpix > 0:
        return replace(settings, mode=Lossless())
    bound = getattr(settings.mode, "error_bound", None)
    return replace(settings, mode=Relative(RELATIVE_ERROR, bound))
