"""What an image is (type, shape, tiles, promise) <-> the AE* cards of its table.

A decoder trusts these cards only, never the image's own, which users edit.
Floats are written as ``repr`` gives them, so that a setting comes back exactly.
"""

import functools
import itertools
import math
import re
from dataclasses import dataclass, replace

import numpy as np
from astropy.io.fits import Header
from astropy.io.fits.verify import VerifyError

from astroae.container.keywords import FILE_KEYWORDS, FORMAT_VERSION, HEADER_BEGIN, MARK, comment_of
from astroae.errors import CorruptFileError, FormatVersionError, ModelError, SettingError
from astroae.pixels.tiling import MAX_TILE_PIXELS
from astroae.settings import MODES, Bounded, Latent, Lossless, ModelName, Relative, Settings

__all__ = ["Structure", "card", "read_notes", "read_structure", "structure_cards"]

BITPIX_TO_DTYPE = {8: "u1", 16: "i2", 32: "i4", 64: "i8", -32: "f4", -64: "f8"}
DTYPE_TO_BITPIX = {np.dtype(code): bitpix for bitpix, code in BITPIX_TO_DTYPE.items()}
MAX_AXES = 9  # a keyword has eight letters: AENAXIS9
MAX_STRING = 68  # characters between the quotes of a card
NO_NETWORK = "classical"
SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Structure:
    """What decoding must know of an image besides its tiles.

    Parameters
    ----------
    shape : tuple of int
        In C order; empty where an HDU has no pixels.
    dtype : `~numpy.dtype`
        Of the stored values, native byte order.
    tile_shape : tuple of int
        In C order.
    settings : `~astroae.settings.Settings`
        As the user gave them: bounds in physical units.
    bscale : float
        Physical units per stored level that the bound was converted with.
    blank : int or None
        Stored value of blank pixels.
    header_sum : int or None
        CRC-32 of the image's header as it was compressed.
    scale_sum : int or None
        CRC-32 of the image's cards BSCALE, BZERO and BLANK.
    """

    shape: tuple[int, ...]
    dtype: np.dtype
    tile_shape: tuple[int, ...]
    settings: Settings
    bscale: float = 1.0
    blank: int | None = None
    header_sum: int | None = None
    scale_sum: int | None = None

    @property
    def stored_settings(self):
        """The settings in stored units, as the codec takes them."""
        return stored_settings(self.settings, self.bscale)


_WCS_AXIS = re.compile(r"(?:CTYPE|CRPIX|CRVAL|CDELT|CUNIT)(\d+) *=")


def stored_settings(settings, bscale):
    """Settings in physical units -> in stored units of ``bscale`` each."""
    if isinstance(settings.mode, (Bounded, Relative)) and bscale != 1:
        return replace(settings, mode=settings.mode.scaled(bscale))
    return settings


def card(name, value):
    """One 80-character card of this format, floats exact.

    Examples
    --------
    >>> card("AEQLEVEL", 0.1).rstrip()
    'AEQLEVEL=                  0.1 / step is noise / AEQLEVEL'
    """
    if isinstance(value, bool):
        text = f"{'T' if value else 'F':>20s}"
    elif isinstance(value, str):
        text = _quoted(value)
    elif isinstance(value, float):
        text = f"{repr(value).upper():>20s}"
    else:
        text = f"{value:>20d}"
    comment = comment_of(name)
    return f"{name:8s}= {text:20s}{' / ' + comment if comment else ''}"[:80].ljust(80)


def _quoted(value):
    """A string as FITS writes it: plain characters, shortened to what one card holds."""
    value = "".join(c if " " <= c <= "~" else "?" for c in value)
    while len(value.replace("'", "''")) > MAX_STRING:
        value = value[:-1]
    return "'{:8s}'".format(value.replace("'", "''"))


