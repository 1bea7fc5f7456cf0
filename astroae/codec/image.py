"""One image as an array <-> one `EncodedImage`: tiles in parallel, each on its own.

`encode_image` surveys a sample of tiles for what belongs to the whole image (the
record), then codes every tile; `decode_image` decodes the tiles that a region
touches.  Nothing larger than a few tiles is held besides input and output.
"""

import contextlib
import math
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from astroae.codec import methods
from astroae.codec.forms import TileContext
from astroae.codec.models import find_model, tile_grid, vector_length
from astroae.codec.parallel import in_parallel
from astroae.codec.promise import broken_promise, quantisation_error
from astroae.codec.record import ImageRecord
from astroae.codec.survey import survey
from astroae.codec.tile import TILE_DTYPE, decode_tile, encode_tile
from astroae.codec.tile import decode_levels as _tile_levels
from astroae.errors import CorruptFileError, ModelError, UnsupportedDataError
from astroae.pixels.nulls import refuse_mask
from astroae.pixels.tiling import TileGrid
from astroae.settings import Bounded, Latent, Settings

__all__ = [
    "TILE_DTYPE",
    "EncodedImage",
    "broken_tile",
    "decode_image",
    "decode_integers",
    "decode_levels",
    "decode_parts",
    "encode_image",
    "error_map",
    "reencode_tiles",
    "verify_tiles",
]

_CHUNK = 1 << 18  # pixels
_TYPES = tuple(np.dtype(t) for t in ("u1", "i2", "i4", "i8", "f4", "f8"))


@dataclass
class EncodedImage:
    """A compressed image, before it becomes FITS.

    ``streams`` may be lazy: it is indexed by tile number, and gives bytes.
    ``find_model`` gives the model of a name and a SHA-256, as `find_model` does.
    """

    shape: tuple[int, ...]
    dtype: np.dtype  # u1 i2 i4 i8 f4 f8, native byte order
    tile_shape: tuple[int, ...]
    settings: Settings  # with tile_shape and dither_seed filled in
    blank: int | None  # stored BLANK of integer images
    shared: bytes  # the image record
    tiles: np.ndarray  # TILE_DTYPE, C order
    streams: Sequence[bytes] = field(repr=False)
    latents: np.ndarray | None = None  # float32 (tiles, n) in latent mode
    find_model: Callable = field(default=find_model, repr=False, compare=False)

    @property
    def grid(self):
        """The tiles' places in the image."""
        return TileGrid(self.shape, self.tile_shape)

    @cached_property
    def record(self):
        """The image record, unpacked and checked."""
        return ImageRecord.unpack(self.shared, math.prod(self.shape))

    @property
    def source(self):
        """Grid of an fpacked source, or None."""
        return self.record.source

    @property
    def tile_methods(self):
        """What each tile is coded with, as names; a code that is not known as its number."""
        found = [methods.NAMES.get(code, str(code)) for code in self.tiles["METHOD"].tolist()]
        if isinstance(self.settings.mode, Latent):
            inexact = (self.tiles["SCALE"] > 0).tolist()
            found = ["latents" if kept else name for kept, name in zip(inexact, found)]
        return found

    @cached_property
    def model(self):
        """The model of latent mode, else None."""
        mode = self.settings.mode
        return self.find_model(mode.model) if isinstance(mode, Latent) else None

    def detached(self):
        """A copy that needs no file: streams in memory, and the model if it can be found."""
        settings, latents = self.settings, self.latents
        if isinstance(settings.mode, Latent):
            with contextlib.suppress(ModelError):
                settings = replace(settings, mode=replace(settings.mode, model=self.model))
        return replace(
            self,
            settings=settings,
            tiles=self.tiles.copy(),
            streams=[bytes(stream) for stream in self.streams],
            latents=None if latents is None else latents.copy(),
            find_model=find_model,
        )

    def context(self, i):
        """What the codec knows of tile ``i`` before its stream."""
        return TileContext(
            number=i,
            settings=self.settings,
            blank=self.blank,
            dtype=self.dtype,
            record=self.record,
            region=self.grid.slices(i),
            image_shape=self.shape,
            model=self.model,
        )


