"""Stamps of FITS files: which pixels, and where on the sky."""

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS

import astroae
from astroae.errors import InputError, SettingError, UnsupportedDataError
from astroae.explore.planes import read_plane
from astroae.explore.stamps import cut_files, cut_stamps, stamp_at
from astroae.simulate import FieldSettings, Population, make_field


@pytest.fixture(scope="module")
def field(tmp_path_factory):
    settings = FieldSettings(shape=(130, 200), population=Population(20, 0), seed=4)
    path = tmp_path_factory.mktemp("stamps") / "field.fits"
    made = make_field(settings)
    made.to_hdu().writeto(path)
    return path, made


def test_pixels_and_places(field):
    path, made = field
    stamps = cut_stamps(read_plane(path), 32)
    assert len(stamps) == 4 * 6
    for values, row in zip(stamps.values, stamps.table):
        top, left = (int(row[axis] - 15.5) for axis in "yx")
        assert np.array_equal(values, made.image[top : top + 32, left : left + 32])
    sky = WCS(made.header).pixel_to_world_values(stamps.table["x"], stamps.table["y"])
    assert np.allclose(sky, [stamps.table["ra"], stamps.table["dec"]], atol=1e-10)
    # As much is left over at one end as at the other.
    assert np.ptp(stamps.table["x"]) == 5 * 32 and stamps.table["x"].mean() == 99.5


def test_compressed_files_are_read_alike(field, tmp_path):
    path, _ = field
    astroae.compress(path, tmp_path / "a.aae.fits")
    ours, original = read_plane(tmp_path / "a.aae.fits"), read_plane(path)
    assert np.array_equal(ours.values, original.values)
    assert ours.wcs.to_header() == original.wcs.to_header()


def test_small_images_are_one_stamp(field):
    stamps = cut_files([read_plane(field[0])], 500)
    assert stamps.values[0].shape == (130, 200) and stamps.table["side"].tolist() == [200]


def test_at_most_evenly_spaced(field):
    plane = read_plane(field[0])
    stamps = cut_files([plane, plane], 16, most=20)
    assert len(stamps) == 20
    assert np.ptp(stamps.table["y"][:10]) == np.ptp(cut_stamps(plane, 16).table["y"])


def test_blank_and_constant_stamps_are_left_out(tmp_path):
    data = np.random.default_rng(1).normal(size=(8, 32)).astype(np.float32)
    data[:, :8] = np.nan
    data[:, 8:16] = 7
    data[:3, 16:24] = np.nan  # less than half
    fits.writeto(tmp_path / "a.fits", data)
    stamps = cut_stamps(read_plane(tmp_path / "a.fits"), 8)
    assert stamps.table["x"].tolist() == [19.5, 27.5]
    fits.writeto(tmp_path / "b.fits", np.ones((8, 8), np.int16))
    with pytest.raises(UnsupportedDataError, match="no stamps"):
        cut_files([read_plane(tmp_path / "b.fits")], 8)


def test_cubes_and_blank_integers(tmp_path):
    cube = np.arange(3 * 4 * 5, dtype=np.int16).reshape(3, 4, 5)
    hdu = fits.ImageHDU(cube)
    hdu.header["BLANK"] = 22
    fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(tmp_path / "a.fits")
    plane = read_plane(tmp_path / "a.fits")
    assert (plane.hdu, plane.plane) == (1, 1) and plane.values[1, 1] == 26
    assert np.isnan(plane.values[0, 2]) and np.isnan(plane.values).sum() == 1
    assert read_plane(tmp_path / "a.fits", plane=2).values[0, 0] == 40
    assert plane.wcs is None and np.isnan(cut_stamps(plane, 4).table["ra"]).all()


@pytest.mark.parametrize("hdu, plane", [(0, None), (1, 3), (1, -1), (2, None)])
def test_images_that_are_not_there(tmp_path, hdu, plane):
    hdus = fits.HDUList([fits.PrimaryHDU(), fits.ImageHDU(np.zeros((3, 4, 5)))])
    hdus.writeto(tmp_path / "a.fits")
    with pytest.raises(UnsupportedDataError, match="leave the file out|planes are counted"):
        read_plane(tmp_path / "a.fits", hdu, plane)


def test_what_is_no_fits(tmp_path):
    (tmp_path / "a.fits").write_bytes(b"nothing of the kind" * 200)
    for name in ("a.fits", "absent.fits"):
        with pytest.raises(InputError, match=f"{name}: not readable"):
            read_plane(tmp_path / name)


def test_one_stamp(field):
    plane = read_plane(field[0])
    image = plane.values
    assert np.array_equal(stamp_at(plane, 21, 50, 60), image[50:71, 40:61])
    assert np.array_equal(stamp_at(plane, 20), image[55:75, 90:110])
    assert np.array_equal(stamp_at(plane, 20, 199, 0), image[:20, -20:])
    with pytest.raises(SettingError, match="outside"):
        stamp_at(plane, 20, 200, 0)


# Some of these headers are not the standard's, as astropy says when it opens them.
@pytest.mark.filterwarnings("ignore::astropy.io.fits.verify.VerifyWarning")
def test_real_files(bundled_images):
    for path in bundled_images:
        if "soar" in path.name:  # a spectrum: one axis
            with pytest.raises(UnsupportedDataError, match="no image of two axes"):
                read_plane(path)
            continue
        plane = read_plane(path)
        stamps = cut_stamps(plane, 16, most=40)
        assert all(values.shape == (16, 16) for values in stamps.values)
        if plane.wcs is not None and len(stamps):
            assert np.isfinite(stamps.table["ra"]).all()
