"""`AEImageHDU` behaves as the uncompressed image would."""

import copy
import pickle

import numpy as np
import pytest
from astropy.io import fits

import astroae
from astroae.errors import (
    CorruptFileError,
    FormatVersionError,
    SettingError,
    UnsupportedDataError,
)
from astroae.io.hdu import AEImageHDU
from astroae.io.tests.hdu_helpers import (
    ALL_TYPES,
    check_same_header,
    check_same_pixels,
    noise,
    plain_and_coded,
    save,
    scaled_hdu,
)

SHAPES = [(1,), (700,), (30, 40), (3, 20, 30), (2, 2, 9, 8), (1, 2, 2, 5, 6), (1,) * 8 + (9,)]


@pytest.mark.parametrize("dtype", ALL_TYPES)
def test_every_type_comes_back(tmp_path, dtype):
    image = fits.ImageHDU(noise((30, 40), dtype), name="SCI")
    plain, coded = plain_and_coded(tmp_path, image)
    with fits.open(plain) as expected, fits.open(coded) as found:
        assert isinstance(found[1], AEImageHDU)
        check_same_header(found[1].header, expected[1].header)
        check_same_pixels(found[1].section[...], expected[1].data)
        check_same_pixels(found[1].data, expected[1].data)


@pytest.mark.parametrize("shape", SHAPES)
def test_every_number_of_axes_comes_back(tmp_path, shape):
    plain, coded = plain_and_coded(tmp_path, fits.ImageHDU(noise(shape)))
    with fits.open(plain) as expected, fits.open(coded) as found:
        assert found[1].shape == shape
        check_same_pixels(found[1].data, expected[1].data)


@pytest.mark.parametrize("keywords", [{}, {"do_not_scale_image_data": True}, {"uint": False}])
def test_scaled_integers_as_astropy_reads_them(tmp_path, keywords):
    plain, coded = plain_and_coded(tmp_path, scaled_hdu())
    with fits.open(plain, **keywords) as expected, fits.open(coded, **keywords) as found:
        check_same_header(found[1].header, expected[1].header)
        check_same_pixels(found[1].section[5:9], expected[1].section[5:9])
        check_same_pixels(found[1].data, expected[1].data)
        check_same_header(found[1].header, expected[1].header)


def test_unsigned_integers_without_uint(tmp_path):
    plain, coded = plain_and_coded(tmp_path, fits.ImageHDU(noise((20, 30), "u2")))
    with fits.open(plain, uint=False) as expected, fits.open(coded, uint=False) as found:
        check_same_pixels(found[1].data, expected[1].data)


@pytest.mark.parametrize("scaled", [False, True])
def test_ignore_blank(tmp_path, scaled):
    """As astropy reads a primary HDU; of an extension it forgets what it was told."""
    hdu = scaled_hdu()
    if not scaled:
        del hdu.header["BSCALE"], hdu.header["BZERO"]
    primary = fits.PrimaryHDU(hdu.data)
    for card in hdu.header.cards[-5:]:
        primary.header[card.keyword] = card.value
    primary.writeto(tmp_path / "a.fits")
    _, coded = plain_and_coded(tmp_path, hdu)
    with fits.open(tmp_path / "a.fits", ignore_blank=True) as expected:
        with fits.open(coded, ignore_blank=True) as found:
            assert np.isfinite(expected[0].data).all()
            twin = found[1].copy()
            for hdu in (found[1], twin):
                check_same_pixels(hdu.section[:2], expected[0].data[:2])
                check_same_pixels(hdu.data, expected[0].data)
    before = coded.read_bytes()
    with fits.open(coded, mode="update", ignore_blank=True) as found:
        found[1].data.sum()
    assert coded.read_bytes() == before
    with fits.open(coded) as found:
        assert np.isnan(found[1].data[0, :5]).all()


