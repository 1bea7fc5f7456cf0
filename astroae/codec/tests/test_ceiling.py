"""Relative mode with an absolute bound besides: both hold, zero and sign stay."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from astroae.codec.image import decode_image, encode_image, error_map
from astroae.settings import Relative, Settings

FRACTION = 1 / 512


def check(data, bound):
    encoded = encode_image(data, Settings(Relative(FRACTION, bound)))
    decoded = decode_image(encoded)
    finite = np.isfinite(data)
    bits = f"u{data.dtype.itemsize}"
    assert np.array_equal(decoded.view(bits)[~finite], data.view(bits)[~finite])
    wide = np.longdouble
    error = np.abs(decoded[finite].astype(wide) - data[finite].astype(wide))
    assert (error <= np.minimum(wide(bound), FRACTION * np.abs(data[finite].astype(wide)))).all()
    assert np.array_equal(np.signbit(decoded[finite]), np.signbit(data[finite]))
    assert np.array_equal(decoded == 0, data == 0)
    return encoded, error


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("bound", [1e-30, 1e-6, 0.02, 0.5, 0.50001, 3, 1e8, 1e300])
def test_both_hold(dtype, bound):
    rng = np.random.default_rng(1)
    data = (rng.lognormal(2, 3, (150, 160)) * rng.choice([-1, 1], (150, 160))).astype(dtype)
    data[:5], data[6, 6], data[7, 7], data[8, 8] = 0, np.nan, -0.0, np.inf
    _, error = check(data, bound)
    assert error.any() == (bound > 1e-29)


def test_the_ceiling_is_used_and_no_more():
    """Above it the step is the largest power of two, below it the fraction decides."""
    data = np.random.default_rng(2).gamma(3, 5, (200, 200)) + 20
    _, free = check(data, 1e9)
    encoded, held = check(data, 0.02)
    assert held.max() > 0.015 and free.max() > 0.05
    assert error_map(encoded).max() == pytest.approx(2.0**-6 * 2 / 12**0.5, rel=0.01)


@settings(max_examples=80, deadline=None)
@given(
    hnp.arrays(
        st.sampled_from([np.dtype("f4"), np.dtype("f8")]),
        hnp.array_shapes(min_dims=1, max_dims=3, min_side=1, max_side=20),
    ),
    st.floats(1e-320, 1e300),
)
def test_any_floats(data, bound):
    check(data, bound)
