"""Maps of latents, and the WCS of their grid."""

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS

from astroae.errors import UnsupportedDataError
from astroae.explore.coding import encode, latent_vector
from astroae.explore.maps import grid_wcs, latent_maps
from astroae.explore.planes import Plane, read_plane

CORNERS = np.array([[0.0, 0.0], [11.0, 0.0], [0.0, 9.0], [11.0, 9.0], [5.0, 4.0]])


def celestial(**cards):
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = "RA---TAN", "DEC--TAN"
    wcs.wcs.crval = 210.0, 54.0
    wcs.wcs.crpix = 300.5, 250.25
    wcs.wcs.cd = np.array([[-1.1e-4, 2e-5], [3e-5, 1e-4]])
    header = wcs.to_header()
    header.update(cards)
    return WCS(header)


def check_grid(wcs, first, stride, tolerance):
    """Cells of the grid lie where the pixels lie that they stand for."""
    grid = grid_wcs(wcs, first, stride)
    pixels = CORNERS * stride + first[::-1]
    ours, true = grid.all_pix2world(CORNERS, 0), wcs.all_pix2world(pixels, 0)
    assert np.abs(ours - true).max() < tolerance
    header = grid.to_header(relax=True)
    assert np.abs(WCS(header).all_pix2world(CORNERS, 0) - true).max() < tolerance


@pytest.mark.parametrize("first, stride", [((15.5, 15.5), 32), ((7.0, 9.5), 3), ((0.0, 0.0), 1)])
def test_grid(first, stride):
    check_grid(celestial(), first, stride, 1e-11)


def test_grid_with_distortion():
    header = celestial().to_header()
    header.update({"CTYPE1": "RA---TAN-SIP", "CTYPE2": "DEC--TAN-SIP"})
    header.update({"A_ORDER": 2, "A_2_0": 3e-5, "A_1_1": -1e-5, "B_ORDER": 3, "B_0_3": 2e-8})
    wcs = WCS(header)
    assert np.abs(wcs.all_pix2world([[0, 0]], 0) - wcs.wcs_pix2world([[0, 0]], 0)).max() > 1e-4
    check_grid(wcs, (15.5, 15.5), 32, 1e-10)


@pytest.mark.filterwarnings("ignore::astropy.utils.exceptions.AstropyWarning")
def test_grid_of_real_files(bundled_images):
    planes = [read_plane(path) for path in bundled_images if "soar" not in path.name]
    known = [plane.wcs for plane in planes if plane.wcs is not None]
    assert len(known) >= 3
    for wcs in known:
        ours = grid_wcs(wcs, (2.5, 4.5), 5).all_pix2world([[1.0, 2.0]], 0)
        assert np.allclose(ours, wcs.all_pix2world([[9.5, 12.5]], 0), rtol=0, atol=1e-9)


def test_each_cell_is_the_vector_of_its_stamp(spatial_model):
    image = np.random.default_rng(2).normal(size=(70, 50))
    plane = Plane(image, fits.Header(), celestial(), "a.fits", 0, 0)
    maps = latent_maps(spatial_model, plane, side=16, stride=8)
    assert maps.values.shape == (5, 7, 5) and maps.first == (10.5, 8.5)
    wanted = latent_vector(spatial_model, encode(spatial_model, image[19:35, 9:25]).crossing)
    assert np.array_equal(maps.values[:, 2, 1], wanted)


def test_fits_on_the_sky(spatial_model, tmp_path):
    """A star is found again where it is, through the map's own WCS."""
    image = np.random.default_rng(3).normal(size=(96, 96))
    image[60:63, 20:23] += 200
    plane = Plane(image, fits.Header(), celestial(), "some/where/a.fits", 0, 0)
    maps = latent_maps(spatial_model, plane, side=8, stride=8)
    maps.to_hdus(spatial_model).writeto(tmp_path / "maps.fits", checksum=True)
    with fits.open(tmp_path / "maps.fits", checksum=True) as hdus:
        assert [hdu.name for hdu in hdus[1:]] == ["Z4_0", "Z4_1", "Z4_2", "Z2_0", "Z2_1"]
        assert hdus[0].header["ORIGFILE"] == "a.fits"
        assert hdus[0].header["MODELSHA"] == spatial_model.sha256
        values, wcs = hdus[1].data, WCS(hdus[1].header)
    odd = np.abs(values - np.median(values))
    y, x = np.unravel_index(odd.argmax(), odd.shape)
    place = plane.wcs.world_to_pixel_values(*wcs.pixel_to_world_values(x, y))
    assert np.abs(np.array(place) - (21, 61)).max() <= 4


def test_undefined_stamps_stay_undefined(spatial_model):
    image = np.random.default_rng(2).normal(size=(32, 32))
    image[:16, :10] = np.nan
    plane = Plane(image, fits.Header(), None, "a.fits", 0, 0)
    maps = latent_maps(spatial_model, plane, side=16, stride=16)
    assert np.isnan(maps.values[:, 0, 0]).all() and np.isfinite(maps.values[:, 1]).all()
    assert maps.wcs is None and "CTYPE1" not in maps.to_hdus(spatial_model)[1].header
    with pytest.raises(UnsupportedDataError, match="smaller than a stamp"):
        latent_maps(spatial_model, plane, side=33)
