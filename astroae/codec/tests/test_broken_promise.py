"""The judge of a tile that was read back: what it must let pass, and what it must not."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from astroae.codec.image import decode_image, encode_image, reencode_tiles
from astroae.codec.promise import broken_promise
from astroae.codec.tile import TILE_DTYPE
from astroae.settings import Latent, ModelName, Relative, Settings, from_keywords

INTEGERS = ("u1", "i2", "i4", "i8")
FLOATS = ("f4", "f8")
LATENT = Settings(Latent(ModelName("a model", "0" * 64)))


def tile_row(scale=0.0, largest=np.inf):
    row = np.zeros((), TILE_DTYPE)
    row["SCALE"], row["MAXERR"] = scale, largest
    return row


def judged(values, decoded, scale=0.0, blank=None, largest=np.inf, **asked):
    return broken_promise(values, decoded, tile_row(scale, largest), from_keywords(**asked), blank)


def one_pixel(values, new):
    """A copy in which one pixel in the middle is another."""
    decoded = values.copy()
    decoded[1, 2] = new
    return decoded


def image(dtype):
    return np.full((3, 4), 100, dtype)


# ---- exact tiles -----------------------------------------------------------------------


@pytest.mark.parametrize("dtype", INTEGERS + FLOATS)
@pytest.mark.parametrize(
    "asked", [{}, {"quantize_level": 4}, {"error_bound": 50}], ids=["lossless", "q", "e"]
)
def test_an_exact_tile_keeps_every_bit(dtype, asked):
    values = image(dtype)
    assert judged(values, values.copy(), largest=0, **asked) is None
    told = judged(values, one_pixel(values, 101), **asked)
    assert told == (
        f"pixel (1, 2) was {values[0, 0]} and came back as {values.dtype.type(101)}, "
        "in a tile that is exact"
    )


@pytest.mark.parametrize("dtype", FLOATS)
def test_an_exact_tile_keeps_an_ulp_a_sign_of_zero_and_a_payload(dtype):
    values = image(dtype)
    values[1, 2] = 0
    assert judged(values, one_pixel(values, -0.0))
    assert judged(values, one_pixel(values, np.nextafter(values.dtype.type(0), np.inf)))
    values[1, 2] = np.nan
    other = values.copy()
    other.view(f"u{values.dtype.itemsize}")[1, 2] ^= 1
    assert judged(values, other)
    assert judged(values, other, scale=0.5, quantize_level=4) is None


def test_another_shape_or_type_is_not_the_tile():
    values = image("i2")
    assert "(3, 4) of int16" in judged(values, values.reshape(4, 3))
    assert "int32" in judged(values, values.astype("i4"))
    assert judged(values, values.view("u2"))


# ---- steps of integers -----------------------------------------------------------------


@pytest.mark.parametrize("dtype", INTEGERS)
@pytest.mark.parametrize("sign", [1, -1])
def test_integers_stay_within_half_a_step(dtype, sign):
    values = image(dtype)
    for asked in ({"quantize_level": 4}, {"error_bound": 2}, {"error_bound": 2.9}):
        assert judged(values, one_pixel(values, 100 + 2 * sign), 5, **asked) is None
        told = judged(values, one_pixel(values, 100 + 3 * sign), 5, **asked)
        assert told.endswith("where an error of 2.0 is allowed")


@pytest.mark.parametrize("dtype", INTEGERS)
def test_integers_at_the_ends_of_their_type(dtype):
    limits = np.iinfo(dtype)
    values = image(dtype)
    values[1, 2] = limits.max
    assert judged(values, one_pixel(values, limits.max - 2), 5, error_bound=2) is None
    assert judged(values, one_pixel(values, limits.max - 3), 5, error_bound=2)
    assert judged(values, one_pixel(values, limits.min), 5, error_bound=2)


def test_blank_neither_comes_nor_goes():
    values = image("i2")
    assert judged(values, one_pixel(values, 101), 5, blank=101, error_bound=2)
    values[1, 2] = 101
    assert judged(values, one_pixel(values, 100), 5, blank=101, error_bound=2)
    assert judged(values, one_pixel(values, 100), 5, error_bound=2) is None


# ---- grids of floats -------------------------------------------------------------------


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("sign", [1, -1])
def test_floats_stay_within_half_a_step_and_half_an_ulp(dtype, sign):
    values = image(dtype)
    kind = values.dtype.type
    scale = 2 * 0.5 * (1 - 2.0**-20)
    limit = kind(100 + sign * 0.5)
    beyond = np.nextafter(limit, kind(sign * 1e9))
    for asked in ({"error_bound": 0.5}, {"quantize_level": 1, "dither": 0}):
        assert judged(values, one_pixel(values, limit), scale, **asked) is None
        assert judged(values, one_pixel(values, beyond), scale, **asked)
        assert judged(values, one_pixel(values, 100 + sign * 1.0), scale, **asked)


@pytest.mark.parametrize("dtype", FLOATS)
def test_a_number_never_becomes_a_null_nor_a_null_a_number(dtype):
    values = image(dtype)
    for new in (np.nan, np.inf, -np.inf):
        assert judged(values, one_pixel(values, new), 1, quantize_level=1)
    for old in (np.nan, np.inf, -np.inf):
        values[1, 2] = old
        assert judged(values, one_pixel(values, 100), 1, quantize_level=1)
    assert judged(values, one_pixel(values, np.inf), 1, quantize_level=1)  # it was -inf


def test_the_largest_float_has_no_spacing_to_hide_in():
    top = np.finfo("f4").max
    assert judged(image("f4"), one_pixel(image("f4"), top), 1, error_bound=1)


def test_zeros_are_kept_where_the_dither_keeps_them():
    values = image("f4")
    values[1, 2] = 0
    moved = one_pixel(values, 0.25)
    assert judged(values, moved, 1, error_bound=1, dither=1) is None
    assert judged(values, moved, 1, error_bound=1, dither=2)


# ---- steps, and the largest error that was measured ------------------------------------


@pytest.mark.parametrize(
    ("dtype", "scale", "asked"),
    [
        ("i2", 7, {"error_bound": 2}),
        ("f4", 2.001, {"error_bound": 1}),
        ("f8", -1, {"error_bound": 1}),
        ("f8", np.nan, {"error_bound": 1}),
        ("f8", np.inf, {"quantize_level": 1}),
        ("f4", 1, {}),
        ("f4", 1, {"relative_error": 0.1}),
    ],
)
def test_a_step_that_was_not_asked_for(dtype, scale, asked):
    """Told even where the pixels are right: the row tells the user his error."""
    values = image(dtype)
    assert judged(values, values.copy(), scale, **asked).startswith("SCALE is")


def test_an_error_beyond_maxerr_is_told():
    values = image("f8")
    decoded = one_pixel(values, 100.5)
    assert judged(values, decoded, 2, error_bound=1.1, largest=0.5) is None
    assert judged(values, decoded, 2, error_bound=1.1, largest=0.49).startswith("MAXERR")


# ---- relative and latent ---------------------------------------------------------------


@pytest.mark.parametrize("dtype", FLOATS)
def test_relative_errors(dtype):
    values = image(dtype) * -1
    asked = {"relative_error": 1 / 128}
    kind = values.dtype.type
    limit = kind(-100 - 100 / 128)
    assert judged(values, one_pixel(values, limit), **asked) is None
    assert judged(values, one_pixel(values, np.nextafter(limit, kind(-200))), **asked)
    tiny = np.finfo(dtype).tiny
    for old, new in ((0, tiny), (tiny, 0), (0.0, -0.0), (tiny, -tiny)):
        values[1, 2] = old
        assert judged(values, one_pixel(values, new), relative_error=0.999)
    assert judged(image("i4"), one_pixel(image("i4"), 101), relative_error=0.5)


@pytest.mark.parametrize("dtype", FLOATS)
def test_a_bound_above_relative_errors(dtype):
    values = image(dtype)
    held = Settings(Relative(1 / 128, 0.25))
    for sign in (1, -1):
        last = values.dtype.type(100 + 0.25 * sign)
        beyond = np.nextafter(last, values.dtype.type(100 + sign))
        told = [
            broken_promise(values, one_pixel(values, new), tile_row(), held, None)
            for new in (last, beyond)
        ]
        assert told[0] is None and "an error of 0.25 is allowed" in told[1]


@pytest.mark.parametrize("dtype", ["i4", "f4"])
def test_latents_are_only_measured(dtype):
    values = image(dtype)
    wild = one_pixel(values, 1e6)
    assert broken_promise(values, wild, tile_row(3, 1e6), LATENT, None) is None
    assert broken_promise(values, wild, tile_row(3, 100), LATENT, None).startswith("MAXERR")


def test_latents_make_and_unmake_no_null():
    values = image("i4")
    told = broken_promise(values, one_pixel(values, 7), tile_row(3), LATENT, 7)
    assert told == "pixel (1, 2) was 100 and came back as 7, where it must not change"
    values = image("f4")
    assert broken_promise(values, one_pixel(values, np.inf), tile_row(3), LATENT, None)
    values[1, 2] = np.nan
    assert broken_promise(values, one_pixel(values, 100), tile_row(3), LATENT, None)


# ---- together with the encoder ---------------------------------------------------------

ASKED = st.sampled_from(
    [
        {},
        {"quantize_level": 2},
        {"quantize_level": 0.5, "dither": 2},
        {"error_bound": 3, "dither": 0},
        {"error_bound": 0.3},
        {"error_bound": 3, "lossy_integers": True},
        {"quantize_level": 0.5, "dither": 2, "lossy_integers": True},
        {"relative_error": 0.01},
    ]
)


def complaints(data, encoded):
    decoded = decode_image(encoded, threads=1)
    for i, row in enumerate(encoded.tiles):
        part = encoded.grid.slices(i)
        yield broken_promise(data[part], decoded[part], row, encoded.settings, encoded.blank)


@given(
    hnp.arrays(
        st.sampled_from([np.dtype(t) for t in INTEGERS + FLOATS]),
        hnp.array_shapes(min_dims=1, max_dims=3, min_side=1, max_side=12),
    ),
    ASKED,
)
def test_what_the_encoder_makes_passes(data, asked):
    blank = None if data.dtype.kind == "f" else int(data.flat[0])
    encoded = encode_image(data, from_keywords(**asked), blank=blank, threads=1)
    assert not any(complaints(data, encoded))


@pytest.mark.parametrize("dtype", INTEGERS[1:] + FLOATS)
@pytest.mark.parametrize("asked", [{"quantize_level": 1}, {"error_bound": 5.5}], ids=["q", "e"])
def test_noise_and_its_edits_pass_and_half_a_step_more_does_not(dtype, asked):
    data = np.random.default_rng(3).normal(1000, 9, (300, 270)).astype(dtype)
    encoded = encode_image(data, from_keywords(lossy_integers=True, **asked), threads=1)
    assert (encoded.tiles["SCALE"] > 0).all()
    assert not any(complaints(data, encoded))
    edited = decode_image(encoded, threads=1)
    edited[5, 5] += 1000
    again = reencode_tiles(encoded, edited, np.ones(len(encoded.tiles), bool), threads=1)
    assert not any(complaints(edited, again))
    step = encoded.tiles["SCALE"].max()
    data[200, 200] += np.asarray(1.01 * step + 1).astype(dtype)
    assert any(complaints(data, encoded))
