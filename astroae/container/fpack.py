"""Take over a tile-compressed image (``.fits.fz``); give one back.

::

    takeover(header, data, settings)  -> Takeover(encoded, header, recipe)
    give_back(encoded, header, recipe) -> cards, data, note

``header`` of a `Takeover` is the image header as funpack gives it; ``recipe`` is text to
be kept beside it (keywords ``AEFPKn``), with which `give_back` rebuilds the table: the
same integers, scales, dither, keywords and pixels.  Without a recipe, or where pixels
were replaced since, `give_back` writes the standard's nearest equivalent and says in
``note`` what that is.

HCOMPRESS_1 and PLIO_1 are decoded: their integers and pixels are kept, and given back as
RICE_1.
"""

from dataclasses import dataclass, replace

from astropy.io.fits import Header

from astroae.codec.image import encode_image
from astroae.container.fpack_cards import Recipe, header_of, split_cards, with_sum_cards
from astroae.container.fpack_read import read_fpack
from astroae.container.fpack_tiles import ONLY_DECODED
from astroae.container.fpack_write import fits_recipe, rebuild, standard
from astroae.container.header import raw_cards
from astroae.errors import CorruptFileError
from astroae.settings import Lossless, Settings

__all__ = [
    "Takeover",
    "decoded_from",
    "give_back",
    "is_fpacked",
    "join_recipe",
    "other_card",
    "split_recipe",
    "sum_cards",
    "takeover",
]

_PIECE = 64  # characters of the recipe in one card
_SIZES = ("PCOUNT", "THEAP", "TFORM", "CHECKSUM", "DATASUM")  # they follow from the streams


@dataclass
class Takeover:
    """An image that was tile-compressed.

    Parameters
    ----------
    encoded : `~astroae.codec.image.EncodedImage`
    header : `~astropy.io.fits.Header`
        Of the image.
    recipe : str
        For `give_back`.
    """

    encoded: object
    header: Header
    recipe: str


def is_fpacked(header):
    """Whether a table's header is that of a tile-compressed image."""
    return header.get("ZIMAGE") is True and str(header.get("XTENSION")).strip() == "BINTABLE"


def takeover(header, data, settings=None, *, verify=True, threads=None, progress=None):
    """Compress a tile-compressed image, its integers and grid kept as they are.

    Parameters
    ----------
    header : `~astropy.io.fits.Header`
        Of the table.
    data : bytes-like
        Its data unit.
    settings : `~astroae.settings.Settings`, optional
        Tiles and model; the mode is always lossless, the source has lost what it may.
    verify, threads, progress
        As in `astroae.codec.image.encode_image`.

    Returns
    -------
    Takeover

    Raises
    ------
    UnsupportedDataError
        What cannot be kept: funpack first.
    CorruptFileError
        The table contradicts itself, or a tile is damaged.

    Examples
    --------
    >>> import io
    >>> import numpy as np
    >>> from astropy.io import fits
    >>> from astroae.container.fpack import give_back, takeover
    >>> file = io.BytesIO()
    >>> sky = np.random.default_rng(1).normal(100, 5, (60, 70)).astype("f4")
    >>> hdus = fits.HDUList([fits.PrimaryHDU(), fits.CompImageHDU(sky, quantize_method=1)])
    >>> hdus.writeto(file)
    >>> raw = file.getvalue()
    >>> with fits.open(io.BytesIO(raw), disable_image_compression=True) as hdus:
    ...     info = hdus.fileinfo(1)
    ...     header = hdus[1].header.copy()
    >>> data = raw[info["datLoc"] :]
    >>> taken = takeover(header, data)
    >>> cards, again, note = give_back(taken.encoded, taken.header, taken.recipe)
    >>> again == data[: len(again)]
    True
    """
    settings = replace(settings or Settings(), mode=Lossless(), dither_seed=None)
    image = read_fpack(header, data)
    if settings.tile_shape is not None and len(settings.tile_shape) != image.values.ndim:
        settings = replace(settings, tile_shape=None)
    encoded = encode_image(
        image.values,
        settings,
        blank=image.blank,
        source=image.grid,
        integers=image.integers,
        verify=verify,
        threads=threads,
        progress=progress,
    )
    return Takeover(encoded, header_of(image.cards), image.recipe.pack())


