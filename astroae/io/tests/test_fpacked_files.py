"""Whole files that hold tile-compressed images: taken over, given back, described."""

import shutil
import subprocess

import numpy as np
import pytest
from astropy.io import fits

import astroae
from astroae.io.difference import difference
from astroae.io.tests.helpers import digest, mixed_file, sky


def fpacked(folder, name="a.fits.fz", **options):
    """A file with two tile-compressed images, as astropy writes it."""
    hdus = [fits.PrimaryHDU(), fits.CompImageHDU(sky(), name="SCI", **options)]
    hdus.append(fits.CompImageHDU(sky(dtype="i2"), name="RAW", compression_type="RICE_1"))
    fits.HDUList(hdus).writeto(folder / name)
    return folder / name


@pytest.fixture
def by_fpack(tmp_path):
    """A file that CFITSIO's own program made."""
    if shutil.which("fpack") is None:
        pytest.skip("fpack is not installed (Debian package libcfitsio-bin)")
    fits.writeto(tmp_path / "a.fits", sky())
    subprocess.run(["fpack", "a.fits"], cwd=tmp_path, check=True)
    return tmp_path / "a.fits.fz"


@pytest.mark.parametrize("method", [-1, 1, 2])
def test_integers_and_pixels_are_kept(tmp_path, method):
    source = fpacked(tmp_path, quantize_level=4, quantize_method=method)
    packed, back, plain = (tmp_path / name for name in ("p.aae.fits", "b.fits.fz", "b.fits"))
    result = astroae.compress(source, packed, quantize_level=1)
    assert [hdu.action for hdu in result.hdus] == ["kept", "taken over", "taken over"]
    assert result.compressed_bytes < result.original_bytes
    astroae.decompress(packed, back, fpack=True)
    astroae.decompress(packed, plain)
    with fits.open(source) as before:
        for path in (packed, back, plain):
            with fits.open(path) as after:
                for name in ("SCI", "RAW"):
                    assert (after[name].data == before[name].data).all(), (path, name)
    assert astroae.verify(packed, source).ok
    with fits.open(plain, disable_image_compression=True) as hdus:
        assert all("ZIMAGE" not in hdu.header for hdu in hdus)


def test_fpack_file_comes_back_byte_for_byte(by_fpack, tmp_path):
    packed, back = tmp_path / "a.aae.fits", tmp_path / "b.fits.fz"
    result = astroae.compress(by_fpack, packed)
    astroae.decompress(packed, back, fpack=True)
    assert result.byte_identical and digest(back) == digest(by_fpack)
    about = astroae.info(packed)["original"]
    assert about["fpacked"] and about["byte_identical"]
    for found in (astroae.verify(packed), astroae.verify(packed, by_fpack)):
        assert found.byte_identical and "--fpack" in found.verdict


def unpacked(path, folder):
    """What astroae makes of a tile-compressed file, without fpack."""
    astroae.compress(path, folder / "a.aae.fits", overwrite=True)
    astroae.decompress(folder / "a.aae.fits", folder / "b.fits", overwrite=True)
    return folder / "b.fits"


def check_sums(path, n):
    """All HDUs have right CHECKSUM and DATASUM, ``n`` of them both."""
    with fits.open(path, checksum=True) as hdus:  # a wrong one would warn, an error here
        found = [hdu for hdu in hdus if {"CHECKSUM", "DATASUM"} <= set(hdu.header)]
        assert all(hdu._checksum_valid and hdu._datasum_valid for hdu in found)
        assert len(found) == n


def test_without_fpack_it_is_what_funpack_gives(by_fpack, tmp_path):
    theirs = tmp_path / "c.fits"
    subprocess.run(["funpack", "-O", theirs, by_fpack], check=True)
    check_sums(theirs, 1)
    ours = unpacked(by_fpack, tmp_path)
    check_sums(ours, 1)
    one, two = fits.getheader(ours), fits.getheader(theirs)
    assert one["DATASUM"] == two["DATASUM"]
    for header in (one, two):  # funpack's comment tells the time
        del header["CHECKSUM"], header["DATASUM"]
    assert one.tostring() == two.tostring()


def test_without_sums_it_is_what_funpack_gives(tmp_path):
    if shutil.which("fpack") is None:
        pytest.skip("fpack is not installed (Debian package libcfitsio-bin)")
    fits.writeto(tmp_path / "a.fits", sky())
    subprocess.run(["fpack", "-C", "a.fits"], cwd=tmp_path, check=True)
    subprocess.run(["funpack", "-C", "-O", "c.fits", "a.fits.fz"], cwd=tmp_path, check=True)
    ours = unpacked(tmp_path / "a.fits.fz", tmp_path)
    assert difference(ours, tmp_path / "c.fits") == ""


