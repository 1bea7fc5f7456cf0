"""Tile-compressed images: taken over, given back, and what is wrong with some of them."""

import io
import shutil
import subprocess
import warnings

import numpy as np
import pytest
from astropy.io import fits

from astroae.codec.image import decode_image, decode_integers, encode_image
from astroae.container.fpack import give_back, join_recipe, split_recipe, takeover
from astroae.container.fpack_cards import Recipe, split_cards, table_cards
from astroae.container.fpack_read import read_fpack
from astroae.container.header import raw_cards
from astroae.errors import AstroAEError, CorruptFileError, UnsupportedDataError
from astroae.settings import from_keywords

needs_fpack = pytest.mark.skipif(
    shutil.which("fpack") is None or shutil.which("funpack") is None,
    reason="the programs fpack and funpack (Debian package libcfitsio-bin) are not installed",
)


def sky(shape=(61, 70), dtype="f4"):
    """Noise with a star, a constant row, undefined pixels in floats."""
    rng = np.random.default_rng(5)
    image = rng.normal(100, 5, shape)
    image[..., 20:30, 30:40] += 4000
    image[..., 8, :] = 100
    if np.dtype(dtype).kind == "f":
        image[..., 3, 5:9] = np.nan
        image[..., 15, 20:25] = 0
    return image.astype(dtype)


def table_of(raw, number=1):
    """Header and data unit of one table in the bytes of a file."""
    with warnings.catch_warnings(), fits.open(io.BytesIO(raw), disable_image_compression=True) as f:
        warnings.simplefilter("ignore")
        info, header = f.fileinfo(number), f[number].header.copy()
    return header, raw[info["datLoc"] : info["datLoc"] + info["datSpan"]]


def by_astropy(image, **settings):
    """A tile-compressed file, written by astropy."""
    out = io.BytesIO()
    hdu = fits.CompImageHDU(image, **settings)
    hdu.header["OBJECT"] = "M 31"
    fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(out)
    return out.getvalue()


def stored(raw, number=1):
    """Stored values as astropy reads them."""
    with fits.open(io.BytesIO(raw), do_not_scale_image_data=True) as hdus:
        return hdus[number].data


def file_of(cards, data):
    """A file whose extension 1 is this table."""
    out = io.BytesIO()
    fits.PrimaryHDU().writeto(out)
    header = fits.Header.fromstring("".join(cards)).tostring()
    return out.getvalue() + header.encode() + data + bytes(-len(data) % 2880)


def same(a, b):
    return np.array_equal(a, b, equal_nan=np.dtype(a.dtype).kind == "f")


def without_sizes(cards):
    """Cards but those that say how long streams are: other programs deflate otherwise."""
    return [card for card in cards if not card.startswith(("PCOUNT", "TFORM"))]


def check_takeover(raw):
    """Nothing changes on the way there and back.

    Returns what was taken over, and whether the table came back byte for byte.
    """
    header, data = table_of(raw)
    taken = takeover(header, data)
    assert same(decode_image(taken.encoded), stored(raw))
    cards, again, note = give_back(taken.encoded, taken.header, taken.recipe)
    assert note == ""
    assert without_sizes(cards) == without_sizes(raw_cards(header))
    before, after = (
        read_fpack(header, data),
        read_fpack(fits.Header.fromstring("".join(cards)), again),
    )
    assert before.grid == after.grid
    if before.grid is not None:
        assert np.array_equal(before.integers, decode_integers(taken.encoded))
        assert np.array_equal(before.integers, after.integers)
    assert same(before.values, after.values)
    return taken, data[: len(again)] == again and cards == raw_cards(header)


FLOATS = [
    {"compression_type": "RICE_1", "quantize_method": 1},
    {"compression_type": "RICE_1", "quantize_method": 2, "dither_seed": 77},
    {"compression_type": "RICE_1", "quantize_method": -1},
    {"compression_type": "GZIP_1", "quantize_method": 1, "tile_shape": (20, 30)},
    {"compression_type": "GZIP_2", "quantize_method": 2, "quantize_level": 1},
    {"compression_type": "GZIP_2", "quantize_level": 0},
    {"compression_type": "NOCOMPRESS", "quantize_level": 0},
]


@pytest.mark.parametrize("settings", FLOATS, ids=lambda s: "-".join(map(str, s.values())))
def test_floats_written_by_astropy(settings):
    dtype = "f8" if settings.get("tile_shape") or "dither_seed" in settings else "f4"
    taken, _ = check_takeover(by_astropy(sky(dtype=dtype), **settings))
    assert (taken.encoded.source is None) == (settings.get("quantize_level") == 0)


@pytest.mark.parametrize(
    ("kind", "dtype"),
    [("RICE_1", t) for t in ("u1", "i2", "u2", "i4", "u4")]
    + [("GZIP_1", "i2"), ("GZIP_2", "u1"), ("GZIP_2", "u4"), ("NOCOMPRESS", "i4")],
)
def test_integers_written_by_astropy(kind, dtype):
    image = np.clip(sky(dtype="i4"), 0, 200 if dtype == "u1" else 30_000).astype(dtype)
    _, identical = check_takeover(by_astropy(image, compression_type=kind))
    assert identical or kind.startswith("GZIP")  # Python notes the time in each stream


