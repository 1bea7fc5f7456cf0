"""One tile: stored values <-> a stream and its row.

`encode_tile` tries the forms that serve, decodes what each gives and compares that with
the promise; the smallest of those that keep it is the tile.  A stream is::

    form, parameter, fine, len(special), len(side)   as varints
    special pixels | side information | coded integers
"""

import zlib
from dataclasses import dataclass, replace

import numpy as np

from astroae.codec import methods
from astroae.codec.forms import Coded, Form, Layout, bits, choose, layout, restore, source
from astroae.codec.forms.base import integer_type
from astroae.codec.promise import keeps_promise
from astroae.errors import CorruptFileError
from astroae.pixels import nulls
from astroae.pixels.noise import noise_sigma
from astroae.varint import pack_numbers, unpack_numbers

#: One row per tile.  All are in stored units (before BSCALE and BZERO).
TILE_DTYPE = np.dtype(
    [
        ("METHOD", "u1"),  # entropy method, see codec/methods
        ("CRC_S", "u4"),  # checksum of the coded bytes
        ("CRC_P", "u4"),  # checksum of the decoded pixels as stored, big-endian
        ("SCALE", "f8"),  # quantisation step; 0: the tile is exact
        ("ZERO", "f8"),  # zero point of the grid
        ("SIGMA", "f4"),  # noise
        ("BACKGROUND", "f4"),  # median
        ("FLUX", "f4"),  # sum over the background
        ("MAXERR", "f4"),  # largest error that was measured
    ]
)
_HINT = "restore the file from a good copy; on_corrupt='blank' (--keep-going) gives the other tiles"


# Values at the ends of their range overflow on the way to a form that then does not
# serve; the promise is checked at the end, whatever happened before.
@np.errstate(all="ignore")
def encode_tile(values, context, source_integers=None, verify=True):
    """A tile's stream and row, checked against the promise.

    Parameters
    ----------
    values : ndarray (planes, y, x)
        Stored values, native byte order, contiguous.
    context : TileContext
    source_integers : int32 ndarray, optional
        Of a source taken over.
    verify : bool
        Decode the very bytes.  Without, the integers that went into them are held
        against the promise alone: for a caller who reads back what he wrote.

    Returns
    -------
    stream : bytes
    row : structured scalar of TILE_DTYPE
    vector : float32 ndarray or None
        Latents of the tile, in latent mode, where the network takes it.
    """
    context = replace(context, sigma=noise_of(values, context))
    row, best, vector = _statistics(values, context), None, None
    for coded in choose(values, context, source_integers):
        vector = coded.vector if vector is None else vector
        if coded.form is Form.LATENT and context.grid is not None:
            continue  # what a network gave is not put through it again
        best = _smaller(best, _made(values, coded, row, context, verify))
    if best is None:
        best = _made(values, bits.analyze(values, context), row, context, verify)
    if best is None:
        raise AssertionError("no form keeps the promise for this tile")  # its bits always do
    return *best, vector


def _smaller(a, b):
    made = [tile for tile in (a, b) if tile is not None]
    return min(made, key=lambda tile: len(tile[0]), default=None)


def _made(values, coded, row, context, verify):
    """Stream and row of a form; None where what it gives does not keep the promise."""
    row["SCALE"], row["ZERO"] = coded.scale, coded.zero
    stream = _pack(coded, row, context)
    row["CRC_S"] = stream_checksum(stream, context.number)
    try:
        decoded = _decode(stream, row, context, None if verify else coded).values
    except ValueError:  # bytes that no reader would take
        return None
    if not keeps_promise(values, decoded, coded, row, context):
        return None
    row["CRC_P"] = pixel_checksum(decoded)
    return stream, row.copy()


def middle(values):
    """One of the values that lie in the middle: a median without arithmetic."""
    half = values.size // 2
    return np.partition(values, half, axis=None)[half]


def noise_of(values, context):
    """Noise of a tile's ordinary pixels."""
    found = nulls.special(values, context.blank)
    if values.dtype.kind == "i" and values.dtype.itemsize == 8:
        values = _near_zero(values, found)
    return float(noise_sigma(values, None if found is None else ~found))


def _near_zero(values, found):
    """64-bit integers less their least one, where float64 then holds them exactly."""
    plain = values if found is None else values[~found]
    if not plain.size or int(plain.max()) - int(plain.min()) >= 2**53:
        return values
    return values - plain.min()


