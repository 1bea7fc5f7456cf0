"""The oracle itself finds the smallest of broken promises, and lets the largest kept one pass."""

import numpy as np
import pytest

from astroae.tests.oracle import broken_promise

LOSSY = {"lossy_integers": True}
WHOLE, REAL = ("u1", "i2", "i4", "i8"), ("f4", "f8")
SHAPE, TILE = (9, 11), (4, 5)
#: Corners of the image and of tiles in it.
PLACES = [(0, 0), (3, 4), (4, 5), (8, 10), (0, 10), (8, 0)]

everywhere = pytest.mark.parametrize("place", PLACES, ids=str)


def sky(dtype):
    return np.random.default_rng(2).integers(90, 120, SHAPE).astype(dtype)


def found(before, place, becomes, asked, blank=None):
    after = before.copy()
    after[place] = becomes
    return broken_promise(before, after, asked, TILE, blank)


@everywhere
@pytest.mark.parametrize("dtype", [*WHOLE, *REAL])
def test_lossless(dtype, place):
    before = sky(dtype)
    assert not broken_promise(before, before.copy(), {}, TILE)
    assert not broken_promise(before.astype(before.dtype.newbyteorder(">")), before, {}, TILE)
    after = before.copy()
    after.view(f"u{before.itemsize}")[place] ^= 1
    assert "no loss" in broken_promise(before, after, {}, TILE)
    assert "for" in broken_promise(before, before.reshape(-1), {}, TILE)


@everywhere
@pytest.mark.parametrize("dtype", WHOLE)
def test_steps(dtype, place):
    before = sky(dtype)
    for sign in (1, -1):
        assert not found(before, place, int(before[place]) + 2 * sign, LOSSY | {"error_bound": 2.9})
        assert found(before, place, int(before[place]) + 3 * sign, LOSSY | {"error_bound": 2.9})
    limits = np.iinfo(dtype)
    before[place] = limits.min
    assert found(before, place, limits.max, LOSSY | {"error_bound": 100})
    assert "BLANK" in found(
        before, place, limits.min + 1, LOSSY | {"error_bound": 2}, limits.min + 1
    )
    assert "no loss" in found(before, place, limits.min + 1, LOSSY | {"error_bound": 2}, limits.min)
    assert "no loss" in found(before, place, limits.min + 1, {"relative_error": 0.9})
    assert "no loss" in found(before, place, limits.min + 1, {"error_bound": 2})
    for zero in (0, 128 if dtype == "u1" else limits.min):
        before[place] = zero
        assert not found(before, place, zero + 1, LOSSY | {"error_bound": 2, "dither": 1})
        assert "no loss" in found(before, place, zero + 1, LOSSY | {"error_bound": 2, "dither": 2})


@everywhere
@pytest.mark.parametrize("dtype", REAL)
def test_floats(dtype, place):
    before = sky(dtype)
    kind = before.dtype.type
    for end in (np.inf, -np.inf):
        last = before[place] + kind(np.copysign(0.25, end))  # all of them exact
        assert not found(before, place, last, {"error_bound": 0.25})
        assert found(before, place, np.nextafter(last, kind(end)), {"error_bound": 0.25})
        last = before[place] * kind(1 + np.copysign(1 / 64, end))
        assert not found(before, place, last, {"relative_error": 1 / 64})
        assert found(before, place, np.nextafter(last, kind(end)), {"relative_error": 1 / 64})
        assert "became NaN" in found(before, place, end, {"error_bound": 1e300})
    assert "became NaN" in found(before, place, np.nan, {"quantize_level": 1e-6})
    for null in (np.nan, np.inf, 0.0):
        before[place] = null
        asked = {"error_bound": 5, "dither": 2}
        assert "no loss" in found(before, place, -null if null == null else 1, asked)
    assert found(before, place, 1e-30, {"relative_error": 0.9})


@pytest.mark.parametrize("dtype", [*WHOLE, *REAL])
def test_noise(dtype):
    """Of each tile by itself: sigma 0 allows nothing."""
    before = np.random.default_rng(3).normal(100, 5, (32, 64)).astype(dtype)
    before[:, 32:] = 100
    for place, moved in (((5, 5), 2), ((5, 40), 0)):
        after = before.copy()
        after[place] += before.dtype.type(moved)
        assert not broken_promise(before, after, LOSSY | {"quantize_level": 1}, (32, 32))
        after[place] += before.dtype.type(2)
        assert broken_promise(before, after, LOSSY | {"quantize_level": 1}, (32, 32))
