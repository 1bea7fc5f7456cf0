"""Tiles hold every pixel once."""

import numpy as np
import pytest

from astroae.validation.tiles import fewest_tiles, tile_sums


@pytest.mark.parametrize("shape", [(1, 1), (7, 100), (64, 65), (300, 5)])
@pytest.mark.parametrize("side", [1, 8, 30.5])
def test_every_pixel_once(shape, side):
    image = np.random.default_rng(1).random(shape)
    sums = tile_sums(image, side)
    assert sums.sum() == pytest.approx(image.sum())
    assert tile_sums(np.ones(shape), side).max() <= (1.5 * side + 1) ** 2


@pytest.mark.parametrize("shape", [(64, 64), (1024, 1024), (5000, 3000)])
def test_neither_few_nor_too_many(shape):
    tiles = len(tile_sums(np.zeros(shape), fewest_tiles(shape, 64)))
    assert 16 <= tiles <= 4200
