"""What two headers say of the same pixels: place, unit, gain, exposure, zero point, time.

It is a metric over two headers, and has a metric's names.  A value that was written in
another way is the same; a card that is gone is a change, one that came is a note.
"""

import re
import sys
import warnings

import numpy as np
from astropy import units as u
from astropy.io.fits.card import Undefined
from astropy.time import Time

from astroae.validation.about import unit_of
from astroae.validation.metrics import Measured, Quantity, Skipped
from astroae.validation.result import judge
from astroae.validation.statistics import exact
from astroae.validation.wcs import CARDS, largest_move

__all__ = ["changes", "header_results", "measure", "wcs_cards"]

NAME = "header"
TITLE = "Header"
QUANTITIES = (
    Quantity("wcs", "px", "at most", "largest move of a pixel on the sky, or along another axis"),
    Quantity("reference", "cards", "at most", "changed cards of what coordinates refer to"),
    Quantity("unit", "cards", "at most", "changed units of the pixels"),
    Quantity("gain", "cards", "at most", "changed cards of gain and read noise"),
    Quantity("exposure", "cards", "at most", "changed cards of the exposure time"),
    Quantity("zero_point", "cards", "at most", "changed cards of the zero point or flux scale"),
    Quantity("time", "cards", "at most", "changed cards of date and time"),
)
_SAME = 1e-9  # relative: far below what any science can tell
_SAME_TIME = 1e-14  # of a Julian date: microseconds
#: What the last word of a keyword has to be, with a number or a letter behind it.
_KINDS = {
    "reference": r"SPECSYS|SSYSOBS|SSYSSRC|VELOSYS|ZSOURCE|RESTFRE?Q|RESTWAV|VELREF|VELANGL"
    r"|WAT\d_\d+|[AB]P_(?:\d+_\d+|ORDER)|AMD[XY]\d*|PPO|CNPIX|PLT(?:RA|DEC)[HMSD]N?|PLTSCALE"
    r"|OBSGEO-[XYZBLH]|TREFPOS|TREFDIR|PLEPHEM|DSUN_OBS|RSUN_REF|HG[LR][NT]_OBS|CRL[NT]_OBS",
    "unit": "BUNIT",
    "gain": r"[A-Z]{0,4}GAIN|ATODGN|CONAD|RDNOISE|READNOI?S?E?|READNSE|RON|ENOISE|SATURATE|SATLEVEL",
    "exposure": r"[A-Z]?EXPTIME|EXP_TIME|[A-Z]?EXPOSURE|EXPTOT|EXPT|XPOSURE|EFFEXPTM|EFFINTTM"
    r"|INT_?TIME|INTEGTIM|ITIME|ELAPTIME|ELAPSED|TELAPSE|ONTIME|LIVETIME|DARKTIME|FRAMTIME"
    r"|SAMPTIME|DIT|NDIT|COADDS|NCOMBINE",
    "zero_point": r"MAG_?ZE?R?O?P?T?|MAGZPT|ZPT|ZP|ZPTMAG|ZPMAG|ZEROPT|ZEROPNT|ZEROPOINT|ZERO_POINT"
    r"|MZP|ABMAGZP|[A-Z]*MAGLIM|PHOT(?:FLAM|FNU|PLAM|BW|ZPT?|MJSR|UJA2|CAL|FLAG)|PIXAR_?(?:SR|A2)"
    r"|FLUXCONV|FLUXMAG0|CALFCTR|NMGY(?:PMG)?|JANSCALE|BMAJ|BMIN|BPA|APCOR",
    "time": r"DATE-(?:OBS|BEG|END|AVG)|MJD(?:-(?:OBS|BEG|END|AVG))?|JD|[BH]JD|MJDREF[IF]?|JDREF[IF]?"
    r"|DATEREF|TIMESYS|TIMEUNIT|TIMEZERO|TIMEOFFS|TIME-OBS|UT-?OBS|UTSTART|TSTART|TSTOP|UT",
}
_PATTERNS = {kind: re.compile(rf"(?:{words})[0-9]{{0,2}}[A-Z]?") for kind, words in _KINDS.items()}


def header_results(one, other, tolerances):
    """Two headers of one image, judged.

    Parameters
    ----------
    one, other : `~astroae.validation.pairing.Image`
        Before and after.
    tolerances : `~astroae.validation.tolerances.Tolerances`

    Returns
    -------
    results : tuple of `~astroae.validation.result.Result`
        Empty where one of the two is an array, which has no header.
    notes : list of str
        Cards that came.
    """
    measured, notes = measure(one, other)
    metric = sys.modules[__name__]
    results = [judge(metric, q, measured[q.name], tolerances) for q in QUANTITIES if measured]
    return tuple(results), notes


