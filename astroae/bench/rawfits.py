"""FITS files as cards and bytes, read without astropy: the referee's own reader.

It knows the sizes of HDUs and nothing else, so that what it compares is the file
and not somebody's reading of it.
"""

import math
import re
from dataclasses import dataclass

import numpy as np

BLOCK = 2880
CARD = 80
_VALUE = re.compile(rb"= *(-?\d+|[TF]\b|'[^']*')")


@dataclass(frozen=True)
class RawHDU:
    """One HDU: its cards up to END, and its data without padding.

    Parameters
    ----------
    cards : tuple of bytes
        80 bytes each, END left out.
    data : memoryview
    """

    cards: tuple[bytes, ...]
    data: memoryview

    def get(self, key, default=None):
        """Value of an integer, logical or string card; ``default`` where there is none."""
        return _value(self.cards, key, default)

    @property
    def shape(self):
        """Lengths of the axes in C order."""
        return tuple(self.get(f"NAXIS{i}") for i in range(self.get("NAXIS", 0), 0, -1))

    @property
    def is_image(self):
        """A primary array or IMAGE extension with pixels."""
        kind = self.get("XTENSION", "IMAGE") if self.get("SIMPLE") is None else "IMAGE"
        return kind == "IMAGE" and len(self.data) > 0 and self.get("GROUPS") != "T"

    @property
    def checksum_is_right(self):
        """The ones' complement sum of header and data has all bits set."""
        header = _padded(b"".join((*self.cards, b"END".ljust(CARD))), b" ")
        total = sum(_sum32(part) for part in (header, _padded(bytes(self.data), b"\0")))
        return total > 0 and total % (2**32 - 1) == 0


def _padded(content, filler):
    return content.ljust(-(-len(content) // BLOCK) * BLOCK, filler)


def _sum32(content):
    return int(np.frombuffer(content, ">u4").sum(dtype=np.uint64))


def split_hdus(content):
    """The HDUs of a file's bytes, and what follows the last.

    Parameters
    ----------
    content : bytes

    Returns
    -------
    hdus : list of RawHDU
    rest : bytes

    Examples
    --------
    >>> import io
    >>> import numpy as np
    >>> from astropy.io import fits
    >>> from astroae.bench.rawfits import split_hdus
    >>> out = io.BytesIO()
    >>> fits.PrimaryHDU(np.zeros((2, 3), "int16")).writeto(out)
    >>> hdus, rest = split_hdus(out.getvalue())
    >>> hdus[0].shape, len(hdus[0].data), rest
    ((2, 3), 12, b'')
    """
    view, hdus, place = memoryview(content), [], 0
    while place < len(view) and _starts_hdu(view, place):
        cards, place = _cards(view, place)
        size = _data_size(cards)
        hdus.append(RawHDU(tuple(cards), view[place : place + size]))
        place += -(-size // BLOCK) * BLOCK
    return hdus, bytes(view[place:])


def _starts_hdu(view, place):
    return bytes(view[place : place + 8]) in (b"SIMPLE  ", b"XTENSION")


def _cards(view, place):
    cards = []
    while place < len(view):
        card = bytes(view[place : place + CARD])
        place += CARD
        if card == b"END".ljust(CARD):
            break
        cards.append(card)
    return cards, -(-place // BLOCK) * BLOCK


def _value(cards, key, default=None):
    start = key.encode().ljust(8)
    for card in cards:
        if card.startswith(start) and (found := _VALUE.match(card, 8)):
            text = found[1]
            if text.startswith(b"'"):
                return text[1:-1].decode("latin-1").rstrip()
            return int(text) if text not in (b"T", b"F") else text.decode()
    return default


def _data_size(cards):
    axes = [_value(cards, f"NAXIS{i}", 0) for i in range(1, _value(cards, "NAXIS", 0) + 1)]
    if not axes:
        return 0
    if _value(cards, "GROUPS") == "T" and axes[0] == 0:
        axes = axes[1:]
    groups, extra = _value(cards, "GCOUNT", 1), _value(cards, "PCOUNT", 0)
    return abs(_value(cards, "BITPIX", 8)) // 8 * groups * (extra + math.prod(axes))
