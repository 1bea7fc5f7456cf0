"""The compiled kernels give the bits of their numpy twins."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hn

from astroae.core import pixels
from astroae.pixels import grids, noise


def check_noise(values, good=None):
    assert pixels.noise_sigma(values, good) == noise.noise_sigma(values, good)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int16, np.int64])
@pytest.mark.parametrize("shape", [(64, 64), (3, 20, 9), (1, 8), (5, 2), (4, 1), (30, 33)])
def test_noise(dtype, shape):
    rng = np.random.default_rng(1)
    values = rng.normal(1000, 30, shape).astype(dtype)
    check_noise(values)
    check_noise(values, rng.random(shape) < 0.7)
    check_noise(np.where(rng.random(shape) < 0.9, dtype(7), values))
    check_noise(np.zeros(shape, dtype))


def test_noise_of_no_numbers():
    values = np.random.default_rng(2).normal(size=(20, 40)).astype(np.float32)
    values[3:9, 5:30], values[12, 3], values[0, 0] = np.nan, np.inf, -np.inf
    check_noise(values)
    check_noise(np.full((4, 9), np.nan))


@given(
    hn.arrays(
        st.sampled_from([np.float32, np.float64]),
        hn.array_shapes(min_dims=2, max_dims=2, max_side=12),
    )
)
def test_noise_of_any_floats(values):
    check_noise(values)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("dithered", [False, True])
def test_quantize_and_back(dtype, dithered):
    values = np.random.default_rng(3).normal(100, 30, (40, 50)).astype(dtype)
    dither = grids.tile_dither(3, 77, values.shape) if dithered else None
    k = pixels.quantize(values, 0.37, 11.3, dither)
    np.testing.assert_array_equal(k, grids.quantize(values, 0.37, 11.3, dither))
    back = pixels.dequantize(k, 0.37, 11.3, dither, dtype)
    twin = grids.dequantize(k, 0.37, 11.3, dither, dtype)
    assert back.dtype == twin.dtype
    assert back.tobytes() == twin.tobytes()


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e300])
def test_what_has_no_integer(value):
    assert pixels.quantize(np.array([1.0, value]), 1e-3, 0.0) is None
