"""The empty primary HDU: the one with astroae's note, and which says nothing else."""

from astroae.container.header import raw_cards
from astroae.io.coded import header_block

__all__ = ["note_primary", "says_nothing"]

NOTE = (
    "This file was compressed by astroae. The primary image is in extension",
    "1: after `import astroae`, astropy.io.fits reads it as an image. The",
    "program `astroae decompress` gives the original layout back.",
)
#: Keywords that any empty primary HDU may have, and the comment of the FITS standard.
_STRUCTURE = ("SIMPLE", "BITPIX", "NAXIS", "EXTEND", "CHECKSUM", "DATASUM", "")
_STANDARD = ("COMMENT   FITS (Flexible Image", "COMMENT   and Astrophysics', volume")


def note_primary():
    """Bytes of the primary HDU that stands before an image that was one."""
    cards = [
        "SIMPLE  =                    T / conforms to FITS standard",
        "BITPIX  =                    8 / array data type",
        "NAXIS   =                    0 / number of array dimensions",
        "EXTEND  =                    T",
        *_notes(),
    ]
    return header_block([text.ljust(80) for text in cards])


def says_nothing(primary, image_header):
    """Whether a primary HDU holds nothing that the image behind it does not say too.

    Parameters
    ----------
    primary : `~astroae.io.spans.Span`
    image_header : `~astropy.io.fits.Header`
    """
    if primary.data_end != primary.data:
        return False
    known = {*raw_cards(image_header), *(text.ljust(80) for text in _notes())}
    return all(
        card in known or card[:8].rstrip() in _STRUCTURE or card.startswith(_STANDARD)
        for card in raw_cards(primary.header)
    )


def _notes():
    return [f"COMMENT {line}" for line in NOTE]
