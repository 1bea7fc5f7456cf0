"""One tile of the FITS tiled-image convention: bytes of a stream <-> values.

RICE_1, GZIP_1, GZIP_2 and NOCOMPRESS, by astropy's own coders; deflate with the
settings of CFITSIO, so that the same integers give the same bytes.  HCOMPRESS_1 and
PLIO_1 are decoded by astropy too, and never written.
"""

import math
import threading
import zlib
from dataclasses import dataclass

import numpy as np
from astropy.io.fits.hdu.compressed._compression import (
    CfitsioException,
    compress_rice_1_c,
    decompress_hcompress_1_c,
    decompress_plio_1_c,
    decompress_rice_1_c,
)

from astroae.errors import UnsupportedDataError

__all__ = ["ALGORITHMS", "ONLY_DECODED", "STREAMS", "Coder"]

#: Columns a tile's stream may stand in, by the number a `Recipe` gives them.
STREAMS = ("COMPRESSED_DATA", "GZIP_COMPRESSED_DATA", "UNCOMPRESSED_DATA")
ALGORITHMS = ("RICE_1", "RICE_ONE", "GZIP_1", "GZIP_2", "NOCOMPRESS", "HCOMPRESS_1", "PLIO_1")
#: Lossy, or of positive numbers only: their integers are given back as RICE_1.
ONLY_DECODED = ("HCOMPRESS_1", "PLIO_1")
_GZIP = 31  # window bits of zlib that ask for a gzip header
_LEVEL = 1  # CFITSIO's
_HCOMPRESS_HEAD = 25  # bytes: magic, shape, scale, sum, bit planes
_PLIO_HEAD = 7  # words
_MOST_EMPTY = 1 << 27  # pixels
_UNSIGNED = 32768  # what CFITSIO adds to 16-bit integers with that BZERO before PLIO_1

# The decoder of HCOMPRESS_1 keeps its place in a static variable, without the GIL.
_HCOMPRESS_LOCK = threading.Lock()


