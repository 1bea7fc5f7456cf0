"""The image's header inside the table's header, card for card.

Works on raw 80-byte cards, never on parsed ones, so that what an image header
holds comes back to the byte: duplicate keywords, blank cards, odd formatting.

* Cards that say how a file is laid out are renamed (``NAXIS1`` -> ``ZNAXIS1``),
  columns 9 to 80 untouched, as in the tiled-image convention.
* Keywords that a table or this format owns, and those that a table may not hold
  (``BSCALE``, ``BUNIT``, ...), become two cards: ``AEKn`` with the keyword,
  ``AEXn`` with columns 9 to 80.
* Everything else stands as it was, readable by any tool.
"""

import re
import zlib

from astroae.container.keywords import ESCAPED_CARD, ESCAPED_KEY, HEADER_BEGIN
from astroae.container.lazy import LazyHeader
from astroae.errors import UnsupportedDataError

__all__ = [
    "from_cards",
    "header_sum",
    "raw_cards",
    "scale_sum",
    "table_own_cards",
    "to_image_header",
    "to_table_cards",
]

CARD, BLOCK = 80, 2880
SCALE_KEYWORDS = ("BSCALE", "BZERO", "BLANK")
BLANK_CARD = " " * CARD

_RENAMED = {
    "SIMPLE": "ZSIMPLE",
    "XTENSION": "ZTENSION",
    "BITPIX": "ZBITPIX",
    "NAXIS": "ZNAXIS",
    "EXTEND": "ZEXTEND",
    "BLOCKED": "ZBLOCKED",
    "PCOUNT": "ZPCOUNT",
    "GCOUNT": "ZGCOUNT",
    "CHECKSUM": "ZHECKSUM",
    "DATASUM": "ZDATASUM",
} | {f"NAXIS{n}": f"ZNAXIS{n}" for n in range(1, 100)}
_RESTORED = {new: old for old, new in _RENAMED.items()}

_TABLE = (
    r"TFIELDS|THEAP|NAXIS\d+"
    r"|T(TYPE|FORM|UNIT|NULL|SCAL|ZERO|DISP|BCOL|DIM|LMIN|LMAX|DMIN|DMAX"
    r"|CTYP|CUNI|CRPX|CRVL|CDLT|RPOS)\d+"
)
_RESERVED = re.compile(
    rf"({_TABLE}|BSCALE|BZERO|BUNIT|BLANK|DATAMAX|DATAMIN|GROUPS|END"
    r"|Z(IMAGE|TABLE|CMPTYPE|MASKCMP|QUANTIZ|DITHER0|BLANK|SCALE|ZERO)|Z(NAXIS|TILE|NAME|VAL)\d*"
    rf"|{'|'.join(_RESTORED)}|AE[A-Z0-9_-]*)"
)
_OWN_STRUCTURE = re.compile(rf"(XTENSION|BITPIX|NAXIS|PCOUNT|GCOUNT|{_TABLE}|AE[A-Z0-9_-]*)")
_MAX_ESCAPED = 99_999


def raw_cards(header):
    """The 80-character cards of a header, END and padding left out.

    Parameters
    ----------
    header : `~astropy.io.fits.Header`

    Returns
    -------
    list of str
    """
    text = getattr(header, "text", None)
    if text is None:
        # Not `header.tostring`: it repairs cards that break the standard, untouched ones too.
        text = "".join(_as_read(card) for card in header.cards)
    return [text[i : i + CARD] for i in range(0, len(text), CARD)]


def from_cards(cards):
    """A header of these cards, which astropy gives out again as they are.

    Parameters
    ----------
    cards : iterable of str
        80 characters each.

    Returns
    -------
    `~astropy.io.fits.Header`
    """
    return LazyHeader.of("".join(cards), exact=True)


def _as_read(card):
    untouched = card._image is not None and not card._modified
    return card._image.ljust(CARD) if untouched else card.image


