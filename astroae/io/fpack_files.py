"""Tile-compressed HDUs (``.fits.fz``) of whole files, as bytes in and out.

`encode_fpacked` does for a tile-compressed image what `astroae.io.coded.encode_span`
does for a plain one, and checks that the way back gives the same table before anything
is written; `fpack_pieces` does for ``decompress(fpack=True)`` what `CodedHDU.restore`
does without.
"""

from dataclasses import dataclass

from astroae.container.fpack import (
    decoded_from,
    give_back,
    is_fpacked,
    join_recipe,
    other_card,
    split_recipe,
    takeover,
)
from astroae.container.header import to_table_cards
from astroae.container.rows import pack
from astroae.errors import SettingError, UnsupportedDataError
from astroae.io.checksums import CHECKSUMS, with_checksums
from astroae.io.coded import Table, header_block
from astroae.io.encoding import structure_of
from astroae.io.spans import BLOCK

__all__ = [
    "TakenOver",
    "cards_of",
    "check_cards",
    "empty_primary",
    "encode_fpacked",
    "fpack_pieces",
    "is_fpacked",
]


@dataclass
class TakenOver:
    """A tile-compressed image that was taken over.

    Parameters
    ----------
    table : `~astroae.io.coded.Table`
    notes : dict
        Values of keywords to be written, as `Table.header` takes them.
    note : str
        What it comes back as, where that is another algorithm.
    """

    table: Table
    notes: dict
    note: str = ""


def encode_fpacked(path, span, settings, *, threads=None, **options):
    """Take over one tile-compressed HDU of a file.

    Parameters
    ----------
    path : path-like
        A plain file.
    span : `~astroae.io.spans.Span`
        Of a table that `is_fpacked`.
    settings : `~astroae.settings.Settings`
        Tiles and model; the mode is lossless whatever it says.
    threads, **options
        As in `astroae.codec.image.encode_image`.

    Returns
    -------
    TakenOver

    Raises
    ------
    UnsupportedDataError
        A table that would not come back as it is.
    CorruptFileError
        The table contradicts itself, or a tile is damaged.
    """
    with open(path, "rb") as stream:
        stream.seek(span.start)
        raw = stream.read(span.end - span.start)
    data = memoryview(raw)[span.data - span.start : span.data_end - span.start]
    taken = takeover(span.header, data, settings, threads=threads, **options)
    pieces, _ = _table(taken.encoded, taken.header, taken.recipe, threads)
    back = b"".join(pieces)
    if back != raw:
        check_cards(back, raw, span)
    cards, n_blank = to_table_cards(taken.header)
    structure = structure_of(taken.encoded, taken.header)
    table = Table(taken.encoded, structure, pack(taken.encoded), cards, n_blank)
    algorithm = decoded_from(taken.recipe)
    note = f"decoded from {algorithm}: with fpack=True (--fpack) it comes back as RICE_1"
    notes = split_recipe(taken.recipe)
    return TakenOver(table, notes, note if algorithm else "")


def check_cards(back, raw, span):
    """Cards may differ in what another coder's streams need, and in nothing else.

    Parameters
    ----------
    back, raw : bytes
        A tile-compressed HDU that was rebuilt, and the original; headers will do.
    span : Span
        For messages.

    Raises
    ------
    UnsupportedDataError
    """
    other = other_card([*cards_of(back)], [*cards_of(raw)])
    if other is not None:
        raise UnsupportedDataError(
            "the header of this tile-compressed image would not come back as it is",
            where=span.label,
            found=other,
            hint="funpack the file first, then compress it",
        )


def cards_of(raw):
    """The cards of a raw header, 80 characters each, up to END."""
    text = raw.decode("latin-1")
    for i in range(0, len(text), 80):
        if text[i : i + 80].rstrip() == "END":
            return
        yield text[i : i + 80]


def fpack_pieces(hdu, *, on_corrupt="raise", damaged=None, threads=None, progress=None):
    """One image of a compressed file as a tile-compressed HDU.

    Parameters
    ----------
    hdu : `~astroae.io.coded.CodedHDU`
    on_corrupt, damaged, threads, progress
        As in `astroae.codec.image.decode_image`; damaged tiles cannot be blanked here.

    Returns
    -------
    pieces : iterable of bytes
        The whole HDU, padding included.
    note : str
        What the standard could not express; empty where nothing.

    Raises
    ------
    SettingError
        ``on_corrupt="blank"``.
    CorruptFileError
        A tile is damaged.
    """
    if on_corrupt != "raise":
        raise SettingError(
            "damaged tiles cannot be written as tile-compressed ones",
            where="on_corrupt",
            found=f"got {on_corrupt!r} with fpack=True",
            hint="leave out one of the two",
        )
    if hdu.encoded is None:
        return hdu.restore(as_extension=True), ""
    recipe = join_recipe(hdu.span.header)
    pieces, note = _table(hdu.encoded, hdu.image_header, recipe, threads, hdu.was_edited)
    if pieces is None:
        return hdu.restore(as_extension=True, threads=threads, progress=progress), note
    if progress is not None:
        for done in range(len(hdu.encoded.tiles)):
            progress(done + 1, len(hdu.encoded.tiles))
    return pieces, note


def _table(encoded, header, recipe, threads, edited=False):
    cards, data, note = give_back(encoded, header, recipe, edited=edited, threads=threads)
    if cards is None:
        return None, note
    if any(card.startswith(CHECKSUMS) for card in cards):
        cards = with_checksums(cards, [data])
    return (header_block(cards), data, bytes(-len(data) % BLOCK)), note


def empty_primary():
    """Bytes of the empty primary HDU that stands before a tile-compressed image."""
    values = [
        ("SIMPLE", "T", "conforms to FITS standard"),
        ("BITPIX", "8", "array data type"),
        ("NAXIS", "0", "number of array dimensions"),
        ("EXTEND", "T", "file may contain extensions"),
    ]
    return header_block([f"{key:8s}= {v:>20s} / {text}".ljust(80) for key, v, text in values])
