"""What a header says of a plane: its names and types, its unit, and who refers to it.

Names are cut into words at everything that is no letter or digit, and digits at their
ends go; words are also known glued to others (``SCIDQ``, ``IVARRAW``).
"""

import functools
import re
import warnings

from astropy.io.fits.verify import VerifyError
from astropy.units import Unit, UnrecognizedUnit

from astroae.container.header import raw_cards

__all__ = ["by_cards", "by_unit", "is_numbered", "references_in", "role_in"]

#: Cards of an HDU that tell what it holds.
TYPES = ("EXTTYPE", "HDUCLAS3", "HDUCLAS2", "HDUCLAS1", "UTYPE", "EXTNAME", "HDUNAME")
#: The same, of a whole file.
FILE_TYPES = ("PRODTYPE", "PRODCATG", "IMTYPE")

EXACT = frozenset(
    "MASK MSK DQ DQF DQM FLAG FLAGS FLG FLGS QUALITY QUAL BPM BPIX BAD BADPIX BADPIXEL BITMASK "
    "SEG SEGM SEGMAP SEGMENTATION SEGMENT SEGIMAGE LABEL LABELS CON CTX CTXT CONTEXT CPM VALID "
    "INVALID GOODPIX ID IDS IDMAP INDEX IDX BINID BINMAP REGION REGIONS ZONE ZONES OBJECTS "
    "CATALOG DETECTIONS SAMP NSAMP NUMSAMP NGROUPS NIMAGE NIMAGES NEXP NCOADD NCOMBINE "
    "NCOMB NIMG NOBS NUMIM NPIX WCSDVARR DVARR D2IMARR LOOKUP LUT WAVE WAVELENGTH WAVELENGTHS "
    "LAMBDA LAM LOGLAM WAVEIMG WAVEMAP WAVECAL LSF RESOLUTION DISP PREDISP TILT TILTS SLITS "
    "SLITID TRACES FIBERMAP SPECTRAMAP RA DEC LON LAT PSF PSFIMAGE EXP EXPOS "
    "EXPOSURE EXPOSURES TIME STD".split()
)
RELATIVE = frozenset(
    "ERR ERROR ERRORS UNC UNCERT SIGMA STDEV STDDEV RMS RMSE MSE NOISE VAR VARS VARIANCE STAT "
    "IVAR INVVAR WHT WEIGHT WEIGHTS WGT WTMAP EXPTIME EXPMAP COVERAGE CONF CONFIDENCE".split()
)
PICTURE = frozenset(
    "SCI SCIENCE IMAGE IMG DATA FLUX INTENSITY INTENSITIES PRIMARY SIGNAL RATE RATES COUNTS COADD "
    "STACK FRAME RAW RAWS SUB DIFF DIFFERENCE".split()
)
# Glued to anything; what only begins or ends like them is no such word.
_GLUED = {
    "exact": re.compile(
        r"MASK(?!ED)|MSK$|^DQ|DQ$|DATAQ|FLAG(?!GED)|^FLG|FLG$|QUAL|BADPIX|^BPM|BPM$|BPIX|BITS$"
        r"|^SEGM|SEGM?(MAP|IMG)?$|LABELS?$|CONTEXT|LOOKUP|EXPOSURE|^WAVEL|WAVE$|^N(SAMP|EXP|IMAGE|OBS)"
    ),
    "relative": re.compile(
        r"VAR(?!IAB|IED|IAN(?!CE)|IATI|Y)|UNCERT|UNC$|^ERR(?!A)|ERRS?$|ERROR|SIGMA|STD?DEV|^RMS|RMS$"
        r"|(?<!DE)NOISE(?!LESS)|^WHT|WHT$|WEIGHT(?!ED)|WGT|WTMAP|EXPMAP|EXPTIME|COVERAGE"
        r"|CONFIDENCE|MSE$"
    ),
    "image": re.compile(r"^SCI|SCI$"),
}
_SQUARED = re.compile(
    r"(?:ADU|DN|ELECTRONS?|E-|COUNTS?|CTS?|PHOTONS?|N?MGY|(?:NANO)?MAGG(?:Y|IES)|M?JY|FLUX|FLAM|FNU"
    r"|ERG|W)\s*(?:\*\*|\^)?\s*\(?[-+]?2(?![0-9])|\)\s*(?:\*\*|\^)\s*\(?[-+]?2\)?\s*$"
)
_LENGTHS = frozenset("ANGSTROM ANGSTROMS AA A NM NANOMETER NANOMETERS UM MICRON MICRONS".split())
_PLACES = frozenset("PIX PIXEL PIXELS DEG DEGREE DEGREES".split())
# A mean is no error of anything, whatever it is the mean of.
_CLIPPED = re.compile(r"SIGMA[^A-Z]*CLIP[A-Z]*")
_STRING = re.compile(r"([A-Z0-9_-]{1,8}) *= +'([^']*)'")
_TABLE = re.compile(r"PS\d+_\d+[A-Z]?$")
_NUMBERED = re.compile(r"[A-Z]{0,4}[ _.-]?\d+[A-Z]?$")


