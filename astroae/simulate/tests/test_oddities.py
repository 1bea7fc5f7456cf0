"""Oddities have the strength, the shape and the company that they are said to have."""

import numpy as np
import pytest

from astroae.simulate import ODDITIES, MoffatPSF, faint_settings, make_odd_stamps, oddity

PSF = MoffatPSF()


@pytest.fixture(scope="module")
def stamps():
    return make_odd_stamps(150, 60, seed=4)


def test_counts(stamps):
    kinds, counts = np.unique(stamps.kind, return_counts=True)
    assert dict(zip(kinds.tolist(), counts.tolist())) == {"": 90} | dict.fromkeys(ODDITIES, 10)


def test_strength_is_that_of_a_matched_filter(stamps):
    found = np.sqrt((stamps.light**2 / stamps.variance).sum((1, 2)))
    assert np.allclose(found, stamps.snr, rtol=1e-4)
    assert np.all((stamps.snr[stamps.odd] >= 5) & (stamps.snr[stamps.odd] <= 10))
    assert not stamps.light[~stamps.odd].any()


def test_the_light_is_in_the_images(stamps):
    odd = np.flatnonzero(stamps.odd)
    weights = stamps.light[odd] / stamps.variance[odd]
    sky = np.median(stamps.images[odd], (1, 2), keepdims=True)
    seen = (weights * (stamps.images[odd] - sky)).sum((1, 2))
    seen /= np.sqrt((weights * stamps.light[odd]).sum((1, 2)))
    # Ordinary sources under it add to some, so the median, of 60 with a deviation of 1.
    assert abs(np.median(seen - stamps.snr[odd])) < 0.6


def test_as_many_ordinary_stamps_have_a_galaxy_in_the_middle(stamps):
    middle = stamps.images[:, 30:35, 30:35].mean((1, 2)) - np.median(stamps.images, (1, 2))
    hosted = np.isin(stamps.kind, [kind for kind, host in ODDITIES.items() if host])
    bright = middle > 15
    assert bright[hosted].mean() > 0.5
    assert 0.2 < bright[~stamps.odd].mean() < 0.55


def test_same_seed_same_stamps():
    settings = faint_settings(1, shape=(256, 256))
    made = [make_odd_stamps(8, 1, seed=seed, settings=settings) for seed in (1, 1, 2)]
    assert np.array_equal(made[0].images, made[1].images)
    assert not np.array_equal(made[0].images, made[2].images)


@pytest.mark.parametrize("kind", ODDITIES)
def test_shapes(kind):
    light = oddity(kind, (64, 64), PSF, np.random.default_rng(2))
    assert light.shape == (64, 64) and light.min() >= 0 and light.max() == 1


def test_a_column_is_one_pixel_wide():
    light = oddity("column", (64, 64), PSF, np.random.default_rng(2))
    assert (light.any(0).sum(), light.sum()) == (1, 64)


def test_a_trail_crosses_and_a_ghost_does_not():
    rng = np.random.default_rng(3)
    edges = [
        max(light[0].max(), light[:, 0].max())
        for light in (oddity("trail", (64, 64), PSF, rng), oddity("ghost", (64, 64), PSF, rng))
    ]
    assert edges[0] > 0.5 > 0.01 > edges[1]
