"""A compressed image -> a tile-compressed table of the FITS standard.

`rebuild` gives back the table an image was taken over from: the same cards, integers,
scales and streams.  `standard` writes any other image: RICE_1 where the standard can
express its grid, lossless otherwise, with a note that says so.
"""

import base64
import binascii
import re

import numpy as np

from astroae.codec.image import decode_image, decode_integers, decode_levels
from astroae.container.fpack_cards import header_of, table_cards
from astroae.container.fpack_read import coder_of, read_layout, usual_kinds
from astroae.container.fpack_tiles import ONLY_DECODED, STREAMS
from astroae.container.structure import DTYPE_TO_BITPIX
from astroae.errors import CorruptFileError
from astroae.pixels import grids
from astroae.pixels.tiling import TileGrid
from astroae.settings import Bounded

__all__ = ["fits_recipe", "rebuild", "standard"]

NULL = -2147483647  # CFITSIO's own
_BAND = 1 << 16  # pixels
_STRUCTURE = ("SIMPLE", "XTENSION", "BITPIX", "NAXIS", "EXTEND", "BLOCKED", "PCOUNT", "GCOUNT")
_LEFT_OUT = ("CHECKSUM", "DATASUM")


def fits_recipe(recipe, encoded, image_cards):
    """Whether a recipe still describes an image, whose pixels may have been replaced."""
    header = header_of(table_cards(recipe, image_cards))
    if coder_of(header).algorithm in ONLY_DECODED:
        return False
    layout = read_layout(header)
    same = (layout.shape, layout.dtype) == (tuple(encoded.shape), encoded.dtype)
    quantised = layout.dtype.kind == "f" and "ZSCALE" in [*layout.row.names, *header]
    return same and quantised == (encoded.source is not None)


def rebuild(encoded, image_cards, recipe, *, threads=None):
    """The table that an image was taken over from.

    Parameters
    ----------
    encoded : `~astroae.codec.image.EncodedImage`
    image_cards : list of str
        Of the image header.
    recipe : `~astroae.container.fpack_cards.Recipe`

    Returns
    -------
    cards : list of str
        Of the table, CHECKSUM and DATASUM as they were.
    data : bytes
        The data unit, without padding.

    Raises
    ------
    CorruptFileError
        The recipe contradicts the image, or a tile is damaged.
    """
    cards = table_cards(recipe, image_cards)
    header = header_of(cards)
    layout, grid = read_layout(header), encoded.source
    kinds = np.array(recipe.kinds, np.uint8) if recipe.kinds else usual_kinds(layout, grid)
    exact = kinds != 0 if grid is not None else np.ones(len(kinds), bool)
    if len(kinds) != len(layout.grid) or any(STREAMS[k] not in layout.item for k in set(kinds)):
        raise _contradiction("its tiles are not those of the table")
    values = decode_image(encoded, threads=threads) if exact.any() else None
    levels = decode_integers(encoded) if grid is not None else None
    columns = dict(zip(("ZSCALE", "ZZERO"), (grid.scale, grid.zero))) if grid is not None else {}
    columns |= _further(recipe, layout)
    return _fill(cards, header, layout, values, levels, kinds, columns)


def _further(recipe, layout):
    found = {}
    for name, text in recipe.columns.items():
        try:
            if name in STREAMS or name not in layout.row.names:
                raise ValueError(f"there is no column {name}")
            found[name] = np.frombuffer(base64.b64decode(text), layout.row[name])
        except (ValueError, TypeError, binascii.Error) as exc:
            raise _contradiction(str(exc)) from exc
        if len(found[name]) != len(layout.grid):
            raise _contradiction(f"{len(found[name])} rows of column {name}")
    return found


def _contradiction(found):
    return CorruptFileError(
        "the fpacked original cannot be rebuilt",
        where="AEFPKn",
        found=found,
        hint="decompress without fpack=True",
    )


def standard(encoded, image_cards, *, threads=None):
    """A tile-compressed table of an image that was not taken over from one.

    Parameters
    ----------
    encoded : `~astroae.codec.image.EncodedImage`
    image_cards : list of str

    Returns
    -------
    cards : list of str or None
        None where the standard's readers know no such image (64-bit integers).
    data : bytes
    note : str
        What the standard could not express; empty where it is the same grid.
    """
    if encoded.dtype == np.dtype("i8"):
        return None, b"", "64-bit integers: CFITSIO has no tiles of them; written uncompressed"
    values = decode_image(encoded, threads=threads)
    grid, levels, note = encoded.source, None, ""
    if grid is not None:
        levels = decode_integers(encoded)
    elif encoded.dtype.kind == "f":
        grid, levels, note = _own_grid(encoded, values)
    cards = _standard_cards(encoded, image_cards, grid)
    header = header_of(cards)
    layout = read_layout(header)
    columns = dict(zip(("ZSCALE", "ZZERO"), (grid.scale, grid.zero))) if grid is not None else {}
    kinds = usual_kinds(layout, grid)
    return *_fill(cards, header, layout, values, levels, kinds, columns), note