def test_64_bit_integers_and_cubes():
    check_takeover(
        by_astropy(np.arange(-300, 300).reshape(20, 30) << 40, compression_type="GZIP_2")
    )
    check_takeover(by_astropy(sky((3, 61, 70)), compression_type="RICE_1", tile_shape=(1, 30, 70)))


def test_rows_that_cannot_be_quantised_stay_floats():
    image = sky((300, 70))
    image[:40] = 7.25
    image[40:60] = np.nan
    taken, _ = check_takeover(by_astropy(image, quantize_method=1))
    assert 0 < taken.encoded.source.exact.sum() < 300


@needs_fpack
@pytest.mark.parametrize(
    "options", ["", "-qz 4", "-g -q 4", "-g2 -q 1", "-g -q 0", "-w", "-t 30,20", "-q -0.5"]
)
def test_files_of_cfitsio_come_back_byte_for_byte(options, tmp_path):
    for dtype, image in (("f4", sky()), ("f8", sky((2, 41, 30), "f8")), ("i2", sky(dtype="i2"))):
        path = tmp_path / f"{dtype}.fits"
        fits.writeto(path, image, fits.Header([("OBJECT", "M 31"), ("FOCUS", 1.5)]))
        subprocess.run(["fpack", *options.split(), path.name], cwd=tmp_path, check=True)
        _, identical = check_takeover(path.with_suffix(".fits.fz").read_bytes())
        assert identical


@needs_fpack
def test_real_images_of_cfitsio_come_back_byte_for_byte(bundled_images, tmp_path):
    chosen = [p for p in bundled_images if p.name.startswith(("90prime", "hersch", "feder"))]
    assert len(chosen) == 3
    for packed in chosen:
        path = tmp_path / packed.name.removesuffix(".gz")
        with fits.open(packed) as hdus, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            hdus.writeto(path, output_verify="ignore")
        subprocess.run(["fpack", path.name], cwd=tmp_path, check=True)
        _, identical = check_takeover(path.with_suffix(".fits.fz").read_bytes())
        assert identical


# ---- other images in the standard's form -------------------------------------------------


def give_standard(image, header=None, **settings):
    encoded = encode_image(image, from_keywords(**settings))
    cards, data, note = give_back(encoded, header or fits.ImageHDU(image).header)
    return decode_image(encoded), None if cards is None else file_of(cards, data), note


@pytest.mark.parametrize("dither", [0, 1, 2])
@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_own_grid_is_written_as_rice(dither, dtype):
    image = sky((70, 61), dtype)
    image[np.isnan(image)] = 1
    decoded, raw, note = give_standard(
        image, quantize_level=4, dither=dither, tile_shape=(32, 32), dither_seed=9_990
    )
    header, _ = table_of(raw)
    assert (note, header["ZCMPTYPE"], header["ZTILE1"]) == ("", "RICE_1", 32)
    assert same(stored(raw), decoded)
    assert fits.open(io.BytesIO(raw))[1].shape == image.shape


def test_nan_of_whole_rows_is_written_as_rice():
    decoded, raw, note = give_standard(sky(), error_bound=0.5, dither=2)
    assert note == ""
    assert np.isnan(decoded).sum() == 4
    assert same(stored(raw), decoded)


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        ({}, "lossless"),
        ({"relative_error": 0.01}, "relative"),
        ({"error_bound": 0.5, "tile_shape": (32, 32)}, "funpack"),
    ],
)
def test_what_the_standard_cannot_express_is_said(settings, word):
    decoded, raw, note = give_standard(sky(), **settings)
    assert word in note
    assert table_of(raw)[0]["ZCMPTYPE"] == "GZIP_2"
    assert same(stored(raw), decoded)


def test_tiles_without_a_grid_stand_beside_the_others():
    image = np.nan_to_num(sky((64, 64)))
    image[:32, :32] = 7.25
    image[40, 40] = np.inf
    decoded, raw, note = give_standard(image, error_bound=0.5, tile_shape=(32, 32))
    assert note.startswith("2 of 4 tiles")
    assert same(stored(raw), decoded)


@pytest.mark.parametrize("dtype", ["u1", "i2", "i4"])
def test_own_integers_are_written_as_rice(dtype):
    image = np.clip(sky(dtype="i4"), 0, 200).astype(dtype)
    for settings in ({}, {"error_bound": 3}):
        decoded, raw, note = give_standard(image, **settings)
        assert note == ""
        assert same(stored(raw), decoded)


def test_64_bit_integers_stay_uncompressed():
    _, raw, note = give_standard(sky(dtype="i8"))
    assert raw is None
    assert "64-bit" in note


