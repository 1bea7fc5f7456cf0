"""The pitfalls of astropy's HDU machinery that were found beforehand, one test each.

Numbers are those of the design notes; where two tests show one, the other is in
`test_hdu` or `test_hdu_update`.
"""

import gc
import io
import re
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from astropy.io import fits
from astropy.io.fits import Header

from astroae.container.header import raw_cards
from astroae.io.hdu import AEImageHDU, _AEGateway
from astroae.io.tests.hdu_helpers import (
    check_same_header,
    check_same_pixels,
    noise,
    plain_and_coded,
    save,
    scaled_hdu,
    table_bytes,
)


@pytest.fixture
def coded(tmp_path):
    return plain_and_coded(tmp_path, fits.ImageHDU(noise(), name="SCI"), quantize_level=2)[1]


def test_1_heap_survives_a_look_at_the_table(coded, tmp_path):
    with fits.open(coded) as hdul:
        hdul[1].section[:3, :3]
        assert len(hdul[1].compressed_data) == 4
        hdul.writeto(tmp_path / "b.fits")
    assert table_bytes(tmp_path / "b.fits") == table_bytes(coded)


def test_2_header_change_never_recompresses(coded):
    before = table_bytes(coded)
    fits.setval(coded, "OBJECT", value="M 31", ext=1)
    assert table_bytes(coded) == before


def test_3_scale_cards_return_after_data_was_read(tmp_path):
    _, coded = plain_and_coded(tmp_path, scaled_hdu())
    header, data = fits.getheader(coded, 1), fits.getdata(coded)
    with fits.open(coded, mode="update") as hdul:
        assert hdul[1].data.dtype.kind == "f" and "BSCALE" not in hdul[1].header
        hdul[1].header["ADDED"] = 1
    found = fits.getheader(coded, 1)
    del found["ADDED"]
    check_same_header(found, header)
    check_same_pixels(fits.getdata(coded), data)


def test_4_checksum_card_of_the_image_causes_no_writing(tmp_path):
    plain = save(tmp_path / "plain.fits", fits.ImageHDU(noise()), checksum=True)
    with fits.open(plain) as hdul:
        coded = save(tmp_path / "a.fits", AEImageHDU.from_hdu(hdul[1]))
    assert "CHECKSUM" in fits.getheader(coded, 1)
    before = coded.read_bytes()
    with fits.open(coded, mode="update") as hdul:
        hdul.flush()
    assert coded.read_bytes() == before


def test_5_edits_in_place_are_seen(coded):
    with fits.open(coded, mode="update") as hdul:
        hdul[1].data[5, 5] = 400
    assert abs(fits.getdata(coded)[5, 5] - 400) < 5


def test_6_resized_file_object(coded):
    file = io.BytesIO(coded.read_bytes())
    with fits.open(file, mode="update") as hdul:
        for i in range(100):
            hdul[1].header[f"CARD{i}"] = i
        hdul.flush()
        kept = io.BytesIO(file.getvalue())
    with fits.open(kept) as hdul:
        assert hdul[1].header["CARD99"] == 99
        check_same_pixels(hdul[1].data, fits.getdata(coded))


def test_7_first_in_a_list_becomes_primary():
    """astropy makes a PrimaryHDU of it: put one there first."""
    hdus = fits.HDUList()
    hdus.append(AEImageHDU(noise()))
    assert type(hdus[0]) is fits.PrimaryHDU
    hdus = fits.HDUList([fits.PrimaryHDU()])
    hdus.append(AEImageHDU(noise()))
    assert type(hdus[1]) is AEImageHDU


@pytest.mark.parametrize("memmap", [True, False])
def test_8_sections_from_threads(coded, memmap):
    expected = fits.getdata(coded)
    with fits.open(coded, memmap=memmap) as hdul, ThreadPoolExecutor(8) as pool:
        sections = [hdul[1].section for _ in range(100)]
        corners = [(37 * i % 50, 53 * i % 70) for i in range(100)]
        found = pool.map(lambda s, c: s[c[0] : c[0] + 9, c[1] : c[1] + 9], sections, corners)
        for (y, x), part in zip(corners, found, strict=True):
            np.testing.assert_array_equal(part, expected[y : y + 9, x : x + 9])


def test_8_sections_of_two_images_of_one_file_object(tmp_path):
    images = [AEImageHDU(noise(seed=i), name=f"I{i}") for i in range(2)]
    path = save(tmp_path / "a.fits", *images)
    with fits.open(path, memmap=False) as hdul, ThreadPoolExecutor(4) as pool:
        hdus = [hdul[1], hdul[2]]  # astropy's own reading of headers is not for threads
        found = list(pool.map(lambda i: hdus[i % 2].decode(), range(8)))
    for i, part in enumerate(found):
        np.testing.assert_array_equal(part, noise(seed=i % 2))


def test_9_single_pixel_is_a_scalar(coded):
    with fits.open(coded) as hdul:
        assert np.shape(hdul[1].section[3, 4]) == ()
        assert hdul[1].section[3, 4] == fits.getdata(coded)[3, 4]


@pytest.mark.parametrize("dtype", ["i1", ">u2", ">u4", ">u8"])
def test_10_pseudo_unsigned_of_any_byte_order(tmp_path, dtype):
    data = noise((20, 30), "u1").astype(dtype)
    path = save(tmp_path / "a.fits", AEImageHDU(data))
    check_same_pixels(fits.getdata(path), data)


def test_11_descriptors_tell_their_longest(coded):
    header = fits.getheader(coded, 1, disable_image_compression=True)
    with fits.open(coded) as hdul:
        longest = max(len(stream) for stream in hdul[1].encoded.streams)
    assert header["TFORM1"] == f"1PB({longest})"
    assert re.fullmatch(r"1PB\(\d+\)", header["TFORM11"])


