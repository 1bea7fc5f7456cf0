"""A table in memory, read back as a reader will read it, before a byte of it is written.

What an `AEImageHDU` is about to write goes through the door of every reader: header,
layout, rows, heap, tiles.  Pixels are held against those that were to be stored, and the
image's header against its own cards.
"""

from dataclasses import dataclass, replace

import numpy as np
from astropy.io.fits import Header
from astropy.io.fits.verify import VerifyError

from astroae.codec.image import broken_tile, decode_image
from astroae.codec.parallel import in_parallel
from astroae.codec.tile import stream_checksum
from astroae.container.header import raw_cards, scale_sum, to_image_header
from astroae.container.rows import read_layout, unpack
from astroae.container.structure import read_structure
from astroae.errors import AstroAEError, ReadBackError
from astroae.settings import Settings

__all__ = ["Expected", "check_header", "check_table"]


@dataclass(frozen=True)
class Expected:
    """What must come back.

    Parameters
    ----------
    structure : `~astroae.container.structure.Structure`
    header : `~astropy.io.fits.Header`
        Of the image.
    stored : `~numpy.ndarray` or None
        Stored values of the image; None where they are not at hand.
    fresh : `~numpy.ndarray` of bool, or bool
        Tiles to be decoded.  Of the others, which are the bytes of a file or have been here
        before, it is enough that they are still the same.
    """

    structure: object
    header: Header
    stored: np.ndarray | None = None
    fresh: np.ndarray | bool = True


def check_header(header, expected):
    """Read the header of a table back; the `Structure` that it tells.

    Raises
    ------
    ReadBackError
        It tells of another image, or the image's own cards do not come back.
    """
    try:
        read = Header.fromstring(header.tostring())
        structure = read_structure(read)
        cards, wanted = raw_cards(to_image_header(read)), raw_cards(expected.header)
    except (AstroAEError, VerifyError) as exc:
        raise _not_as_promised("header", str(exc)) from exc
    if cards != wanted:
        found = next((f"{b!r} for {a!r}" for a, b in zip(wanted, cards) if a != b), "other cards")
        raise _not_as_promised("header of the image", found)
    wanted = replace(expected.structure, scale_sum=scale_sum(expected.header))
    for name in ("shape", "dtype", "tile_shape", "settings", "bscale", "blank", "scale_sum"):
        mine, theirs = (_plain(getattr(each, name)) for each in (structure, wanted))
        if mine != theirs:
            raise _not_as_promised("header", f"{name} is {mine}, not {theirs}")
    return structure


def _plain(value):
    """Settings as values; a model counts by its SHA-256, for names may be cut short."""
    if not isinstance(value, Settings):
        return value
    plain = value.to_dict()
    plain["mode"].get("model", {}).pop("name", None)
    del plain["effort"]  # a file does not tell how hard it was to write
    return {**plain, "tile_shape": None}  # the structure has its own


def check_table(header, packed, expected, find_model=None, *, threads=None):
    """Read a table back from its header and its bytes.

    Parameters
    ----------
    header : `~astropy.io.fits.Header`
        Of the table.
    packed : `~astroae.container.rows.Packed`
    expected : Expected
    find_model : callable
        Of latent mode, as `astroae.codec.models.find_model`.
    threads : int, optional

    Raises
    ------
    ReadBackError
        Something does not come back as it should.
    """
    structure = check_header(header, expected)
    try:
        layout = read_layout(Header.fromstring(header.tostring()))
        read = _reader(packed)
        encoded = unpack(
            structure,
            layout,
            read(0, layout.rows_size),
            lambda offset, n: read(layout.heap_start + offset, n),
            find_model,
        )
        if encoded is not None:
            _check_tiles(encoded, expected, threads)
    except ReadBackError:
        raise
    except AstroAEError as exc:
        raise _not_as_promised("table", str(exc)) from exc


def _check_tiles(encoded, expected, threads):
    stored, settings = expected.stored, expected.structure.stored_settings
    fresh = np.broadcast_to(expected.fresh, len(encoded.tiles))

    def work(i):
        tile = encoded.tiles[i]
        if not fresh[i]:
            whole = stream_checksum(encoded.streams[i], i) == tile["CRC_S"]
            return None if whole else "its bytes are others than before"
        if stored is not None:
            return broken_tile(encoded, i, stored, settings)
        decode_image(encoded, encoded.grid.slices(i), threads=1)
        return None

    for i, broken in enumerate(in_parallel(work, range(len(encoded.grid)), threads)):
        if broken is not None:
            raise _not_as_promised(f"tile {i}", broken)


def _reader(packed):
    """``read(offset, n)`` of the data unit, whose pieces are never joined."""
    pieces = [piece for piece in packed.pieces if len(piece)]
    ends = np.cumsum([len(piece) for piece in pieces])

    def read(offset, n):
        i = int(np.searchsorted(ends, offset, "right"))
        found = b""
        while i < len(pieces) and len(found) < n:
            start = offset + len(found) - (int(ends[i]) - len(pieces[i]))
            found += bytes(pieces[i][start : start + n - len(found)])
            i += 1
        return found

    return read


def _not_as_promised(where, found):
    return ReadBackError(
        "what was to be written does not come back as promised; this HDU was not written",
        where=where,
        found=found,
        hint="this is a fault of astroae: please report it, with the data if you can",
    )
