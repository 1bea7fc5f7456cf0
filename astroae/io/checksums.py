"""CHECKSUM and DATASUM of an image whose pixels are not what they were.

An image that was compressed with loss comes back with other pixels, and checksum
cards that were right would be wrong.  They are worked out again, in the place and
with the comments they had (FITS standard 4.0, appendix J).
"""

import numpy as np

__all__ = ["CHECKSUMS", "datasum", "with_checksums"]

CHECKSUMS = ("CHECKSUM", "DATASUM")
UNSET = "0" * 16
_EXCLUDED = frozenset(b":;<=>?@[\\]^_`")  # ASCII between digits and letters


def datasum(pieces, total=0):
    """Ones' complement sum of 32-bit words over pieces of bytes, zeros after the last.

    Examples
    --------
    >>> datasum([bytes([0, 0, 0, 1, 255, 255]), bytes([255, 255, 0, 7])])
    458753
    """
    rest = b""
    for piece in pieces:
        piece = rest + piece
        whole = len(piece) // 4 * 4
        rest = piece[whole:]
        total += int(np.frombuffer(piece[:whole], ">u4").sum(dtype=np.uint64))
    total += int.from_bytes(rest.ljust(4, b"\0"), "big")
    while total >> 32:
        total = (total & 0xFFFFFFFF) + (total >> 32)
    return total


def with_checksums(cards, pieces):
    """Header cards with DATASUM and CHECKSUM, where they are, of these pixels.

    Parameters
    ----------
    cards : list of str
        80 characters each, without END.
    pieces : iterable of bytes
        The data unit.

    Returns
    -------
    list of str
    """
    data = datasum(pieces)
    cards = [_put(card, "DATASUM", str(data)) for card in cards]
    cards = [_put(card, "CHECKSUM", UNSET) for card in cards]
    text = "".join(cards) + "END".ljust(80)
    block = text.ljust(-(-len(text) // 2880) * 2880).encode("latin-1")
    total = datasum([block], data)
    return [_put(card, "CHECKSUM", _ascii(~total & 0xFFFFFFFF)) for card in cards]


def _put(card, key, value):
    if card[:8].rstrip() != key:
        return card
    comment = card.partition("/")[2].strip()
    new = f"{key:8s}= '{value:8s}'"
    return f"{new:30s} / {comment}"[:80].ljust(80) if comment else new.ljust(80)


def _ascii(value):
    """The 16 letters whose sum is ``value``, rotated as a card at column 12 needs."""
    columns = []
    for byte in value.to_bytes(4, "big"):
        quotient, remainder = divmod(byte, 4)
        letters = [quotient + 48 + remainder, *[quotient + 48] * 3]
        while any(letter in _EXCLUDED for letter in letters):
            for i in (0, 2):
                if letters[i] in _EXCLUDED or letters[i + 1] in _EXCLUDED:
                    letters[i] += 1
                    letters[i + 1] -= 1
        columns.append(letters)
    text = "".join(chr(columns[j][i]) for i in range(4) for j in range(4))
    return text[-1] + text[:-1]
