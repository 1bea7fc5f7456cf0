"""Every keyword and every column of the format: the one table.

Code, documentation and checks derive from it, and it imports nothing but the
standard library.  A compressed image is a plain BINTABLE with ``AEIMAGE = T``,
one row per tile, its bit streams in the heap.
"""

from dataclasses import dataclass

__all__ = [
    "COLUMNS",
    "FILE_KEYWORDS",
    "FORMAT_VERSION",
    "KEYWORDS",
    "MARK",
    "Column",
    "Keyword",
    "comment_of",
]

#: Version of the format that this code writes, and the only one that it reads:
#: 1 had checksums of streams without the tile's number, and was never released.
FORMAT_VERSION = 2

#: Keyword that makes a BINTABLE an astroae image.
MARK = "AEIMAGE"

#: Card after which the image's own header stands, card for card.
HEADER_BEGIN = "AEHDRBEG"

#: Escaped cards: ``AEKn`` holds the keyword, ``AEXn`` the rest of the card.
ESCAPED_KEY, ESCAPED_CARD = "AEK", "AEX"


@dataclass(frozen=True)
class Keyword:
    """One keyword of the table's header.

    Parameters
    ----------
    name : str
        Keyword; a last ``n`` stands for a number from 1.
    kind : type
        Python type of its value.
    comment : str
        What a card of the file says beside it (at most 47 characters).
    meaning : str
        What the documentation says.
    """

    name: str
    kind: type
    comment: str
    meaning: str


@dataclass(frozen=True)
class Column:
    """One column of the tile table.

    Parameters
    ----------
    name, form : str
        TTYPE and TFORM; a form ending in ``B`` with ``P`` is a bit stream in the heap.
    dtype : str or None
        numpy type of the value in `astroae.codec.image.TILE_DTYPE`; None for streams.
    comment, meaning : str
        As in `Keyword`.
    """

    name: str
    form: str
    dtype: str | None
    comment: str
    meaning: str


#: Keywords of a compressed image, in the order in which they are written.
KEYWORDS = (
    Keyword(MARK, bool, "astroae compressed image", "Marks the table as a compressed image."),
    Keyword("AEVERSN", int, "version of the format", "Format version; another one is refused."),
    Keyword("AECREATR", str, "written by", "Program and version that wrote the table."),
    Keyword("AEMODEL", str, "model", "Name of the model; 'classical' uses no network."),
    Keyword("AEMODHSH", str, "hash of the model", "SHA-256 of the model file; empty: classical."),
    Keyword(
        "AEMODE", str, "what is promised of the pixels", "lossless, bounded, relative or latent."
    ),
    Keyword(
        "AEQLEVEL",
        float,
        "step is noise / AEQLEVEL",
        "quantize_level as given: each tile's step is its noise over this number.",
    ),
    Keyword(
        "AEERRBND",
        float,
        "largest absolute error",
        "error_bound as given, in physical units.",
    ),
    Keyword("AERELERR", float, "largest relative error", "relative_error as given."),
    Keyword(
        "AELATSTP",
        float,
        "times the model's quantisation steps",
        "latent_step as given; latent mode only.",
    ),
    Keyword(
        "AESKIPS",
        str,
        "skip connections: coded or cut",
        "What became of the tensors that pass the latents by; latent mode only.",
    ),
    Keyword(
        "AEDITHER",
        int,
        "0 none, 1 subtractive, 2 keeps zeros",
        "Dither method, as in the FITS standard; bounded mode only.",
    ),
    Keyword("AEDSEED", int, "dither seed", "Start in the 10 000 dither numbers, 1 to 10 000."),
    Keyword(
        "AEBSCALE",
        float,
        "AEERRBND is over this in stored units",
        "Physical units per stored level when the image was compressed.",
    ),
    Keyword("AEBITPIX", int, "stored type of the pixels", "BITPIX of the pixels as stored."),
    Keyword("AENAXIS", int, "number of axes", "Number of axes of the image."),
    Keyword("AENAXISn", int, "length of axis", "Length of axis n, FITS order."),
    Keyword("AETILEn", int, "length of a tile", "Length of a tile on axis n, FITS order."),
    Keyword(
        "AEBLANK", int, "stored value of blank pixels", "BLANK when compressed; integers only."
    ),
    Keyword(
        "AEHDRSUM",
        int,
        "CRC-32 of the original header",
        "CRC-32 of the image's header block as it was compressed, END and padding included.",
    ),
    Keyword(
        "AESCLSUM",
        int,
        "CRC-32 of BSCALE, BZERO and BLANK",
        "CRC-32 of these cards as they stand: damage to them would give wrong pixel values.",
    ),
    Keyword(
        HEADER_BEGIN,
        int,
        "image header follows; its trailing blank cards",
        "All cards after this one are the image's own; the value counts its blank cards at the end.",
    ),
)

