"""Whole files: order, bytes, names, previews, and what is said of the way back."""

import gzip

import numpy as np
import pytest
from astropy.io import fits

import astroae
from astroae.io.difference import difference
from astroae.io.spans import scan
from astroae.io.tests.helpers import check_round_trip, digest, mixed_file, sky

#: Files whose data unit is padded with something else than zeros.
ODD_PADDING = ("astro-uit_fuv2582.fits",)


def hdu_bytes(path, index):
    span = scan(path)[index]
    return path.read_bytes()[span.start : span.end]


@pytest.mark.parametrize("dtype", ["u1", "i2", "i4", "i8", "f4", "f8"])
def test_lossless_files_come_back_byte_for_byte(tmp_path, dtype):
    fits.writeto(tmp_path / "a.fits", sky(dtype=dtype) if dtype != "u1" else sky().astype("u1"))
    result, _, _ = check_round_trip(tmp_path / "a.fits", tmp_path)
    assert result.byte_identical
    assert result.compressed_bytes < result.original_bytes


@pytest.mark.parametrize("dtype", ["u2", "u4", "u8", "i1"])
def test_unsigned_and_signed_bytes_by_bzero(tmp_path, dtype):
    fits.writeto(tmp_path / "a.fits", (sky() % 100).astype(dtype))
    result, packed, _ = check_round_trip(tmp_path / "a.fits", tmp_path)
    assert result.byte_identical
    assert fits.getdata(packed).dtype.newbyteorder("=") == np.dtype(dtype)


def test_mixed_file_keeps_order_names_and_foreign_bytes(tmp_path):
    source = mixed_file(tmp_path / "a.fits")
    result, packed, back = check_round_trip(source, tmp_path, quantize_level=4, preview=False)
    names = ["", "SCI", "ERR", "CAT", "DQ", "KERNEL"]
    assert [hdu.name for hdu in result.hdus] == names
    assert [span.name for span in scan(packed)] == names
    assert [span.name for span in scan(back)] == names
    actions = ["kept", "compressed", "compressed", "kept", "compressed", "compressed"]
    assert [hdu.action for hdu in result.hdus] == actions
    assert "does not get smaller" in result.hdus[5].note
    for index in (0, 3):
        assert hdu_bytes(source, index) == hdu_bytes(packed, index) == hdu_bytes(back, index)
    for index in (4, 5):
        assert hdu_bytes(source, index) == hdu_bytes(back, index), "a mask must stay exact"


def test_planes_keep_what_their_role_promises(tmp_path):
    source = mixed_file(tmp_path / "a.fits")
    _, packed, _ = check_round_trip(source, tmp_path, quantize_level=4)
    before, after = fits.getdata(source, "ERR"), fits.getdata(packed, "ERR")
    assert (after[before == 0] == 0).all()
    assert (after >= 0).all()
    assert 0 < np.abs(after - before).max()
    assert (np.abs(after - before) <= before / 512).all()


def test_planes_can_be_overruled(tmp_path):
    source = mixed_file(tmp_path / "a.fits")
    result, packed, _ = check_round_trip(
        source, tmp_path, quantize_level=4, planes={"SCI": "exact", 2: "exact"}
    )
    assert result.byte_identical
    with pytest.raises(astroae.SettingError, match="no such role"):
        astroae.compress(source, tmp_path / "b.aae.fits", planes={"SCI": "lossy"})
    with pytest.raises(astroae.SettingError, match="no such plane"):
        astroae.compress(source, tmp_path / "b.aae.fits", planes={"NOPE": "exact"})


def test_primary_image_moves_and_moves_back(tmp_path):
    fits.writeto(tmp_path / "a.fits", sky(), fits.Header([("OBJECT", "M 31")]))
    _, packed, back = check_round_trip(tmp_path / "a.fits", tmp_path)
    with fits.open(packed) as hdus:
        assert hdus[0].data is None
        assert "decompress" in str(hdus[0].header["COMMENT"])
        assert isinstance(hdus[1], astroae.AEImageHDU)
        assert hdus[1].header["OBJECT"] == "M 31"
    assert digest(tmp_path / "a.fits") == digest(back)


def test_gzipped_input_is_known_by_its_unpacked_bytes(tmp_path):
    fits.writeto(tmp_path / "a.fits", sky())
    raw = (tmp_path / "a.fits").read_bytes()
    (tmp_path / "a.fits.gz").write_bytes(gzip.compress(raw))
    result = astroae.compress(tmp_path / "a.fits.gz", tmp_path / "a.aae.fits")
    astroae.decompress(tmp_path / "a.aae.fits", tmp_path / "b.fits")
    assert result.sha256 == digest(tmp_path / "a.fits")
    assert (tmp_path / "b.fits").read_bytes() == raw