def measure(one, other):
    """See `QUANTITIES`.

    Returns
    -------
    dict of str to Measured or Skipped
        Empty where there is nothing to compare.
    list of str
        What came.
    """
    if not (one.has_header and other.has_header):
        return _units_of_objects(one, other), []
    found, notes = {}, []
    for kind in _KINDS:
        wrong, came, n = changes(kind, one.header, other.header)
        why = f"no card of it: {_example(kind)}"
        found[kind] = Measured(exact(len(wrong), n), note="; ".join(wrong)) if n else Skipped(why)
        notes += [f"{one.label}: {card} was added" for card in came]
    return found | _place(one, other, found["reference"]), notes


def _place(one, other, reference):
    """The WCS, and with its references the cards of a WCS that cannot be evaluated."""
    move = largest_move(one, other)
    if move is None:
        return {"wcs": Skipped("no WCS")}
    if not move.unread:
        return {"wcs": Measured(exact(move.pixels, move.points), note=move.note)}
    wrong, n = wcs_cards(one.header, other.header)
    if isinstance(reference, Measured):
        wrong, n = [reference.note] * bool(reference.note) + wrong, n + reference.estimate.n
    why = "it cannot be evaluated in either image: compared card by card, see header.reference"
    wcs = Measured(exact(move.pixels, move.points), note=move.note) if move.points else Skipped(why)
    return {"wcs": wcs, "reference": Measured(exact(len(wrong), n), note="; ".join(wrong))}


def wcs_cards(one, other):
    """Cards of a WCS that nothing evaluates, one by one.

    Parameters
    ----------
    one, other : `~astropy.io.fits.Header` or dict

    Returns
    -------
    list of str
        What changed, or is gone.
    int
        Cards of the first.
    """
    names = [name for name in dict.fromkeys(map(str, one)) if CARDS.fullmatch(name)]
    found = [_change(name, one.get(name), other.get(name), _SAME) for name in names]
    return [text for text in found if text], len(names)


def changes(kind, one, other):
    """Cards of a kind that are not the same.

    Parameters
    ----------
    kind : str
        "unit", "gain", "exposure", "zero_point", "time" or "reference".
    one, other : `~astropy.io.fits.Header` or dict

    Returns
    -------
    wrong : list of str
        What changed, or is gone.
    came : list of str
        Keywords that the first has not.
    n : int
        Cards of the first.

    Examples
    --------
    >>> from astropy.io.fits import Header
    >>> from astroae.validation.headers import changes
    >>> changes("gain", Header({"GAIN": 2.0, "SEED": 1}), Header({"GAIN": 2.5}))
    (['GAIN was 2.0, is 2.5'], [], 1)
    """
    before, after = _of_kind(kind, one), _of_kind(kind, other)
    within = _SAME_TIME if kind == "time" else _SAME
    if kind == "unit":
        found = [_changed_unit(one, other)] if before else []
    else:
        found = [_change(name, before[name], _value(other, name), within) for name in before]
    return [text for text in found if text], [n for n in after if n not in before], len(before)


def _of_kind(kind, header):
    names = [name for name in dict.fromkeys(map(str, header)) if _is_of(kind, name)]
    values = {name: _value(header, name) for name in names}
    return {name: value for name, value in values.items() if value is not None}


def _is_of(kind, name):
    """By the last word: ``ESO DET OUT1 GAIN`` and ``CELL.GAIN`` are gains."""
    return bool(_PATTERNS[kind].fullmatch(re.split(r"[ .]", name.upper())[-1]))


def _value(header, name):
    value = header.get(name)
    blank = isinstance(value, Undefined) or (isinstance(value, str) and not value.strip())
    return None if blank else value


def _change(name, before, after, within):
    """In words; empty where there is none."""
    if before is None or _same(before, after, within):
        return ""
    return f"{name} is gone" if after is None else f"{name} was {before}, is {after}"


def _same(one, other, within):
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    try:
        one, other = float(one), float(other)
    except (TypeError, ValueError):
        return str(one).strip() == str(other).strip() or _same_time(one, other)
    return bool(np.isclose(one, other, rtol=within, atol=0, equal_nan=True))


def _same_time(one, other):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # years that ERFA calls dubious
        try:
            return bool(Time(str(one).strip()) == Time(str(other).strip()))
        except ValueError:
            return False


def _changed_unit(one, other):
    before, after = str(one.get("BUNIT")).strip(), str(_value(other, "BUNIT") or "").strip()
    units = unit_of(one), unit_of(other)
    same = units[0] == units[1] if None not in units else before.upper() == after.upper()
    if not after:
        return "BUNIT is gone"
    return "" if same else f"BUNIT was {before}, is {after}"


def _units_of_objects(one, other):
    """All that two objects in memory say without cards."""
    if one.unit is None or other.unit is None:
        return {}
    same = u.Unit(one.unit) == u.Unit(other.unit)
    note = "" if same else f"the unit was {one.unit}, is {other.unit}"
    found = {q.name: Skipped("an object in memory without cards") for q in QUANTITIES}
    return found | {"unit": Measured(exact(not same, 1), note=note)}


def _example(kind):
    shown = {"reference": "SPECSYS", "unit": "BUNIT", "gain": "GAIN", "exposure": "EXPTIME"}
    return shown.get(kind) or {"zero_point": "MAGZPT", "time": "DATE-OBS"}[kind]
