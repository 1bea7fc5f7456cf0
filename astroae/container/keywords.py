"""Every keyword and every column of the format: the one table.

Code, documentation and checks derive from it, and it imports nothing but the
standard library.  A compressed image is a plain BINTABLE with ``AEIMAGE = T``,
one row per tile, its bit streams in the heap.
"""

from dataclasses import dataclass

__all__ = [
    "CERTIFICATE_COLUMNS",
    "CERTIFICATE_KEYWORDS",
    "COLUMNS",
    "FILE_KEYWORDS",
    "FORMAT_VERSION",
    "KEYWORDS",
    "MARK",
    "Column",
    "Keyword",
    "comment_of",
    "is_extra",
]

#: Version of the format that this code writes, and the only one that it reads: 1 had
#: checksums of streams without the tile's number, 2 a heap that other programs did not
#: copy well.  Neither was released.
FORMAT_VERSION = 4

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
        "error_bound as given, in physical units; in relative mode it holds as well.",
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
    Keyword(
        "AELOSSYI",
        bool,
        "integer images lose too",
        "lossy_integers as given; without it integer images are lossless.",
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
    Keyword(
        "AENHDU",
        int,
        "HDUs of this file",
        "HDUs that the file was written with: where fewer are there, it was cut short.",
    ),
    Keyword(
        "AEKEPSUM",
        int,
        "CRC-32 of what was copied, and of AEHDRSUMs",
        "CRC-32 of the HDUs that were copied byte for byte and of what follows the last, with the "
        "AEHDRSUM of each compressed image in its place, four bytes, big-endian: shows damage of "
        "what is not compressed, and HDUs that changed places.",
    ),
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
        "AECERT",
        bool,
        "certificate of another HDU",
        "The HDU is a certificate; dropped on the way back if its AEFILSHA is the file's.",
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

#: Keywords of a certificate, beside EXTNAME, EXTVER, AECERT, AEOWNER, AEOWNVER and AEFILSHA.
CERTIFICATE_KEYWORDS = (
    Keyword("AECREATR", str, "written by", "Program and version that measured."),
    Keyword(
        "AEPACKGS", str, "what measured", "Versions of the packages that the figures come from."
    ),
    Keyword("AEVERDIC", str, "pass, fail or undetermined", "The worst of all quantities."),
    Keyword("AETOLNAM", str, "tolerance set", "Name of the tolerance set."),
    Keyword("AETOLSHA", str, "", "SHA-256 of the tolerance set's file."),
    Keyword("AEKINDS", str, "kinds of image", "What kind of image it was taken for."),
    Keyword("AEPLANES", str, "planes measured", "Planes of a cube that were measured, from 0."),
    Keyword("AENOSRC", str, "", "Why sources cannot be measured on it, where they cannot."),
    Keyword("AESOURCE", int, "sources found", "Sources of 5 sigma that were found."),
    Keyword(
        "AESAMPLE",
        int,
        "of them measured in every way",
        "Most sources of the slow measures, spread evenly over the magnitudes.",
    ),
    Keyword("AEFWHM", float, "FWHM of the PSF [pix]", "FWHM of the PSF."),
    Keyword("AEAPRAD", float, "radius of the apertures [pix]", "Radius of the apertures."),
    Keyword(
        "AEANNIN", float, "inner radius of the annuli [pix]", "Inner radius of the annuli of own_*."
    ),
    Keyword(
        "AEANNOUT",
        float,
        "outer radius of the annuli [pix]",
        "Outer radius of the annuli of own_*.",
    ),
    Keyword("AEZEROPT", float, "zero point [mag]", "Zero point; mag_before is there with it only."),
    Keyword(
        "AEPIXORG", int, "x and y of the first pixel's middle", "Origin of x and y: 0, as in numpy."
    ),
    Keyword(
        "AEQTYn",
        str,
        "",
        "A quantity as JSON: name, verdict, value, lower and upper end of its 95 % interval, "
        "tolerance, unit, number of sources or pixels; or name, 'skipped', reason.",
    ),
)

#: Columns of a certificate, one row per source.
CERTIFICATE_COLUMNS = (
    Column("id", "J", "i4", "1: the brightest", "Number of the source, the brightest first."),
    Column("plane", "J", "i4", "of AEPLANES", "Plane of a cube, from 0 in C order; of cubes only."),
    Column("x", "D", "f8", "pixels from 0", "Position in the original, pixels from 0."),
    Column("y", "D", "f8", "pixels from 0", "The same along y."),
    Column("ra", "D", "f8", "ICRS", "Right ascension; with a celestial WCS only."),
    Column("dec", "D", "f8", "ICRS", "Declination; with a celestial WCS only."),
    Column("flux_before", "D", "f8", "original", "Flux in the aperture, in BUNIT."),
    Column("flux_err", "E", "f4", "its error", "Error of that flux."),
    Column("flux_after", "D", "f8", "decoded", "Flux in the same aperture of the decoded image."),
    Column("change_sigma", "E", "f4", "over flux_err", "Change of the flux over its error."),
    Column("change_mag", "E", "f4", "after less before", "Change in magnitudes, differential."),
    Column(
        "own_before",
        "E",
        "f4",
        "original, above its annulus",
        "Flux above the clipped median of its annulus in the original.",
    ),
    Column(
        "own_after",
        "E",
        "f4",
        "decoded, above its annulus",
        "Flux above that of the same annulus in the decoded image, as one finds it there.",
    ),
    Column("change_own", "E", "f4", "over flux_err", "Change of that flux over flux_err."),
    Column("mag_before", "E", "f4", "with AEZEROPT", "Magnitude; with a zero point only."),
    Column(
        "flags",
        "I",
        "i2",
        "1 bad, 2 saturated, 4 edge, 8 blended, 16 lost",
        "Sum of 1 bad pixel, 2 saturated pixel, 4 at the edge, 8 blended, 16 pixel that was lost; "
        "those with 1, 2 or 4 enter no statistic.",
    ),
)

_BY_NAME = {keyword.name: keyword for keyword in KEYWORDS + FILE_KEYWORDS + CERTIFICATE_KEYWORDS}


def is_extra(header, sha256=None):
    """Whether an HDU was added by astroae, and goes on the way back.

    Parameters
    ----------
    header : mapping
        Of any HDU but a compressed image.
    sha256 : str, optional
        AEFILSHA of the compressed file.  A certificate names it too: a copy of one that
        lies in a user's own file is the user's table.
    """
    if header.get("AECERT") is True:
        return sha256 is None or header.get("AEFILSHA") == sha256
    return header.get("AEPREV") is True or header.get("AEMODEXT") is True


def comment_of(name):
    """The comment of a card, ``AETILE2`` found under ``AETILEn``."""
    keyword = _BY_NAME.get(name) or _BY_NAME[name.rstrip("0123456789") + "n"]
    return keyword.comment
