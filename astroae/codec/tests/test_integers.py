"""Integers that may lose: lossless unless asked, dithered with integers, inside every limit."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from astroae.codec.image import decode_image, encode_image, reencode_tiles
from astroae.errors import SettingError
from astroae.pixels import grids
from astroae.settings import Lossless, from_keywords

TYPES = [np.dtype(code) for code in ("u1", "i2", "i4", "i8")]


def frame(dtype="i2", sigma=30.0, seed=1, shape=(200, 210)):
    """Noise on a slope."""
    noise = np.random.default_rng(seed).normal(100, sigma, shape) + np.linspace(0, 20, shape[-1])
    limits = np.iinfo(dtype)
    return np.clip(np.rint(noise), limits.min, limits.max).astype(dtype)


def errors(data, **asked):
    encoded = encode_image(data, from_keywords(lossy_integers=True, **asked))
    return encoded, decode_image(encoded).astype(int) - data.astype(int)


@pytest.mark.parametrize("asked", [{"quantize_level": 0.5}, {"error_bound": 50}])
@pytest.mark.parametrize("dtype", TYPES, ids=str)
def test_integers_are_lossless_unless_asked(dtype, asked):
    data = frame(dtype)
    encoded = encode_image(data, from_keywords(**asked))
    assert encoded.settings.mode == Lossless()
    assert np.array_equal(decode_image(encoded), data)


@pytest.mark.parametrize("asked", [{}, {"lossless": True}, {"relative_error": 0.1}])
def test_the_word_alone_is_refused(asked):
    with pytest.raises(SettingError, match="lossy_integers belongs to another mode"):
        from_keywords(lossy_integers=True, **asked)
    with pytest.raises(SettingError, match="True or False"):
        from_keywords(lossy_integers=1, quantize_level=4)


@pytest.mark.parametrize("half", [1, 2, 4, 30])
def test_errors_are_uniform_and_independent_of_the_signal(half):
    data = frame()
    _, error = errors(data, error_bound=half)
    assert np.abs(error).max() == half
    counts = np.bincount(error.ravel() + half, minlength=2 * half + 1)
    expected = data.size / (2 * half + 1)
    assert np.abs(counts - expected).max() < 6 * expected**0.5
    assert abs(np.corrcoef(error.ravel(), data.ravel())[0, 1]) < 0.02


def test_a_sky_does_not_stand_on_a_grid():
    """Medians of small parts of the sky take as many values as before, undithered few."""
    data = frame(sigma=10)

    def medians(**asked):
        _, error = errors(data, error_bound=4, **asked)
        parts = (data + error).reshape(10, 20, 7, 30).swapaxes(1, 2).reshape(70, -1)
        return np.median(parts, 1) - np.median(
            data.reshape(10, 20, 7, 30).swapaxes(1, 2).reshape(70, -1), 1
        )

    assert medians().std() < 0.5 * medians(dither=0).std()


def test_the_step_is_at_most_what_was_asked():
    data = frame(sigma=10)
    encoded, _ = errors(data, quantize_level=1)
    assert ((encoded.tiles["SCALE"] <= encoded.tiles["SIGMA"]) & (encoded.tiles["SCALE"] > 7)).all()
    encoded, error = errors(data, quantize_level=4)  # 2.5: the odd step below is 1
    assert not error.any() and not encoded.tiles["SCALE"].any()


def test_exposures_do_not_share_their_dither():
    seeds = {errors(frame(seed=seed), error_bound=5)[0].settings.dither_seed for seed in range(8)}
    assert len(seeds) > 6


def test_no_pixel_becomes_blank_and_none_is_lost():
    data = frame(sigma=9)
    data[50:60] = 105
    for blank in (105, 100, -32768):
        encoded = encode_image(data, from_keywords(error_bound=6, lossy_integers=True), blank=blank)
        decoded = decode_image(encoded)
        assert np.array_equal(decoded == blank, data == blank)
        assert 0 < np.abs(decoded.astype(int) - data).max() <= 6


@pytest.mark.parametrize(("dtype", "zero"), [("i2", 0), ("i2", -32768), ("u1", 0), ("u1", 128)])
def test_exact_zeros_of_either_signedness_are_kept(dtype, zero):
    data = frame(dtype, sigma=9) + np.array(zero - 100 if zero else 0, "i8")
    data = np.where(np.random.default_rng(2).random(data.shape) < 0.3, zero, data)
    limits = np.iinfo(dtype)
    data = np.clip(data, limits.min, limits.max).astype(dtype)
    _, error = errors(data, error_bound=4, dither=2)
    assert not error[data == zero].any() and error.any()


@settings(max_examples=80, deadline=None)
@given(
    hnp.arrays(
        st.sampled_from(TYPES),
        hnp.array_shapes(min_dims=1, max_dims=3, min_side=1, max_side=20),
    ),
    st.sampled_from([1, 3.9, 200, 1e9, 1e30]),
    st.sampled_from([0, 1, 2]),
    st.booleans(),
)
def test_any_integers_stay_within_the_bound(data, bound, dither, has_blank):
    blank = int(data.flat[0]) if has_blank else None
    asked = from_keywords(error_bound=bound, dither=dither, lossy_integers=True)
    decoded = decode_image(encode_image(data, asked, blank=blank))
    error = np.abs(decoded.astype(object) - data.astype(object))
    assert error.max() <= int(bound)
    assert np.array_equal(decoded == blank, data == blank)


@pytest.mark.parametrize("middle", [-(2**62), 2**53 + 1, 2**60, 2**62, 2**63 - 1000])
def test_wide_integers_are_measured_where_they_are(middle):
    """The noise of 64-bit integers is not that of their float64."""
    data = np.int64(middle) + frame("i8", sigma=9) - 100
    encoded, error = errors(data, quantize_level=1)
    assert np.abs(error).max() <= 5
    assert (encoded.tiles["SIGMA"] < 12).all()


@pytest.mark.parametrize("dtype", ["u1", "i2"])
def test_ends_of_the_type(dtype):
    limits = np.iinfo(dtype)
    for end in limits.min, limits.max:
        data = np.clip(frame("i4", sigma=20) - 100 + end, limits.min, limits.max).astype(dtype)
        _, error = errors(data, error_bound=7)
        assert 0 < np.abs(error).max() <= 7


def test_dither_of_integers_is_whole_and_covers_the_step():
    random = np.array([0.0, 2.0**-24, 0.3, 0.5, 1 - 2.0**-24, 1.0])
    for half in (1, 2, 2**30):
        found = grids.step_dither(random, half)
        assert found[0] == 0 and found[-1] == found[-2] <= 2 * half
        assert found.dtype == np.int64 and (np.diff(found) >= 0).all()
        assert [int(f) for f in found[:5]] == [
            int(r * 2**24) * (2 * half + 1) >> 24 for r in random[:5]
        ]


@pytest.mark.parametrize("middle", [2**60 + 77, -(2**61) + 12_345])
def test_an_edit_moves_no_other_pixel_beyond_what_floats_hold(middle):
    """ZERO is a float64, which has no 2**60 + 77."""
    data = np.random.default_rng(3).integers(-9999, 9999, (50, 60)) + middle
    encoded = encode_image(data, from_keywords(lossy_integers=True, error_bound=100))
    assert encoded.tiles["SCALE"][0] == 201
    first = decode_image(encoded)
    edited = first.copy()
    edited[0, 0] += 5000
    again = decode_image(reencode_tiles(encoded, edited, np.ones(1, bool)))
    assert np.array_equal(again.ravel()[1:], first.ravel()[1:])
    assert abs(again[0, 0] - edited[0, 0]) <= 100
