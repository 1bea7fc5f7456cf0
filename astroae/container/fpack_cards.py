"""Header of a tile-compressed image <-> header of the image, and a recipe for the way back.

Works on raw 80-character cards.  The image header is what `funpack` gives: structural
cards renamed (``ZNAXIS1`` -> ``NAXIS1``), cards of the table and of the compression
left out, all others verbatim in their order.  The `Recipe` keeps what was left out, in
its place, so that the table's header comes back card for card; of the image's own cards
it only says how many follow.  It is stored as text of some 400 characters.

CHECKSUM and DATASUM of the original image (``ZHECKSUM``) stand in the recipe, not in the
image header: they speak of a header with other bytes.
"""

import base64
import binascii
import json
import re
import zlib
from dataclasses import dataclass, field, replace

from astropy.io.fits import Header

from astroae.container.header import BLANK_CARD, CARD
from astroae.errors import CorruptFileError

__all__ = ["Recipe", "split_cards", "table_cards", "with_sum_cards"]

_RENAMED = {
    "ZSIMPLE": "SIMPLE",
    "ZTENSION": "XTENSION",
    "ZBITPIX": "BITPIX",
    "ZNAXIS": "NAXIS",
    "ZEXTEND": "EXTEND",
    "ZBLOCKED": "BLOCKED",
    "ZPCOUNT": "PCOUNT",
    "ZGCOUNT": "GCOUNT",
}
_AXIS = re.compile(r"ZNAXIS([1-9]\d*)")
_OWN = re.compile(
    r"XTENSION|BITPIX|NAXIS\d*|PCOUNT|GCOUNT|TFIELDS|THEAP|END|CHECKSUM|DATASUM"
    r"|T(TYPE|FORM|UNIT|NULL|SCAL|ZERO|DISP|DIM)\d+"
    r"|Z(IMAGE|CMPTYPE|MASKCMP|QUANTIZ|DITHER0|BLANK|SCALE|ZERO|HECKSUM|DATASUM)"
    r"|Z(TILE|NAME|VAL)\d+"
)
_FIRST = ("SIMPLE", "XTENSION", "BITPIX", "NAXIS")
_STRUCTURE = re.compile(r"SIMPLE|XTENSION|BITPIX|NAXIS\d*|PCOUNT|GCOUNT|EXTEND|BLOCKED")
_SUMS = {"ZHECKSUM": "CHECKSUM", "ZDATASUM": "DATASUM"}
_SUM_COMMENTS = {"CHECKSUM": "HDU checksum", "DATASUM": "data unit checksum"}
_LARGEST = 1 << 24

# Part of the format: what most recipes are made of.  Never change it.
_DICTIONARY = (
    b"XTENSION= 'BINTABLE'           / binary table extension"
    b"BITPIX  =                    8 / 8-bit bytes"
    b"NAXIS   =                    2 / 2-dimensional binary table"
    b"NAXIS1  =                   32 / width of table in bytes"
    b"NAXIS2  =                 2048 / number of rows in table"
    b"PCOUNT  =              1234567 / size of special data area"
    b"GCOUNT  =                    1 / one data group (required keyword)"
    b"TFIELDS =                    4 / number of fields in each row"
    b"TTYPE1  = 'COMPRESSED_DATA'    / label for field   1"
    b"TFORM1  = '1PB(1234)'          / data format of field: variable length array"
    b"TTYPE2  = 'ZSCALE  '           / label for field   2"
    b"TFORM2  = '1D      '           / data format of field: 8-byte DOUBLE"
    b"TTYPE3  = 'ZZERO   '           / label for field   3"
    b"TFORM3  = '1D      '           / data format of field: 8-byte DOUBLE"
    b"TTYPE4  = 'GZIP_COMPRESSED_DATA'TFORM4  = '1PB(0)  '           / data format of field: "
    b"variable length array"
    b"ZIMAGE  =                    T / extension contains compressed image"
    b"ZTILE1  =                 2048 / size of tiles to be compressed"
    b"ZTILE2  =                    1 / size of tiles to be compressed"
    b"ZCMPTYPE= 'RICE_1  '           / compression algorithm"
    b"ZCMPTYPE= 'RICE_ONE'           / compression algorithm"
    b"ZBLANK  =          -2147483647 / null value in the compressed integer array"
    b"ZNAME1  = 'BLOCKSIZE'          / compression block size"
    b"ZVAL1   =                   32 / pixels per block"
    b"ZNAME2  = 'BYTEPIX '           / bytes per pixel (1, 2, 4, or 8)"
    b"ZVAL2   =                    4 / bytes per pixel (1, 2, 4, or 8)"
    b"ZSIMPLE =                    T / conforms to FITS standard"
    b"ZSIMPLE =                    T / file does conform to FITS standard"
    b"ZTENSION= 'IMAGE   '           / IMAGE extension"
    b"ZBITPIX =                  -32 / number of bits per data pixel"
    b"ZNAXIS  =                    2 / number of data axes"
    b"ZNAXIS1 =                 2048 / length of data axis 1"
    b"ZNAXIS2 =                 2048 / length of data axis 2"
    b"ZEXTEND =                    T / FITS dataset may contain extensions"
    b"ZPCOUNT =                    0 / required keyword; must = 0"
    b"ZGCOUNT =                    1 / required keyword; must = 1"
    b"ZQUANTIZ= 'SUBTRACTIVE_DITHER_1' / Pixel Quantization Algorithm"
    b"ZDITHER0=                 1234 / dithering offset when quantizing floats"
    b"EXTNAME = 'COMPRESSED_IMAGE'   / name of this binary table extension"
    b"ZHECKSUM= '                '   / HDU checksum updated 20"
    b"ZDATASUM= '0         '         / data unit checksum updated 20"
    b"CHECKSUM= '                '   / HDU checksum updated 20"
    b"DATASUM = '0         '         / data unit checksum updated 20"
    b'{"cards": [ ]}'
)