def structure_cards(structure, n_blank, notes=None, image_cards=()):
    """The AE* cards of a table, ``AEHDRBEG`` last.

    A table has two axes.  A WCS of more is announced by WCSAXES, or every card of its
    third axis breaks the standard.

    Parameters
    ----------
    structure : Structure
    n_blank : int
        Blank cards at the end of the image's header.
    notes : dict, optional
        Values of `astroae.container.keywords.FILE_KEYWORDS`.
    image_cards : list of str, optional
        Cards of the image, which may hold a WCSAXES of their own.

    Returns
    -------
    list of str
    """
    settings = structure.settings
    values = {
        MARK: True,
        "AEVERSN": FORMAT_VERSION,
        "AECREATR": f"astroae {_version()}",
        "AEMODEL": settings.model,
        "AEMODHSH": settings.mode.model.sha256 if isinstance(settings.mode, Latent) else "",
        "AEMODE": settings.mode.name,
        **_mode_values(settings.mode),
        "AEDSEED": settings.dither_seed,
        "AEBSCALE": float(structure.bscale) if structure.bscale != 1 else None,
        "AEBITPIX": DTYPE_TO_BITPIX[structure.dtype],
        "AENAXIS": len(structure.shape),
        **{f"AENAXIS{n}": axis for n, axis in enumerate(reversed(structure.shape), 1)},
        **{f"AETILE{n}": axis for n, axis in enumerate(reversed(structure.tile_shape), 1)},
        "AEBLANK": structure.blank,
        "AEHDRSUM": structure.header_sum,
        "AESCLSUM": structure.scale_sum,
        **(notes or {}),
        HEADER_BEGIN: n_blank,
    }
    own = [card(name, value) for name, value in values.items() if value is not None]
    axes = _wcs_axes(image_cards)
    if axes > 2 and not any(text.startswith("WCSAXES ") for text in image_cards):
        own.insert(1, f"WCSAXES = {axes:>20d} / axes of the image's WCS".ljust(80))
    return own


def _wcs_axes(image_cards):
    """The highest axis that a card of the image's WCS names."""
    named = [_WCS_AXIS.match(text) for text in image_cards]
    return max((int(match[1]) for match in named if match), default=0)


def _mode_values(mode):
    if isinstance(mode, Bounded):
        return {
            "AEQLEVEL": mode.quantize_level,
            "AEERRBND": mode.error_bound,
            "AEDITHER": mode.dither,
            "AELOSSYI": mode.lossy_integers or None,
        }
    if isinstance(mode, Relative):
        return {"AEERRBND": mode.error_bound, "AERELERR": mode.relative_error}
    if isinstance(mode, Latent):
        return {"AELATSTP": mode.latent_step, "AESKIPS": mode.skips}
    return {}


@functools.cache
def _version():
    from importlib.metadata import PackageNotFoundError, version  # slow to import

    try:
        return version("astroae")
    except PackageNotFoundError:
        return "(not installed)"


def read_structure(header: Header):
    """The AE* cards of a table's header, checked.

    Raises
    ------
    FormatVersionError
        Written in another format.
    ModelError
        Written with a model, in a mode that this version does not know.
    CorruptFileError
        A card is missing, of the wrong type or out of range.
    """
    version = _int(header, "AEVERSN", low=1)
    if version != FORMAT_VERSION:
        newer = version > FORMAT_VERSION
        raise FormatVersionError(
            f"the file is written in {'a newer' if newer else 'an older'} format",
            where="AEVERSN",
            found=f"version {version}, this astroae reads {FORMAT_VERSION}",
            hint="upgrade astroae" if newer else "decompress it with the astroae that wrote it",
        )
    shape = _axes(header, "AENAXIS", _int(header, "AENAXIS", low=0, high=MAX_AXES), low=0)
    tile_shape = _axes(header, "AETILE", len(shape), low=1)
    pixels = math.prod(min(t, max(n, 1)) for t, n in zip(tile_shape, shape, strict=True))
    if pixels > MAX_TILE_PIXELS:
        raise _damaged("AETILEn", f"tiles of {pixels} pixels, allowed are {MAX_TILE_PIXELS}")
    bitpix = _int(header, "AEBITPIX")
    if bitpix not in BITPIX_TO_DTYPE:
        raise _damaged("AEBITPIX", f"got {bitpix}, allowed are {sorted(BITPIX_TO_DTYPE)}")
    dtype = np.dtype(BITPIX_TO_DTYPE[bitpix])
    try:
        mode = _mode(header)
        seed = _int(header, "AEDSEED", **({} if _is_dithered(mode, shape) else {"default": None}))
        settings = Settings(mode, tile_shape or None, seed)
    except SettingError as exc:
        raise _damaged(exc.where, f"{exc.what}: {exc.found}") from exc
    return Structure(
        shape,
        dtype,
        tile_shape,
        settings,
        _scale(header),
        _blank(header, dtype),
        _int(header, "AEHDRSUM", default=None),
        _int(header, "AESCLSUM"),
    )


