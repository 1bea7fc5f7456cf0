"""One image HDU of a file <-> one table HDU, as bytes.

`encode_span` reads an image HDU where it lies and gives the bytes of its table;
`CodedHDU` reads a table and gives the bytes of the image HDU back.  Headers go
through `astroae.container.header` card for card; pixels are stored values all the
way, so BSCALE, BZERO and unsigned integers never enter.
"""

import math
import mmap
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from astropy.io import fits

from astroae.codec.image import decode_parts
from astroae.container.fpack import join_recipe, sum_cards
from astroae.container.header import (
    header_sum,
    raw_cards,
    scale_sum,
    to_image_header,
    to_table_cards,
)
from astroae.container.keywords import FILE_KEYWORDS
from astroae.container.rows import pack, read_layout, unpack
from astroae.container.structure import (
    BITPIX_TO_DTYPE,
    DTYPE_TO_BITPIX,
    Structure,
    read_structure,
    structure_cards,
)
from astroae.errors import CorruptFileError
from astroae.io.checksums import CHECKSUMS, with_checksums
from astroae.io.encoding import encode_stored, structure_of
from astroae.io.models import model_finder
from astroae.io.pixels import unit_of
from astroae.io.spans import BLOCK, Span
from astroae.settings import Bounded, Lossless, Relative

__all__ = ["CodedHDU", "Table", "encode_span", "header_block", "pixels_of"]

SLAB = 1 << 23  # bytes given at once on the way back, at least a row of tiles
MAX_AXES = 5


def pixels_of(path, span):
    """Stored values of an image HDU, mapped from the file.

    Returns
    -------
    `~numpy.ndarray`
        Big-endian, read-only.
    """
    header = span.header
    shape = tuple(header[f"NAXIS{n}"] for n in range(header["NAXIS"], 0, -1))
    dtype = np.dtype(BITPIX_TO_DTYPE[header["BITPIX"]]).newbyteorder(">")
    # As `np.memmap` does, without its other lookups: a file may have many small images.
    start = span.data // mmap.ALLOCATIONGRANULARITY * mmap.ALLOCATIONGRANULARITY
    count = math.prod(shape)
    length = span.data - start + count * dtype.itemsize
    with open(path, "rb") as stream:
        mapped = mmap.mmap(stream.fileno(), length, access=mmap.ACCESS_READ, offset=start)
    return np.frombuffer(mapped, dtype, count, span.data - start).reshape(shape)


def can_code(span):
    """Whether an image HDU is of a type and of as many axes as the codec takes."""
    header = span.header
    known = header.get("BITPIX") in BITPIX_TO_DTYPE and 1 <= header.get("NAXIS", 0) <= MAX_AXES
    return known and not any(_sizes_that_differ(header, sizes_in(header)))


def sizes_in(header):
    """The cards that say how pixels lie, by their keyword, as a reader takes them."""
    names = ["BITPIX", "NAXIS", *(f"NAXIS{n}" for n in range(1, int(header["NAXIS"]) + 1))]
    return {name: header.get(name) for name in names}


def _sizes_that_differ(header, sizes):
    """Names of cards that say another size, or may to another reader."""
    for name, size in sizes.items():
        # Of two cards of one name, readers differ in which they take.
        found = header.get(name)
        if type(found) is not int or found != size or header.count(name) != 1:
            yield name


