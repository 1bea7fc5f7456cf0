"""A header that astropy parses only where its plain cards do not answer.

A file of many HDUs is asked for a few keywords of each of its headers; astropy's `Header`
takes a card for an object, and some 20 microseconds for each value.
"""

import re
from functools import cached_property, lru_cache

from astropy.io.fits import Card, Header

__all__ = ["LazyHeader"]

CARD = 80
END = "END".ljust(CARD)
_PARSED = ("_cards", "_keyword_indices", "_rvkc_indices")
_SPECIAL = ("COMMENT", "HISTORY", "END", "CONTINUE")
_KEYWORD = re.compile(r"[A-Z0-9_-]{1,8}")
#: Columns 11 to 80: a number, a string without quotes in it, T or F; the comment.
_PLAIN = re.compile(
    r" *(?:(?P<whole>[+-]?\d+)|(?P<real>[+-]?\d+\.\d*(?:E[+-]?\d+)?)|(?P<bool>[TF])"
    r"|'(?P<text>[ -&(-~]*)') *(?:/.*)?",
    re.DOTALL,
)


class LazyHeader(Header):
    """A `~astropy.io.fits.Header` that keeps its text, until more than values is asked of it.

    What it answers is what astropy would: a card that is not plain is handed to it, and all
    of them as soon as they may be edited.

    Examples
    --------
    >>> header = LazyHeader.of("NAXIS   =                    2".ljust(80))
    >>> header["NAXIS"], "BITPIX" in header, header.text == header.cards[0].image
    (2, False, True)
    """

    #: The cards as they were read, END left out; None where astropy has them.
    text = None
    _exact = False

    @classmethod
    def of(cls, data, *, exact=False):
        """A header of raw cards, bytes or text.

        Parameters
        ----------
        data : bytes or str
            80 characters each; what follows END is left out.
        exact : bool
            Cards that break the standard are not repaired when they are printed.
        """
        text = data.decode("latin-1") if isinstance(data, bytes) else data
        at = text.find(END)
        while at % CARD and at >= 0:
            at = text.find(END, at + 1)
        text = text if at < 0 else text[:at]
        header = cls.__new__(cls)
        header.text = text.ljust(-(-len(text) // CARD) * CARD)
        header._exact, header._modified, header._values = exact, False, {}
        return header

    def __getattr__(self, name):
        if name not in _PARSED or self.text is None:
            raise AttributeError(name)
        whole = Header.fromstring(self.text)
        for card in whole._cards if self._exact else ():
            # Else astropy repairs a card that breaks the standard whenever it is printed.
            card._verified = True
        for each in _PARSED:
            setattr(self, each, getattr(whole, each))
        self.text = None
        return getattr(self, name)

    def __getitem__(self, key):
        if not self._answers(key):
            return super().__getitem__(key)
        if key not in self._values:
            self._values[key] = _value(self._images[self._places[key][0]], key)
        return self._values[key]

    def get(self, key, default=None):
        if not self._answers(key):
            return super().get(key, default)
        return self[key] if key in self._places else default

    def __contains__(self, key):
        return key in self._places if self._answers(key) else super().__contains__(key)

    def __iter__(self):
        return iter(self._keywords[0]) if self.text is not None else super().__iter__()

    def count(self, keyword):
        if not self._answers(keyword) or keyword in self._keywords[1]:
            return super().count(keyword)
        return len(self._places[keyword])

    def _answers(self, key):
        return self.text is not None and isinstance(key, str) and _is_keyword(key)

    @cached_property
    def _images(self):
        """The cards, each with those that continue it."""
        images = []
        for i in range(0, len(self.text), CARD):
            image = self.text[i : i + CARD]
            if images and image.startswith("CONTINUE"):
                images[-1] += image
            else:
                images.append(image)
        return images

    @cached_property
    def _keywords(self):
        """Of each card; and numbers of the cards that hold a record, by the name of that."""
        keywords, records = [], {}
        for i, image in enumerate(self._images):
            key = image[:8].rstrip(" ")
            if not (_is_plain(image) and _is_keyword(key)):
                card = Card.fromstring(image)
                key = card.keyword
                if card.field_specifier is not None:
                    records.setdefault(card.rawkeyword, []).append(i)
            keywords.append(key)
        return keywords, records

    @cached_property
    def _places(self):
        """Numbers of cards by keyword."""
        keywords, records = self._keywords
        places = {}
        for i, key in enumerate(keywords):
            places.setdefault(_normal(key), []).append(i)
        return records | places


@lru_cache(10_000)
def _is_keyword(key):
    return key not in _SPECIAL and _KEYWORD.fullmatch(key) is not None


_normal = lru_cache(10_000)(Card.normalize_keyword)


def _is_plain(image):
    """Whether a card is of keyword and value, and holds no record of several of these."""
    is_record = ": " in image and "'" in image
    return image[8:10] == "= " and len(image) == CARD and not is_record


def _value(image, key):
    """What a card says, as astropy gives it."""
    found = _PLAIN.fullmatch(image, 10) if _is_plain(image) else None
    if found is None:
        # In a header of its own: astropy knows what a record of its keyword alone gives.
        return Header.fromstring(image)[key]
    kind, value = found.lastgroup, found[found.lastgroup]
    if kind == "text":
        return value.rstrip()
    return value == "T" if kind == "bool" else {"whole": int, "real": float}[kind](value)