def read_notes(header):
    """The values of `FILE_KEYWORDS` that a table's header holds.

    They describe the file that an image came from; a damaged one is left out.
    """
    notes = {}
    for keyword in FILE_KEYWORDS:
        numbered = keyword.name.endswith("n")
        for n in itertools.count(1):
            name = f"{keyword.name[:-1]}{n}" if numbered else keyword.name
            value = _readable(header, name)
            if type(value) is keyword.kind:
                notes[name] = value
            if not numbered or name not in notes:
                break
    return notes


def _readable(header, name):
    try:
        return header.get(name)
    except VerifyError:
        return None


def _scale(header):
    bscale = _get(header, "AEBSCALE", float, default=1.0)
    if not (math.isfinite(bscale) and bscale):
        raise _damaged("AEBSCALE", f"got {bscale}, allowed is a finite number that is not 0")
    return bscale


def _blank(header, dtype):
    blank = _int(header, "AEBLANK", default=None)
    if blank is None:
        return None
    if dtype.kind == "f" or not np.iinfo(dtype).min <= blank <= np.iinfo(dtype).max:
        raise _damaged("AEBLANK", f"{blank} is no value of type {dtype}")
    return blank


def _mode(header):
    name, model = _get(header, "AEMODE", str), _model(header)
    if name == Latent.name:
        if not SHA256.fullmatch(model.sha256):
            raise _damaged("AEMODHSH", f"got {model.sha256!r}, expected 64 hexadecimal digits")
        step, skips = _get(header, "AELATSTP", float), _get(header, "AESKIPS", str)
        return Latent(model, step, skips.strip())
    if model.name != NO_NETWORK or model.sha256:
        raise ModelError(
            "the file was written with a model in a mode that this version does not know",
            where="AEMODE, AEMODEL and AEMODHSH",
            found=f"mode {name!r}, model {model.name!r}",
            hint="upgrade astroae",
        )
    if name == Lossless.name:
        return Lossless()
    if name == Relative.name:
        return Relative(
            _get(header, "AERELERR", float), _get(header, "AEERRBND", float, default=None)
        )
    if name == Bounded.name:
        return Bounded(
            _get(header, "AEQLEVEL", float, default=None),
            _get(header, "AEERRBND", float, default=None),
            _int(header, "AEDITHER"),
            _get(header, "AELOSSYI", bool, default=False),
        )
    known = ", ".join(MODES)
    raise _damaged("AEMODE", f"got {name!r}, known are {known}")


def _model(header):
    """Name and SHA-256 of the model; whether it is here is asked when pixels are."""
    sha256 = _get(header, "AEMODHSH", str, default="").strip()
    return ModelName(_get(header, "AEMODEL", str), sha256)


def _is_dithered(mode, shape):
    return isinstance(mode, Bounded) and mode.dither > 0 and bool(shape) and math.prod(shape) > 0


def _axes(header, stem, n, *, low):
    return tuple(_int(header, f"{stem}{i}", low=low) for i in range(n, 0, -1))


_MISSING = object()


def _get(header, name, kind, default=_MISSING):
    try:
        value = header.get(name, default)
    except (VerifyError, ValueError) as exc:
        raise _damaged(name, "the card cannot be parsed") from exc
    if value is _MISSING:
        raise _damaged(name, "the card is missing")
    if value is default:
        return value
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if not isinstance(value, kind) or isinstance(value, bool) != (kind is bool):
        raise _damaged(name, f"got {value!r}, expected {kind.__name__}")
    return value


def _int(header, name, *, low=-(2**63), high=2**63 - 1, default=_MISSING):
    value = _get(header, name, int, default)
    if value is not default and not low <= value <= high:
        raise _damaged(name, f"got {value}, allowed are {low} to {high}")
    return value


def _damaged(where, found):
    return CorruptFileError(
        "the table does not describe an image",
        where=where,
        found=found,
        hint="the file is damaged: restore it from a copy",
    )