@pytest.mark.parametrize("shape", [(0,), (0, 5), (5, 0), (3, 0, 4)], ids=str)
@pytest.mark.parametrize("dtype", ["f4", "i2", "u2"])
@pytest.mark.parametrize("settings", [{}, {"quantize_level": 4}], ids=["lossless", "lossy"])
def test_axes_of_length_zero_keep_their_shape(tmp_path, shape, dtype, settings):
    data = np.zeros(shape, dtype)
    plain = save(tmp_path / "plain.fits", fits.ImageHDU(data, name="SCI"))
    coded = save(tmp_path / "coded.fits", AEImageHDU(data, name="SCI", **settings))
    with fits.open(plain) as expected, fits.open(coded) as found:
        hdu = found[1]
        assert hdu.shape == shape and hdu.copy().data.shape == shape
        check_same_pixels(hdu.section[...], expected[1].data)
        check_same_pixels(hdu.data, expected[1].data)
        check_same_header(hdu.header, expected[1].header)
        assert hdu.encoded is None and hdu.compressed_data is None
        found.writeto(tmp_path / "again.fits")
    assert (tmp_path / "again.fits").read_bytes() == coded.read_bytes()
    assert astroae.verify(coded).ok and astroae.info(coded)["hdus"][1]["name"] == "SCI"
    astroae.decompress(coded, tmp_path / "back.fits")
    assert (tmp_path / "back.fits").read_bytes() == plain.read_bytes()


def test_pixels_may_be_given_to_axes_of_length_zero(tmp_path):
    coded = save(tmp_path / "coded.fits", AEImageHDU(np.zeros((0, 5), "f4")))
    for data in (np.ones((2, 5), "f4"), np.ones((2, 0, 5), "f4")):
        with fits.open(coded, mode="update") as found:
            found[1].data = data
        check_same_pixels(fits.getdata(coded, 1), data)


def test_the_name_that_astropy_gives_stays(tmp_path):
    """`fits.open` calls a tile-compressed image without a name COMPRESSED_IMAGE."""
    images = [fits.CompImageHDU(noise((300, 320), "i2")), fits.CompImageHDU(noise((300, 320)))]
    images[1].header["EXTVER"] = 2
    fits.HDUList([fits.PrimaryHDU(), *images]).writeto(tmp_path / "a.fits.fz")
    coded, back = tmp_path / "a.aae.fits", tmp_path / "b.fits.fz"
    astroae.compress(tmp_path / "a.fits.fz", coded)
    with fits.open(coded) as found:
        assert found["COMPRESSED_IMAGE"] is found[1]
        assert found["COMPRESSED_IMAGE", 2] is found[2]
        assert "EXTNAME" not in found[1].header  # as in astropy
        assert found[1].copy().name == "COMPRESSED_IMAGE"
        found.writeto(tmp_path / "c.fits")
    with fits.open(tmp_path / "c.fits", mode="update") as found:
        found["COMPRESSED_IMAGE"].data[0, 0] = 7
    assert fits.getdata(tmp_path / "c.fits", "COMPRESSED_IMAGE")[0, 0] == 7
    astroae.decompress(coded, back, fpack=True)
    assert back.read_bytes() == (tmp_path / "a.fits.fz").read_bytes()
    with fits.open(coded, mode="update") as found:
        found["COMPRESSED_IMAGE"].name = "SCI"
    with fits.open(coded) as found:
        assert found["SCI"].name == "SCI"
    assert AEImageHDU(noise()).name == ""


@pytest.mark.parametrize("dtype", ["f4", "i1", "i2", "u2"])
def test_masked_pixels_are_refused(dtype):
    data = np.ma.array(noise((30, 40)).clip(0, 99).astype(dtype), mask=False)
    AEImageHDU(data).encode()
    data[3, 3] = np.ma.masked
    hdu = AEImageHDU(noise())
    for attempt in (AEImageHDU, lambda data: setattr(hdu, "data", data)):
        with pytest.raises(UnsupportedDataError, match="1 masked"):
            attempt(data)


def test_more_axes_than_keywords_can_name():
    """AENAXIS10 has nine letters: nobody could read the file."""
    many = np.ones((1,) * 8 + (2, 2), "f4")
    with pytest.raises(UnsupportedDataError, match="10, allowed are 9"):
        AEImageHDU(many)
    with pytest.raises(UnsupportedDataError, match="10, allowed are 9"):
        AEImageHDU.from_hdu(fits.ImageHDU(many))
    hdu = AEImageHDU(noise())
    hdu.data = many
    with pytest.raises(UnsupportedDataError, match="10, allowed are 9"):
        hdu.encode()


def test_nan_infinity_and_minus_zero(tmp_path):
    data = noise((20, 30))
    data[0, :4] = np.nan, np.inf, -np.inf, -0.0
    _, coded = plain_and_coded(tmp_path, fits.ImageHDU(data))
    assert fits.getdata(coded).tobytes() == data.tobytes()


