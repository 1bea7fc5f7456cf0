"""Update mode: what nobody touched stays as it is in the file, bit for bit."""

import numpy as np
import pytest
from astropy.io import fits

import astroae
from astroae.container.header import raw_cards
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


def test_edit_behind_a_program_that_lost_our_mark(tmp_path):
    """Without AEHDRBEG the image's cards are those that are not the table's."""
    _, coded = plain_and_coded(tmp_path, scaled_hdu())
    header = fits.getheader(coded, 1)
    with fits.open(coded, mode="update", disable_image_compression=True) as hdul:
        del hdul[1].header["AEHDRBEG"]
    before = coded.read_bytes()
    with fits.open(coded, mode="update") as hdul:
        check_same_header(hdul[1].header, header)
    assert coded.read_bytes() == before
    with fits.open(coded, mode="update") as hdul:
        hdul[1].header["ADDED"] = 1
    with fits.open(coded) as hdul:
        assert hdul[1].header["ADDED"] == 1
        del hdul[1].header["ADDED"]
        check_same_header(hdul[1].header, header)


@pytest.mark.parametrize("touch", [False, True])
def test_cards_that_lie_about_the_pixels_are_set_right(tmp_path, touch):
    """As astropy does it, also where it is told not to verify."""
    _, coded = plain_and_coded(tmp_path, fits.ImageHDU(noise(dtype="i2")))
    header = fits.getheader(coded, 1)
    with fits.open(coded, mode="update", output_verify="ignore") as hdul:
        hdul[1].header["BITPIX"], hdul[1].header["NAXIS1"] = -64, 7
        if touch:
            hdul[1].data.sum()
    check_same_header(fits.getheader(coded, 1), header)
    with fits.open(coded, disable_image_compression=True) as hdul:
        assert hdul[1].header["ZBITPIX"] == 16 and hdul[1].header["ZNAXIS1"] == 80


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


@pytest.mark.parametrize(
    "asked", [{}, {"error_bound": 1e-4, "lossy_integers": True}], ids=["scale_back", "lossy"]
)
def test_pixels_that_were_not_edited_keep_their_integers(tmp_path, asked):
    """A float32 near 1e6 is too coarse to tell which of these integers it was."""
    hdu = scaled_hdu()
    hdu.header["BSCALE"], hdu.header["BZERO"] = 0.001, 1e6
    plain, coded = plain_and_coded(tmp_path, hdu, **asked)
    stored = fits.getdata(plain, do_not_scale_image_data=True)
    with fits.open(coded, mode="update", scale_back=None if asked else True) as hdul:
        hdul[1].data[5, 5] = 1e6 + 7
        hdul[1].data[6, 6] = np.nan
        hdul.flush()
        hdul[1].data[5, 7] = 1e6 - 7
    with fits.open(coded, do_not_scale_image_data=True) as hdul:
        assert hdul[1].header["BITPIX"] == 16 and hdul[1].header["BSCALE"] == 0.001
        found = hdul[1].data
    edited = {(5, 5): 7000, (6, 6): -1, (5, 7): -7000}
    for place, value in edited.items():
        assert found[place] == value
        stored[place] = value
    check_same_pixels(found, stored)


def test_a_value_that_was_read_fits_whatever_it_is(tmp_path):
    """The ends of the type, which their float32 oversteps, are no edit."""
    hdu = scaled_hdu()
    hdu.data[1] = 32767
    hdu.header["BSCALE"], hdu.header["BZERO"] = 0.001, 1e6
    _, coded = plain_and_coded(tmp_path, hdu)
    with fits.open(coded, mode="update", scale_back=True) as hdul:
        hdul[1].data[5, 5] = 1e6
    assert fits.getdata(coded, do_not_scale_image_data=True)[1].min() == 32767


def test_scale_back_of_other_types(tmp_path):
    for dtype in ("u1", "i4", "i8", "f4"):
        hdu = fits.ImageHDU(noise(dtype=dtype), name="SCI")
        hdu.header["BSCALE"], hdu.header["BZERO"] = 0.5, 3.0
        plain, coded = plain_and_coded(tmp_path, hdu)
        for path in (plain, coded):
            with fits.open(path, mode="update", scale_back=True) as hdul:
                hdul[1].data[5, 5] = 33.5
        with fits.open(plain) as expected, fits.open(coded) as found:
            # astropy puts the cards in another order.
            assert sorted(raw_cards(found[1].header)) == sorted(raw_cards(expected[1].header))
            check_same_pixels(found[1].data, expected[1].data)


@pytest.mark.parametrize(
    ("value", "blank"),
    [(1e9, -1), (np.inf, -1), (-np.inf, None), (np.nan, None), (np.nan, 99_999), (np.nan, 0)],
)
def test_value_without_a_place_on_the_grid(tmp_path, value, blank):
    """Infinity is no BLANK; one that no pixel can have, and 0 (of astropy), are none."""
    hdu = scaled_hdu()
    hdu.header["BLANK"] = blank
    if blank is None:
        del hdu.header["BLANK"]
    _, coded = plain_and_coded(tmp_path, hdu)
    with fits.open(coded, scale_back=True) as hdul:
        hdul[1].data[5, 5] = value
        with pytest.raises(UnsupportedDataError, match=r"pixel \(5, 5\)"):
            hdul[1].encode()


