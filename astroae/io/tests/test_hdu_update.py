"""Update mode: what nobody touched stays as it is in the file, bit for bit."""

import numpy as np
import pytest
from astropy.io import fits

from astroae.errors import UnsupportedDataError
from astroae.io.hdu import AEImageHDU
from astroae.io.tests.hdu_helpers import (
    check_same_header,
    check_same_pixels,
    noise,
    plain_and_coded,
    save,
    scaled_hdu,
    table_bytes,
)

IMAGES = {
    "lossy floats": (lambda: fits.ImageHDU(noise(), name="SCI"), {"quantize_level": 1}),
    "lossy scaled": (scaled_hdu, {"error_bound": 3.0}),
    "lossless scaled": (scaled_hdu, {}),
    "unsigned": (lambda: fits.ImageHDU(noise(dtype="u2"), name="SCI"), {}),
}


@pytest.fixture(params=IMAGES)
def coded(request, tmp_path):
    make, settings = IMAGES[request.param]
    _, coded = plain_and_coded(tmp_path, make(), **settings)
    with fits.open(coded, mode="append") as hdul:
        hdul.append(fits.ImageHDU(np.arange(10.0), name="BEHIND"))
    return coded


@pytest.mark.parametrize("touch", [False, True])
def test_nothing_changed(coded, touch):
    before = coded.read_bytes()
    with fits.open(coded, mode="update") as hdul:
        if touch:
            hdul[1].data.sum()
        hdul.flush()
    assert coded.read_bytes() == before


@pytest.mark.parametrize("touch", [False, True])
@pytest.mark.parametrize("n_cards", [1, 100])  # 100 do not fit the header's blocks: resized
def test_header_change_leaves_pixels(coded, touch, n_cards):
    bytes_before, header, data = table_bytes(coded), fits.getheader(coded, 1), fits.getdata(coded)
    with fits.open(coded, mode="update") as hdul:
        if touch:
            hdul[1].data.sum()
        for i in range(n_cards):
            hdul[1].header[f"CARD{i}"] = i
        hdul.flush()
        hdul[1].header["AGAIN"] = 1
    assert table_bytes(coded) == bytes_before
    with fits.open(coded, mode="update") as hdul:
        assert hdul[1].header["CARD0"] == 0 and hdul[1].header["AGAIN"] == 1
        for keyword in [f"CARD{i}" for i in range(n_cards)] + ["AGAIN"]:
            del hdul[1].header[keyword]
    assert table_bytes(coded) == bytes_before
    check_same_header(fits.getheader(coded, 1), header)
    check_same_pixels(fits.getdata(coded), data)
    check_same_pixels(fits.getdata(coded, "BEHIND"), np.arange(10.0))


@pytest.mark.parametrize("touch", [False, True])
def test_header_change_written_elsewhere(coded, tmp_path, touch):
    data, before = fits.getdata(coded), coded.read_bytes()
    with fits.open(coded) as hdul:
        if touch:
            hdul[1].data.sum()
        hdul[1].header["ADDED"] = 1
        for name in ("one.fits", "two.fits"):
            hdul.writeto(tmp_path / name, checksum=name == "two.fits")
        hdul[1].section[0]
    for name in ("one.fits", "two.fits"):
        assert fits.getval(tmp_path / name, "ADDED", 1) == 1
        check_same_pixels(fits.getdata(tmp_path / name), data)
        assert table_bytes(tmp_path / name) == table_bytes(coded)
    assert coded.read_bytes() == before


def streams(path):
    with fits.open(path) as hdul:
        return [bytes(stream) for stream in hdul[1].encoded.streams]


def test_pixel_change_encodes_one_tile(tmp_path):
    _, coded = plain_and_coded(tmp_path, fits.ImageHDU(noise()), quantize_level=1)
    before, data = streams(coded), fits.getdata(coded)
    with fits.open(coded, mode="update") as hdul:
        hdul[1].data[10, 70] = 5000
        hdul.flush()
        hdul[1].data[11, 70] = 5000
        hdul.flush()
        hdul.flush()
    after, found = streams(coded), fits.getdata(coded)
    assert [a == b for a, b in zip(before, after, strict=True)] == [True, False, True, True]
    np.testing.assert_array_equal(found[:, :64], data[:, :64])
    assert np.abs(found[10:12, 70] - 5000).max() < 10