@dataclass(frozen=True)
class Coder:
    """How the tiles of one image are coded.

    Parameters
    ----------
    algorithm : str
        ZCMPTYPE.
    block_size, byte_pix : int
        Of RICE_1.
    smooth : int
        Of HCOMPRESS_1.
    unsigned : bool
        16-bit integers with a BZERO of 32768, which PLIO_1 holds without it.
    """

    algorithm: str
    block_size: int = 32
    byte_pix: int = 4
    smooth: int = 0
    unsigned: bool = False

    def __post_init__(self):
        if self.algorithm not in ALGORITHMS:
            raise UnsupportedDataError(
                "this compression cannot be taken over",
                where="ZCMPTYPE",
                found=f"got {self.algorithm!r}, allowed are {', '.join(ALGORITHMS)}",
                hint="funpack the file first, then compress it",
            )
        if self.byte_pix not in (1, 2, 4) or not 1 <= self.block_size <= 1 << 10:
            raise UnsupportedDataError(
                "these settings of RICE_1 cannot be taken over",
                where="ZVALn",
                found=f"BLOCKSIZE {self.block_size}, BYTEPIX {self.byte_pix}",
                hint="funpack the file first, then compress it",
            )

    def most_pixels(self, n_bytes):
        """More pixels than streams of so many bytes can hold, whatever they hold."""
        # RICE_1 takes 3 bits for a block of equal pixels; deflate shrinks 1032 times at most.
        # An empty tile of the others may have any size, but the image not.
        most = n_bytes * max(8 * self.block_size // 3, 1032)
        return max(most, _MOST_EMPTY) if self.algorithm in ONLY_DECODED and n_bytes else most

    def decode(self, stream, kind, shape, dtype):
        """Values of a tile.

        Parameters
        ----------
        stream : bytes
        kind : int
            Which of `STREAMS` it stood in.
        shape : tuple of int
        dtype : numpy.dtype
            Of the values: int32 where they are levels of a grid.

        Raises
        ------
        ValueError
            The bytes cannot be a tile of this shape.
        """
        n = math.prod(shape)
        if kind == 0 and self.algorithm.startswith("RICE"):
            values = self._rice(stream, n)
        elif kind == 0 and self.algorithm == "HCOMPRESS_1":
            values = _hcompress(stream, shape, self.smooth)
        elif kind == 0 and self.algorithm == "PLIO_1":
            values = _plio(stream, n) - (_UNSIGNED if self.unsigned else 0)
        else:
            if kind == 1 or (kind == 0 and self.algorithm.startswith("GZIP")):
                stream = _inflate(stream, n * 8)
            shuffled = kind == 0 and self.algorithm == "GZIP_2"
            values = _from_bytes(stream, n, dtype, shuffled)
        if len(values) != n:
            raise ValueError(f"{len(values)} pixels for {n}")
        return _narrow(values, dtype).reshape(shape)

    def _rice(self, stream, n):
        if n > self.most_pixels(len(stream)) + self.block_size:
            raise ValueError(f"{len(stream)} bytes cannot hold {n} pixels")
        # The decoder in C looks where it stands only at its end, and then complains; what
        # it reads behind a stream that is cut short must be there, and must end it.
        padded = np.frombuffer(stream + b"\xff" * (5 * n + 64), np.uint8)
        try:
            raw = decompress_rice_1_c(padded[: len(stream)], self.block_size, self.byte_pix, n)
        except CfitsioException as exc:
            raise ValueError(str(exc)) from exc
        return np.frombuffer(raw, f"{'u' if self.byte_pix == 1 else 'i'}{self.byte_pix}")[:n]

    def encode(self, values, kind):
        """Inverse of `decode`: bytes of a tile."""
        big = np.ascontiguousarray(values, values.dtype.newbyteorder(">"))
        if kind == 0 and self.algorithm.startswith("RICE"):
            raw = values.astype(f"i{self.byte_pix}").tobytes()
            return compress_rice_1_c(raw, self.block_size, self.byte_pix)
        raw = big.tobytes()
        if kind == 0 and self.algorithm == "GZIP_2":
            raw = np.frombuffer(raw, np.uint8).reshape(-1, values.dtype.itemsize).T.tobytes()
        if kind == 2 or self.algorithm == "NOCOMPRESS" and kind == 0:
            return raw
        coder = zlib.compressobj(_LEVEL, zlib.DEFLATED, _GZIP)
        return coder.compress(raw) + coder.flush()


def _hcompress(stream, shape, smooth):
    """Values of a tile of HCOMPRESS_1, which has two axes longer than 1."""
    axes = [size for size in shape if size > 1]
    head = np.frombuffer(stream[2:10].ljust(8), ">i4")
    if len(axes) != 2 or stream[:2] != b"\xdd\x99" or head.tolist() != axes:
        raise ValueError(f"its HCOMPRESS_1 stream is not of shape {tuple(shape)}")
    planes = stream[_HCOMPRESS_HEAD - 3 : _HCOMPRESS_HEAD]
    if len(planes) < 3 or max(planes) > 63:
        raise ValueError("its HCOMPRESS_1 stream has no valid bit planes")
    # The decoder never looks where its stream ends: what it could read must be there, and
    # what it did read behind the end tells on itself.
    quarter = (axes[0] + 1) // 2 * ((axes[1] + 1) // 2)
    bits = (planes[0] + 2 * planes[1] + planes[2]) * (2 * quarter + 12 * sum(axes) + 100)
    more = (bits + math.prod(axes)) // 8 + 64
    found = []
    for filler in (b"\0", b"\xff"):
        try:
            with _HCOMPRESS_LOCK:
                found.append(decompress_hcompress_1_c(stream + filler * more, *axes, 0, smooth, 8))
        except (CfitsioException, ValueError) as exc:
            raise ValueError(str(exc)) from exc
    if found[0] != found[1]:
        raise ValueError("its HCOMPRESS_1 stream is cut short")
    return np.frombuffer(found[0], np.int32)


def _plio(stream, n):
    """Values of a tile of PLIO_1: a line list of 16-bit words."""
    words = np.frombuffer(stream[: len(stream) // 2 * 2], ">i2").astype(np.int16)
    if len(words) < _PLIO_HEAD:
        raise ValueError("its PLIO_1 stream is cut short")
    head = words[:_PLIO_HEAD].astype(int)
    first, last = (3, head[2]) if head[2] > 0 else (head[1], (head[4] << 15) + head[3])
    # The decoder follows what the head says, wherever that leads.
    if not 0 < first <= last <= len(words):
        raise ValueError(f"its PLIO_1 stream of {len(words)} words says it ends at {last}")
    raw = decompress_plio_1_c(words.tobytes() + bytes(16), n)
    return np.frombuffer(raw, np.int32)


def _narrow(values, dtype):
    """Values in the type of the image, which loses nothing of them."""
    with np.errstate(all="ignore"):
        narrow = values.astype(dtype)
        same = narrow == values
    if dtype.kind == "f":
        same |= np.isnan(values)
    if not same.all():
        raise ValueError(f"{values[~same][0]} is no value of type {dtype}")
    return narrow


def _inflate(stream, most):
    decoder = zlib.decompressobj(_GZIP)
    try:
        raw = decoder.decompress(stream, most + 1)
    except zlib.error as exc:
        raise ValueError(str(exc)) from exc
    if not decoder.eof or len(raw) > most:
        raise ValueError("its deflated bytes are cut short, or too many")
    return raw


def _from_bytes(raw, n, dtype, shuffled):
    """Big-endian values, which may stand in more or fewer bytes than their type has."""
    width = len(raw) // n
    if width * n != len(raw) or width not in (1, 2, 4, 8):
        raise ValueError(f"{len(raw)} bytes for {n} pixels")
    if shuffled:
        raw = np.frombuffer(raw, np.uint8).reshape(width, n).T.tobytes()
    if dtype.kind == "f":
        if width not in (4, 8):
            raise ValueError(f"{width} bytes a pixel for {dtype}")
        return np.frombuffer(raw, f">f{width}")
    return np.frombuffer(raw, ">u1" if width == 1 else f">i{width}")
