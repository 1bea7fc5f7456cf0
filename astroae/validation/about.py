"""What a header or the user says of an image: unit, gain, zero point, saturation."""

import re

import numpy as np
from astropy import units as u

from astroae.errors import SettingError

__all__ = [
    "GAINS",
    "SATURATIONS",
    "ZERO_POINTS",
    "asked_unit",
    "check_numbers",
    "number_of",
    "unit_of",
]

GAINS = ("GAIN", "EGAIN", "ATODGAIN", "CCDGAIN")
ZERO_POINTS = ("MAGZERO", "MAGZPT", "MAGZP", "MAG_ZERO", "ZPT", "ZEROPNT", "PHOTZP", "ABMAGZP")
SATURATIONS = ("SATURATE", "SATLEVEL", "SATURATI")
_SPELT = {"electrons": "electron", "e-": "electron", "electron": "electron", "counts": "ct"}
_SPELT |= {"count": "ct", "photons": "photon", "adu": "adu", "dn": "DN", "s": "s"}


def check_numbers(zero_point, gain, saturation, max_sources):
    """Refuse numbers of the user's that would make every error NaN."""
    for name, value, lowest in (
        ("zero_point", zero_point, -np.inf),
        ("gain", gain, 0),
        ("saturation", saturation, -np.inf),
        ("max_sources", max_sources, 0),
    ):
        if value is not None and not lowest < value < np.inf:
            raise SettingError(
                f"no such {name}",
                where=name,
                found=f"got {value!r}",
                hint="leave it out, or give a finite number" + (" above 0" if lowest == 0 else ""),
            )


def asked_unit(unit):
    """The user's unit, or a `SettingError`."""
    try:
        return u.Unit(unit)
    except (ValueError, TypeError) as exc:
        raise SettingError(
            "no such unit", where="unit", found=str(exc), hint="see astropy.units"
        ) from exc


def unit_of(header):
    """BUNIT, also as observatories spell it: ADU, ELECTRONS, COUNTS."""
    text = str(header.get("BUNIT", "") or "").strip()
    words = re.sub("[A-Za-z]+-?", lambda word: _SPELT.get(word[0].lower(), word[0]), text)
    for spelt in filter(None, (text, words)):
        try:
            return u.Unit(spelt)
        except ValueError:
            continue
    return None


def number_of(header, names):
    """The first of these cards that is a number above 0, or None."""
    for name in names:
        value = header.get(name)
        known = isinstance(value, (int, float)) and not isinstance(value, bool)
        if known and np.isfinite(value) and value > 0:
            return float(value)
    return None
