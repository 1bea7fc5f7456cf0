"""`EncodedImage` <-> table rows and heap.

`pack` gives the cards, rows and heap of a table; `unpack` the image again, its
streams read from the file when they are asked for.  Whatever a file says of
sizes, offsets and counts is checked against what is there before memory is taken.
"""

import math
import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from astroae.codec.image import TILE_DTYPE, EncodedImage
from astroae.codec.models import find_model
from astroae.container.keywords import COLUMNS, OPTIONAL_COLUMNS
from astroae.container.structure import Structure, stored_settings
from astroae.errors import CorruptFileError
from astroae.pixels.tiling import TileGrid

__all__ = ["HeapStreams", "Layout", "Packed", "pack", "read_layout", "unpack"]

MAX_NARROW_HEAP = 2**31 - 1
MAX_COLUMNS = 999
LATENT = "LATENT"
UINT32_ZERO = 2**31
_WIDTHS = {"L": 1, "B": 1, "I": 2, "J": 4, "K": 8, "A": 1, "E": 4, "D": 8, "C": 8, "M": 16}
_CODES = {"1B": ">u1", "1J": ">i4", "1D": ">f8", "1E": ">f4"}


@dataclass
class Packed:
    """A table that is ready to be written.

    Parameters
    ----------
    cards : list of str
        XTENSION to TFIELDS, then those of the columns.
    rows : `~numpy.ndarray`
        Structured, big-endian.
    heap : sequence of bytes
        Follows the rows without gap.
    """

    cards: list[str]
    rows: np.ndarray
    heap: Sequence[bytes]

    @property
    def pieces(self):
        """All bytes of the data unit, in order, without padding."""
        yield self.rows.tobytes()
        yield from self.heap


def pack(encoded):
    """Rows and heap of a compressed image.

    Parameters
    ----------
    encoded : `~astroae.codec.image.EncodedImage` or None
        None for an HDU without pixels.

    Returns
    -------
    Packed
    """
    n = 0 if encoded is None else len(encoded.tiles)
    if not n:
        rows = np.zeros(0, _row_dtype(False, 0))
        return Packed(_table_cards(rows, 0, {"STREAM": 0, "SHARED": 0}, False), rows, [])
    record = _seal(encoded.shared)
    # Column by column, rows in order: so a program that writes columns back one after
    # another (astropy does) puts every piece where its descriptor says.
    heap = [bytes(stream) for stream in encoded.streams] + [record] * min(n, 2)
    lengths = np.array([len(piece) for piece in heap], np.int64)
    offsets = np.cumsum(lengths) - lengths
    heap_size = int(lengths.sum())
    wide = heap_size > MAX_NARROW_HEAP
    rows = np.zeros(n, _row_dtype(wide, 0 if encoded.latents is None else encoded.latents.shape[1]))
    rows["STREAM"][:, 0], rows["STREAM"][:, 1] = lengths[:n], offsets[:n]
    rows["SHARED"][[0, -1]] = np.stack([lengths, offsets], 1)[[n, -1]]
    for name in TILE_DTYPE.names:
        rows[name] = _to_fits(encoded.tiles[name])
    if LATENT in rows.dtype.names:
        rows[LATENT] = encoded.latents
    longest = {"STREAM": int(lengths[:n].max()), "SHARED": len(record)}
    return Packed(_table_cards(rows, heap_size, longest, wide), rows, heap)


def _seal(record):
    return zlib.crc32(record).to_bytes(4, "big") + record


def _unseal(sealed):
    """The record, or None where it is damaged."""
    record = sealed[4:]
    return record if sealed[:4] == zlib.crc32(record).to_bytes(4, "big") else None


def _row_dtype(wide, n_latents):
    stream = (">i8" if wide else ">i4", 2)
    fields = [(c.name, *(stream if c.dtype is None else (_CODES[c.form],))) for c in COLUMNS]
    return np.dtype(fields + ([(LATENT, ">f4", (n_latents,))] if n_latents else []))


def _to_fits(column):
    """FITS has no unsigned 32-bit integers: they stand offset by TZERO = 2**31."""
    if column.dtype == np.uint32:
        return (column ^ np.uint32(UINT32_ZERO)).view(np.int32)
    return column


