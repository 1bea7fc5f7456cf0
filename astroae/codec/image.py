"""One image as an array <-> one `EncodedImage`: tiles in parallel, each on its own.

(Scaffold: tiles are deflated; the classical coder takes this place.)
"""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from astroae.errors import CorruptFileError, UnsupportedDataError
from astroae.pixels.tiling import TileGrid
from astroae.settings import Bounded, Lossless, Relative, Settings

#: One row per tile.  All are in stored units (before BSCALE and BZERO).
TILE_DTYPE = np.dtype(
    [
        ("METHOD", "u1"),      # entropy method, see codec/methods
        ("CRC_S", "u4"),       # checksum of the coded bytes
        ("CRC_P", "u4"),       # checksum of the decoded pixels as stored, big-endian
        ("SCALE", "f8"),       # quantisation step; 0: the tile is exact
        ("ZERO", "f8"),        # zero point of the grid
        ("SIGMA", "f4"),       # noise
        ("BACKGROUND", "f4"),  # median
        ("FLUX", "f4"),        # sum over the background
        ("MAXERR", "f4"),      # largest error that was measured
    ]
)


@dataclass
class EncodedImage:
    """A compressed image, before it becomes FITS.

    ``streams`` may be lazy: it is indexed by tile number, and gives bytes.
    """

    shape: tuple[int, ...]
    dtype: np.dtype                     # u1 i2 i4 i8 f4 f8, native byte order
    tile_shape: tuple[int, ...]
    settings: Settings                  # with tile_shape and dither_seed filled in
    blank: int | None                   # stored BLANK of integer images
    shared: bytes                       # the image record
    tiles: np.ndarray                   # TILE_DTYPE, C order
    streams: Sequence[bytes] = field(repr=False)

    @property
    def grid(self):
        return TileGrid(self.shape, self.tile_shape)


def encode_image(data, settings, *, blank=None, source=None, threads=None, progress=None):
    tile_shape = settings.tile_shape or TileGrid.default(data.shape).tile_shape
    grid = TileGrid(data.shape, tile_shape)
    dtype = data.dtype.newbyteorder("=")
    settings = replace(settings, tile_shape=tile_shape, dither_seed=settings.dither_seed or 1)
    tiles = np.zeros(len(grid), TILE_DTYPE)
    streams = []
    for i in range(len(grid)):
        raw = np.ascontiguousarray(data[grid.slices(i)]).astype(dtype.newbyteorder(">")).tobytes()
        stream = zlib.compress(raw, 1)
        tiles[i]["CRC_S"], tiles[i]["CRC_P"] = zlib.crc32(stream), zlib.crc32(raw)
        streams.append(stream)
        if progress:
            progress(i + 1, len(grid))
    return EncodedImage(data.shape, dtype, tile_shape, settings, blank, b"", tiles, streams)


def decode_image(encoded, region=None, *, on_corrupt="raise", threads=None, progress=None):
    grid = encoded.grid
    region = tuple(slice(0, n) for n in encoded.shape) if region is None else region
    out = np.zeros([r.stop - r.start for r in region], encoded.dtype)
    for i in grid.touching(region):
        raw = zlib.decompress(encoded.streams[i])
        tile = np.frombuffer(raw, encoded.dtype.newbyteorder(">")).reshape(grid.tile_shape_of(i))
        inside, outside = grid.overlap(i, region)
        out[outside] = tile[inside]
    return out


def reencode_tiles(encoded, data, changed, *, threads=None, progress=None):
    new = encode_image(data, encoded.settings, blank=encoded.blank)
    return new


def error_map(encoded, region=None):
    region = tuple(slice(0, n) for n in encoded.shape) if region is None else region
    return np.zeros([r.stop - r.start for r in region], np.float32)