def test_flush_twice_loses_once(tmp_path):
    _, coded = plain_and_coded(tmp_path, fits.ImageHDU(noise()), quantize_level=1)
    with fits.open(coded, mode="update") as hdul:
        hdul[1].data += 1
        hdul.flush()
        once = coded.read_bytes()
        hdul.flush()
    assert coded.read_bytes() == once


def test_scaled_integers_stay_on_their_grid_where_lossy(tmp_path):
    _, coded = plain_and_coded(tmp_path, scaled_hdu(), error_bound=0.001, lossy_integers=True)
    header, data, before = fits.getheader(coded, 1), fits.getdata(coded), streams(coded)
    with fits.open(coded, mode="update") as hdul:
        hdul[1].data[5, 5] = 77.6
        hdul[1].data[0, 6] = np.nan
    check_same_header(fits.getheader(coded, 1), header)
    data[5, 5], data[0, 6] = 77.5, np.nan
    check_same_pixels(fits.getdata(coded), data)
    assert streams(coded)[1:] == before[1:]


@pytest.mark.filterwarnings("ignore:Invalid 'BLANK' keyword")  # astropy's, of the plain file
def test_scaled_integers_become_floats_where_lossless(tmp_path):
    """As in astropy: what was written to a pixel comes back from it."""
    plain, coded = plain_and_coded(tmp_path, scaled_hdu())
    for path in (plain, coded):
        with fits.open(path, mode="update") as hdul:
            hdul[1].data[5, 5] = 77.625
    check_same_pixels(fits.getdata(coded), fits.getdata(plain))
    assert fits.getval(coded, "BITPIX", 1) == -32
    assert "BSCALE" not in fits.getheader(coded, 1) and "BLANK" not in fits.getheader(coded, 1)


@pytest.mark.parametrize("scale_back", [True, False])
def test_scale_back(tmp_path, scale_back):
    _, coded = plain_and_coded(tmp_path, scaled_hdu())
    with fits.open(coded, mode="update", scale_back=scale_back) as hdul:
        hdul[1].data[5, 5] = 77.6
    assert fits.getval(coded, "BITPIX", 1) == (16 if scale_back else -32)
    assert fits.getdata(coded)[5, 5] == np.float32(77.5 if scale_back else 77.6)


@pytest.mark.parametrize("value", [1e9, np.nan])
def test_value_without_a_place_on_the_grid(tmp_path, value):
    hdu = scaled_hdu()
    del hdu.header["BLANK"]
    _, coded = plain_and_coded(tmp_path, hdu)
    with fits.open(coded, scale_back=True) as hdul:
        hdul[1].data[5, 5] = value
        with pytest.raises(UnsupportedDataError, match=r"pixel \(5, 5\)"):
            hdul[1].encode()


def test_blank_without_scale(tmp_path):
    """astropy reads such integers as floats and leaves the header as it is."""
    hdu = fits.ImageHDU(noise(dtype="i2"))
    hdu.data[3, 3] = -7
    hdu.header["BLANK"] = -7
    _, coded = plain_and_coded(tmp_path, hdu)
    before = coded.read_bytes()
    with fits.open(coded, mode="update") as hdul:
        assert np.isnan(hdul[1].data[3, 3])
    assert coded.read_bytes() == before
    with fits.open(coded, mode="update") as hdul:
        hdul[1].data[4, 4] = 0.25
    found = fits.getdata(coded)
    assert np.isnan(found[3, 3]) and found[4, 4] == 0.25


def test_scaled_floats(tmp_path):
    hdu = fits.ImageHDU(noise())
    hdu.header["BSCALE"], hdu.header["BZERO"] = 2.0, 1.0
    plain, coded = plain_and_coded(tmp_path, hdu)
    before = coded.read_bytes()
    with fits.open(coded, mode="update") as hdul:
        check_same_pixels(hdul[1].data, fits.getdata(plain))
    assert coded.read_bytes() == before
    with fits.open(coded, mode="update", scale_back=True) as hdul:
        hdul[1].data[0, 0] = 7
    assert fits.getval(coded, "BSCALE", 1) == 2 and fits.getdata(coded)[0, 0] == 7


