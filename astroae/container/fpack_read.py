"""A tile-compressed image as the file stores it.

In goes a table's header and data unit; out comes a `FpackImage`: the stored values,
and of quantised floats the integers, and the grid they stand on.  Nothing is lost:
`astroae.container.fpack_write` gives the same table again.
"""

import base64
import math
from dataclasses import dataclass

import numpy as np

from astroae.container.fpack_cards import split_cards
from astroae.container.fpack_tiles import ONLY_DECODED, STREAMS, Coder
from astroae.container.header import raw_cards
from astroae.container.structure import BITPIX_TO_DTYPE
from astroae.errors import CorruptFileError, UnsupportedDataError
from astroae.pixels import grids
from astroae.pixels.tiling import TileGrid

__all__ = ["FpackImage", "Layout", "coder_of", "read_fpack", "read_layout"]

MAX_AXES, MAX_COLUMNS = 5, 999
MAX_PIXELS = 2**36
DITHERS = {"": 0, "NONE": 0, "NO_DITHER": 0, "SUBTRACTIVE_DITHER_1": 1, "SUBTRACTIVE_DITHER_2": 2}
_CODES = {"L": "u1", "B": "u1", "I": ">i2", "J": ">i4", "K": ">i8", "E": ">f4", "D": ">f8"}
_GRID = ("ZSCALE", "ZZERO")


@dataclass
class FpackImage:
    """A tile-compressed image, taken apart.

    Parameters
    ----------
    values : ndarray
        Stored values, native byte order; of quantised floats what the FITS formula
        gives, without fused multiply-add.
    integers : int32 ndarray or None
        Of quantised floats: as stored; 0 in tiles that hold lossless floats.
    grid : `~astroae.pixels.grids.SourceGrid` or None
    blank : int or None
        BLANK of an integer image.
    cards : list of str
        Of the image header.
    recipe : `~astroae.container.fpack_cards.Recipe`
        What else the table's header and rows held.
    """

    values: np.ndarray
    integers: np.ndarray | None
    grid: grids.SourceGrid | None
    blank: int | None
    cards: list
    recipe: object


@dataclass(frozen=True)
class Layout:
    """What a table's header says of the tiles.

    Parameters
    ----------
    shape, tile_shape : tuple of int
        C order.
    dtype : numpy.dtype
        Of the stored values, native byte order.
    row : numpy.dtype
        Of a row of the table.
    item : dict of str to numpy.dtype
        Elements of the columns of streams.
    heap : int
        Start of the heap, from the beginning of the data unit.
    """

    shape: tuple
    tile_shape: tuple
    dtype: np.dtype
    row: np.dtype
    item: dict
    heap: int

    @property
    def grid(self):
        return TileGrid(self.shape, self.tile_shape)


def read_fpack(header, data):
    """Take a tile-compressed image apart.

    Parameters
    ----------
    header : `~astropy.io.fits.Header`
        Of the table.
    data : bytes-like
        The data unit.

    Returns
    -------
    FpackImage

    Raises
    ------
    UnsupportedDataError
        A mask of lossy pixels, a null value that changes from tile to tile: funpack
        first.
    CorruptFileError
        Header, rows and streams contradict each other.
    """
    layout, coder = read_layout(header), coder_of(header)
    if len(data) < layout.heap:
        raise _damaged("NAXIS2", f"{len(data)} bytes of data, {layout.heap} announced")
    rows = np.frombuffer(data, layout.row, len(layout.grid))
    heap = memoryview(data)[layout.heap :]
    most = coder.most_pixels(len(heap)) + len(rows) * coder.block_size
    if math.prod(layout.shape) > most:
        raise _damaged("ZNAXISn", f"{layout.shape} pixels from {len(heap)} bytes")
    grid, kinds = _grid_of(header, layout, rows), _kinds(layout, rows)
    levels = np.zeros(layout.shape, np.int32) if grid is not None else None
    values = np.empty(layout.shape, layout.dtype)
    for i in range(len(rows)):
        kind, place = int(kinds[i]), layout.grid.slices(i)
        shape = layout.grid.tile_shape_of(i)
        exact = grid is None or kind != 0
        try:
            stream = _stream(rows, layout, heap, i, kind)
            tile = coder.decode(stream, kind, shape, layout.dtype if exact else levels.dtype)
        except (ValueError, OverflowError, RuntimeError, MemoryError) as exc:
            raise _damaged(f"tile {i}", str(exc)) from exc
        (values if exact else levels)[place] = tile
    if grid is not None:
        grid.exact[:] = kinds != 0
        grid = _with_null(grid, header, rows, levels)
        _dequantise(values, levels, grid)
    cards, recipe = split_cards(raw_cards(header))
    recipe.kinds = [] if np.array_equal(kinds, usual_kinds(layout, grid)) else kinds.tolist()
    recipe.columns = _further_columns(rows, layout, grid)
    return FpackImage(values, levels, grid, _blank(header, layout.dtype), cards, recipe)


