"""BSCALE, BZERO and BLANK: stored values to physical ones, and the cards that say how.

astropy removes these cards and changes BITPIX once scaled pixels are read.  The
pixels in the file are still the stored ones, so that a table written from them
needs the cards again, where they stood.
"""

import math
import warnings

import numpy as np
from astropy.io.fits.hdu.base import DELAYED
from astropy.io.fits.hdu.image import ImageHDU

from astroae.container.header import SCALE_KEYWORDS, from_cards, raw_cards
from astroae.errors import CorruptFileError

__all__ = ["Scaling", "exact_copy", "restore_scale_cards"]


class Scaling:
    """How the stored values of one image become physical ones.

    Parameters
    ----------
    header : `~astropy.io.fits.Header`
        Of the image, with its scale cards.
    uint, do_not_scale_image_data, ignore_blank : bool
        As in `~astropy.io.fits.ImageHDU`.
    trusted : bool
        Whether the scale cards are those that were written.
    """

    def __init__(
        self,
        header,
        *,
        uint=True,
        do_not_scale_image_data=False,
        ignore_blank=False,
        trusted=True,
    ):
        self._trusted = trusted or do_not_scale_image_data
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # astropy has said it of the image's own HDU
            # Never touched, while reading ``.data`` edits the header of the image's own.
            self._plain = ImageHDU(
                data=DELAYED,
                header=exact_copy(header),
                uint=uint,
                do_not_scale_image_data=do_not_scale_image_data,
            )
        if ignore_blank:
            self._plain._blank = None
        self.before = None  # header before scale cards were taken from it
        self._after = None  # its cards afterwards

    def to_physical(self, stored):
        """Physical values, as astropy works them out; ``stored`` may be written to.

        Raises
        ------
        CorruptFileError
            The cards are damaged.
        """
        if not self._trusted:
            raise _unscalable(
                " and ".join(SCALE_KEYWORDS), "the cards are not those that were written"
            )
        for keyword, value in (
            ("BSCALE", self._plain._orig_bscale),
            ("BZERO", self._plain._orig_bzero),
        ):
            if not isinstance(value, (int, float)) or not math.isfinite(value):
                raise _unscalable(keyword, f"got {value!r}, expected a number")
        return self._plain._scale_data(stored)

    def dtype_of(self, dtype):
        """Type of the physical values of stored values of type ``dtype``."""
        return self.to_physical(np.zeros(1, dtype)).dtype

    @property
    def blank(self):
        """Stored value that reads as NaN, or None."""
        return self._plain._blank or None  # astropy makes none of 0

    @property
    def taken(self):
        """Whether reading pixels took scale cards out of the image's header."""
        return self.before is not None

    def note_taken(self, before, header):
        """Remember the header as it was ``before`` and as it is now."""
        self.before, self._after = before, raw_cards(header)

    def forget_taken(self):
        """The pixels in memory are the image from now on, under the header as it is."""
        self.before = self._after = None

    def stored_header(self, header):
        """``header``, with the scale cards that reading pixels took out of it."""
        if not self.taken:
            return header
        if raw_cards(header) == self._after:
            return self.before
        return restore_scale_cards(header, self.before)


def _unscalable(where, found):
    return CorruptFileError(
        "pixels cannot be scaled",
        where=where,
        found=found,
        hint="set the cards right in update mode, or open with do_not_scale_image_data=True",
    )


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
        last_axis = f"NAXIS{header['NAXIS']}" if header["NAXIS"] else "NAXIS"
        header.insert(last_axis, card, after=True)
