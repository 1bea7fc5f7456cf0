"""Which plane of a file may lose what: the one place that decides it.

============  ==========================================  ==========================
role          told by EXTNAME (or UTYPE)                  coded
============  ==========================================  ==========================
``image``     everything not named below                  as asked for
``exact``     masks, data quality, flags, labels, PSFs    lossless
``relative``  uncertainty, variance, weight, inverse      each value within 1/512 of
              variance                                    itself: never negative,
                                                          zero stays zero
============  ==========================================  ==========================

Where the image itself is lossless, so is every plane; integer planes of role
``relative`` are exact.  A name is cut into words at everything that is no letter
or digit, and trailing numbers go: ``VAR_POISSON``, ``WHT2`` and ``sci-mask`` are
known.  ``planes={"EXTNAME": role}`` or ``{number: role}`` overrides.
"""

import re
from dataclasses import replace

from astroae.errors import SettingError
from astroae.settings import Lossless, Relative

__all__ = ["ROLES", "check_planes", "role_of", "settings_for"]

ROLES = ("image", "exact", "relative")

#: Largest relative error of a plane of role ``relative``: 0.2 % of an uncertainty.
RELATIVE_ERROR = 1 / 512

EXACT = frozenset(
    "MASK MSK DQ DQF FLAG FLAGS FLG QUALITY QUAL BPM BADPIX BADPIXEL BITMASK OBJMASK SEG SEGM "
    "SEGMAP SEGMENTATION SEGMENT LABEL LABELS CON CTX CONTEXT PIXELDQ GROUPDQ PSF PSFIMAGE".split()
)
RELATIVE = frozenset(
    "ERR ERROR ERRORS UNCERT UNCERTAINTY SIGMA STD STDDEV STDDEVUNCERTAINTY RMS NOISE "
    "VAR VARIANCE VARIANCEUNCERTAINTY STAT IVAR INVVAR INVERSEVARIANCE WHT WEIGHT WEIGHTS WGT "
    "EXP EXPTIME EXPMAP EXPOSURE COVERAGE".split()
)


def role_of(header, index=None, planes=None):
    """The role of an image HDU.

    Parameters
    ----------
    header : `~astropy.io.fits.Header`
    index : int, optional
        Number of the HDU in its file.
    planes : dict, optional
        Roles by EXTNAME or number, before all else.

    Returns
    -------
    str
        One of `ROLES`.

    Examples
    --------
    >>> from astropy.io.fits import Header
    >>> role_of(Header([("EXTNAME", "VAR_POISSON")]))
    'relative'
    >>> role_of(Header([("EXTNAME", "SCI")]), 1, {"SCI": "exact"})
    'exact'
    """
    name = str(header.get("EXTNAME", "")).strip().upper()
    asked = {str(key).strip().upper(): role for key, role in (planes or {}).items()}
    for key in (str(index), name):
        if key in asked:
            return asked[key]
    words = _words(name) | _words(str(header.get("UTYPE", "")).upper())
    if words & EXACT:
        return "exact"
    if words & RELATIVE:
        return "relative"
    return "image"


def _words(name):
    return {word.rstrip("0123456789") for word in re.split(r"[^A-Z0-9]+", name)} - {""}


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
    if role == "image" or isinstance(settings.mode, Lossless):
        return settings
    if role == "exact" or bitpix > 0:
        return replace(settings, mode=Lossless())
    return replace(settings, mode=Relative(RELATIVE_ERROR))