def test_from_memory_and_from_unloaded_file_agree(tmp_path):
    plain = save(tmp_path / "plain.fits", scaled_hdu())
    with fits.open(plain) as hdul:
        unloaded = AEImageHDU.from_hdu(hdul[1], error_bound=3.0)
        assert not hdul[1]._data_loaded
    with fits.open(plain, do_not_scale_image_data=True) as hdul:
        hdul[1].data  # noqa: B018
        loaded = AEImageHDU.from_hdu(hdul[1], error_bound=3.0)
    assert unloaded.encoded.tiles.tobytes() == loaded.encoded.tiles.tobytes()


def test_from_tile_compressed_image(tmp_path):
    hdu = scaled_hdu()
    stock = save(tmp_path / "stock.fits", fits.CompImageHDU(hdu.data, hdu.header))
    with fits.open(stock) as hdul:
        made = AEImageHDU.from_hdu(hdul[1])
        assert made.encoded.dtype == np.int16
        check_same_pixels(made.data, hdul[1].data)


def test_constructor(tmp_path):
    data = noise()
    header = fits.Header([("OBJECT", "M 31"), ("EXTNAME", "OLD")])
    hdu = AEImageHDU(data, header, name="new", tile_shape=(50, 50), dither_seed=9)
    assert (hdu.name, hdu.header["OBJECT"], hdu.tile_shape) == ("NEW", "M 31", (50, 50))
    path = save(tmp_path / "a.fits", hdu)
    with fits.open(path) as found:
        assert found["NEW"].settings == hdu.encoded.settings
        assert found["NEW"].tile_shape == (50, 50)
        check_same_pixels(found["NEW"].data, data)


def test_primary_header_in_the_constructor():
    hdu = AEImageHDU(noise(), fits.PrimaryHDU(noise()).header)
    assert list(hdu.header)[0] == "SIMPLE"
    assert "XTENSION" not in hdu.header


@pytest.mark.parametrize(
    "keywords", [{"tile_shape": (5,)}, {"quantize_level": -1}, {"lossless": True, "error_bound": 1}]
)
def test_wrong_settings_are_refused_at_once(keywords):
    with pytest.raises(SettingError):
        AEImageHDU(noise(), **keywords)


def test_bound_is_physical(tmp_path):
    """error_bound counts in physical units, and comes back from the header as it was given."""
    _, coded = plain_and_coded(tmp_path, scaled_hdu(), error_bound=0.1 + 0.2, lossy_integers=True)
    with fits.open(coded) as found:
        assert found[1].settings.mode.error_bound == 0.1 + 0.2
        assert found[1].encoded.settings.mode.error_bound == (0.1 + 0.2) / 0.5


def test_error_map_is_physical(tmp_path):
    hdu = scaled_hdu()
    _, coded = plain_and_coded(tmp_path, hdu, error_bound=5.0)
    with fits.open(coded) as found, fits.open(tmp_path / "plain.fits") as expected:
        errors, sigma = found[1].data - expected[1].data, found[1].error_map
        assert sigma.shape == found[1].shape and sigma.dtype == np.float32
        assert np.nanmax(np.abs(errors)) <= 5.0
        measured, told = np.nanstd(errors), np.sqrt(np.mean(sigma**2))
        assert (measured == 0 and told == 0) or 0.8 < measured / told < 1.25


def test_relative_error_needs_a_zero_that_is_zero():
    with pytest.raises(UnsupportedDataError, match="BZERO"):
        AEImageHDU.from_hdu(fits.ImageHDU(noise(dtype="u2")), relative_error=0.01)


def test_only_images(tmp_path):
    with pytest.raises(UnsupportedDataError, match="BinTableHDU"):
        AEImageHDU.from_hdu(fits.BinTableHDU())


def test_opening_decodes_nothing(tmp_path, monkeypatch):
    _, coded = plain_and_coded(tmp_path, scaled_hdu())
    monkeypatch.setattr("astroae.codec.image.decode_image", None)
    with fits.open(coded) as found:
        found.info(output=False)
        assert found[1].header["OBJECT"] == "M 31"
        assert found[1].is_image and isinstance(found[1], (fits.ImageHDU, fits.CompImageHDU))


