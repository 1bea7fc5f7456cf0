"""An image as a grid of tiles: which pixels belong to tile number i.

Tiles are numbered in C order.  Only index arithmetic happens here; nothing is
copied, so a memmapped image larger than memory is fine.
"""

from dataclasses import dataclass
from itertools import product
from math import prod

from astroae.errors import SettingError

PLANE, LARGE_PLANE = 256, 512
LARGE = 2048 * 2048  # pixels of a plane from which on tiles are large
LINE = 65_536
#: Of a tile that is coded: a file whose few rows claim larger ones is refused, so
#: that memory is bounded by what is really there (2048 x 2048, some 300 MB at work).
MAX_TILE_PIXELS = 2**22


@dataclass(frozen=True)
class TileGrid:
    """Tiles of ``tile_shape`` over an image of ``shape``, both in C order."""

    shape: tuple[int, ...]
    tile_shape: tuple[int, ...]

    def __post_init__(self):
        if len(self.shape) != len(self.tile_shape):
            raise SettingError(
                "tile_shape must have one number per axis of the image",
                where="tile_shape",
                found=f"got {self.tile_shape} for an image of shape {self.shape}",
                hint="leave it out for the default",
            )
        clipped = tuple(max(1, min(t, n)) for t, n in zip(self.tile_shape, self.shape))
        object.__setattr__(self, "tile_shape", clipped)

    @classmethod
    def default(cls, shape, large=False):
        """Planes of 256 x 256 of the last two axes; long lines where an image is 1-D.

        Planes of 2048 x 2048 and more have tiles of 512 x 512: their arrays are long
        enough that two threads do not wait for each other, half again as fast.  With
        ``large`` all have: what a coder learns on its way pays later in a tile.
        """
        if len(shape) == 1 or shape[-2] == 1:
            last = (1,) * (len(shape) - 1) + (LINE,)
        else:
            large = large or shape[-2] * shape[-1] >= LARGE
            side = LARGE_PLANE if large else PLANE
            last = (1,) * (len(shape) - 2) + (side, side)
        return cls(tuple(shape), last)

    def limited(self):
        """This grid, if its tiles are small enough to be coded.

        Raises
        ------
        SettingError
            A tile of more than `MAX_TILE_PIXELS`.
        """
        if prod(self.tile_shape) > MAX_TILE_PIXELS:
            raise SettingError(
                "tile_shape is too large",
                where="tile_shape",
                found=f"{prod(self.tile_shape)} pixels, allowed are {MAX_TILE_PIXELS}",
                hint="leave it out for planes of 256 x 256",
            )
        return self

    @property
    def counts(self):
        """Number of tiles along each axis."""
        return tuple(-(-n // t) for n, t in zip(self.shape, self.tile_shape))

    def __len__(self):
        return prod(self.counts)

    def index(self, i):
        """Position of tile ``i`` in the grid of tiles."""
        place = []
        for n in reversed(self.counts):
            i, remainder = divmod(i, n)
            place.append(remainder)
        return tuple(reversed(place))

    def slices(self, i):
        """Slices of the image that tile ``i`` covers."""
        return tuple(
            slice(k * t, min((k + 1) * t, n))
            for k, t, n in zip(self.index(i), self.tile_shape, self.shape)
        )

    def tile_shape_of(self, i):
        """Shape of tile ``i``: smaller than ``tile_shape`` at the far edges."""
        return tuple(s.stop - s.start for s in self.slices(i))

    def touching(self, region):
        """Numbers of the tiles that a region (slices of step 1) touches."""
        if any(r.stop <= r.start for r in region):
            return []
        spans = [
            range(r.start // t, (r.stop - 1) // t + 1) for r, t in zip(region, self.tile_shape)
        ]
        numbers = []
        for place in product(*spans):
            number = 0
            for k, n in zip(place, self.counts):
                number = number * n + k
            numbers.append(number)
        return numbers

    def overlap(self, i, region):
        """Where tile ``i`` and ``region`` meet: slices into the tile, into the region."""
        inside, outside = [], []
        for tile, part in zip(self.slices(i), region):
            start, stop = max(tile.start, part.start), min(tile.stop, part.stop)
            inside.append(slice(start - tile.start, stop - tile.start))
            outside.append(slice(start - part.start, stop - part.start))
        return tuple(inside), tuple(outside)
