"""One tile of the FITS tiled-image convention: bytes of a stream <-> values.

RICE_1, GZIP_1, GZIP_2 and NOCOMPRESS, by astropy's own coders; deflate with the
settings of CFITSIO, so that the same integers give the same bytes.  HCOMPRESS_1 and
PLIO_1 are not taken.
"""

import math
import zlib
from dataclasses import dataclass

import numpy as np
from astropy.io.fits.hdu.compressed._compression import (
    CfitsioException,
    compress_rice_1_c,
    decompress_rice_1_c,
)

from astroae.errors import UnsupportedDataError

__all__ = ["ALGORITHMS", "STREAMS", "Coder"]

#: Columns a tile's stream may stand in, by the number a `Recipe` gives them.
STREAMS = ("COMPRESSED_DATA", "GZIP_COMPRESSED_DATA", "UNCOMPRESSED_DATA")
ALGORITHMS = ("RICE_1", "RICE_ONE", "GZIP_1", "GZIP_2", "NOCOMPRESS")
_GZIP = 31  # window bits of zlib that ask for a gzip header
_LEVEL = 1  # CFITSIO's


@dataclass(frozen=True)
class Coder:
    """How the tiles of one image are coded.

    Parameters
    ----------
    algorithm : str
        ZCMPTYPE.
    block_size, byte_pix : int
        Of RICE_1.
    """

    algorithm: str
    block_size: int = 32
    byte_pix: int = 4

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
        return n_bytes * max(8 * self.block_size // 3, 1032)

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
        else:
            if kind == 1 or (kind == 0 and self.algorithm.startswith("GZIP")):
                stream = _inflate(stream, n * 8)
            shuffled = kind == 0 and self.algorithm == "GZIP_2"
            values = _from_bytes(stream, n, dtype, shuffled)
        if len(values) != n:
            raise ValueError(f"{len(values)} pixels for {n}")
        if dtype.kind == "f":
            return values.astype(dtype, copy=False).reshape(shape)
        return values.astype(dtype).reshape(shape)

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
    """Big-endian values; integers may stand in fewer bytes than their type has."""
    width = len(raw) // n
    if width * n != len(raw) or width not in (1, 2, 4, 8):
        raise ValueError(f"{len(raw)} bytes for {n} pixels")
    if shuffled:
        raw = np.frombuffer(raw, np.uint8).reshape(width, n).T.tobytes()
    if dtype.kind == "f":
        if width != dtype.itemsize:
            raise ValueError(f"{width} bytes a pixel for {dtype}")
        return np.frombuffer(raw, dtype.newbyteorder(">"))
    if width > dtype.itemsize:
        raise ValueError(f"{width} bytes a pixel for {dtype}")
    return np.frombuffer(raw, ">u1" if width == 1 else f">i{width}")