def test_raw_table(tmp_path):
    _, coded = plain_and_coded(tmp_path, scaled_hdu())
    with fits.open(coded, disable_image_compression=True) as found:
        assert type(found[1]) is fits.BinTableHDU
        assert len(found[1].data) == 4
        assert found[1].header["AEBITPIX"] == 16
        found.verify("exception")


def test_settings_survive_being_encoded_again(tmp_path):
    _, coded = plain_and_coded(tmp_path, fits.ImageHDU(noise()), quantize_level=4)
    with fits.open(coded) as found:
        again = AEImageHDU.from_hdu(found[1])
        check_same_pixels(again.data, found[1].data)
        assert again.settings.mode.name == "lossless"


def test_copies_are_independent(tmp_path):
    _, coded = plain_and_coded(tmp_path, scaled_hdu(), error_bound=2)
    with fits.open(coded) as found:
        twin = found[1].copy()
        expected = found[1].section[...]
        check_same_header(twin.header, found[1].header)
    check_same_pixels(twin.data, expected)
    twin.data[:] = 0
    check_same_pixels(fits.getdata(coded), expected)
    for other in (copy.deepcopy(twin), pickle.loads(pickle.dumps(twin))):
        check_same_pixels(other.data, twin.data)


def test_verify_and_diff(tmp_path):
    plain, coded = plain_and_coded(tmp_path, scaled_hdu())
    with fits.open(plain) as a, fits.open(coded) as b:
        b.verify("exception")
        assert fits.ImageDataDiff(a[1].data, b[1].data).identical
        assert fits.HeaderDiff(a[1].header, b[1].header).identical


def test_table_checksums(tmp_path):
    plain = save(tmp_path / "plain.fits", scaled_hdu(), checksum=True)
    with fits.open(plain) as hdul:
        header = hdul[1].header.copy()
        coded = save(tmp_path / "a.fits", AEImageHDU.from_hdu(hdul[1]), checksum=True)
    with fits.open(coded, checksum=True) as found:  # a wrong one would warn, an error here
        check_same_header(found[1].header, header)  # the image's own cards, untouched
        assert found[1]._checksum_valid and found[1]._datasum_valid
    data = bytearray(coded.read_bytes())
    data[-2880 - 100] ^= 1
    (tmp_path / "b.fits").write_bytes(data)
    with pytest.warns(UserWarning, match="verification failed"):
        fits.open(tmp_path / "b.fits", checksum=True).close()


def test_notes_round_trip(tmp_path):
    hdu = AEImageHDU(noise())
    hdu.notes = {"AEPRIM": True, "AEFILSHA": "ab" * 32}
    with fits.open(save(tmp_path / "a.fits", hdu)) as found:
        assert found[1].notes == hdu.notes


def damage(path, old, new):
    data = path.read_bytes()
    assert data.count(old) == 1
    path.write_bytes(data.replace(old, new))


def test_damaged_tile_names_file_extension_and_tile(tmp_path):
    _, coded = plain_and_coded(tmp_path, fits.ImageHDU(noise(), name="SCI"))
    with fits.open(coded) as found:
        stream = bytes(found[1].encoded.streams[3])
    damage(coded, stream, stream[:-5] + bytes(5 * [stream[-5] ^ 255]))
    with fits.open(coded) as found:
        with pytest.raises(CorruptFileError) as caught:
            found[1].data  # noqa: B018
        for part in ("coded.fits", "SCI", "tile 3"):
            assert part in str(caught.value)
        found[1].section[:48, :64]
        blanked = found[1].decode(on_corrupt="blank")
        assert np.isnan(blanked[48:, 64:]).all() and np.isfinite(blanked[:48]).all()


def test_truncated_file(tmp_path):
    _, coded = plain_and_coded(tmp_path, fits.ImageHDU(noise()))
    coded.write_bytes(coded.read_bytes()[:-8_000])
    for memmap in (True, False):
        with pytest.warns(UserWarning, match="truncated"), fits.open(coded, memmap=memmap) as found:
            with pytest.raises(CorruptFileError, match="coded.fits"):
                found[1].data  # noqa: B018