@dataclass
class Recipe:
    """What rebuilds a tile-compressed table beside its pixels and the image header.

    Parameters
    ----------
    cards : list of str or int
        Cards of the table without trailing blanks; a number: so many of the image's own.
    kinds : list of int
        Column of each tile's stream (`astroae.container.fpack_tiles.STREAMS`); empty
        where the usual rule gives it.
    columns : dict of str to str
        Values of further columns, big-endian, base64.
    """

    cards: list
    kinds: list = field(default_factory=list)
    columns: dict = field(default_factory=dict)

    def pack(self):
        """As ASCII text."""
        values = {"cards": self.cards}
        values |= {"kinds": self.kinds} if self.kinds else {}
        values |= {"columns": self.columns} if self.columns else {}
        coder = zlib.compressobj(9, zdict=_DICTIONARY)
        raw = coder.compress(json.dumps(values).encode()) + coder.flush()
        return base64.b64encode(raw).decode()

    @classmethod
    def unpack(cls, text):
        """Inverse of `pack`.

        Raises
        ------
        CorruptFileError
            The text is damaged.
        """
        try:
            decoder = zlib.decompressobj(zdict=_DICTIONARY)
            raw = decoder.decompress(base64.b64decode(text, validate=True), _LARGEST)
            if not decoder.eof:
                raise ValueError("it is cut short, or too long")
            values = json.loads(raw)
            recipe = cls(**values)
            recipe._check()
        except (ValueError, TypeError, RecursionError, binascii.Error, zlib.error) as exc:
            raise CorruptFileError(
                "the header of the fpacked original cannot be rebuilt",
                where="AEFPKn",
                found=str(exc) or type(exc).__name__,
                hint="decompress without fpack=True",
            ) from exc
        return recipe

    def without_sums(self):
        """The same without the checksums of the image, which has been edited since."""
        return replace(self, cards=[c for c in self.cards if _keyword(c) not in _SUMS])

    def _check(self):
        for item in self.cards:
            card = isinstance(item, str) and len(item) <= CARD and item.isascii()
            if not card and not (type(item) is int and item > 0):
                raise ValueError(f"{item!r} is no card and no count")
        if not isinstance(self.kinds, list) or any(k not in (0, 1, 2) for k in self.kinds):
            raise ValueError("a column of streams is unknown")
        if not isinstance(self.columns, dict):
            raise ValueError("further columns make no sense")


