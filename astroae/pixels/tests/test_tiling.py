"""Tiles cover an image once, and are of a size that can be coded."""

import numpy as np
import pytest

from astroae.codec.image import encode_image
from astroae.errors import SettingError
from astroae.pixels.tiling import MAX_TILE_PIXELS, TileGrid
from astroae.settings import from_keywords


@pytest.mark.parametrize(
    "shape, tile", [((5,), (2,)), ((7, 9), (3, 4)), ((2, 5, 6), (1, 9, 4)), ((3, 1), (256, 256))]
)
def test_tiles_cover_the_image_once(shape, tile):
    grid, seen = TileGrid(shape, tile), np.zeros(shape, int)
    for i in range(len(grid)):
        seen[grid.slices(i)] += 1
        assert seen[grid.slices(i)].shape == grid.tile_shape_of(i)
    assert (seen == 1).all()


def test_touching_and_overlap_give_a_region_back():
    grid, image = TileGrid((7, 9), (3, 4)), np.arange(63).reshape(7, 9)
    region = (slice(2, 6), slice(3, 9))
    found = np.full((4, 6), -1)
    for i in grid.touching(region):
        inside, outside = grid.overlap(i, region)
        found[outside] = image[grid.slices(i)][inside]
    assert np.array_equal(found, image[region])
    assert grid.touching((slice(2, 2), slice(0, 9))) == []


def test_axes_must_be_as_many():
    with pytest.raises(SettingError, match="one number per axis"):
        TileGrid((5, 5), (5,))


def test_too_large_a_tile_is_refused():
    side = int(MAX_TILE_PIXELS**0.5)
    assert TileGrid((9999, 9999), (side, side)).limited().tile_shape == (side, side)
    with pytest.raises(SettingError, match="too large"):
        TileGrid((9999, 9999), (side, side + 1)).limited()
    # Nothing is read: the array would be 4 GB.
    vast = np.broadcast_to(np.float32(0), (32768, 32768))
    with pytest.raises(SettingError, match="too large"):
        encode_image(vast, from_keywords(tile_shape=(4096, 4096)))