def encode_image(
    data,
    settings,
    *,
    blank=None,
    source=None,
    integers=None,
    verify=True,
    threads=None,
    progress=None,
):
    """Compress an array of stored values.

    Parameters
    ----------
    data : array-like
        Stored values (before BSCALE and BZERO) of a FITS type, any byte order; a
        memmap is read tile by tile.
    settings : Settings
        Bounds in stored units.
    blank : int, optional
        Stored value of undefined pixels of an integer image.
    source : SourceGrid, optional
        Grid of an fpacked float image, whose ``integers`` are kept.
    integers : int32 ndarray of the image's shape, optional
    verify : bool
        Decode every stream and compare; see `astroae.codec.tile.encode_tile`.
    threads : int, optional
        As many as there are cores by default.
    progress : callable, optional
        Called with (tiles done, tiles).

    Returns
    -------
    EncodedImage

    Raises
    ------
    UnsupportedDataError
        If the array is empty, has no axes, or is of a type FITS does not have.
    SettingError
        If the tile shape does not fit the image, or is too large.

    Examples
    --------
    >>> import numpy as np
    >>> from astroae.codec.image import decode_image, encode_image
    >>> from astroae.settings import from_keywords
    >>> field = np.random.default_rng(1).normal(100, 5, (300, 300)).astype("f4")
    >>> encoded = encode_image(field, from_keywords(quantize_level=4))
    >>> bool(np.abs(decode_image(encoded) - field).max() < 5 / 4 / 2 * 1.1)
    True
    """
    data, dtype = _checked(data)
    if dtype.kind != "f":
        settings = settings.for_integers()
    grid = tile_grid(data.shape, settings)
    settings = replace(settings, tile_shape=grid.limited().tile_shape)
    if settings.dither_seed is None:
        settings = replace(settings, dither_seed=_seed(data, settings))
    tiles = np.zeros(len(grid), TILE_DTYPE)
    encoded = EncodedImage(
        data.shape, dtype, grid.tile_shape, settings, blank, b"", tiles, [b""] * len(grid)
    )
    if encoded.model is not None:
        encoded.latents = np.full((len(grid), vector_length(encoded.model)), np.nan, "f4")
    encoded.record = ImageRecord(source=source)
    read = _reader(data, integers, dtype)
    survey(encoded, read)
    encoded.shared = encoded.record.pack()
    _encode_tiles(encoded, read, range(len(grid)), threads, progress, verify)
    return encoded


def reencode_tiles(encoded, data, changed, *, threads=None, progress=None):
    """The same image with some tiles coded anew; the others keep their bytes.

    Parameters
    ----------
    encoded : EncodedImage
    data : ndarray
        Stored values of the whole image; only changed tiles are read.
    changed : bool ndarray (tiles,)
    """
    data, dtype = _checked(data)
    if (data.shape, dtype) != (encoded.shape, encoded.dtype):
        raise UnsupportedDataError(
            "tiles can only be replaced in an image of the same shape and type",
            found=f"{data.shape} of {dtype} for {encoded.shape} of {encoded.dtype}",
            hint="encode the image anew",
        )
    streams = [encoded.streams[i] for i in range(len(encoded.tiles))]
    latents = None if encoded.latents is None else encoded.latents.copy()
    new = replace(encoded, tiles=encoded.tiles.copy(), streams=streams, latents=latents)
    if encoded.source is not None:
        raise UnsupportedDataError(
            "pixels of an image taken over from fpack have no integers of their own",
            found="changed pixels",
            hint="encode the changed image anew",
        )
    _encode_tiles(new, _reader(data, None, dtype), np.flatnonzero(changed), threads, progress)
    return new


