"""Noise goes, flux stays; and the figures of the trial are what they say."""

import sys

import numpy as np
import pytest

from astroae.errors import UnsupportedDataError
from astroae.explore.denoise import denoise, restore_flux
from astroae.explore.denoise_trial import faint_field, gaussian, starlet, trial, wiener
from astroae.nets import store
from astroae.simulate import MoffatPSF

pytest.importorskip("scipy")


@pytest.fixture(scope="module")
def field():
    return faint_field(11, side=300)[0]


@pytest.fixture(scope="module")
def clean(field):
    return denoise(field.image)


def rms(a, b):
    return float(np.sqrt(np.nanmean((a - b) ** 2)))


def test_the_model_is_small():
    assert len(store.pack(store.find("denoise"))) < 300_000


def test_error(field, clean):
    best = min(rms(gaussian(field.image, s), field.expected) for s in (1.2, 1.4, 1.6))
    assert rms(clean, field.expected) < 0.6 * best


def test_undefined_and_masked_pixels_stay(field, clean):
    image, mask = field.image.astype(float), np.zeros(field.image.shape, bool)
    image[40:60, 50:60], image[100, 100], mask[200, 210] = np.nan, np.inf, True
    image[200, 210] = -1e6
    found = denoise(image, mask=mask, fwhm=3.0)
    assert np.isnan(found[40:60, 50:60]).all() and found[100, 100] == np.inf
    assert found[200, 210] == -1e6
    assert np.isfinite(found).sum() == image.size - 201
    assert np.median(np.abs(found - clean)[np.isfinite(found)]) < 0.5  # of a noise of 18


def test_any_unit(field, clean):
    found = denoise(field.image.astype(float) * 1e-7 - 3.0)
    assert rms((found + 3.0) * 1e7, clean) < 0.2


def test_no_seams(field, monkeypatch):
    """Tiles change nothing: the network looks no further than their overlap."""
    module = sys.modules["astroae.explore.denoise"]
    given = []
    for side in (96, 512):
        monkeypatch.setattr(module, "TILE", side)
        given.append(denoise(field.image[:150, :140], fwhm=3.0))
    assert np.allclose(*given, atol=1e-9, rtol=0)


def test_bright_pixels_are_the_image(field):
    image = field.image.copy()
    image[150, 150] += 3000.0
    assert denoise(image)[150, 150] == pytest.approx(image[150, 150], rel=1e-6)


def test_restored_flux_is_that_of_the_image():
    rng = np.random.default_rng(1)
    image, psf = rng.normal(size=(120, 120)), MoffatPSF(3.0)
    star = psf.stamps([0.0], [0.0], 12)[0]
    star /= np.linalg.norm(star)
    estimate = np.zeros_like(image)
    for row in (30, 75):
        place = np.s_[row - 12 : row + 13, 48:73]
        image[place] += 15 * star
        estimate[place] += 9 * star
    restored = restore_flux(image, estimate, 3.0)
    for row in (30, 75):
        place = np.s_[row - 12 : row + 13, 48:73]
        assert (star * restored[place]).sum() == pytest.approx((star * image[place]).sum(), abs=0.1)
    assert not restored[95:].any() or np.abs(restored[110:]).max() < 0.2
    assert restore_flux(image, np.zeros_like(image), 3.0).std() == 0


def test_small_images_and_odd_sides(field):
    for shape in ((1, 90), (33, 65), (7, 20)):
        assert denoise(field.image[: shape[0], : shape[1]], fwhm=3.0).shape == shape


def test_no_image():
    with pytest.raises(UnsupportedDataError, match="two axes"):
        denoise(np.zeros((2, 30, 30)))
    with pytest.raises(UnsupportedDataError, match="no noise"):
        denoise(np.zeros((30, 30)))


def test_filters():
    rng = np.random.default_rng(2)
    truth = np.cumsum(np.cumsum(rng.normal(size=(64, 64)), 0), 1) / 64
    image = truth + rng.normal(size=truth.shape)
    power = np.abs(np.fft.rfft2(truth - truth.mean())) ** 2
    assert rms(wiener(image, power, truth.size), truth) < 0.5
    flat = starlet(rng.normal(size=(128, 128)), 1.0)
    assert flat.std() < 0.25
    star = np.zeros((129, 129))
    star[64, 64] = 100.0
    assert starlet(star, 1.0)[64, 64] == pytest.approx(100, rel=0.02)


def test_trial():
    errors, biases = trial(2, seed=3, side=256)
    ratio = dict(zip(errors["method"], errors["ratio"]))
    assert ratio["denoise"] < 0.8 < 1 <= ratio["Wiener, spectrum of the fields"]
    assert np.all(errors["ratio_low"] <= errors["ratio"])
    every = biases[biases["kind"] == "all"]
    assert np.all(np.abs(every["psf_minus_before"]) < 0.5)
    split = sum(biases["sources"][biases["kind"] == kind] for kind in ("star", "galaxy"))
    assert np.array_equal(split, every["sources"])