@functools.lru_cache(10_000)
def role_in(text):
    """The role that a name tells: "image", "exact", "relative", or None.

    Examples
    --------
    >>> [role_in(name) for name in ("SCI", "SCIDQ", "DET01-IVARRAW", "MASKED_STARS")]
    ['image', 'exact', 'relative', None]
    """
    text = _CLIPPED.sub("", text.upper())
    words = [word.strip("0123456789") for word in re.split(r"[^A-Z0-9]+", text)]
    words = [word for word in words if word] + [re.sub(r"[^A-Z]", "", text)]
    for role, known in (("exact", EXACT), ("relative", RELATIVE), ("image", PICTURE)):
        if known.intersection(words) or any(_GLUED[role].search(word) for word in words):
            return role
    return None


def by_cards(header, primary=None):
    """(role, why) by the cards that say what an HDU is, or None.

    Parameters
    ----------
    header : `~astropy.io.fits.Header`
    primary : `~astropy.io.fits.Header`, optional
        Of the file, for what holds for all of it.
    """
    told = [(key, _text(header, key)) for key in TYPES]
    told += [(key, _text(header, key) or _text(primary, key)) for key in FILE_TYPES]
    told = [(key, value, role) for key, value in told if (role := role_in(value))]
    # HDUCLAS1 is IMAGE of masks too; of two that differ the one that keeps more counts.
    told = [each for each in told if each[::2] != ("HDUCLAS1", "image")]
    for wanted in ("exact", "relative", "image"):
        for key, value, role in told:
            if role == wanted:
                return role, f"{key} = {value}"
    return None


def by_unit(header):
    """(role, why) by BUNIT: squared for a variance, a length or a place for a table; or None."""
    text = _text(header, "BUNIT")
    plain = re.sub(r"\s", "", text.upper())
    if plain in _LENGTHS | _PLACES:
        return "exact", f"BUNIT = {text}"
    if _SQUARED.search(text.upper()) or _is_squared(text):
        return "relative", f"BUNIT = {text}"
    return None


@functools.lru_cache(1000)
def _is_squared(text):
    """Whether a signal stands squared in a unit: counts, or an energy, which has a mass."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            unit = Unit(text, parse_strict="silent")
            if isinstance(unit, UnrecognizedUnit):
                return False
            unit = unit.decompose()
        except (ValueError, TypeError):
            return False
    signals = ("kg", "electron", "ct", "adu", "ph", "DN")
    return any(b.name in signals and abs(p) == 2 for b, p in zip(unit.bases, unit.powers))


def references_in(headers):
    """What the headers of a file say of each other's extensions.

    Parameters
    ----------
    headers : sequence of `~astropy.io.fits.Header`

    Returns
    -------
    dict of str to (str, str)
        By EXTNAME in capitals: role and why.
    """
    names = {_text(header, "EXTNAME").upper() for header in headers} - {""}
    found = {}
    for number, header in enumerate(headers):
        others = names - {_text(header, "EXTNAME").upper()}
        for card in raw_cards(header):
            text = _STRING.match(card)
            if text is None or (name := text[2].strip().upper()) not in others:
                continue
            key = text[1].strip()
            role = "exact" if _TABLE.match(key) else role_in(key)
            if key not in TYPES + FILE_TYPES and role in ("exact", "relative"):
                found.setdefault(name, (role, f"{key} of extension {number} names it"))
    return found


def is_numbered(header, other):
    """Whether a name is that of one image of several: a number, or the other one's name."""
    name, first = (_text(each, "EXTNAME").upper() for each in (header, other))
    if not name:
        return False
    stems = {re.sub(r"\d+", "#", each) for each in (name, first)}
    return len(stems) == 1 or bool(_NUMBERED.fullmatch(name))


def _text(header, key):
    """A card's string, stripped; empty where there is none, or none that can be read."""
    try:
        value = "" if header is None else header.get(key, "")
    except (VerifyError, ValueError):
        return ""
    return value.strip() if isinstance(value, str) else ""