@pytest.mark.parametrize("place", ["primary", "extension"])
def test_the_file_that_was_fpacked_comes_back_with_its_sums(tmp_path, place):
    """Integers lose nothing on the way, so that even their CHECKSUM is the old one."""
    image = sky(dtype="i2")
    hdus = [fits.PrimaryHDU(image)] if place == "primary" else [fits.PrimaryHDU()]
    hdus += [fits.ImageHDU(image, name="SCI")]
    hdus[-1].header["AFTER"] = "all"
    fits.HDUList(hdus).writeto(tmp_path / "a.fits", checksum=True)
    fits.setval(tmp_path / "a.fits", "BEHIND", value="the sums", ext=1)
    with fits.open(tmp_path / "a.fits", mode="update", checksum=True):
        pass
    if shutil.which("fpack") is None:
        pytest.skip("fpack is not installed (Debian package libcfitsio-bin)")
    subprocess.run(["fpack", "-C", "a.fits"], cwd=tmp_path, check=True)
    ours = unpacked(tmp_path / "a.fits.fz", tmp_path)
    subprocess.run(["funpack", "-C", "-O", "c.fits", "a.fits.fz"], cwd=tmp_path, check=True)
    assert difference(ours, tmp_path / "c.fits") == ""
    check_sums(ours, 2)


@pytest.mark.parametrize("asked", [True, "datasum", False])
def test_sums_of_the_table_alone(tmp_path, asked):
    source = tmp_path / "a.fits.fz"
    image = fits.CompImageHDU(sky(), name="SCI")
    fits.HDUList([fits.PrimaryHDU(), image]).writeto(source, checksum=asked)
    ours = unpacked(source, tmp_path)
    header = fits.getheader(ours, "SCI")
    assert [key in header for key in ("CHECKSUM", "DATASUM")] == [asked is True, bool(asked)]
    with fits.open(ours, checksum=True) as hdus:
        assert hdus["SCI"].verify_datasum() == (1 if asked else 2)  # 2: there is none
    astroae.decompress(tmp_path / "a.aae.fits", tmp_path / "b.fits.fz", fpack=True)
    assert digest(tmp_path / "b.fits.fz") == digest(source)


@pytest.mark.parametrize("quantize_level", [None, 4])
def test_other_files_as_fpacked_ones(tmp_path, quantize_level):
    source = mixed_file(tmp_path / "a.fits")
    astroae.compress(source, tmp_path / "a.aae.fits", quantize_level=quantize_level)
    result = astroae.decompress(tmp_path / "a.aae.fits", tmp_path / "b.fits.fz", fpack=True)
    with fits.open(tmp_path / "a.aae.fits") as ours, fits.open(tmp_path / "b.fits.fz") as theirs:
        assert [hdu.name for hdu in ours] == [hdu.name for hdu in theirs]
        for name in ("SCI", "ERR", "DQ", "KERNEL"):
            assert (ours[name].data == theirs[name].data).all(), name
        assert isinstance(theirs["SCI"], fits.CompImageHDU)
    assert bool([hdu.note for hdu in result.hdus if hdu.name == "SCI"][0]) == (
        quantize_level is None
    )


def test_primary_image_as_fpacked(tmp_path):
    fits.writeto(tmp_path / "a.fits", sky(dtype="i2"))
    astroae.compress(tmp_path / "a.fits", tmp_path / "a.aae.fits")
    astroae.decompress(tmp_path / "a.aae.fits", tmp_path / "b.fits.fz", fpack=True)
    with fits.open(tmp_path / "b.fits.fz") as hdus:
        assert len(hdus) == 2 and "COMMENT" not in hdus[0].header
        assert (hdus[1].data == sky(dtype="i2")).all()


def test_what_cannot_be_taken_over(tmp_path):
    refused = fits.CompImageHDU(sky(), name="SCI")
    fits.HDUList([fits.PrimaryHDU(), refused]).writeto(tmp_path / "a.fits.fz")
    unknown(tmp_path / "a.fits.fz")
    with pytest.raises(astroae.UnsupportedDataError, match="JPEG_1.*funpack"):
        astroae.compress(tmp_path / "a.fits.fz", tmp_path / "a.aae.fits")
    assert not (tmp_path / "a.aae.fits").exists()
    other = fits.ImageHDU(sky(), name="SCI")
    fits.HDUList([fits.PrimaryHDU(), refused, other]).writeto(tmp_path / "b.fits.fz")
    unknown(tmp_path / "b.fits.fz")
    result = astroae.compress(tmp_path / "b.fits.fz", tmp_path / "b.aae.fits")
    assert [hdu.action for hdu in result.hdus] == ["kept", "kept", "compressed"]
    assert "JPEG_1" in result.hdus[1].note


def unknown(path):
    """Give a tile-compressed file the name of an algorithm that nobody knows."""
    path.write_bytes(path.read_bytes().replace(b"'RICE_1  '", b"'JPEG_1  '"))