def give_back(encoded, header, recipe="", *, edited=False, threads=None):
    """A tile-compressed table of the FITS standard.

    Parameters
    ----------
    encoded : `~astroae.codec.image.EncodedImage`
    header : `~astropy.io.fits.Header`
        Of the image.
    recipe : str
        Of its `Takeover`; empty for other images.
    edited : bool
        Header or pixels are no longer those that were taken over.

    Returns
    -------
    cards : list of str or None
        Of the table's header, 80 characters each; sums of a CHECKSUM and DATASUM
        among them are to be worked out.  None: no reader of the standard knows such
        tiles, and the image is to be written as it is.
    data : bytes
        The data unit without padding.
    note : str
        What the standard could not express; empty where nothing.

    Raises
    ------
    CorruptFileError
        A tile or the recipe is damaged.
    """
    image_cards = raw_cards(header)
    algorithm = ""
    if recipe:
        parsed = Recipe.unpack(recipe)
        parsed = parsed.without_sums() if edited else parsed
        if fits_recipe(parsed, encoded, image_cards):
            return *rebuild(encoded, image_cards, parsed, threads=threads), ""
        algorithm = decoded_from(recipe)
    cards, data, note = standard(encoded, image_cards, threads=threads)
    if algorithm and not note:
        note = f"{algorithm} comes back as RICE_1"
    return cards, data, note


def sum_cards(cards, recipe, *, edited):
    """Cards of an image, with CHECKSUM and DATASUM where its tile-compressed table had them.

    Parameters
    ----------
    cards : list of str
    recipe : str
        Of its `Takeover`; where it is empty or damaged the cards stay as they are.
    edited : bool
        As in `give_back`.

    Returns
    -------
    list of str
        Values of the two are still to be worked out.
    """
    try:
        return with_sum_cards(Recipe.unpack(recipe), cards, edited=edited)
    except CorruptFileError:
        return cards


def decoded_from(recipe):
    """The algorithm of a tile-compressed image that does not come back in it; else empty."""
    return _only_decoded([c for c in Recipe.unpack(recipe).cards if isinstance(c, str)])


def _only_decoded(cards):
    named = header_of([c.ljust(80) for c in cards if c.startswith("ZCMPTYPE")])
    algorithm = str(named.get("ZCMPTYPE", "")).strip()
    return algorithm if algorithm in ONLY_DECODED else ""


def other_card(back, first):
    """A card in which a table that was given back differs from the original.

    What follows from the streams may be another; where the algorithm is, only the
    image's own cards count.

    Parameters
    ----------
    back, first : list of str
        Cards of both tables, 80 characters each.

    Returns
    -------
    str or None
    """
    if _only_decoded(first):
        back, first = (split_cards(cards)[0] for cards in (back, first))
    back, first = ([c for c in cards if not c.startswith(_SIZES)] for cards in (back, first))
    if back == first:
        return None
    return next((a for a, b in zip(back, first) if a != b), "other cards").strip()


def split_recipe(recipe):
    """A recipe in pieces that a card holds, by keyword.

    Examples
    --------
    >>> split_recipe("a" * 70)["AEFPK2"]
    'aaaaaa'
    """
    starts = range(0, len(recipe), _PIECE)
    return {f"AEFPK{n}": recipe[i : i + _PIECE] for n, i in enumerate(starts, 1)}


def join_recipe(notes):
    """Inverse of `split_recipe`; empty where there is none."""
    pieces, n = [], 1
    while isinstance(piece := notes.get(f"AEFPK{n}"), str):
        pieces.append(piece)
        n += 1
    return "".join(pieces)