def test_a_number_never_becomes_blank(tmp_path):
    """9.5 stands for the integer -1, which is BLANK."""
    _, coded = plain_and_coded(tmp_path, scaled_hdu())
    with fits.open(coded, scale_back=True) as hdul:
        hdul[1].data[5, 5] = 9.5
        with pytest.raises(UnsupportedDataError, match=r"pixel \(5, 5\): .*9.5"):
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


def restored(path, folder, **options):
    """The decompressed file, its checksums right: a wrong one would warn, an error here."""
    back = folder / "back.fits"
    astroae.decompress(path, back, overwrite=True, **options)
    with fits.open(back, checksum=True) as hdul:
        for hdu in hdul:
            assert hdu.verify_checksum() != 0 and hdu.verify_datasum() != 0
        return back, [dict.fromkeys(hdu.header) for hdu in hdul]


EDITS = {
    "card": lambda hdu: hdu.header.set("ADDED", 1),
    "comment": lambda hdu: hdu.header.set("BUNIT", "adu", "another comment"),
    "pixel": lambda hdu: hdu.data.__setitem__((5, 5), 77.5),
    "all pixels": lambda hdu: setattr(hdu, "data", noise((30, 40), "i4")),
    "no pixels": lambda hdu: setattr(hdu, "data", None),
}


@pytest.mark.parametrize("edit", EDITS)
@pytest.mark.parametrize("asked", [{}, {"error_bound": 2.0}], ids=["lossless", "lossy"])
def test_checksums_of_an_edited_image_are_right_when_it_is_restored(tmp_path, edit, asked):
    hdus = [fits.PrimaryHDU(noise((300, 300), "i2")), scaled_hdu((300, 300))]
    fits.HDUList(hdus).writeto(tmp_path / "a.fits", checksum=True)
    coded = tmp_path / "a.aae.fits"
    astroae.compress(tmp_path / "a.fits", coded, **asked)
    if not asked:
        restored(coded, tmp_path)
        assert (tmp_path / "back.fits").read_bytes() == (tmp_path / "a.fits").read_bytes()
    for i in (1, 2):
        with fits.open(coded, mode="update") as hdul:
            EDITS[edit](hdul[i])
        _, headers = restored(coded, tmp_path)
        assert all({"CHECKSUM", "DATASUM"} <= set(header) for header in headers)


def test_checksum_of_a_primary_image_that_became_an_extension(tmp_path):
    fits.PrimaryHDU(noise((300, 300))).writeto(tmp_path / "a.fits", checksum=True)
    astroae.compress(tmp_path / "a.fits", tmp_path / "a.aae.fits")
    with fits.open(tmp_path / "a.aae.fits") as hdul:
        moved = fits.HDUList([fits.PrimaryHDU(np.ones(3)), fits.ImageHDU(np.ones(4)), hdul[1]])
        moved.writeto(tmp_path / "b.fits")
    back, headers = restored(tmp_path / "b.fits", tmp_path)
    assert {"XTENSION", "CHECKSUM"} <= set(headers[2])
    check_same_pixels(fits.getdata(back, 2), fits.getdata(tmp_path / "a.fits"))


def taken_over(folder, **options):
    """A compressed file that was tile-compressed before, with all checksums."""
    plain = fits.ImageHDU(noise((300, 320), options.pop("dtype", "f4")))
    plain.add_checksum()
    image = fits.CompImageHDU(plain.data, plain.header, **options)
    image.header["OBJECT"] = "M 31"
    fits.HDUList([fits.PrimaryHDU(), image]).writeto(folder / "a.fits.fz", checksum=True)
    with fits.open(folder / "a.fits.fz", disable_image_compression=True, mode="update") as hdul:
        for old, new in (("CHECKSUM", "ZHECKSUM"), ("DATASUM", "ZDATASUM")):
            hdul[1].header.set(new, plain.header[old], plain.header.comments[old])
        hdul[1].header.pop("CHECKSUM")
    astroae.compress(folder / "a.fits.fz", folder / "a.aae.fits", overwrite=True)
    return folder / "a.aae.fits"


@pytest.mark.parametrize("dtype", ["i2", "f4"])
def test_edits_of_an_image_that_was_taken_over(tmp_path, dtype):
    coded = taken_over(tmp_path, dtype=dtype, quantize_method=1)
    data = fits.getdata(coded)
    for edit in ("card", "pixel"):
        with fits.open(coded, mode="update") as hdul:
            EDITS[edit](hdul["COMPRESSED_IMAGE"])
        if edit == "pixel":
            data[5, 5] = 77.5
        back, headers = restored(coded, tmp_path)
        assert {"CHECKSUM", "DATASUM"} <= set(headers[-1]) and "EXTNAME" not in headers[-1]
        check_same_pixels(fits.getdata(back, 1), data)
        astroae.decompress(coded, tmp_path / "b.fits.fz", fpack=True, overwrite=True)
        with fits.open(tmp_path / "b.fits.fz", disable_image_compression=True) as hdul:
            # They spoke of an image that is no more.
            assert not {"ZHECKSUM", "ZDATASUM"} & set(hdul[1].header)
        with fits.open(tmp_path / "b.fits.fz") as hdul:
            check_same_pixels(hdul["COMPRESSED_IMAGE"].data, data)
            assert hdul[1].header["ADDED"] == 1 and hdul[1].header["OBJECT"] == "M 31"


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