def test_bytes_after_the_last_hdu_and_odd_padding(tmp_path):
    fits.writeto(tmp_path / "a.fits", sky())
    with open(tmp_path / "a.fits", "ab") as file:
        file.write(bytes(2880) + b"tail")
    result, _, _ = check_round_trip(tmp_path / "a.fits", tmp_path)
    assert result.byte_identical
    raw = bytearray((tmp_path / "a.fits").read_bytes()[:-2884])
    raw[-1] = 7  # padding that is not zero
    (tmp_path / "b.fits").write_bytes(raw)
    result, _, back = check_round_trip(tmp_path / "b.fits", tmp_path)
    assert not result.byte_identical
    assert (fits.getdata(back) == sky()).all()


def test_header_quirks_survive(tmp_path):
    header = fits.Header.fromstring(
        "SIMPLE  =                    T / odd spacing kept".ljust(80)
        + "BITPIX  = -32".ljust(80)
        + "NAXIS   =                    2".ljust(80)
        + "NAXIS1  =                  320".ljust(80)
        + "NAXIS2  =                  300".ljust(80)
        + "BAD     = NAN / no FITS value".ljust(80)
        + "TTYPE1  = 'not a table'".ljust(80)
        + "AEMODE  = 'not ours'".ljust(80)
        + "COMMENT twice".ljust(80) * 2
        + "".ljust(80) * 3
        + "LATER   =                1E-05".ljust(80)
        + "".ljust(80) * 2
    )
    text = "".join(card._image for card in header.cards) + "END".ljust(80)
    raw = text.encode().ljust(2880) + sky().astype(">f4").tobytes()
    (tmp_path / "a.fits").write_bytes(raw + bytes(-len(raw) % 2880))
    result, _, _ = check_round_trip(tmp_path / "a.fits", tmp_path)
    assert result.byte_identical


def test_preview_is_standard_small_and_dropped(tmp_path):
    fits.writeto(tmp_path / "a.fits", sky((1400, 1500)))
    result, packed, back = check_round_trip(tmp_path / "a.fits", tmp_path)
    with fits.open(packed) as hdus:
        small = hdus["PREVIEW"]
        assert small.header["AEPREV"] is True
        assert 64 <= max(small.shape) <= 512
        assert abs(np.median(small.data) - 1000) < 1
    assert scan(packed)[2].size <= 0.01 * scan(packed)[1].size
    assert result.byte_identical
    astroae.compress(tmp_path / "a.fits", packed, preview=False, overwrite=True)
    assert len(scan(packed)) == 2


def test_lossy_checksums_come_back_right(tmp_path):
    fits.writeto(tmp_path / "a.fits", sky(), checksum=True)
    _, _, back = check_round_trip(tmp_path / "a.fits", tmp_path, quantize_level=1)
    with fits.open(back, checksum=True) as hdus:  # warnings are errors here
        assert hdus[0].header["DATASUM"] != fits.getheader(tmp_path / "a.fits")["DATASUM"]
        assert hdus[0].data is not None


def test_dry_run_writes_nothing(tmp_path):
    fits.writeto(tmp_path / "a.fits", sky())
    dry = astroae.compress(tmp_path / "a.fits", tmp_path / "a.aae.fits", dry_run=True)
    assert not (tmp_path / "a.aae.fits").exists()
    wet = astroae.compress(tmp_path / "a.fits", tmp_path / "a.aae.fits")
    assert dry.compressed_bytes == wet.compressed_bytes
    assert wet.compressed_bytes == (tmp_path / "a.aae.fits").stat().st_size


def test_progress_counts_the_tiles_of_all_images(tmp_path):
    mixed_file(tmp_path / "a.fits")
    seen = []
    astroae.compress(
        tmp_path / "a.fits", tmp_path / "b", progress=lambda done, total: seen.append((done, total))
    )
    tiles = 3 * 4 + 1
    assert {total for _, total in seen} == {2 * tiles}, "each is coded and read back"
    assert sorted(seen) == seen and seen[-1][0] == 2 * tiles


def test_real_images_come_back(tmp_path, bundled_images):
    for packed in bundled_images:
        source = tmp_path / packed.stem
        source.write_bytes(gzip.decompress(packed.read_bytes()))
        result, _, back = check_round_trip(source, tmp_path)
        assert result.byte_identical == (source.name not in ODD_PADDING), source.name
        assert difference(source, back) == ""


@pytest.mark.parametrize("quantize_level", [1, 4])
def test_real_images_keep_their_bound(tmp_path, bundled_images, quantize_level):
    for packed in bundled_images:
        source = tmp_path / packed.stem
        source.write_bytes(gzip.decompress(packed.read_bytes()))
        _, small, _ = check_round_trip(source, tmp_path, quantize_level=quantize_level)
        found = astroae.verify(small, source)
        assert found.ok, (source.name, found)
