"""Oddities are found where they are, and scores know what is ordinary."""

import numpy as np
import pytest
from astropy.wcs import WCS

from astroae.errors import UnsupportedDataError
from astroae.explore.anomalies import FAMILIES, Calibration, find_anomalies, measure
from astroae.explore.anomaly_trial import area, interval, trial
from astroae.explore.explain import Components, Reconstruction
from astroae.explore.ordinary import Ordinary
from astroae.explore.planes import Plane
from astroae.explore.shapes import ordinary_kernels, shape_kernels, shape_lines
from astroae.explore.sky import measure_fwhm, measure_sky
from astroae.simulate import MoffatPSF, faint_settings, make_field, oddity

pytest.importorskip("scipy")
PSF = MoffatPSF()


def noise(seed, shape=(64, 64)):
    return np.random.default_rng(seed).normal(size=shape)


def test_kernels_measure_in_sigma():
    """Unit norm: white noise of 1 gives responses of 1."""
    for kernels in (ordinary_kernels(PSF, 64), *shape_kernels(PSF, 64).values()):
        assert np.allclose((kernels.values**2).sum((1, 2)), 1)
    assert np.allclose(shape_lines(3.0, 64).weights.power(2).sum(1), 1, atol=1e-5)


def test_kernels_are_where_they_fit():
    stamp = np.zeros((64, 64))
    stamp[5:46, 12:53] = 7 * shape_kernels(PSF, 64)["ring"].values[3]
    response = shape_kernels(PSF, 64)["ring"].correlate(stamp)
    assert np.unravel_index(np.argmax(response), response.shape) == (3, 25, 32)
    assert response.max() == pytest.approx(7, abs=1e-3)


def test_ordinary_sources_are_explained():
    stamp = noise(2)
    for row, column, snr in ((20, 20, 60.0), (40, 45, 25.0)):
        star = PSF.stamps([0.3], [-0.2], 10)[0]
        stamp[row - 10 : row + 11, column - 10 : column + 11] += snr * star / np.linalg.norm(star)
    residuals = [whitened for whitened, _ in Ordinary(PSF, 64).steps(stamp)]
    assert len(residuals) == 3
    assert (residuals[0] ** 2).mean() > 1.9 and abs((residuals[-1] ** 2).mean() - 1) < 0.06


@pytest.mark.parametrize("kind", ["trail", "ghost", "ring", "column"])
def test_gain_and_place(kind):
    light = oddity(kind, (64, 64), PSF, np.random.default_rng(7))
    found = measure(Ordinary(PSF, 64), PSF, noise(3) + 12 * light / np.linalg.norm(light))
    empty = measure(Ordinary(PSF, 64), PSF, noise(3))
    which = int(np.argmax(found.gain))
    assert found.gain.max() > 30 > 15 > empty.gain.max()
    row, column = np.rint(found.place[which]).astype(int)
    if kind in ("trail", "column"):
        assert light[row, column] > 0.5
    else:  # around its middle it is dark, or nearly
        middle = [(light * axis).sum() / light.sum() for axis in np.indices(light.shape)]
        assert np.hypot(row - middle[0], column - middle[1]) < 3


def test_undefined_pixels_do_not_count():
    stamp, bad = noise(4), np.zeros((64, 64), bool)
    expected = measure(Ordinary(PSF, 64), PSF, stamp)
    stamp[:, 10], bad[:, 10] = 1e6, True
    found = measure(Ordinary(PSF, 64), PSF, stamp, bad)
    assert np.all(found.gain < 20) and np.all(np.abs(found.response - expected.response) < 3)


def test_rarity():
    seen = Calibration(np.random.default_rng(1).exponential(1.0, (4000, 1)))
    rarity = seen.rarity(np.array([[0.0], [0.693], [4.605], [13.8]]))[:, 0]
    assert np.allclose(rarity, [0, 0.3, 2, 6], atol=0.35) and np.all(np.diff(rarity) > 0)
    with pytest.raises(UnsupportedDataError, match="at least 20"):
        Calibration(np.zeros((19, 1)))


def test_area_of_ties_and_interval():
    odd = np.arange(200) < 50
    assert area(np.zeros(200), odd) == 0.5
    low, high = interval(np.where(odd, 1.0, 0.0) + noise(5, 200), odd, rounds=200)
    assert 0.6 < low < 0.76 < high < 0.9


def test_an_image_with_an_oddity():
    field = make_field(faint_settings(3, shape=(512, 384)))
    image = field.image.copy()
    light = oddity("ring", (64, 64), PSF, np.random.default_rng(1))
    y, x = (float((light * axis).sum() / light.sum()) for axis in np.indices(light.shape))
    image[256:320, 128:192] += 18.0 * 15 * light / np.linalg.norm(light)
    image[:20, :20] = np.nan
    plane = Plane(image, field.header, WCS(field.header), "field.fits", 0, 0)
    table = find_anomalies(plane)
    first = table[0]
    assert first["family"] == "ring" and 4 < first["snr"] < 15
    assert np.hypot(first["x"].value - 128 - x, first["y"].value - 256 - y) < 3
    sky = WCS(field.header).pixel_to_world_values(first["x"].value, first["y"].value)
    assert np.allclose([first["ra"].value, first["dec"].value], sky)
    assert np.all(np.diff(table["score"]) <= 0)


def test_principal_components_give_back_what_they_learned():
    shapes = noise(6, (3, 16, 16))
    stamps = noise(7, (50, 3)) @ shapes.reshape(3, -1)
    stamps = stamps.reshape(50, 16, 16)
    model = Components(stamps, PSF, count=3)
    assert np.allclose(model.reconstruct(stamps[4]), stamps[4])
    assert (model.reconstruct(noise(8, (16, 16))) ** 2).mean() < 0.1


def test_autoencoders(spatial_model, skip_model):
    field = make_field(faint_settings(2, shape=(160, 160)))
    table = find_anomalies(field.image, model=spatial_model, side=32, fwhm=3.0)
    assert len(table) > 10 and set(table["family"]) <= set(FAMILIES)
    stamp = noise(9, (16, 16))
    free, cut = (Reconstruction(skip_model, PSF, 16, skips=s).reconstruct(stamp) for s in (1, 0))
    assert free.sum() == pytest.approx(stamp.sum()) and not np.allclose(free, cut)


def test_sky():
    field = make_field(faint_settings(9, shape=(300, 260)))
    sky = measure_sky(field.image)
    truth = 300 * (1 + 0.05 * np.linspace(-0.5, 0.5, 300)[:, None])
    assert np.abs(sky.level - truth).max() < 5 and np.abs(sky.sigma - 18).max() < 1.5
    assert measure_fwhm(noise(1, (200, 200)), default=2.5) == 2.5
    for image in (np.zeros((50, 50)), np.zeros(50), np.full((9, 9), np.nan)):
        with pytest.raises(UnsupportedDataError, match="sky"):
            measure_sky(image)


def test_trial():
    """Few stamps, so a loose limit; the pooled areas of 2000 stand in the docs."""
    table = trial(130, 30, 70, seed=12)
    areas = dict(zip(table["score"], table["pooled"]))
    assert areas["fitted sources: shapes' gain"] > 0.8
    assert areas["fitted sources: shapes' gain"] > areas["pixel chi-square"] + 0.1
    assert areas["limit: shape and place known"] > 0.99
    assert table.colnames[4:] == ["trail", "ghost", "merger", "ring", "column", "arc"]