DECODED = {
    "integers": {"compression_type": "HCOMPRESS_1"},
    "lossy integers": {"compression_type": "HCOMPRESS_1", "hcomp_scale": 2, "hcomp_smooth": 1},
    "floats": {"compression_type": "HCOMPRESS_1", "quantize_method": 1, "dither_seed": 77},
    "floats, zeros kept": {"compression_type": "HCOMPRESS_1", "quantize_method": 2},
    "mask": {"compression_type": "PLIO_1"},
}


def decoded_images():
    """Images of algorithms that are not written, by their names."""
    for name, options in DECODED.items():
        image = sky()
        image[7, :50], image[9] = 0, np.nan
        if "floats" not in name:
            image = np.nan_to_num(image, nan=-7).astype("i2")
        hdu = fits.CompImageHDU(image.clip(0) if name == "mask" else image, name=name, **options)
        hdu.header["OBJECT"] = f"M 31, {name}"
        if image.dtype.kind == "i":
            hdu.header["BLANK"] = -7
        yield hdu


def test_images_that_are_only_decoded(tmp_path):
    source, packed = tmp_path / "a.fits.fz", tmp_path / "a.aae.fits"
    fits.HDUList([fits.PrimaryHDU(), *decoded_images()]).writeto(source)
    result = astroae.compress(source, packed)
    assert not result.byte_identical
    taken = [hdu for hdu in result.hdus if hdu.action == "taken over"]
    assert len(taken) >= 3  # some are smaller as they were
    for hdu in taken:
        assert hdu.note.startswith("decoded from ") and "it comes back as RICE_1" in hdu.note
    back, plain = tmp_path / "b.fits.fz", tmp_path / "b.fits"
    notes = [hdu.note for hdu in astroae.decompress(packed, back, fpack=True).hdus]
    assert sum("comes back as RICE_1" in note for note in notes) == len(taken)
    astroae.decompress(packed, plain)
    with fits.open(source) as before:
        for path in (packed, back, plain):
            with fits.open(path) as after:
                for hdu in before[1:]:
                    found = after[hdu.name]
                    assert np.array_equal(found.data, hdu.data, equal_nan=True), (path, hdu.name)
                    assert found.header["OBJECT"] == hdu.header["OBJECT"]
    assert astroae.verify(packed, source).ok


@pytest.mark.parametrize("flag", ["-h", "-p"])
@pytest.mark.parametrize("dtype", ["i2", "u2", "i4"])
def test_decoded_as_funpack_does(tmp_path, flag, dtype):
    """CFITSIO shifts unsigned integers before PLIO_1, of which astropy knows nothing."""
    if shutil.which("fpack") is None:
        pytest.skip("fpack is not installed (Debian package libcfitsio-bin)")
    image = (sky((300, 320)) // 64 * 64).astype(dtype)
    image[image < 1000] = 0
    fits.writeto(tmp_path / "a.fits", image)
    subprocess.run(["fpack", "-C", flag, "a.fits"], cwd=tmp_path, check=True)
    subprocess.run(["funpack", "-C", "-O", "c.fits", "a.fits.fz"], cwd=tmp_path, check=True)
    astroae.compress(tmp_path / "a.fits.fz", tmp_path / "a.aae.fits")
    astroae.decompress(tmp_path / "a.aae.fits", tmp_path / "b.fits")
    astroae.decompress(tmp_path / "a.aae.fits", tmp_path / "b.fits.fz", fpack=True)
    expected = fits.getdata(tmp_path / "c.fits")
    assert np.array_equal(expected, image)
    with fits.open(tmp_path / "b.fits") as hdus:
        ours = next(hdu for hdu in hdus if hdu.data is not None)
        assert np.array_equal(ours.data, expected) and ours.data.dtype == expected.dtype
    with fits.open(tmp_path / "b.fits.fz") as hdus:
        assert np.array_equal(hdus[1].data, expected)


def test_plain_and_fpacked_images_in_one_file(tmp_path):
    source = tmp_path / "a.fits"
    fpacked(tmp_path, "a.fits", quantize_level=4)
    fits.append(source, sky(seed=9))
    result = astroae.compress(source, tmp_path / "a.aae.fits")
    assert not result.byte_identical
    with fits.open(source) as before, fits.open(tmp_path / "a.aae.fits") as after:
        for i in (1, 2, 3):
            assert (before[i].data == after[i].data).all()
    assert np.isfinite(result.ratio)


def test_damaged_tiles_are_not_blanked_into_fpacked_files(tmp_path):
    astroae.compress(fpacked(tmp_path), tmp_path / "a.aae.fits")
    with pytest.raises(astroae.SettingError, match="on_corrupt"):
        astroae.decompress(
            tmp_path / "a.aae.fits", tmp_path / "b.fits.fz", fpack=True, on_corrupt="blank"
        )
    assert not (tmp_path / "b.fits.fz").exists()