@pytest.mark.parametrize("mark", ["T", "F", "'T'", "1", "T T", "("])
def test_12_matching_never_raises(mark):
    table = fits.BinTableHDU().header.tostring(endcard=False, padding=False)
    header = Header.fromstring(table + f"AEIMAGE = {mark}".ljust(80))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert _AEGateway.match_header(header) is (mark == "T")
    assert not _AEGateway.match_header(fits.ImageHDU().header)


@pytest.mark.parametrize("data", [None, np.zeros(0, "i2"), np.zeros((0, 5), "f4")])
def test_13_no_pixels(tmp_path, data):
    plain, coded = plain_and_coded(tmp_path, fits.ImageHDU(data))
    made = save(tmp_path / "made.fits", AEImageHDU(data))
    for path in (coded, made):
        with fits.open(path, mode="update") as hdul, fits.open(plain) as expected:
            found, plain_data = hdul[1].data, expected[1].data
            if data is None:
                assert found is None and plain_data is None
            else:
                check_same_pixels(found, plain_data)
                assert found.shape == data.shape
            assert hdul[1].error_map is None
            check_same_header(hdul[1].header, expected[1].header)
            hdul[1].header["ADDED"] = 1
        assert fits.getval(path, "ADDED", 1) == 1


def test_14_closed_file_object(coded):
    with open(coded, "rb") as file:
        hdul = fits.open(file, memmap=False)
        hdu = hdul[1]
    with pytest.raises(ValueError, match="closed file"):
        hdu.data  # noqa: B018


@pytest.mark.filterwarnings("ignore::astropy.utils.exceptions.AstropyUserWarning")
def test_15_non_standard_cards_stay(tmp_path):
    odd = "odd key = 'lower case'".ljust(80) + "EXPO    =1.0 / misaligned".ljust(80)
    image = fits.ImageHDU(noise())
    text = image.header.tostring(endcard=False, padding=False) + odd
    hdu = AEImageHDU.from_hdu(image)
    hdu = AEImageHDU.from_encoded(hdu.encoded, Header.fromstring(text))
    path = save(tmp_path / "a.fits", hdu, output_verify="ignore")
    with fits.open(path) as hdul:
        assert "".join(raw_cards(hdul[1].header)) == text


def test_16_header_is_taken_before_the_pixels(tmp_path):
    plain = save(tmp_path / "plain.fits", scaled_hdu())
    with fits.open(plain) as hdul:
        header = hdul[1].header.copy()
        check_same_header(AEImageHDU.from_hdu(hdul[1]).header, header)


def test_16_cards_stay_in_their_order(tmp_path):
    """astropy would put BZERO of unsigned integers behind GCOUNT."""
    image = fits.ImageHDU(noise(dtype="u2"))
    text = "".join(raw_cards(image.header)).replace("BSCALE", "ABSCAL")
    header = Header.fromstring(text + "BSCALE  =                    1".ljust(80))
    header["OBJECT"] = "M 31"
    hdu = AEImageHDU.from_encoded(AEImageHDU.from_hdu(image).encoded, header)
    path = save(tmp_path / "a.fits", hdu)
    with fits.open(path, mode="update") as hdul:
        hdul[1].data[0, 0] = 9
        hdul[1].header["OBJECT"] = "M 33"
    header["OBJECT"] = "M 33"
    check_same_header(fits.getheader(path, 1), header)


def test_17_primary_header_in_an_extension_verifies(tmp_path):
    image = fits.PrimaryHDU(noise())
    path = save(tmp_path / "a.fits", AEImageHDU.from_hdu(image), output_verify="exception")
    with fits.open(path) as hdul:
        hdul.verify("exception")
        check_same_header(hdul[1].header, image.header)


def test_18_offsets_after_an_append_flush(tmp_path):
    path = save(tmp_path / "a.fits", fits.ImageHDU(np.zeros(3)))
    with fits.open(path, mode="append") as hdul:
        for i in range(3):
            hdul.append(AEImageHDU(noise((40, 50), seed=i), name=f"N{i}"))
            hdul.flush()
            assert hdul[-1]._new is False
    with fits.open(path) as hdul:
        for i in range(3):
            check_same_pixels(hdul[f"N{i}"].data, noise((40, 50), seed=i))


def test_19_file_is_let_go(coded):
    hdul = fits.open(coded)
    encoded = hdul[1].encoded
    hdul[1].section[0, 0]
    file = hdul[1]._file
    hdul.close()
    assert file.closed and file._mmap is None
    assert encoded.tiles.base is None  # rows are copies, not views of the file
    with warnings.catch_warnings():
        warnings.simplefilter("error", ResourceWarning)
        del hdul
        gc.collect()


def test_20_private_names_of_astropy_that_are_used():
    """They are not promised: a release that moves them fails here, by name."""
    from astropy.io.fits.hdu import base, image
    from astropy.io.fits.hdu.compressed import compbintable
    from astropy.io.fits.header import _BasicHeader

    for owner, names in {
        base: ("DELAYED", "_ValidHDU", "BITPIX2DTYPE"),
        base._BaseHDU: ("_get_raw_data", "_writedata", "_readfrom_internal"),
        base._ValidHDU: ("_compute_checksum", "_prewriteto", "_verify_checksum_datasum"),
        image._ImageBaseHDU: ("_scale_data", "_update_header_scale_info"),
        compbintable: ("_CompBinTableHDU",),
        _BasicHeader: ("fromfile",),
    }.items():
        for name in names:
            assert hasattr(owner, name), f"{owner.__name__}.{name}"