def _table_cards(rows, heap_size, longest, wide):
    cards = ["XTENSION= 'BINTABLE'           / binary table extension".ljust(80)]
    for key, value, comment in (
        ("BITPIX", 8, "bytes"),
        ("NAXIS", 2, "rows and columns"),
        ("NAXIS1", rows.dtype.itemsize, "bytes in a row"),
        ("NAXIS2", len(rows), "one row per tile"),
        ("PCOUNT", heap_size, "bytes in the heap"),
        ("GCOUNT", 1, "one group"),
        ("TFIELDS", len(rows.dtype), "number of columns"),
    ):
        cards.append(f"{key:8s}= {value:>20d} / {comment}".ljust(80))
    columns = [c for c in COLUMNS + OPTIONAL_COLUMNS if c.name in rows.dtype.names]
    for i, column in enumerate(columns, 1):
        form = column.form
        if column.name == LATENT:
            form = f"{rows.dtype[LATENT].shape[0]}E"
        if column.dtype is None:
            form = f"1{'Q' if wide else 'P'}B({longest[column.name]})"
        cards.append(f"{f'TTYPE{i}':8s}= '{column.name:8s}'         / {column.comment}".ljust(80))
        cards.append(f"{f'TFORM{i}':8s}= '{form:8s}'".ljust(80))
        if column.dtype == "u4":
            cards.append(f"{f'TZERO{i}':8s}= {UINT32_ZERO:>20d} / unsigned".ljust(80))
    return cards


@dataclass(frozen=True)
class Layout:
    """Where things stand in a table's data unit.

    Parameters
    ----------
    dtype : `~numpy.dtype`
        Of a row, columns that this format does not know included.
    n_rows : int
    heap_start, heap_size : int
        Bytes, the start from the beginning of the data unit.
    """

    dtype: np.dtype
    n_rows: int
    heap_start: int
    heap_size: int

    @property
    def rows_size(self):
        return self.n_rows * self.dtype.itemsize


def read_layout(header):
    """The layout that a table's header describes, checked against itself.

    Raises
    ------
    CorruptFileError
        A column is missing or of another format, or sizes contradict each other.
    """
    width, n_rows = _count(header, "NAXIS1"), _count(header, "NAXIS2")
    after = _count(header, "PCOUNT")
    rows_size = width * n_rows
    heap_start = _count(header, "THEAP", rows_size)
    if not rows_size <= heap_start <= rows_size + after:
        raise _damaged("THEAP", f"{heap_start} lies outside the data unit")
    dtype = _columns(header, _count(header, "TFIELDS"))
    if dtype.itemsize != width:
        raise _damaged("NAXIS1", f"rows of {width} bytes, the columns take {dtype.itemsize}")
    return Layout(dtype, n_rows, heap_start, rows_size + after - heap_start)


def _count(header, key, default=None):
    value = header.get(key, default)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise _damaged(key, f"got {value!r}, expected a whole number from 0")
    return value


def _columns(header, n_columns):
    if n_columns > MAX_COLUMNS:
        raise _damaged("TFIELDS", f"got {n_columns}, allowed are {MAX_COLUMNS}")
    known = {column.name: column for column in COLUMNS}
    fields, missing = [], set(known)
    for i in range(1, n_columns + 1):
        form = str(header.get(f"TFORM{i}", "")).strip().upper()
        name = str(header.get(f"TTYPE{i}", "")).strip().upper()
        vector = re.fullmatch(r"([1-9]\d{0,5})E", form)
        if name == LATENT and vector and name not in [field[0] for field in fields]:
            fields.append((name, ">f4", (int(vector[1]),)))
        elif name in missing:
            fields.append((name, *_own_format(known[name], form)))
            missing.discard(name)
        else:
            fields.append((f"column {i}", f"V{_width(form, f'TFORM{i}')}"))
    if missing:
        raise _damaged("TTYPEn", f"no column {', '.join(sorted(missing))}")
    return np.dtype(fields)


def _own_format(column, form):
    if column.dtype is None:
        found = re.fullmatch(r"1?([PQ])B(\(\d*\))?", form)
        if found:
            return (">i4" if found[1] == "P" else ">i8", 2)
    elif form in (column.form, column.form[1:]):
        return (_CODES[column.form],)
    raise _damaged(f"TFORM of {column.name}", f"got {form!r}, expected {column.form!r}")