#: Keywords about the file an image came from; written where whole files are compressed.
FILE_KEYWORDS = (
    Keyword("AEPRIM", bool, "image was the primary HDU", "The image goes back to the primary HDU."),
    Keyword("AEFILSHA", str, "", "SHA-256 of the original file, hexadecimal."),
    Keyword("AEFILSIZ", int, "size of the original file [byte]", "Bytes of the original file."),
    Keyword("AEFILNAM", str, "name of the original file", "Name of the original file, no folder."),
    Keyword("AEEDITED", bool, "pixels were edited since", "Pixels changed after compressing."),
    Keyword(
        "AEFILSAM",
        bool,
        "decompressing gives that file byte for byte",
        "As checked while compressing; F: the same headers, and the data as promised.",
    ),
    Keyword(
        "AEFPKn",
        str,
        "",
        "Recipe of the fpacked original, in pieces: its table is rebuilt with it.",
    ),
    Keyword(
        "AEPREV", bool, "preview of another HDU", "The HDU is a preview; dropped on the way back."
    ),
    Keyword(
        "AEMODEXT",
        bool,
        "model of images in this file",
        "The HDU holds a model's file as bytes; dropped on the way back.",
    ),
    Keyword(
        "AEOWNER", str, "EXTNAME of the image this belongs to", "Image that an extra HDU serves."
    ),
    Keyword(
        "AEOWNVER", int, "EXTVER of that image", "Version of the image that an extra HDU serves."
    ),
)

#: Columns that every table has, in the order in which they are written.
COLUMNS = (
    Column("STREAM", "1PB", None, "coded pixels", "Coded pixels of the tile."),
    Column("METHOD", "1B", "u1", "entropy method", "Number of the method that coded the tile."),
    Column(
        "CRC_S",
        "1J",
        "u4",
        "CRC-32 of row and stream",
        "Of the tile's number (8 bytes, little-endian) and its coded bytes: shows damage, and rows "
        "that changed places.",
    ),
    Column(
        "CRC_P",
        "1J",
        "u4",
        "CRC-32 of the pixels",
        "Of the decoded pixels as stored, big-endian: shows disagreement of decoders.",
    ),
    Column(
        "SCALE",
        "1D",
        "f8",
        "quantisation step",
        "Step, stored units; 0: exact.  In latent mode the rms error times the root of 12.",
    ),
    Column("ZERO", "1D", "f8", "zero point", "Zero point of the grid, stored units."),
    Column("SIGMA", "1E", "f4", "noise", "Noise of the tile, stored units."),
    Column("BACKGROUND", "1E", "f4", "median", "Median of the tile, stored units."),
    Column("FLUX", "1E", "f4", "sum over the background", "Flux of the tile, stored units."),
    Column("MAXERR", "1E", "f4", "largest error", "Largest error that was measured, stored units."),
    Column(
        "SHARED",
        "1PB",
        None,
        "image record",
        "CRC-32 and record of the whole image: in the first row, a copy in the last.",
    ),
)

#: Columns that may follow; their TFORM has a count in front.
OPTIONAL_COLUMNS = (
    Column(
        "LATENT",
        "E",
        "f4",
        "latent vector",
        "Latent mode: each latent channel, averaged over the tile; NaN: not of the network.",
    ),
)

_BY_NAME = {keyword.name: keyword for keyword in KEYWORDS + FILE_KEYWORDS}


def comment_of(name):
    """The comment of a card, ``AETILE2`` found under ``AETILEn``."""
    keyword = _BY_NAME.get(name) or _BY_NAME[name.rstrip("0123456789") + "n"]
    return keyword.comment
