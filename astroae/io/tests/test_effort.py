"""High effort, in every way in: fewer bytes, the same pixels."""

import numpy as np
import pytest
from astropy.io import fits
from astropy.nddata import CCDData

import astroae


def stars(shape=(300, 320)):
    rng = np.random.default_rng(6)
    field = rng.normal(100, 5, shape)
    for y, x in rng.integers(10, 290, (60, 2)):
        field[y - 5 : y + 6, x - 5 : x + 6] += 900 * np.exp(-np.hypot(*np.mgrid[-5:6, -5:6]) / 2)
    return np.cumsum(field - 100, axis=1).astype("f4") / 4 + 100  # correlated: there is to learn


@pytest.mark.parametrize("settings", [{}, {"quantize_level": 4}, {"error_bound": 1.0}], ids=str)
def test_an_hdu_of_high_effort(settings, tmp_path):
    pixels, path, sizes = stars(), tmp_path / "a.fits", {}
    for effort in ("default", "high"):
        hdu = astroae.AEImageHDU(pixels, effort=effort, tile_shape=(256, 256), **settings)
        fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(path, overwrite=True)
        with fits.open(path) as hdus:
            sizes[effort] = sum(hdus[1].encoded.streams.sizes), hdus[1].data.tobytes()
    assert sizes["high"][0] < sizes["default"][0]
    assert sizes["high"][1] == sizes["default"][1]
    with fits.open(path, mode="update") as hdus:
        hdus[1].data[5, 5] = 3
    assert fits.getdata(path, 1)[5, 5] == pytest.approx(3, abs=1.5)


def test_other_ways_in(tmp_path):
    path = tmp_path / "a.fits"
    CCDData(stars(), unit="adu").write(path, format="astroae", effort="high")
    assert np.array_equal(CCDData.read(path, format="astroae").data, stars())
    with pytest.raises(astroae.SettingError, match="effort"):
        astroae.encode(stars(), effort="low")