def _own_grid(encoded, values):
    """Grid, integers and note of a float image in astroae's own tiles."""
    n, mode = len(encoded.tiles), encoded.settings.mode
    if not isinstance(mode, Bounded):
        return None, None, f"{mode.name}: floats stand as they are, in GZIP_2"
    if np.isnan(values).any() and not _in_file_order(encoded.grid):
        # funpack 1.7 writes such tiles to wrong places, its own too; CFITSIO's and
        # astropy's readers do not.
        note = "NaN in tiles narrower than the image, which funpack misplaces"
        return None, None, f"{note}: floats stand as they are, in GZIP_2"
    scale, zero, exact = np.zeros(n), np.zeros(n), np.ones(n, bool)
    levels = np.zeros(encoded.shape, np.int32)
    seed = encoded.settings.dither_seed
    for i in np.flatnonzero(encoded.tiles["SCALE"] > 0):
        k, step, base = decode_levels(encoded, int(i))
        place = encoded.grid.slices(i)
        k = _with_markers(k, values[place], mode.dither)
        dither = grids.tile_dither(int(i), seed, k.shape) if mode.dither else None
        if k is not None and _expresses(k, step, base, dither, mode.dither, values[place]):
            levels[place], scale[i], zero[i], exact[i] = k, step, base, False
    grid = grids.SourceGrid(encoded.tile_shape, scale, zero, exact, mode.dither, seed, NULL)
    note = f"{exact.sum()} of {n} tiles stand as exact floats, in GZIP" if exact.any() else ""
    return (
        (None, None, "every tile is exact: floats in GZIP_2")
        if exact.all()
        else (grid, levels, note)
    )


def _in_file_order(grid):
    """Whether each tile's pixels follow each other in the file."""
    cut = [i for i, (t, n) in enumerate(zip(grid.tile_shape, grid.shape)) if t < n]
    return not cut or all(t == 1 for t in grid.tile_shape[: cut[-1]])