def decode_image(
    encoded, region=None, *, on_corrupt="raise", damaged=None, threads=None, progress=None
):
    """Stored values of an image, or of a region of it.

    Parameters
    ----------
    encoded : EncodedImage
    region : tuple of slice, optional
        Of step 1, one per axis.
    on_corrupt : {"raise", "blank"}
        What a damaged tile does: raise, or read as NaN, BLANK or 0.
    damaged : list, optional
        With ``"blank"`` the errors of these tiles are appended.
    threads, progress
        As in `encode_image`.

    Returns
    -------
    ndarray
        Native byte order.

    Raises
    ------
    CorruptFileError
        Naming the tile.
    """
    region = region or tuple(slice(0, n) for n in encoded.shape)
    options = {"threads": threads, "progress": progress}
    (out,) = decode_parts(encoded, [region], on_corrupt=on_corrupt, damaged=damaged, **options)
    return out


def decode_parts(
    encoded, regions, *, dtype=None, on_corrupt="raise", damaged=None, threads=None, progress=None
):
    """Regions of an image one after another, the next begun while one is in use.

    Parameters
    ----------
    encoded : EncodedImage
    regions : list of tuple of slice
    dtype : numpy.dtype, optional
        The image's own in another byte order.
    on_corrupt, damaged, threads, progress
        As in `decode_image`.

    Yields
    ------
    ndarray

    Raises
    ------
    CorruptFileError
        Naming the tile.
    """
    grid, parts = encoded.grid, _Parts(encoded.grid, regions, dtype or encoded.dtype)

    def work(job):
        part, i = job
        inside, outside = grid.overlap(i, regions[part])
        try:
            tile = decode_tile(encoded.streams[i], encoded.tiles[i], encoded.context(i))
        except CorruptFileError as exc:
            if on_corrupt != "blank":
                raise
            if damaged is not None:
                damaged.append(exc)
            parts.arrays[part][outside] = _blank_value(encoded)
            return
        parts.arrays[part][outside] = tile.reshape(grid.tile_shape_of(i))[inside]

    done = in_parallel(work, parts, threads, progress)
    for part, numbers in enumerate(parts.numbers):
        for _ in numbers:
            next(done)
        yield parts.take(part)
    for _ in done:  # ends the threads
        pass


class _Parts:
    """Tiles of regions, as (region, tile); arrays are made when their first tile is asked for."""

    def __init__(self, grid, regions, dtype):
        self.numbers = [grid.touching(region) for region in regions]
        self.shapes = [[r.stop - r.start for r in region] for region in regions]
        self.dtype, self.arrays = dtype, {}

    def __len__(self):
        return sum(map(len, self.numbers))

    def __iter__(self):
        for part, numbers in enumerate(self.numbers):
            self.arrays[part] = np.empty(self.shapes[part], self.dtype)
            for i in numbers:
                yield part, i

    def take(self, part):
        if part not in self.arrays:  # no tile was asked for
            return np.empty(self.shapes[part], self.dtype)
        return self.arrays.pop(part)


def decode_levels(encoded, i):
    """(integers, step, zero) that tile ``i`` stores; step 0: not on a grid."""
    k, step, zero = _tile_levels(encoded.streams[i], encoded.tiles[i], encoded.context(i))
    return k.reshape(encoded.grid.tile_shape_of(i)), step, zero


def decode_integers(encoded):
    """Integers of an image taken over from fpack, int32; 0 where it held floats."""
    out = np.zeros(encoded.shape, np.int32)
    for i in range(len(encoded.tiles)):
        out[encoded.grid.slices(i)] = decode_levels(encoded, i)[0]
    return out


def error_map(encoded, region=None):
    """1-sigma quantisation error of each pixel (float32, stored units; 0: exact)."""
    grid = encoded.grid
    region = region or tuple(slice(0, n) for n in encoded.shape)
    out = np.empty([r.stop - r.start for r in region], np.float32)
    for i in grid.touching(region):
        inside, outside = grid.overlap(i, region)
        tile = decode_tile(encoded.streams[i], encoded.tiles[i], encoded.context(i))
        error = quantisation_error(tile, encoded.tiles[i], encoded.settings.mode)
        if encoded.blank is not None:
            error[tile == encoded.blank] = 0
        out[outside] = error.reshape(grid.tile_shape_of(i))[inside]
    return out