def _width(form, key):
    found = re.fullmatch(r"(\d{0,9})([LXBIJKAEDCMPQ])(.*)", form)
    if not found:
        raise _damaged(key, f"got {form!r}")
    repeat, code = int(found[1] or 1), found[2]
    if code == "X":
        return -(-repeat // 8)
    return repeat * {"P": 8, "Q": 16}.get(code, _WIDTHS.get(code, 0))


class HeapStreams(Sequence):
    """Streams of the tiles, read when they are asked for.

    Parameters
    ----------
    descriptors : `~numpy.ndarray`
        Length and offset of each stream, shape (n, 2), bytes.
    heap_size : int
    read : callable
        ``read(offset, n)`` gives ``n`` bytes of the heap.
    """

    def __init__(self, descriptors, heap_size, read):
        self._descriptors = np.array(descriptors, np.int64)
        self._heap_size = heap_size
        self._read = read

    def __len__(self):
        return len(self._descriptors)

    @property
    def sizes(self):
        """Length of each stream in bytes, as the table has it."""
        return self._descriptors[:, 0].copy()

    def __getitem__(self, i):
        if isinstance(i, slice):
            return [self[k] for k in range(*i.indices(len(self)))]
        n, offset = (int(v) for v in self._descriptors[i])
        if n < 0 or offset < 0 or offset + n > self._heap_size:
            raise CorruptFileError(
                "a stream lies outside the heap",
                where=f"tile {i % len(self)}",
                found=f"{n} bytes at {offset}, the heap has {self._heap_size}",
                hint="restore the file from a good copy; on_corrupt='blank' (--keep-going) gives "
                "the other tiles",
            )
        return self._read(offset, n)


def unpack(structure: Structure, layout: Layout, rows, read, find_model=find_model):
    """The compressed image that a table holds, its streams still unread.

    Parameters
    ----------
    structure : Structure
    layout : Layout
    rows : bytes-like
        ``layout.rows_size`` bytes.
    read : callable
        ``read(offset, n)`` gives ``n`` bytes of the heap.
    find_model : callable
        Finds the model of latent mode, as `astroae.codec.models.find_model` does.

    Returns
    -------
    `~astroae.codec.image.EncodedImage` or None
        None where the HDU has no pixels.

    Raises
    ------
    CorruptFileError
        Rows and shape contradict each other, or the image record is damaged twice.
    """
    n_tiles = len(TileGrid(structure.shape, structure.tile_shape)) if structure.shape else 0
    if n_tiles != layout.n_rows:
        raise _damaged("NAXIS2", f"{layout.n_rows} rows for {n_tiles} tiles")
    if not math.prod(structure.shape) or not structure.shape:
        return None
    table = np.frombuffer(rows, layout.dtype, layout.n_rows)
    tiles = np.empty(n_tiles, TILE_DTYPE)
    for name in TILE_DTYPE.names:
        tiles[name] = _from_fits(table[name], TILE_DTYPE[name])
    return EncodedImage(
        shape=structure.shape,
        dtype=structure.dtype,
        tile_shape=structure.tile_shape,
        settings=stored_settings(structure.settings, structure.bscale),
        blank=structure.blank,
        shared=_read_record(table["SHARED"], layout.heap_size, read),
        tiles=tiles,
        streams=HeapStreams(table["STREAM"], layout.heap_size, read),
        find_model=find_model,
        latents=table[LATENT].astype(np.float32) if LATENT in layout.dtype.names else None,
    )


def _from_fits(column, dtype):
    if dtype == np.uint32:
        return column.astype(np.int32).view(np.uint32) ^ np.uint32(UINT32_ZERO)
    return column


def _read_record(descriptors, heap_size, read):
    copies = HeapStreams(descriptors[[0, -1]], heap_size, read)
    for i in (0, 1):
        try:
            record = _unseal(copies[i])
        except CorruptFileError:
            continue
        if record is not None:
            return record
    raise _damaged(
        "column SHARED",
        "the image record and its copy are damaged, or what wrote the table anew did not keep its "
        "heap",
    )


def _damaged(where, found):
    return CorruptFileError(
        "the tile table is damaged",
        where=where,
        found=found,
        hint="restore the file from a copy",
    )