def test_other_shape_and_type(tmp_path):
    _, coded = plain_and_coded(tmp_path, scaled_hdu(), tile_shape=(40, 40))
    data = noise((3, 20, 30), "f8")
    with fits.open(coded, mode="update") as hdul:
        hdul[1].data.sum()
        hdul[1].data = data
    with fits.open(coded) as hdul:
        check_same_pixels(hdul[1].data, data)
        assert hdul[1].header["NAXIS"] == 3 and hdul[1].header["BITPIX"] == -64


@pytest.mark.parametrize("touch", [False, True])
def test_pixels_taken_away(tmp_path, touch):
    _, coded = plain_and_coded(tmp_path, scaled_hdu())
    with fits.open(coded, mode="update") as hdul:
        if touch:
            hdul[1].data.sum()
        hdul[1].data = None
    with fits.open(coded) as hdul:
        assert hdul["SCI"].data is None and hdul["SCI"].header["NAXIS"] == 0


def test_pixels_deleted_are_read_again(tmp_path):
    _, coded = plain_and_coded(tmp_path, fits.ImageHDU(noise()))
    with fits.open(coded) as hdul:
        hdul[1].data[:] = 0
        del hdul[1].data
        assert hdul[1].data.min() > 0


def test_new_hdu_in_an_open_file(tmp_path):
    path = save(tmp_path / "a.fits", fits.ImageHDU(np.zeros(3)))
    with fits.open(path, mode="update") as hdul:
        hdul.append(AEImageHDU(noise(), name="NEW"))
        hdul.flush()
        hdul["NEW"].data[0, 0] = 1
        hdul.flush()
        hdul["NEW"].header["ADDED"] = 1
    with fits.open(path) as hdul:
        assert hdul["NEW"].data[0, 0] == 1 and hdul["NEW"].header["ADDED"] == 1


def test_hdu_of_another_file(tmp_path):
    _, coded = plain_and_coded(tmp_path, fits.ImageHDU(noise(), name="SCI"))
    path = save(tmp_path / "a.fits", fits.ImageHDU(np.zeros(3)))
    with fits.open(coded) as source, fits.open(path, mode="update") as hdul:
        hdul.append(source[1].copy())
    check_same_pixels(fits.getdata(path, "SCI"), fits.getdata(coded))
    with fits.open(coded) as source:
        fits.HDUList([fits.PrimaryHDU(), source[1]]).writeto(path, overwrite=True)
    check_same_pixels(fits.getdata(path, "SCI"), fits.getdata(coded))
    assert table_bytes(path) == table_bytes(coded)


def test_gzipped_file(tmp_path):
    _, coded = plain_and_coded(tmp_path, fits.ImageHDU(noise()))
    path = tmp_path / "a.fits.gz"
    with fits.open(coded) as hdul:
        hdul.writeto(path)
    with fits.open(path, mode="update") as hdul:
        hdul[1].header["ADDED"] = 1
        hdul[1].data[0, 0] = 3
    assert fits.getval(path, "ADDED", 1) == 1 and fits.getdata(path)[0, 0] == 3


def test_checksums_follow(tmp_path):
    plain = save(tmp_path / "plain.fits", fits.ImageHDU(noise()))
    with fits.open(plain) as hdul:
        coded = save(tmp_path / "a.fits", AEImageHDU.from_hdu(hdul[1]), checksum=True)
    before = coded.read_bytes()
    with fits.open(coded, mode="update"):
        pass
    assert coded.read_bytes() == before
    with fits.open(coded, mode="update", checksum=True) as hdul:
        hdul[1].header["ADDED"] = 1
        hdul[1].data[0, 0] = 3
    with fits.open(coded, checksum=True) as hdul:  # a wrong one would warn, an error here
        assert hdul[1]._checksum_valid and hdul[1].data[0, 0] == 3


def test_in_memory_hdu_written_twice_is_encoded_once(tmp_path, monkeypatch):
    hdu = AEImageHDU(noise(), quantize_level=2)
    save(tmp_path / "a.fits", hdu)
    encoded = hdu.encoded
    save(tmp_path / "b.fits", hdu)
    assert hdu.encoded is encoded
    hdu.data[0, 0] = 0
    save(tmp_path / "c.fits", hdu)
    assert (tmp_path / "a.fits").read_bytes() == (tmp_path / "b.fits").read_bytes()
    assert abs(fits.getdata(tmp_path / "c.fits")[0, 0]) < 10