def _bands(shape):
    """Tiles of whole rows for floats that stand as they are."""
    rows = max(1, _BAND // shape[-1])
    return (1,) * (len(shape) - 2) + (min(rows, shape[-2]), shape[-1]) if shape[1:] else shape


def _with_markers(k, values, dither):
    """Integers with the markers of NaN and, in dither method 2, of zero."""
    k = np.where(np.isnan(values), NULL, k)
    return np.where(values == 0, grids.ZERO_MARKER, k) if dither == 2 else k


def _expresses(k, scale, zero, dither, method, values):
    """Whether the FITS formula gives these very values (any NaN for a NaN)."""
    if k.min() < -(2**31) or k.max() >= 2**31:
        return False
    back = grids.dequantize(k, scale, zero, dither, values.dtype)
    back[k == NULL] = np.nan
    if method == 2:
        back[k == grids.ZERO_MARKER] = 0
    nan = np.isnan(values)
    return bool(((back == values) & (np.signbit(back) == np.signbit(values)) | nan).all())


def _standard_cards(encoded, image_cards, grid):
    floats = encoded.dtype.kind == "f"
    if grid is not None:
        tile_shape = grid.tile_shape
    else:
        tile_shape = _bands(encoded.shape) if floats else encoded.tile_shape
    algorithm = "GZIP_2" if floats and grid is None else "RICE_1"
    columns = [(STREAMS[0], "1PB(0)")]
    if grid is not None:
        columns += [("ZSCALE", "1D"), ("ZZERO", "1D")]
        columns += [(STREAMS[1], "1PB(0)")] if grid.exact.any() else []
    values = [
        ("BITPIX", 8, "8-bit bytes"),
        ("NAXIS", 2, "2-dimensional binary table"),
        ("NAXIS1", 8 * len(columns), "width of table in bytes"),
        ("NAXIS2", len(TileGrid(encoded.shape, tile_shape)), "number of rows in table"),
        ("PCOUNT", 0, "size of special data area"),
        ("GCOUNT", 1, "one data group"),
        ("TFIELDS", len(columns), "number of fields in each row"),
    ]
    for n, (name, form) in enumerate(columns, 1):
        values += [(f"TTYPE{n}", name, ""), (f"TFORM{n}", form, "")]
    values += [("ZIMAGE", True, "extension contains compressed image")]
    values += [
        (f"ZTILE{n}", size, "size of tiles to be compressed")
        for n, size in enumerate(reversed(tile_shape), 1)
    ]
    values += [("ZCMPTYPE", algorithm, "compression algorithm")]
    if algorithm == "RICE_1":
        values += [
            ("ZNAME1", "BLOCKSIZE", "compression block size"),
            ("ZVAL1", 32, "pixels per block"),
            ("ZNAME2", "BYTEPIX", "bytes per pixel (1, 2, 4, or 8)"),
            ("ZVAL2", 4 if floats else encoded.dtype.itemsize, "bytes per pixel"),
        ]
    if grid is not None:
        values += [("ZBLANK", grid.null, "null value in the compressed integer array")]
        method = ("NO_DITHER", "SUBTRACTIVE_DITHER_1", "SUBTRACTIVE_DITHER_2")[grid.dither]
        values += [("ZQUANTIZ", method, "Pixel Quantization Algorithm")]
        values += [("ZDITHER0", grid.seed, "dithering offset")] if grid.dither else []
    cards = ["XTENSION= 'BINTABLE'           / binary table extension".ljust(80)]
    return cards + [_card(*value) for value in values] + _image_cards(encoded, image_cards)


def _image_cards(encoded, image_cards):
    """Structural cards renamed, the image's checksums left out, the others as they are."""
    out = []
    for card in image_cards:
        key = card[:8].rstrip()
        if key in _LEFT_OUT:
            continue
        structural = key in _STRUCTURE or re.fullmatch(r"NAXIS\d+", key)
        new = "ZTENSION" if key == "XTENSION" else f"Z{key}"
        out.append(f"{new:8s}{card[8:]}" if structural else card)
    found = {card[:8].rstrip() for card in out}
    needed = {"ZBITPIX": DTYPE_TO_BITPIX[encoded.dtype], "ZNAXIS": len(encoded.shape)}
    needed |= {f"ZNAXIS{n}": size for n, size in enumerate(reversed(encoded.shape), 1)}
    return [_card(key, v, "") for key, v in needed.items() if key not in found] + out


def _card(key, value, comment):
    if isinstance(value, bool):
        text = f"{'T' if value else 'F':>20s}"
    else:
        text = f"'{value:8s}'".ljust(20) if isinstance(value, str) else f"{value:>20d}"
    return f"{key:8s}= {text}{' / ' + comment if comment else ''}"[:80].ljust(80)


# ---- table -------------------------------------------------------------------------------


def _fill(cards, header, layout, values, levels, kinds, columns):
    """Cards and data unit of a table with these tiles."""
    coder = coder_of(header)
    rows = np.zeros(len(layout.grid), layout.row)
    for name, column in columns.items():
        if name in layout.row.names:
            rows[name] = column
    pieces, size, longest = [], 0, dict.fromkeys(layout.item, 0)
    for i, kind in enumerate(kinds):
        exact, name = levels is None or kind != 0, STREAMS[kind]
        stream = coder.encode((values if exact else levels)[layout.grid.slices(i)], int(kind))
        count = len(stream) // layout.item[name].itemsize
        rows[name][i] = count, size
        longest[name] = max(longest[name], count)
        pieces.append(stream)
        size += len(stream)
    data = rows.tobytes() + b"".join(pieces)
    return _with_sizes(cards, header, longest, size), data


def _with_sizes(cards, header, longest, size):
    """Cards with PCOUNT and TFORMn of this heap; those that say it already stay."""
    forms = {header[f"TTYPE{n}"].strip().upper(): n for n in range(1, header["TFIELDS"] + 1)}
    wanted = {"PCOUNT": (header["PCOUNT"], size)}
    if "THEAP" in header:
        wanted["THEAP"] = (header["THEAP"], header["NAXIS1"] * header["NAXIS2"])
    for name, count in longest.items():
        form = header[f"TFORM{forms[name]}"]
        wanted[f"TFORM{forms[name]}"] = (form, re.sub(r"\(\d*\)", f"({count})", form))
    out = []
    for card in cards:
        old, new = wanted.get(card[:8].rstrip(), (None, None))
        out.append(card if old == new else _card(card[:8].rstrip(), new, _comment(card)))
    return out


def _comment(card):
    return card.rpartition(" / ")[2].strip() if " / " in card else ""