@pytest.mark.parametrize(
    "old, new, error",
    [
        (b"AEVERSN =                    4", b"AEVERSN =                    9", FormatVersionError),
        (b"AENAXIS1=                   80", b"AENAXIS1=            400000000", CorruptFileError),
        (b"AEBITPIX=                  -32", b"AEBITPIX=                  -33", CorruptFileError),
        (b"TFORM2  = '1B      '", b"TFORM2  = '1X      '", CorruptFileError),
    ],
)
def test_hostile_header_leaves_the_rest_readable(tmp_path, old, new, error):
    image = fits.ImageHDU(noise(), name="SCI")
    coded = save(tmp_path / "a.fits", AEImageHDU.from_hdu(image), fits.ImageHDU(np.ones(3)))
    damage(coded, old, new)
    with fits.open(coded) as found:
        assert found[1].header["EXTNAME"] == "SCI"
        assert found[2].data.sum() == 3
        with pytest.raises(error, match="a.fits"):
            found[1].data  # noqa: B018


def test_damaged_scale_card(tmp_path):
    """A flipped bit in BSCALE would give wrong values without a word."""
    _, coded = plain_and_coded(tmp_path, scaled_hdu())
    damage(coded, b"                 0.5 / half", b"                 0.7 / half")
    with fits.open(coded) as found:
        with pytest.raises(CorruptFileError, match="BSCALE"):
            found[1].data  # noqa: B018
    with fits.open(coded, do_not_scale_image_data=True) as found:
        assert found[1].data.dtype == np.int16


def test_size_that_cannot_be_told(tmp_path):
    _, coded = plain_and_coded(tmp_path, fits.ImageHDU(noise()))
    damage(coded, b"NAXIS2  =                    4 ", b"NAXIS9  =                    4 ")
    with fits.open(coded) as found, pytest.raises(CorruptFileError, match="NAXISn"):
        found[1]


def test_scale_cards_that_are_set_before_writing(tmp_path):
    hdu = fits.ImageHDU(noise(dtype="i2"), name="SCI")
    made = AEImageHDU.from_hdu(hdu), AEImageHDU(hdu.data, hdu.header)
    made[1].encode()
    for image in (hdu, *made):
        image.header["BSCALE"], image.header["BLANK"] = 0.5, int(hdu.data[3, 3])
    expected = fits.getdata(save(tmp_path / "plain.fits", hdu))
    for image in made:
        check_same_pixels(fits.getdata(save(tmp_path / "a.fits", image)), expected)


def test_hostile_bscale(tmp_path):
    _, coded = plain_and_coded(tmp_path, scaled_hdu())
    with fits.open(coded, mode="update") as found:
        found[1].header["BSCALE"] = "half"
    with fits.open(coded) as found:
        with pytest.raises(CorruptFileError, match="BSCALE"):
            found[1].data  # noqa: B018


def test_pixels_follow_the_table_not_the_image_cards(tmp_path):
    """Another program may edit the image's own structure cards."""
    _, coded = plain_and_coded(tmp_path, fits.ImageHDU(noise()))
    damage(coded, b"ZNAXIS1 =                   80", b"ZNAXIS1 =                   10")
    with fits.open(coded) as found:
        assert found[1].shape == found[1].data.shape == (60, 80)
        assert found[1].header["NAXIS1"] == 80


def test_taken_from_bytes_and_file_objects(tmp_path):
    _, coded = plain_and_coded(tmp_path, fits.ImageHDU(noise()))
    expected = fits.getdata(coded)
    check_same_pixels(fits.HDUList.fromstring(coded.read_bytes())[1].data, expected)
    with open(coded, "rb") as file, fits.open(file) as found:
        check_same_pixels(found[1].data, expected)
    with fits.open(coded, memmap=False, lazy_load_hdus=False) as found:
        check_same_pixels(found[1].data, expected)
    with fits.open(coded) as found:
        found.writeto(tmp_path / "a.fits.gz")
    check_same_pixels(fits.getdata(tmp_path / "a.fits.gz"), expected)


def test_convenience_functions(tmp_path):
    _, coded = plain_and_coded(tmp_path, scaled_hdu())
    assert fits.getheader(coded, 1)["BUNIT"] == "adu"
    assert fits.getval(coded, "OBJECT", 1) == "M 31"
    fits.setval(coded, "OBJECT", value="M 33", ext=1)
    assert fits.getval(coded, "OBJECT", "SCI") == "M 33"
    fits.append(coded, np.zeros(4))
    fits.delval(coded, "OBJECT", ext=1)
    with fits.open(coded) as found:
        assert "OBJECT" not in found[1].header and found[2].data.size == 4
