"""The compiled kernels give the bits of their numpy twins."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hn

from astroae.core import pixels
from astroae.core.tests import twins
from astroae.pixels.grids import tile_dither

DTYPES = ("f2", "f4", "f8", ">f4", ">f8", "i1", "u1", "i2", ">i2", "i4", "u4", "i8", "u8", "?")
FLOATS = ("f4", "f8", ">f4", ">f8")
EXTREME = (0.0, -0.0, 5e-324, 1e-310, 2.0**-149, 1e-30, 1.0, -1.0, 2.0**31, 2.0**53, 2.0**63, 1e308)
steps = st.one_of(st.floats(), st.sampled_from(EXTREME), st.floats(1e-6, 1e6))
shapes = hn.array_shapes(min_dims=1, max_dims=3, max_side=12)


def check_noise(values, good=None):
    with np.errstate(all="ignore"):
        assert pixels.noise_sigma(values, good) == twins.noise_sigma(values, good)


def check_quantize(values, scale, zero, dither):
    with np.errstate(all="ignore"):
        k, twin = (m.quantize(values, scale, zero, dither) for m in (pixels, twins))
    assert (k is None) == (twin is None)
    assert k is None or (k.dtype == np.int64 and np.array_equal(k, twin))
    return k


def check_dequantize(k, scale, zero, dither, dtype):
    back, twin = (m.dequantize(k, scale, zero, dither, dtype) for m in (pixels, twins))
    assert (back.dtype, back.shape) == (twin.dtype, twin.shape)
    assert np.array_equal(np.isnan(back), np.isnan(twin))
    known = ~np.isnan(twin)
    assert back[known].tobytes() == twin[known].tobytes()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(64, 64), (3, 20, 9), (1, 8), (5, 2), (4, 1), (30, 33), (200,)])
def test_noise(dtype, shape):
    rng = np.random.default_rng(1)
    values = np.abs(rng.normal(60, 12, shape)).astype(dtype)
    check_noise(values)
    check_noise(values, rng.random(shape) < 0.7)
    check_noise(values, np.zeros(shape, bool))
    check_noise(np.where(rng.random(shape) < 0.9, values.dtype.type(7), values).astype(dtype))
    check_noise(np.zeros(shape, dtype))
    check_noise(values[..., ::-1])


def test_noise_of_no_numbers():
    values = np.random.default_rng(2).normal(size=(20, 40)).astype(np.float32)
    values[3:9, 5:30], values[12, 3], values[0, 0] = np.nan, np.inf, -np.inf
    check_noise(values)
    check_noise(np.full((4, 9), np.nan))
    check_noise(np.zeros((3, 0)))


@given(st.data())
def test_noise_of_any_pixels(data):
    values = data.draw(hn.arrays(st.sampled_from(DTYPES), shapes))
    check_noise(values)
    check_noise(values, data.draw(hn.arrays(bool, values.shape)))


def test_the_noise_of_white_noise_is_its_deviation():
    field = np.random.default_rng(4).normal(100, 3, (512, 512))
    assert pixels.noise_sigma(field) == pytest.approx(3, rel=0.01)
    # The differences of higher order speak where the sky is not flat.
    curved = field + 0.02 * (np.arange(512) - 256.0) ** 2
    assert pixels.noise_sigma(curved) == pytest.approx(3, rel=0.01)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("dithered", [False, True])
def test_quantize_and_back(dtype, dithered):
    rng = np.random.default_rng(3)
    values = rng.normal(100, 30, (40, 53)).astype(dtype)
    dither = tile_dither(3, 77, values.shape) if dithered else None
    k = check_quantize(values, 0.37, 11.3, dither)
    assert np.abs(pixels.dequantize(k, 0.37, 11.3, dither, "f8") - values).max() <= 0.37 / 2 + 1e-9
    check_dequantize(k, 0.37, 11.3, dither, dtype)
    check_dequantize(k.astype(np.int32), 0.37, 11.3, dither, dtype)
    scale, zero = rng.random(k.shape), rng.normal(size=k.shape)
    check_dequantize(k, scale, zero, dither, dtype)
    check_dequantize(k[::-1, ::2], 3e38, -1.0, None, dtype)


@given(st.data(), steps, steps)
def test_any_floats_on_any_grid(data, scale, zero):
    values = data.draw(hn.arrays(st.sampled_from(FLOATS), shapes))
    check_quantize(values, scale, zero, None)
    check_quantize(values, scale, zero, data.draw(hn.arrays(float, values.shape)))


@given(st.data(), steps, steps)
def test_any_integers_from_any_grid(data, scale, zero):
    k = data.draw(hn.arrays(st.sampled_from(["i4", "i8"]), shapes))
    dtype, dither = data.draw(st.sampled_from(FLOATS)), data.draw(hn.arrays(float, k.shape))
    maps = data.draw(hn.arrays(float, (2, *k.shape)))
    for grid in ((scale, zero), maps):
        check_dequantize(k, *grid, None, dtype)
        check_dequantize(k, *grid, dither, dtype)


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e300, 2.0**63, -np.inf])
def test_what_has_no_integer(value):
    assert check_quantize(np.array([1.0, value]), 1.0, 0.0, None) is None


def test_the_least_and_the_largest_integer():
    values = np.array([-(2.0**63), np.nextafter(2.0**63, 0)])
    assert check_quantize(values, 1.0, 0.0, None).tolist() == [-(2**63), 2**63 - 1024]


@pytest.mark.parametrize("scale", [1.0, np.ones(3), np.ones((2, 3))])
def test_what_does_not_fit_is_refused(scale):
    with pytest.raises(ValueError, match="do not fit"):
        pixels.dequantize(np.zeros((2, 2), int), scale, np.ones(2), None, float)
    with pytest.raises(ValueError, match="do not fit"):
        pixels.quantize(np.zeros((2, 2)), 1.0, 0.0, np.zeros(3))


def check_within(values, decoded, half, **options):
    kept, largest = pixels.within(values, decoded, half, **options)
    twin, error = twins.within(values, decoded, half, **options)
    assert kept is twin
    assert not kept or largest == error
    return kept


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_floats_within_a_bound(dtype):
    rng = np.random.default_rng(4)
    values = rng.normal(0, 50, 4099).astype(dtype)
    decoded = values + rng.uniform(-0.25, 0.25, values.shape).astype(dtype)
    assert check_within(values, decoded, 0.25)
    assert not check_within(values, decoded, 0.2)
    limits = np.finfo(dtype)
    values[:6] = 0.0, -0.0, limits.max, -limits.max, limits.tiny / 4, 1.0
    decoded = values.copy()
    assert check_within(values, decoded, 0.0, keep_zeros=True)
    for place in range(6):
        for becomes in (0.0, -0.0, 1e-40, limits.max, np.inf, -np.inf, np.nan, 0.1):
            for half in (0.0, 0.1, limits.max):
                for keep_zeros in (False, True):
                    decoded[place] = becomes
                    check_within(values, decoded, float(half), keep_zeros=keep_zeros)
        decoded[place] = values[place]


@pytest.mark.parametrize("dtype", ["u1", "i2", "i4", "i8"])
def test_integers_within_a_bound(dtype):
    rng, limits = np.random.default_rng(5), np.iinfo(dtype)
    values = rng.integers(20, 90, 1031).astype(dtype)
    decoded = values + rng.integers(0, 3, values.shape).astype(dtype)
    assert check_within(values, decoded, 2) and not check_within(values, decoded, 1)
    assert not check_within(values, decoded, 2, blank=int(values[decoded > values][0]))
    values[0], decoded[0] = limits.min, limits.max
    assert not check_within(values, decoded, 2)
    assert check_within(values, decoded, 2**64 - 1)