def split_cards(cards):
    """Cards of a tile-compressed table -> those of the image, and the recipe.

    Parameters
    ----------
    cards : list of str
        80 characters each.

    Returns
    -------
    image : list of str
    recipe : Recipe

    Examples
    --------
    >>> table = ["XTENSION= 'BINTABLE'", "ZSIMPLE =                    T",
    ...          "ZBITPIX =                   16", "OBJECT  = 'M 31    '"]
    >>> image, recipe = split_cards([card.ljust(80) for card in table])
    >>> [card[:8] for card in image], recipe.cards[-1]
    (['SIMPLE  ', 'BITPIX  ', 'OBJECT  '], 1)
    """
    structure, own, script = {}, [], []
    for card in cards:
        new = _renamed(card)
        if new is None and not _belongs_to_table(card):
            own.append(card)
            if script and isinstance(script[-1], int):
                script[-1] += 1
            else:
                script.append(1)
            continue
        if new is not None:
            structure.setdefault(new, f"{new:8s}{card[8:]}")
        script.append(card.rstrip())
    if "SIMPLE" not in structure:
        structure.setdefault("XTENSION", "XTENSION= 'IMAGE   '".ljust(CARD))
        structure.setdefault("PCOUNT", f"PCOUNT  = {0:>20d}".ljust(CARD))
        structure.setdefault("GCOUNT", f"GCOUNT  = {1:>20d}".ljust(CARD))
    return [structure[key] for key in sorted(structure, key=_rank)] + own, Recipe(script)


def _renamed(card):
    key = card[:8].rstrip()
    axis = _AXIS.fullmatch(key)
    return f"NAXIS{axis[1]}" if axis else _RENAMED.get(key)


def _belongs_to_table(card):
    # fpack names the extension of an unnamed primary image so; funpack takes that away.
    named = card.startswith("EXTNAME = 'COMPRESSED_IMAGE'")
    return named or bool(_OWN.fullmatch(card[:8].rstrip()))


def _rank(key):
    axis = re.fullmatch(r"NAXIS([1-9]\d*)", key)
    if axis:
        return 4, int(axis[1])
    return (_FIRST.index(key), 0) if key in _FIRST else (5, 0)


def table_cards(recipe, image_cards):
    """Inverse of `split_cards`; image cards changed since are taken as they are now.

    Parameters
    ----------
    recipe : Recipe
    image_cards : list of str
        Of the image header, structural ones included.

    Returns
    -------
    list of str
    """
    own, first = [], True
    for card in image_cards:
        key = card[:8].rstrip()
        if not _STRUCTURE.fullmatch(key) and key not in _SUM_COMMENTS:
            own.append(card)
    counted = sum(item for item in recipe.cards if isinstance(item, int))
    out, place = [], 0
    for item in recipe.cards:
        if isinstance(item, str):
            out.append(item.ljust(CARD))
            continue
        # A header that grew or shrank keeps its order: all of it where its first card stood.
        count = item if counted == len(own) else len(own) if first else 0
        out += own[place : place + count]
        place, first = place + count, False
    return out + own[place:]


def with_sum_cards(recipe, image_cards, *, edited):
    """Image cards with CHECKSUM and DATASUM, where the tile-compressed image had them.

    Those of the image itself in their old places, as funpack does it; the others at the
    end.  Their values are left to be worked out.

    Parameters
    ----------
    recipe : Recipe
    image_cards : list of str
        Of the image header.
    edited : bool
        The header is another one by now, and knows no old places.

    Returns
    -------
    list of str
    """
    n = sum(bool(_STRUCTURE.fullmatch(_keyword(card))) for card in image_cards)
    out, own = (list(image_cards), []) if edited else (image_cards[:n], image_cards[n:])
    for item in [] if edited else recipe.cards:
        if isinstance(item, int):
            out, own = out + own[:item], own[item:]
        elif _keyword(item) in _SUMS:
            out.append(f"{_SUMS[_keyword(item)]:8s}{item[8:]}".ljust(CARD))
    out += own
    had = {_SUMS.get(_keyword(item), _keyword(item)) for item in recipe.cards}
    missing = (had & set(_SUM_COMMENTS)) - {_keyword(card) for card in out}
    return out + [
        f"{key:8s}= '{'0':8s}'{'':10s} / {_SUM_COMMENTS[key]}".ljust(CARD)
        for key in sorted(missing)
    ]


def _keyword(card):
    """Of a card, or of an item of a recipe: counts have none."""
    return card[:8].rstrip() if isinstance(card, str) else ""


def header_of(cards):
    """`~astropy.io.fits.Header` of 80-character cards, parsed when asked."""
    return Header.fromstring("".join(cards) or BLANK_CARD)
