"""The header cards that reading ``.data`` takes away, and how they come back.

astropy removes BSCALE, BZERO and BLANK and changes BITPIX once scaled pixels are
read.  The pixels in the file are still the stored ones, so that a table written
from them needs the cards again, where they stood.
"""

from astroae.container.header import SCALE_KEYWORDS, from_cards, raw_cards

__all__ = ["exact_copy", "restore_scale_cards"]


def exact_copy(header):
    """A copy of a header that keeps every card to the byte."""
    return from_cards(raw_cards(header))


def restore_scale_cards(header, before):
    """``header`` with the scale cards of ``before``, each behind the card it followed.

    Parameters
    ----------
    header : `~astropy.io.fits.Header`
        After scaled pixels were read, and perhaps edited since.
    before : `~astropy.io.fits.Header`
        As it was before.

    Returns
    -------
    `~astropy.io.fits.Header`
    """
    whole = exact_copy(header)
    whole["BITPIX"] = before["BITPIX"]
    for keyword in SCALE_KEYWORDS:
        if keyword in before and keyword not in whole:
            if keyword != "BLANK" and len(whole) and not whole.cards[-1].image.strip():
                del whole[-1]  # astropy puts a blank card at the end for each that it takes
            _insert(whole, before, keyword)
    return whole


def _insert(header, before, keyword):
    place = before.index(keyword)
    card = before.cards[place]
    previous = before.cards[place - 1].keyword
    if previous in header and previous not in ("", "COMMENT", "HISTORY"):
        header.insert(header.index(previous) + 1, card)
    else:
        header.insert(
            "NAXIS" + str(header["NAXIS"]) if header["NAXIS"] else "NAXIS", card, after=True
        )
