"""Resizing keeps flux, and gives every new pixel its share by area."""

from fractions import Fraction

import numpy as np
import pytest

from astroae.errors import SettingError
from astroae.pixels.resize import overlaps, resize, resize_levels


def share_by_hand(old, new, i, j):
    """Part of old pixel i that lies in new pixel j, from the edges as fractions."""
    start = max(Fraction(i, old), Fraction(j, new))
    stop = min(Fraction(i + 1, old), Fraction(j + 1, new))
    return float(max(stop - start, Fraction(0)) * old)


@pytest.mark.parametrize("old, new", [(5, 3), (3, 5), (8, 4), (4, 8), (1, 7), (7, 1), (6, 6)])
def test_shares_by_hand(old, new):
    expected = [[share_by_hand(old, new, i, j) for i in range(old)] for j in range(new)]
    assert np.allclose(overlaps(old, new), expected, rtol=0, atol=1e-15)


@pytest.mark.parametrize(
    "before, after",
    [((300, 211), (187, 187)), ((100, 131), (187, 187)), ((8, 8), (28, 28)), ((1, 5000), (64, 64))],
)
def test_the_sum_stays(before, after):
    image = np.random.default_rng(0).lognormal(0, 3, before)
    changed = resize(image, after)
    assert changed.shape == after
    assert abs(changed.sum() / image.sum() - 1) < 1e-12


def test_the_sum_stays_where_values_cancel():
    image = np.random.default_rng(1).normal(0, 1, (2, 130, 140)) + 1e-3
    changed = resize(image, (187, 99))
    assert np.allclose(changed.sum((1, 2)), image.sum((1, 2)), rtol=1e-6, atol=0)


def test_binning_by_whole_numbers():
    image = np.arange(36.0).reshape(6, 6)
    assert np.allclose(resize(image, (3, 2)), image.reshape(3, 2, 2, 3).sum((1, 3)))
    assert np.allclose(resize(resize(image, (12, 18)), (6, 6)), image)


def test_a_centroid_stays():
    y, x = np.mgrid[:40, :60]
    image = np.exp(-((x - 31.3) ** 2 + (y - 12.8) ** 2) / 18)
    small = resize(image, (17, 23))
    rows, columns = (np.arange(17) + 0.5) * 40 / 17 - 0.5, (np.arange(23) + 0.5) * 60 / 23 - 0.5
    assert abs((small.sum(1) @ rows) / small.sum() - 12.8) < 0.01
    assert abs((small.sum(0) @ columns) / small.sum() - 31.3) < 0.01


def test_gray_levels_stay():
    picture = np.full((3, 50, 70), 200, np.uint8)
    assert np.allclose(resize_levels(picture, (33, 90)), 200)


@pytest.mark.parametrize("shape, new", [((4,), (2, 2)), ((0, 4), (2, 2)), ((4, 4), (0, 2))])
def test_what_cannot_be_resized(shape, new):
    with pytest.raises(SettingError, match="cannot be resized"):
        resize(np.zeros(shape), new)