def header_sum(header):
    """CRC-32 of the header as a block of a file, END and padding included."""
    text = "".join(raw_cards(header)) + "END".ljust(CARD)
    block = text.ljust(-(-len(text) // BLOCK) * BLOCK)
    return zlib.crc32(block.encode("latin-1", "replace"))


def scale_sum(header):
    """CRC-32 of the cards that turn stored values into physical ones."""
    cards = [card for card in raw_cards(header) if card[:8].rstrip() in SCALE_KEYWORDS]
    return zlib.crc32("".join(cards).encode("latin-1", "replace"))


def to_table_cards(header):
    """What a table's header holds for an image header.

    Parameters
    ----------
    header : `~astropy.io.fits.Header`
        Header of an image, primary or extension.

    Returns
    -------
    cards : list of str
        To stand after ``AEHDRBEG``.
    n_blank : int
        Blank cards that stood at the end, which ``AEHDRBEG`` counts.

    Raises
    ------
    UnsupportedDataError
        More than 99 999 cards would have to be escaped.

    Examples
    --------
    >>> from astropy.io.fits import Header
    >>> cards, n_blank = to_table_cards(Header([("BITPIX", 16), ("OBJECT", "M 31")]))
    >>> [card[:20] for card in cards], n_blank
    (['ZBITPIX =           ', "OBJECT  = 'M 31    '"], 0)
    """
    cards = raw_cards(header)
    n_all = len(cards)
    while cards and not cards[-1].strip():
        cards.pop()
    out, n_escaped = [], 0
    for card in cards:
        key = card[:8].rstrip()
        if key in _RENAMED:
            out.append(f"{_RENAMED[key]:8s}{card[8:]}")
        elif _is_reserved(card, key):
            n_escaped += 1
            out += _escape(n_escaped, card)
        else:
            out.append(card)
    return out, n_all - len(cards)


def _is_reserved(card, key):
    if key == "HIERARCH":
        # astropy drops the word: HIERARCH TTYPE1 would pass for the table's TTYPE1.
        key = card[8:].split("=")[0].strip().upper()
        return key in _RENAMED or bool(_RESERVED.fullmatch(key))
    return bool(_RESERVED.fullmatch(key))


def _escape(n, card):
    if n > _MAX_ESCAPED:
        raise UnsupportedDataError(
            "the image header holds too many reserved keywords",
            where=card[:8].rstrip(),
            found=f"more than {_MAX_ESCAPED} cards would have to be escaped",
            hint="remove cards that belong to a table",
        )
    return [
        f"{ESCAPED_KEY}{n:<5d}= '{card[:8]}'".ljust(CARD),
        f"{ESCAPED_CARD}{n:<5d}{card[8:]}",
    ]


def to_image_header(table_header):
    """The image header that a table's header holds.

    Parameters
    ----------
    table_header : `~astropy.io.fits.Header`

    Returns
    -------
    `~astropy.io.fits.Header`
        Cards that another program added to the table are part of it.
    """
    cards = raw_cards(table_header)
    begin = _begin(cards)
    if begin is None:
        # Another program rebuilt the header: what is not the table's own is the image's.
        own, n_blank = [card for card in cards if not _is_table_own(card)], 0
    else:
        own, n_blank = cards[begin + 1 :], _count(cards[begin])
    while own and not own[-1].strip():
        own.pop()
    return from_cards(_restore(own) + [BLANK_CARD] * n_blank)


def table_own_cards(cards):
    """Of the cards of a table those that are not the image's, ``AEHDRBEG`` left out."""
    begin = _begin(cards)
    return [card for card in cards if _is_table_own(card)] if begin is None else cards[:begin]


def _begin(cards):
    return next((i for i, card in enumerate(cards) if card.startswith(HEADER_BEGIN)), None)


def _count(card):
    found = re.match(r"\s*(\d{1,5})\s*(/|$)", card[10:])
    return int(found[1]) if found else 0


def _is_table_own(card):
    key = card[:8].rstrip()
    escaped = key.startswith((ESCAPED_KEY, ESCAPED_CARD))
    return not escaped and bool(_OWN_STRUCTURE.fullmatch(key))


def _restore(cards):
    out, name = [], None
    for card in cards:
        key = card[:8].rstrip()
        if key in ("CHECKSUM", "DATASUM"):  # the table's own
            continue
        if key in _RESTORED:
            out.append(f"{_RESTORED[key]:8s}{card[8:]}")
        elif key.startswith(ESCAPED_KEY):
            name = card[11:19]
        elif key.startswith(ESCAPED_CARD) and name is not None:
            out.append(name + card[8:])
            name = None
        else:
            out.append(card)
    return out
