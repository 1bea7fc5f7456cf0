"""Growth of errors above own backgrounds: without the truth as good as with it."""

import numpy as np
import pytest

pytest.importorskip("photutils")

from astroae.validation.levels import annuli, meshes
from astroae.validation.metrics import Measured, background, own_background
from astroae.validation.metrics.tests.skies import dithered, original, sky, stepped
from astroae.validation.own import aperture_area, flux_growth, told
from astroae.validation.pair import Pair
from astroae.validation.sources import APERTURE, aperture_sums
from astroae.validation.statistics import Estimate


def noisier(of):
    """A fifth of the noise added to it."""
    return Pair(of, of.data + np.random.default_rng(4).normal(0, 2, of.shape))


def true_growth(pair):
    """Of fluxes above annuli, in per cent: both images against the sky as it is."""
    of, truth = pair.original, sky()
    y, x = np.mgrid[20:748:7, 20:748:7].reshape(2, -1)
    expected = annuli(truth, x, y, of.fwhm).mean

    def spread(image):
        level = annuli(image, x, y, of.fwhm).median - expected
        flux = aperture_sums(image - truth, x, y, APERTURE * of.fwhm)
        return np.std(flux - aperture_area(of) * level)

    return 100 * (spread(pair.restored) / spread(of.data) - 1)


@pytest.mark.parametrize(
    "coded, least, most", [(stepped, 5, 20), (dithered, -1, 1), (noisier, 1, 3)]
)
def test_growth_is_that_against_the_truth(coded, least, most):
    pair = coded(original(stars=False, whole=False))
    found = flux_growth(*own_background._errors(pair)).estimate
    truth = true_growth(pair)
    assert least < truth < most
    assert found.value == pytest.approx(truth, abs=max(0.7, 0.2 * truth))


@pytest.mark.parametrize("coded", [stepped, dithered, noisier])
@pytest.mark.parametrize("name", ["median", "mode"])
def test_growth_of_meshes_is_that_against_the_truth(coded, name):
    pair = coded(original(stars=False, whole=False))
    of, expected = pair.original, meshes(sky(), (64, 64)).mean
    part = aperture_area(of) / of.noise**2

    def variance(image):
        return 1 + part * np.var(getattr(meshes(image, (64, 64)), name) - expected)

    truth = 100 * (np.sqrt(variance(pair.restored) / variance(of.data)) - 1)
    found = background.MeshPair(pair).growth(name).estimate
    assert found.value == pytest.approx(truth, abs=max(0.5, 0.1 * truth))


def test_nothing_changed_is_exact():
    before = np.random.default_rng(1).normal(size=3)
    assert flux_growth(before, before, 0.1).estimate == Estimate(0, 0, 0, 3)


def test_what_structure_adds_to_both_makes_growth_smaller():
    before = np.random.default_rng(1).normal(0, 3, 5000)
    grid = np.random.default_rng(2).normal(0, 1, 5000)
    found = flux_growth(before, before + grid, 0.0).estimate
    assert found.value == pytest.approx(100 * (np.sqrt(11 / 10) - 1), abs=0.5)


def test_no_place_at_all_is_no_pass():
    nothing = flux_growth(np.zeros(0), np.zeros(0), 0.1)
    assert "no meshes" in told(nothing, 0.4, "meshes", "background.shift").reason


def test_a_mean_shift_is_no_growth():
    before = np.random.default_rng(1).normal(0, 0.2, 500)
    found = flux_growth(before, before + 5.0, 0.05).estimate
    assert found.value == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize(
    "estimate, is_told",
    [
        (Estimate(0.2, -0.1, 0.5, 50), True),  # narrow enough
        (Estimate(0.2, -0.8, 1.2, 50), False),
        (Estimate(3.0, 2.0, 4.0, 50), True),  # stands out
        (Estimate(-3.0, -4.0, -2.0, 50), True),
        (Estimate(1.4, 0.4, 2.4, 50), False),  # by chance, once in forty
        (Estimate(3.0, -np.inf, np.inf, 3), False),
    ],
)
def test_what_cannot_be_told_is_skipped_unless_it_stands_out(estimate, is_told):
    found = told(Measured(estimate), 0.4, "meshes", "background.shift")
    if is_told:
        assert found.estimate == estimate
    else:
        assert f"{estimate.n} meshes" in found.reason
        assert "background.shift stands in" in found.reason
        assert ("would decide" in found.reason) == np.isfinite(estimate.low)
