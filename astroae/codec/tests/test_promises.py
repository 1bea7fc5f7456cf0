"""What each mode promises, judged from the pixels alone."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from astroae.codec import forms, methods
from astroae.codec.image import decode_image, encode_image, error_map, reencode_tiles, verify_tiles
from astroae.codec.tile import stream_checksum
from astroae.errors import CorruptFileError
from astroae.settings import from_keywords

SHAPES = [(1,), (700,), (1, 1), (5, 1), (1, 300), (300, 257), (2, 40, 33), (2, 1, 3, 9, 8)]
TYPES = ["u1", ">i2", "i4", "i8", ">f4", "f8"]


def sky(shape, dtype, seed=1):
    """Noise, a gradient and a few bright pixels."""
    rng = np.random.default_rng(seed)
    field = rng.normal(100, 6, shape) + np.linspace(0, 20, shape[-1])
    field.flat[:: max(1, field.size // 7)] += 90
    return field.astype(dtype)


def bits(values):
    native = np.ascontiguousarray(values, values.dtype.newbyteorder("="))
    return native.view(f"u{native.itemsize}")


def check_lossless(data, **options):
    encoded = encode_image(data, from_keywords(), **options)
    assert np.array_equal(bits(decode_image(encoded)), bits(data))
    return encoded


def check_bounded(data, **options):
    """Half a step of each tile, half an ulp of the decoded value on top."""
    encoded = encode_image(data, from_keywords(**options, lossy_integers=True))
    decoded = decode_image(encoded)
    for i, row in enumerate(encoded.tiles):
        part = encoded.grid.slices(i)
        error = np.abs(decoded[part].astype(np.longdouble) - data[part].astype(np.longdouble))
        if data.dtype.kind == "f":
            allowed = row["SCALE"] / 2 * (1 + 1e-5) + np.abs(np.spacing(decoded[part])) / 2
        else:
            allowed = max(0, row["SCALE"] - 1) / 2
        assert (error <= allowed).all()
        assert error.max() <= row["MAXERR"] * (1 + 1e-6)
    return encoded, decoded


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("dtype", TYPES)
def test_lossless(shape, dtype):
    check_lossless(sky(shape, dtype))


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("asked", [{"quantize_level": 2}, {"error_bound": 2.5, "dither": 0}])
def test_bounded(shape, dtype, asked):
    encoded, decoded = check_bounded(sky(shape, dtype), **asked)
    if "error_bound" in asked:
        limit = 2 if encoded.dtype.kind == "i" else 2.5 * (1 + 1e-6)
        assert np.abs(decoded.astype(float) - sky(shape, dtype)).max() <= limit


@settings(max_examples=60, deadline=None)
@given(
    hnp.arrays(
        st.sampled_from([np.dtype(t) for t in ("u1", "i2", "i4", "i8", "f4", "f8")]),
        hnp.array_shapes(min_dims=1, max_dims=4, min_side=1, max_side=20),
    )
)
def test_any_bits_come_back(data):
    check_lossless(data)


@settings(max_examples=60, deadline=None)
@given(
    hnp.arrays(
        st.sampled_from([np.dtype(t) for t in ("i2", "i8", "f4", "f8")]),
        hnp.array_shapes(min_dims=1, max_dims=3, min_side=1, max_side=20),
    ),
    st.sampled_from([{"quantize_level": 2}, {"error_bound": 3}, {"relative_error": 0.01}]),
)
def test_any_bits_stay_within_the_bound(data, asked):
    lossy = {} if "relative_error" in asked else {"lossy_integers": True}
    encoded = encode_image(data, from_keywords(**asked, **lossy))
    decoded = decode_image(encoded)
    finite = np.isfinite(data) if data.dtype.kind == "f" else np.ones(data.shape, bool)
    assert np.array_equal(bits(decoded)[~finite], bits(data)[~finite])
    wide = np.longdouble if data.dtype.kind == "f" else object
    error = np.abs(decoded[finite].astype(wide) - data[finite].astype(wide))
    if "relative_error" in asked:
        assert (error <= np.abs(data[finite].astype(wide)) / 100).all()
    elif "error_bound" in asked:
        with np.errstate(over="ignore"):
            ulp = np.abs(np.spacing(decoded[finite])) if data.dtype.kind == "f" else 0
        assert (error <= 3 + ulp / 2).all()


def test_specials_keep_their_bits():
    data = sky((120, 130), "f4")
    data[3:9, 20:90] = np.nan
    data[50, 50], data[51, 50], data[60, 60] = np.inf, -np.inf, -0.0
    data.view("u4")[70, 70] = 0x7FC12345  # a NaN with a payload
    for asked in ({}, {"quantize_level": 4}, {"quantize_level": 1, "dither": 2}):
        encoded = encode_image(data, from_keywords(**asked))
        assert (encoded.tiles["SCALE"] > 0).all() == bool(asked)  # they do not keep it exact
        decoded = decode_image(encoded)
        special = ~np.isfinite(data)
        assert np.array_equal(bits(decoded)[special], bits(data)[special])
        assert np.isfinite(decoded[~special]).all()
        if asked.get("dither") == 2 or not asked:
            assert np.array_equal(bits(decoded)[data == 0], bits(data)[data == 0])


@pytest.mark.parametrize("blank", [-32768, 100, 32767])
def test_blank_stays_blank(blank):
    data = sky((90, 100), "i2")
    data[10:20] = blank
    asked = from_keywords(quantize_level=1, lossy_integers=True)
    encoded = encode_image(data, asked, blank=blank)
    decoded = decode_image(encoded)
    assert np.array_equal(decoded == blank, data == blank)


def test_relative_keeps_sign_and_zero():
    weight = np.abs(sky((150, 160), "f4"))
    weight[::7] = 0
    decoded = decode_image(encode_image(weight, from_keywords(relative_error=1 / 512)))
    assert (np.abs(decoded - weight) <= weight / 512).all()
    assert np.array_equal(decoded == 0, weight == 0)
    assert not np.array_equal(decoded, weight)


@pytest.mark.parametrize(
    ("name", "data", "most"),
    [
        ("constant", np.full((256, 256), 7, "i4"), 0.01),
        ("few levels", np.random.default_rng(0).integers(0, 200, (256, 256)) * 97, 8.1),
        ("floats that are quarters", np.round(sky((256, 256), "f4") * 4) / 4, 7.2),
        ("sparse counts", np.random.default_rng(0).poisson(0.01, (256, 256)).astype("i2"), 0.15),
        ("random bits", np.random.default_rng(0).integers(-(2**31), 2**31, (256, 256)), 64.2),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_size_of_easy_and_hopeless_images(name, data, most):
    encoded = check_lossless(data)
    assert 8 * (sum(map(len, encoded.streams)) + len(encoded.shared)) < most * data.size


@pytest.mark.parametrize(("q", "limit"), [(0.5, 1.254), (1, 2.105), (4, 4.051), (16, 6.047)])
def test_size_of_white_noise(q, limit):
    noise = np.random.default_rng(3).normal(size=(512, 512)).astype("f4")
    encoded = encode_image(noise, from_keywords(quantize_level=q, dither=0))
    assert 8 * sum(map(len, encoded.streams)) < (limit + 0.05) * noise.size


def test_float_lossless_is_no_larger_than_gzip_2():
    import zlib

    data = sky((256, 256), "f4")
    planes = np.ascontiguousarray(data.view("u1").reshape(-1, 4).T).tobytes()
    assert sum(map(len, check_lossless(data).streams)) < 1.01 * len(zlib.compress(planes))


def test_same_bytes_whatever_the_threads_and_byte_order():
    asked = from_keywords(quantize_level=4)
    one = encode_image(sky((600, 500), "f4"), asked, threads=1)
    two = encode_image(sky((600, 500), ">f4"), asked, threads=2)
    assert one.streams == two.streams
    assert one.shared == two.shared
    assert np.array_equal(one.tiles, two.tiles)


def test_exposures_of_one_field_do_not_share_dither():
    asked = from_keywords(quantize_level=4)
    seeds = {
        encode_image(sky((64, 64), "f4", seed), asked).settings.dither_seed for seed in range(9)
    }
    assert len(seeds) > 7


def test_dithered_errors_leave_the_mean_alone():
    noise = np.random.default_rng(5).normal(10, 1, (256, 256))
    encoded = encode_image(noise, from_keywords(quantize_level=0.5))
    error = decode_image(encoded) - noise
    step = encoded.tiles["SCALE"][0]
    assert abs(error.mean()) < 5 * step / 12**0.5 / noise.size**0.5
    assert error.std() == pytest.approx(step / 12**0.5, rel=0.02)
    assert error_map(encoded).mean() == pytest.approx(step / 12**0.5)


def test_region_is_a_part_of_the_whole():
    encoded = encode_image(sky((3, 300, 520), "f4"), from_keywords(quantize_level=4))
    region = (slice(1, 3), slice(250, 270), slice(5, 519))
    assert np.array_equal(decode_image(encoded, region), decode_image(encoded)[region])


def test_reencoding_keeps_the_other_tiles():
    data = sky((600, 600), "f4")
    encoded = encode_image(data, from_keywords(quantize_level=4))
    data[10, 10] += 1000
    changed = np.zeros(len(encoded.tiles), bool)
    changed[0] = True
    again = reencode_tiles(encoded, data, changed)
    assert list(again.streams)[1:] == list(encoded.streams)[1:]
    assert abs(decode_image(again)[10, 10] - data[10, 10]) < again.tiles["SCALE"][0]


@pytest.mark.parametrize("dtype", ["f4", "f8", "i4"])
@pytest.mark.parametrize("dither", [0, 1, 2])
def test_reencoding_moves_no_other_pixel(dtype, dither):
    """Edited four times over, a tile loses nothing but the pixels that were set."""
    asked = from_keywords(quantize_level=1, dither=dither, lossy_integers=True)
    encoded = encode_image(sky((200, 200), dtype), asked)
    first = decode_image(encoded)
    for k in range(4):
        data = decode_image(encoded)
        data[0, k] = 5000 + k
        encoded = reencode_tiles(encoded, data, np.ones(1, bool))
    again = decode_image(encoded)
    assert np.array_equal(again[1:], first[1:])
    assert np.abs(again[0, :4] - [5000, 5001, 5002, 5003]).max() <= encoded.tiles["SCALE"][0] / 2


@pytest.mark.parametrize("zero", [1e300, np.nan])
def test_a_grid_on_which_pixels_have_no_integer_is_left(zero):
    data = sky((64, 64), "f8")
    encoded = encode_image(data, from_keywords(quantize_level=4))
    encoded.tiles["ZERO"] = zero
    again = reencode_tiles(encoded, data, np.ones(1, bool))
    assert np.array_equal(bits(decode_image(again)), bits(data))


def test_every_damaged_byte_is_noticed():
    encoded = encode_image(sky((64, 64), "f4"), from_keywords(quantize_level=4))
    whole = encoded.streams[0]
    for at in range(0, len(whole), 97):
        encoded.streams[0] = whole[:at] + bytes([whole[at] ^ 4]) + whole[at + 1 :]
        with pytest.raises(CorruptFileError, match="tile 0"):
            decode_image(encoded)
    encoded.streams[0] = whole
    assert verify_tiles(encoded) == []


def test_rows_that_changed_places_are_noticed():
    """Two whole tiles of one shape: neither stream is damaged, but both are misplaced."""
    integers = np.random.default_rng(4).integers(0, 900, (128, 128)).astype("i2")
    encoded = encode_image(integers, from_keywords(tile_shape=(64, 64)))
    encoded.streams[1], encoded.streams[2] = encoded.streams[2], encoded.streams[1]
    encoded.tiles[[1, 2]] = encoded.tiles[[2, 1]]
    with pytest.raises(CorruptFileError, match="tile 1"):
        decode_image(encoded)
    assert [damage.where for damage in verify_tiles(encoded)] == ["tile 1", "tile 2"]


def test_blank_reads_the_other_tiles():
    encoded = encode_image(sky((300, 300), "f4"), from_keywords())
    encoded.streams[1] = encoded.streams[1][:-3]
    decoded = decode_image(encoded, on_corrupt="blank")
    damaged = encoded.grid.slices(1)
    assert np.isnan(decoded[damaged]).all()
    assert np.isfinite(decoded).sum() == decoded.size - decoded[damaged].size


def test_forged_streams_are_errors_not_crashes():
    """Bytes whose checksum was made to fit must not get past the codec either."""
    rng = np.random.default_rng(8)
    encoded = encode_image(sky((64, 64), "f4"), from_keywords(quantize_level=4))
    whole, good = bytearray(encoded.streams[0]), decode_image(encoded)
    for _ in range(200):
        forged = whole.copy()
        for at in rng.integers(0, 60, 3):
            forged[at] = rng.integers(256)
        encoded.streams[0] = bytes(forged)
        encoded.tiles["CRC_S"][0] = stream_checksum(bytes(forged), 0)
        try:
            assert np.array_equal(decode_image(encoded), good)
        except CorruptFileError:
            pass


@pytest.mark.parametrize("asked", [{}, {"quantize_level": 4}, {"error_bound": 1e300}])
@pytest.mark.parametrize("shape", [(5, 1, 1), (4, 9, 5)])
def test_cubes_whose_tiles_are_columns_of_one_pixel(shape, asked):
    data = np.random.default_rng(8).normal(size=shape)
    encoded = encode_image(data, from_keywords(tile_shape=(5, 2, 2), **asked))
    assert decode_image(encoded).shape == shape
    assert np.isfinite(error_map(encoded)).all() or "error_bound" in asked


@pytest.mark.parametrize("verify", [True, False])
@pytest.mark.parametrize("dtype", ["i2", "f4"])
def test_a_form_that_breaks_the_promise_is_not_taken(monkeypatch, dtype, verify):
    def choose(values, context, integers=None):
        for coded in forms.choose(values, context, integers):
            yield replace(coded, k=coded.k + 1)

    monkeypatch.setattr("astroae.codec.tile.choose", choose)
    data = sky((40, 50), dtype)
    encoded = encode_image(data, from_keywords(), verify=verify)
    assert np.array_equal(decode_image(encoded), data)


def test_the_very_bytes_are_decoded_before_they_are_believed(monkeypatch):
    encode = methods.encode
    monkeypatch.setattr(methods, "encode", lambda k, *known: encode(k + 1, *known))
    with pytest.raises(AssertionError, match="no form keeps the promise"):
        encode_image(sky((40, 50), "i2"), from_keywords(), verify=True)