def header_block(cards):
    """80-character cards -> the bytes of a header, END and padding included."""
    text = "".join(cards) + "END".ljust(80)
    return text.encode("latin-1").ljust(-(-len(text) // BLOCK) * BLOCK)


@dataclass
class Table:
    """A table HDU that is ready to be written.

    Parameters
    ----------
    encoded : `~astroae.codec.image.EncodedImage`
    structure : `~astroae.container.structure.Structure`
    packed : `~astroae.container.rows.Packed`
    image_cards : list of str
    n_blank : int
    """

    encoded: object
    structure: Structure
    packed: object
    image_cards: list
    n_blank: int

    def header(self, notes):
        """Bytes of the header; ``notes`` are values of the FILE_KEYWORDS."""
        own = structure_cards(self.structure, self.n_blank, notes, self.image_cards)
        return header_block(self.packed.cards + own + self.image_cards)

    @property
    def image_header(self):
        """Header of the image, as it comes back."""
        return to_image_header(fits.Header.fromstring(self.header({})))

    @property
    def data_size(self):
        """Bytes of rows and heap, without padding."""
        return self.packed.rows.nbytes + sum(len(piece) for piece in self.packed.heap)

    def pieces(self):
        """Bytes of the data unit, padding included."""
        yield from self.packed.pieces
        yield bytes(-self.data_size % BLOCK)


def encode_span(path, span: Span, settings, **options):
    """Compress one image HDU of a file.

    Parameters
    ----------
    path : path-like
    span : Span
        Of an image that `can_code` takes.
    settings : `~astroae.settings.Settings`
        Bounds in physical units.
    **options
        ``verify``, ``threads`` and ``progress`` of `astroae.codec.image.encode_image`.

    Returns
    -------
    Table
    """
    header = span.header
    settings, bscale = _for_image(settings, header), unit_of(header)
    encoded = encode_stored(pixels_of(path, span), header, settings, bscale, **options)
    cards, n_blank = to_table_cards(header)
    structure = structure_of(encoded, header, settings, bscale)
    return Table(encoded, structure, pack(encoded), cards, n_blank)


def _for_image(settings, header):
    """Settings of a file -> those of one of its images."""
    shape = settings.tile_shape
    if shape is not None and len(shape) != header["NAXIS"]:
        settings = replace(settings, tile_shape=None)
    if isinstance(settings.mode, Relative) and header.get("BZERO", 0) != 0:
        # A fraction of the stored value is no fraction of the physical one.
        settings = replace(settings, mode=Lossless())
    return settings


class CodedHDU:
    """A compressed image in a file.

    Parameters
    ----------
    path : path-like
        A plain file.
    span : Span
        Of a table with ``AEIMAGE = T``.

    Raises
    ------
    CorruptFileError, FormatVersionError, ModelError
        The table does not describe an image that this version reads.
    """

    def __init__(self, path, span):
        self._path, self.span = path, span
        self.structure = read_structure(span.header)
        self.layout = read_layout(span.header)
        rows = self._read(0, self.layout.rows_size)
        find = model_finder(self._read_file, str(path))
        self.encoded = unpack(self.structure, self.layout, rows, self._read_heap, find)

    def _read_file(self, start, n):
        with open(self._path, "rb") as stream:
            stream.seek(start)
            return stream.read(n)

    def _read_heap(self, offset, n):
        return self._read(self.layout.heap_start + offset, n)

    def _read(self, offset, n):
        if offset + n > self.span.data_end - self.span.data:
            raise CorruptFileError(
                "the tile table is damaged",
                where=self.span.label,
                found=f"bytes {offset} to {offset + n} lie outside its data",
                hint="restore the file from a copy",
            )
        return self._read_file(self.span.data + offset, n)

    @cached_property
    def image_header(self):
        """Header of the image, as it goes back into a file."""
        return to_image_header(self.span.header)

    @property
    def was_primary(self):
        """The image was a primary HDU."""
        return next(iter(self.image_header), "") == "SIMPLE"

    @property
    def was_edited(self):
        """Header or pixels were changed after the image was compressed."""
        if self.span.header.get("AEEDITED") is True:
            return True
        return self.structure.header_sum not in (None, header_sum(self.image_header))

    @property
    def was_fpacked(self):
        """The image was a tile-compressed one, which ``fpack=True`` gives back."""
        return "AEFPK1" in self.span.header

    @property
    def is_exact(self):
        """Every stored value comes back bit for bit."""
        return is_exact(self.encoded, self.structure.settings)

    @property
    def restored_size(self):
        """Bytes of the image HDU that `restore` gives."""
        data = math.prod(self.structure.shape or (0,)) * self.structure.dtype.itemsize
        header = len(header_block(self._cards(self.image_header)))
        return header + data + -data % BLOCK

    def _cards(self, header):
        """Cards of the image as they go into a file, sums still to be worked out."""
        cards = raw_cards(header)
        if not self.was_fpacked:
            return cards
        return sum_cards(cards, join_recipe(self.span.header), edited=self.was_edited)

    def restore(self, *, as_extension=False, progress=None, **options):
        """Bytes of the image HDU, header to padding, a slab of pixels at a time.

        Parameters
        ----------
        as_extension : bool
            A former primary HDU becomes an IMAGE extension.
        progress, **options
            As in `astroae.codec.image.decode_image`.

        Yields
        ------
        bytes
        """
        header = self.image_header
        moved = as_extension and self.was_primary
        if moved:
            header = extension_header(header)
        cards = self._cards(header)
        another = not self.is_exact or self.was_edited or self.was_fpacked or moved
        if another and any(card[:8].rstrip() in CHECKSUMS for card in cards):
            cards = with_checksums(cards, self._pixels(**options | {"damaged": None}))
        yield header_block(cards)
        size = 0
        for raw in self._pixels(progress=progress, **options):
            size += len(raw)
            yield raw
        yield bytes(-size % BLOCK)

    def check_header(self):
        """Refuse a header under which these pixels would be read as another image.

        Raises
        ------
        CorruptFileError
        """
        for keyword in FILE_KEYWORDS:  # what cannot be read says so here
            self.span.header.get(keyword.name.upper())
        header, shape = self.image_header, self.structure.shape
        own = {"BITPIX": DTYPE_TO_BITPIX[self.structure.dtype], "NAXIS": len(shape)}
        own |= {f"NAXIS{n}": axis for n, axis in enumerate(reversed(shape), 1)}
        own |= {key: n for key, n in (("PCOUNT", 0), ("GCOUNT", 1)) if key in header}
        for key in _sizes_that_differ(header, own):
            raise self._misfit(key, f"got {header.get(key)!r}, the pixels have {own[key]}")
        first = next(iter(header), "")
        if first != "SIMPLE" and (first, str(header.get(first)).strip()) != ("XTENSION", "IMAGE"):
            raise self._misfit("first card", f"got {str(header.cards[0]).strip()!r}")
        if self.structure.scale_sum not in (None, scale_sum(header)):
            raise self._misfit("BSCALE, BZERO, BLANK", "their checksum is another")

    def _misfit(self, place, found):
        return CorruptFileError(
            "the image's header does not fit its pixels",
            where=f"{self.span.label}, {place}",
            found=found,
            hint="restore the file from a copy",
        )

    def _pixels(self, **options):
        """Stored values as bytes of a file, a slab at a time."""
        if self.encoded is None:
            return
        big = self.encoded.dtype.newbyteorder(">")
        for pixels in decode_parts(self.encoded, [*self._slabs()], dtype=big, **options):
            yield pixels.reshape(-1).view("u1").data

    def _slabs(self):
        """Regions in file order, whole tiles along the first axis."""
        shape, tile = self.encoded.shape, self.encoded.tile_shape
        row = math.prod(shape[1:]) * self.encoded.dtype.itemsize * tile[0]
        step = tile[0] * max(1, SLAB // max(row, 1))
        for start in range(0, shape[0], step):
            first = slice(start, min(start + step, shape[0]))
            yield (first, *(slice(0, n) for n in shape[1:]))


def is_exact(encoded, settings):
    """Whether every tile is known to come back bit for bit."""
    if encoded is None or isinstance(settings.mode, Lossless):
        return True
    if encoded.dtype.kind == "f" and (encoded.tiles["SCALE"] != 0).any():
        return False  # on a grid: NaN payloads and signs of zero may be others
    return bool((encoded.tiles["MAXERR"] == 0).all())


def error_over_bound(encoded, settings):
    """Largest error of a tile over what bounded mode allows there; 0 where all is exact.

    A relative bound is another for each pixel, so that mode gives 0 too.
    """
    tiles = encoded.tiles[encoded.tiles["MAXERR"] > 0]
    if not len(tiles) or not isinstance(settings.mode, Bounded):
        return 0.0
    step = tiles["SCALE"]
    bound = step / 2 if encoded.dtype.kind == "f" else (step - 1) / 2
    error = np.nextafter(tiles["MAXERR"], np.float32(0))  # it was rounded up to a float32
    return float((error / bound).max())


def extension_header(header):
    """Header of a primary image -> that of an IMAGE extension."""
    cards = raw_cards(header)
    out = ["XTENSION= 'IMAGE   '           / image extension".ljust(80)]
    last_axis = f"NAXIS{header['NAXIS']}" if header["NAXIS"] else "NAXIS"
    for card in cards[1:]:
        key = card[:8].rstrip()
        if key in ("EXTEND", "PCOUNT", "GCOUNT"):
            continue
        out.append(card)
        if key == last_axis:
            out += [f"{k:8s}= {v:>20d}".ljust(80) for k, v in (("PCOUNT", 0), ("GCOUNT", 1))]
    return fits.Header.fromstring("".join(out))