def verify_tiles(encoded, *, threads=None, progress=None):
    """Decode every tile; what is wrong, as a list of `CorruptFileError`."""

    def work(i):
        try:
            decode_tile(encoded.streams[i], encoded.tiles[i], encoded.context(i))
        except CorruptFileError as exc:
            return exc
        return None

    results = in_parallel(work, range(len(encoded.tiles)), threads, progress)
    return [exc for exc in results if exc is not None]


def broken_tile(encoded, i, stored, settings):
    """What tile ``i`` does not keep of its promise, decoded from its bytes; None: nothing.

    Parameters
    ----------
    encoded : EncodedImage
        As it was read back.
    i : int
    stored : ndarray
        Stored values of the whole image, as they were.
    settings : Settings
        What was asked for, in stored units.

    Returns
    -------
    str or None
        See `astroae.codec.promise.broken_promise`.
    """
    place = encoded.grid.slices(i)
    decoded = decode_image(encoded, place, threads=1)
    values = np.ascontiguousarray(stored[place], encoded.dtype)
    return broken_promise(values, decoded, encoded.tiles[i], settings, encoded.blank)


# ---- parts -------------------------------------------------------------------------------


def _checked(data):
    refuse_mask(data)
    data = data if isinstance(data, np.ndarray) else np.asarray(data)
    dtype = data.dtype.newbyteorder("=")
    if dtype not in _TYPES:
        raise UnsupportedDataError(
            "FITS has no images of this type",
            found=f"got {data.dtype}, allowed are uint8, int16, int32, int64, float32, float64",
            hint="store unsigned integers with BZERO, as astropy does",
        )
    if not data.ndim or not data.size:
        raise UnsupportedDataError(
            "there are no pixels to compress",
            found=f"the array has shape {data.shape}",
            hint="leave this HDU as it is",
        )
    return data, dtype


def _seed(data, settings):
    """Dither seed from the pixels: exposures of one field must not share it."""
    mode = settings.mode
    if not isinstance(mode, Bounded) or not mode.dither:
        return 1
    checksum, big = 0, data.dtype.newbyteorder(">")
    whole = data.flags.c_contiguous
    lines, step = (data.reshape(-1), _CHUNK) if whole else (data, 1)
    for start in range(0, len(lines), step):
        part = np.ascontiguousarray(lines[start : start + step], big)
        checksum = zlib.crc32(part.reshape(-1).view("u1"), checksum)
    return checksum % 10_000 + 1


def _reader(data, integers, dtype):
    """Function giving a tile as (values, source integers), shaped (planes, y, x)."""

    def read(context):
        values = np.ascontiguousarray(data[context.region], dtype).reshape(context.shape)
        if integers is None:
            return values, None
        part = np.ascontiguousarray(integers[context.region], np.int32)
        return values, part.reshape(context.shape)

    return read


def _encode_tiles(encoded, read, numbers, threads, progress, verify=True):
    def work(i):
        context = encoded.context(i)
        values, integers = read(context)
        if encoded.streams[i]:  # coded before: what is on its grid stays there
            old = encoded.tiles[i]
            context = replace(context, grid=(float(old["SCALE"]), float(old["ZERO"])))
            stream, row, vector = encode_tile(values, context, integers)
            row["MAXERR"] = max(row["MAXERR"], old["MAXERR"])
            return stream, row, vector
        return encode_tile(values, context, integers, verify)

    numbers = [int(i) for i in numbers]
    made = in_parallel(work, numbers, threads, progress)
    for i, (stream, row, vector) in zip(numbers, made):
        encoded.streams[i], encoded.tiles[i] = stream, row
        if encoded.latents is not None:
            encoded.latents[i] = np.nan if vector is None else vector


def _blank_value(encoded):
    if encoded.dtype.kind == "f":
        return np.nan
    return 0 if encoded.blank is None else encoded.blank