def _statistics(values, context):
    row = np.zeros((), TILE_DTYPE)
    found = nulls.special(values, context.blank)
    ordinary = values if found is None else values[~found]
    if not ordinary.size:
        return row
    row["SIGMA"] = context.sigma
    row["BACKGROUND"] = background = middle(ordinary)
    row["FLUX"] = ordinary.sum(dtype=float) - float(background) * ordinary.size
    return row


def _pack(coded, row, context):
    """The smallest stream of the integers; sets METHOD."""
    effort = context.settings.effort
    row["METHOD"], body = methods.encode(coded.k, coded.valid, coded.grid, coded.levels, effort)
    sizes = len(coded.special), len(coded.side)
    head = pack_numbers([coded.form, coded.parameter, coded.fine, *sizes])
    return head + coded.special + coded.side + body


def stream_checksum(stream, number):
    """CRC-32 of the tile's number (8 bytes, little-endian) and its coded bytes.

    So rows that change places are found out, even where both are whole.
    """
    return zlib.crc32(stream, zlib.crc32(int(number).to_bytes(8, "little")))


def pixel_checksum(values):
    """CRC-32 of pixels as FITS stores them: big-endian, C order."""
    stored = np.ascontiguousarray(values, values.dtype.newbyteorder(">"))
    return zlib.crc32(stored.reshape(-1).view("u1"))


# ---- decoder ---------------------------------------------------------------------------


def decode_tile(stream, row, context):
    """Stored values of a tile (planes, y, x), both checksums compared.

    Raises
    ------
    CorruptFileError
    """
    _check_stream(stream, row, context)
    values = _guarded(stream, row, context).values
    if pixel_checksum(values) != int(row["CRC_P"]):
        raise CorruptFileError(
            "the decoded pixels are not those that were written",
            where=f"tile {context.number}",
            found="their checksum CRC_P does not fit",
            hint=_HINT,
        )
    return values


def decode_levels(stream, row, context):
    """(integers, step, zero): the integers that a tile stores (planes, y, x).

    ``step`` is 0 where they are exact values and not levels of a grid.  For a
    source taken over they are its own integers.
    """
    _check_stream(stream, row, context)
    tile = _guarded(stream, row, context)
    if tile.form is Form.SOURCE:
        return source.integers_of(tile.k, tile.plan), 0.0, 0.0
    if tile.form in (Form.QUANT, Form.STEP):
        return tile.k, float(row["SCALE"]), float(row["ZERO"])
    return tile.k, 0.0, 0.0


def _check_stream(stream, row, context):
    if stream_checksum(stream, context.number) != int(row["CRC_S"]):
        raise CorruptFileError(
            "the coded bytes are damaged",
            where=f"tile {context.number}",
            found="their checksum CRC_S does not fit",
            hint=_HINT,
        )


def _guarded(stream, row, context):
    try:
        # Hostile bytes may overflow on the way to a wrong checksum.
        with np.errstate(all="ignore"):
            return _decode(bytes(stream), row, context)
    except (ValueError, IndexError, OverflowError) as exc:
        raise CorruptFileError(
            "the coded bytes make no sense",
            where=f"tile {context.number}",
            found=str(exc),
            hint=_HINT,
        ) from exc


@dataclass
class _Decoded:
    """A tile on its way out: form, integers, layout and values."""

    form: Form
    k: np.ndarray
    plan: Layout
    values: np.ndarray


def _decode(stream, row, context, made=None):
    """``made``: the encoder's own integers, where they need not be decoded."""
    head, at = unpack_numbers(stream, 0, count=5)
    form, parameter, fine, n_special, n_side = (int(v) for v in head)
    if min(n_special, n_side) < 0 or at + n_special + n_side > len(stream):
        raise ValueError("the parts of the stream do not add up")
    special, at = stream[at : at + n_special], at + n_special
    side, at = stream[at : at + n_side], at + n_side
    coded = Coded(
        Form(form),
        None,
        side=side,
        parameter=parameter,
        scale=float(row["SCALE"]),
        zero=float(row["ZERO"]),
        fine=bool(fine),
    )
    plan = layout(coded, special, context)
    if made is not None:
        k = made.k if plan.valid is None else np.where(plan.valid, made.k, 0)
    else:
        k = methods.decode(
            int(row["METHOD"]),
            stream[at:],
            context.shape,
            plan.valid,
            plan.grid,
            plan.levels,
            integer_type(coded.form, context.dtype),
        )
    return _Decoded(coded.form, k, plan, restore(k, plan, coded, context))