def usual_kinds(layout, grid):
    """Column of each tile's stream where nothing is out of the ordinary."""
    kinds = np.zeros(len(layout.grid), np.uint8)
    if grid is not None:
        kinds[grid.exact] = 1 if STREAMS[1] in layout.item else 2
    return kinds


# ---- header ------------------------------------------------------------------------------


def read_layout(header):
    """`Layout` of a tile-compressed table, checked against itself."""
    n_axes = _count(header, "ZNAXIS", None, 1, MAX_COLUMNS)
    if n_axes > MAX_AXES:
        raise _unsupported("ZNAXIS", f"{n_axes} axes, allowed are {MAX_AXES}")
    shape = _numbers(header, "ZNAXIS", n_axes)
    tile_shape = tuple(
        _count(header, f"ZTILE{n}", shape[-n] if n == 1 else 1, 1) for n in range(len(shape), 0, -1)
    )
    bitpix = header.get("ZBITPIX")
    if bitpix not in BITPIX_TO_DTYPE or isinstance(bitpix, bool):
        raise _damaged("ZBITPIX", f"got {bitpix!r}, allowed are {sorted(BITPIX_TO_DTYPE)}")
    if not 0 < math.prod(shape) < MAX_PIXELS:
        raise _damaged("ZNAXISn", f"{math.prod(shape)} pixels")
    row, item = _columns(header)
    n_tiles = len(TileGrid(shape, tile_shape))
    if _count(header, "NAXIS2") != n_tiles:
        raise _damaged("NAXIS2", f"{header['NAXIS2']} rows for {n_tiles} tiles")
    if row.itemsize != _count(header, "NAXIS1"):
        raise _damaged("NAXIS1", f"{header['NAXIS1']}, the columns take {row.itemsize}")
    size = row.itemsize * n_tiles
    heap = _count(header, "THEAP", size, size)
    dtype = np.dtype(BITPIX_TO_DTYPE[bitpix])
    return Layout(shape, tile_shape, dtype, row, item, heap)


def coder_of(header):
    """`Coder` that a table's header names."""
    settings = {"BLOCKSIZE": 32, "BYTEPIX": 4, "SMOOTH": 0}
    for n in range(1, MAX_COLUMNS):
        name = str(header.get(f"ZNAME{n}", "")).strip().upper()
        if not name:
            break
        if name in settings:
            settings[name] = _count(header, f"ZVAL{n}", None, int(name != "SMOOTH"))
    algorithm = str(header.get("ZCMPTYPE", "")).strip()
    unsigned = header.get("ZBITPIX") == 16 and header.get("BZERO") == 32768
    return Coder(algorithm, *settings.values(), unsigned)


def _columns(header):
    fields, item = [], {}
    for n in range(1, _count(header, "TFIELDS", None, 1, MAX_COLUMNS) + 1):
        name = str(header.get(f"TTYPE{n}", f"column {n}")).strip().upper()
        form = str(header.get(f"TFORM{n}", "")).strip().upper()
        if name == "NULL_PIXEL_MASK":
            raise _unsupported(f"TTYPE{n}", "a mask of null pixels beside the image")
        code = form.lstrip("1")[:2]
        if name in STREAMS:
            if code[:1] not in ("P", "Q") or code[1:] not in _CODES:
                raise _damaged(f"TFORM{n}", f"got {form!r} for a column of streams")
            item[name] = np.dtype(_CODES[code[1:]])
            fields.append((name, ">i4" if code[0] == "P" else ">i8", 2))
        elif form.removeprefix("1") in _CODES:
            fields.append((name, _CODES[form.removeprefix("1")]))
        else:
            raise _unsupported(f"TFORM{n}", f"a column {name} of {form!r}")
    if STREAMS[0] not in item or len({f[0] for f in fields}) < len(fields):
        raise _damaged("TTYPEn", "COMPRESSED_DATA is missing, or a column stands twice")
    return np.dtype(fields), item


def _numbers(header, name, n_axes):
    return tuple(_count(header, f"{name}{n}", None, 1) for n in range(n_axes, 0, -1))


