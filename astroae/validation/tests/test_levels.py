"""Clipped levels of many rows, against photutils and against plain numpy."""

import numpy as np
import pytest
from astropy.stats import SigmaClip, sigma_clipped_stats

from astroae.validation.levels import INNER, OUTER, annuli, levels_of, meshes

photutils = pytest.importorskip("photutils")

from photutils.aperture import ApertureStats, CircularAnnulus  # noqa: E402
from photutils.background import Background2D, MedianBackground, SExtractorBackground  # noqa: E402


@pytest.fixture(scope="module")
def sky():
    """Noise on a slope, with sources that clipping has to take out."""
    rng = np.random.default_rng(1)
    image = rng.normal(1000, 10, (256, 320)) + np.linspace(0, 30, 320)
    image[rng.integers(0, 256, 300), rng.integers(0, 320, 300)] += rng.exponential(300, 300)
    return image


def test_meshes_are_those_of_background2d(sky):
    found = meshes(sky, (64, 64))
    settings = {"filter_size": 1, "sigma_clip": SigmaClip(3.0, maxiters=10)}
    for name, estimator in (("median", MedianBackground()), ("mode", SExtractorBackground())):
        theirs = Background2D(sky, 64, bkg_estimator=estimator, **settings)
        assert getattr(found, name) == pytest.approx(theirs.background_mesh.ravel(), abs=1e-9)


def test_annuli_are_those_of_photutils(sky):
    x, y, fwhm = np.array([40, 200, 160]), np.array([50, 128, 200]), 2.6
    found = annuli(sky, x, y, fwhm)
    rings = CircularAnnulus(np.column_stack([x, y]), INNER * fwhm, OUTER * fwhm)
    clip = SigmaClip(3.0, maxiters=10)
    theirs = ApertureStats(sky, rings, sigma_clip=clip, sum_method="center")
    assert found.median == pytest.approx(theirs.median, abs=1e-9)
    assert found.mean == pytest.approx(theirs.mean, abs=1e-9)


def test_pixels_without_value_do_not_count():
    rng = np.random.default_rng(2)
    rows = rng.normal(size=(5, 200))
    shorter = np.where(np.arange(200) % 3 == 0, np.nan, rows)
    found, expected = levels_of(shorter), levels_of(rows[:, np.arange(200) % 3 != 0])
    assert found.median.tolist() == expected.median.tolist()
    assert found.mean == pytest.approx(expected.mean, abs=1e-12)
    assert found.number.tolist() == expected.number.tolist()


@pytest.mark.parametrize("fill", [-1e30, 1e30])
def test_a_value_for_no_value_spoils_nothing(fill):
    rows = np.random.default_rng(3).normal(100, 1, (4, 500))
    rows[:, ::50] = fill
    found = levels_of(rows)
    mean, median, _ = sigma_clipped_stats(rows, axis=1, sigma=3, maxiters=10)
    assert found.median == pytest.approx(median, abs=1e-9)
    assert found.mean == pytest.approx(mean, abs=1e-9)


def test_rows_of_nothing_and_of_one_value():
    found = levels_of(np.array([[np.nan, np.nan, np.nan], [7.0, 7, 7], [1, np.nan, 4]]))
    assert np.isnan(found.median[0]) and np.isnan(found.mean[0])
    assert found.median[1:].tolist() == [7, 2.5] and found.mean[1:].tolist() == [7, 2.5]
    assert found.number.tolist() == [0, 3, 2]


def test_annuli_beyond_the_edge_hold_what_is_there():
    image = np.full((60, 60), 3.0)
    found = annuli(image, np.array([0.0, 30]), np.array([0.0, 30]), 2.0)
    assert found.median.tolist() == [3, 3]
    assert 0 < found.number[0] < found.number[1] / 3


def test_few_rows_at_a_time_give_the_same(sky, monkeypatch):
    whole = levels_of(sky)
    monkeypatch.setattr("astroae.validation.levels._BATCH", 1000)
    assert levels_of(sky).median.tolist() == whole.median.tolist()


def test_an_image_smaller_than_a_mesh_has_none(sky):
    assert len(meshes(sky, (300, 64)).median) == len(meshes(sky, (64, 400)).median) == 0
    assert len(annuli(sky, np.zeros(0), np.zeros(0), 3.0).median) == 0