@needs_fpack
def test_funpack_and_fitsio_read_what_is_written(tmp_path):
    fitsio = pytest.importorskip("fitsio")
    for i, settings in enumerate(({"error_bound": 0.5}, {"quantize_level": 1, "dither": 2}, {})):
        decoded, raw, _ = give_standard(sky(), **settings)
        path = tmp_path / f"{i}.fits.fz"
        path.write_bytes(raw)
        subprocess.run(["funpack", path.name], cwd=tmp_path, check=True)
        with fits.open(path.with_suffix("")) as hdus:
            assert same(next(h.data for h in hdus if h.data is not None), decoded)
        assert same(fitsio.read(path, ext=1), decoded)


# ---- headers -----------------------------------------------------------------------------


def test_image_header_is_the_image_s_own():
    raw = by_astropy(sky(), quantize_method=1)
    header = takeover(*table_of(raw)).header
    assert header["NAXIS2"] == 61
    assert header["OBJECT"] == "M 31"
    assert not {"ZIMAGE", "TFIELDS", "ZCMPTYPE", "ZDITHER0"} & set(header)


def test_edited_header_goes_into_the_table():
    raw = by_astropy(sky(), quantize_method=1)
    taken = takeover(*table_of(raw))
    taken.header["OBJECT"] = "M 33"
    taken.header["OBSERVER"] = "Hubble"
    cards, data, _ = give_back(taken.encoded, taken.header, taken.recipe)
    with fits.open(io.BytesIO(file_of(cards, data))) as hdus:
        assert hdus[1].header["OBJECT"] == "M 33"
        assert hdus[1].header["OBSERVER"] == "Hubble"
        assert same(hdus[1].data, stored(raw))


def test_replaced_pixels_are_written_in_the_standard_form():
    taken = takeover(*table_of(by_astropy(sky(), quantize_method=1)))
    image = np.nan_to_num(sky()) + 1
    new = encode_image(image, from_keywords())
    cards, data, note = give_back(new, taken.header, taken.recipe)
    assert "lossless" in note
    assert same(stored(file_of(cards, data)), image)


def test_recipe_survives_its_cards():
    recipe = takeover(*table_of(by_astropy(sky()))).recipe
    assert join_recipe(split_recipe(recipe)) == recipe
    assert len(recipe) < 900
    assert join_recipe({}) == ""


def test_cards_come_back_in_their_order():
    cards = [
        c.ljust(80)
        for c in (
            "XTENSION= 'BINTABLE'",
            "A       = 1",
            "ZBITPIX = 16",
            "",
            "B       = 2",
            "ZHECKSUM= 'x'",
            "C",
        )
    ]
    image, recipe = split_cards(cards)
    assert table_cards(Recipe.unpack(recipe.pack()), image) == cards


@pytest.mark.parametrize("text", ["", "!!!!", "AAAA", "eJwDAAAAAAE=", "é"])
def test_damaged_recipe(text):
    with pytest.raises(CorruptFileError, match="AEFPK"):
        Recipe.unpack(text)


# ---- bad input ---------------------------------------------------------------------------


def test_other_compressions_are_refused():
    header, data = table_of(by_astropy(sky(dtype="i2")))
    header["ZCMPTYPE"] = "JPEG_1"
    with pytest.raises(UnsupportedDataError, match="JPEG_1.*funpack"):
        takeover(header, data)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("ZNAXIS1", 7_000_000_000), ("ZNAXIS1", -4), ("ZNAXIS", 77), ("ZBITPIX", 12),
        ("ZTILE1", 0), ("ZTILE2", 3), ("NAXIS2", 2**40), ("NAXIS1", 9), ("TFORM1", "1D"),
        ("THEAP", 5), ("ZCMPTYPE", "RICE_9"), ("ZQUANTIZ", "SOME"), ("ZDITHER0", 0),
        ("TTYPE2", "ZSCALE2"), ("ZVAL1", 0), ("ZVAL2", 3), ("TFIELDS", 5),
    ],
)  # fmt: skip
def test_keywords_that_lie(key, value):
    header, data = table_of(by_astropy(sky(), quantize_method=1))
    header[key] = value
    with pytest.raises(AstroAEError):
        takeover(header, data)


@pytest.mark.parametrize("kind", ["RICE_1", "GZIP_1", "GZIP_2", "HCOMPRESS_1"])
def test_damaged_bytes_are_an_error_or_other_pixels(kind):
    header, data = table_of(by_astropy(sky(), compression_type=kind, quantize_method=1))
    rng = np.random.default_rng(3)
    for _ in range(60):
        bad = bytearray(data)
        for place in rng.integers(0, header["NAXIS1"] * header["NAXIS2"] + header["PCOUNT"], 3):
            bad[place] ^= 1 << rng.integers(0, 8)
        try:
            read_fpack(header, bytes(bad))
        except CorruptFileError as exc:
            assert exc.where  # noqa: PT017


def test_cut_short():
    header, data = table_of(by_astropy(sky(), quantize_method=1))
    for size in (0, 100, header["NAXIS1"] * header["NAXIS2"] + 50):
        with pytest.raises(CorruptFileError):
            takeover(header, data[:size])