def _count(header, key, default=None, low=0, high=2**48):
    value = header.get(key, default)
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise _damaged(key, f"got {value!r}, expected a whole number from {low}")
    return value


def _blank(header, dtype):
    blank = header.get("BLANK")
    if dtype.kind == "f" or type(blank) is not int:
        return None
    limits = np.iinfo(dtype)
    null = header.get("ZBLANK", blank)
    if null != blank and limits.min <= null <= limits.max:
        raise _unsupported("ZBLANK", f"{null} for a BLANK of {blank}")
    return blank if limits.min <= blank <= limits.max else None


# ---- rows --------------------------------------------------------------------------------


def _kinds(layout, rows):
    kinds = np.full(len(rows), 255, np.uint8)
    for kind in (2, 1, 0):
        if STREAMS[kind] in layout.item:
            kinds[rows[STREAMS[kind]][:, 0] > 0] = kind
    empty = np.flatnonzero(kinds == 255)
    if len(empty):
        raise _damaged(f"tile {empty[0]}", "no column holds a stream of it")
    return kinds


def _stream(rows, layout, heap, i, kind):
    name = STREAMS[kind]
    n, offset = (int(v) for v in rows[name][i])
    size = n * layout.item[name].itemsize
    if n < 0 or offset < 0 or offset + size > len(heap):
        raise ValueError(f"its stream of {size} bytes at {offset} lies outside the heap")
    return bytes(heap[offset : offset + size])


def _grid_of(header, layout, rows):
    """Grid of a quantised image, kinds and null still to be filled in; None: lossless."""
    if layout.dtype.kind != "f":
        return None
    columns = [_column(header, rows, name) for name in _GRID]
    if any(column is None for column in columns):
        algorithm = str(header.get("ZCMPTYPE"))
        if algorithm.startswith(("RICE", *ONLY_DECODED)):
            raise _damaged("ZSCALE", f"{algorithm} of floats without ZSCALE and ZZERO")
        return None
    method = str(header.get("ZQUANTIZ", "")).strip()
    if method not in DITHERS:
        raise _unsupported("ZQUANTIZ", f"got {method!r}, allowed are {', '.join(DITHERS)}")
    dither = DITHERS[method]
    seed = _count(header, "ZDITHER0", None, 1, 10_000) if dither else 1
    exact = np.zeros(len(rows), bool)
    return grids.SourceGrid(layout.tile_shape, *columns, exact, dither, seed, 0)


def _column(header, rows, name):
    if name in rows.dtype.names:
        return rows[name].astype(np.float64)
    value = header.get(name)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return np.full(len(rows), float(value))
    return None


def _with_null(grid, header, rows, levels):
    """The grid with its null value: ZBLANK, or an integer that does not occur."""
    if "ZBLANK" in rows.dtype.names and not grid.exact.all():
        used = np.unique(rows["ZBLANK"][~grid.exact])
        if len(used) > 1:
            raise _unsupported("ZBLANK", f"{len(used)} null values in one image")
        null = int(used[0])
    else:
        null = header.get("ZBLANK", header.get("BLANK"))
    if type(null) is not int or not -(2**31) <= null < 2**31:
        null = next(k for k in range(-(2**31), 0) if not (levels == k).any())
    return grids.SourceGrid(
        grid.tile_shape, grid.scale, grid.zero, grid.exact, grid.dither, grid.seed, null
    )


def _dequantise(values, levels, grid):
    """Fill in the floats of quantised tiles, as the decoder will work them out."""
    tiles = TileGrid(values.shape, grid.tile_shape)
    for i in np.flatnonzero(~grid.exact):
        place, shape = tiles.slices(i), tiles.tile_shape_of(i)
        k = levels[place]
        dither = grids.tile_dither(int(i), grid.seed, shape) if grid.dither else None
        tile = grids.dequantize(k, grid.scale[i], grid.zero[i], dither, values.dtype)
        tile[k == grid.null] = np.nan
        if grid.dither == 2:
            tile[k == grids.ZERO_MARKER] = 0
        values[place] = tile


def _further_columns(rows, layout, grid):
    known = set(STREAMS) | (set(_GRID) if grid is not None else set())
    return {
        name: base64.b64encode(rows[name].tobytes()).decode()
        for name in rows.dtype.names
        if name not in known
    }


def _damaged(where, found):
    return CorruptFileError(
        "the tile-compressed image is damaged",
        where=where,
        found=found,
        hint="get the file again",
    )


def _unsupported(where, found):
    return UnsupportedDataError(
        "this tile-compressed image cannot be taken over",
        where=where,
        found=found,
        hint="funpack the file first, then compress it",
    )
