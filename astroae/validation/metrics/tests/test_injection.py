"""Injected sources: the formula against trials, and faults that only they can show."""

import numpy as np
import pytest

pytest.importorskip("photutils")

import astroae  # noqa: E402
from astroae.simulate import FieldSettings, make_field  # noqa: E402
from astroae.validation.measure import validate_pair  # noqa: E402
from astroae.validation.metrics import injection  # noqa: E402
from astroae.validation.original import Original  # noqa: E402
from astroae.validation.pair import Pair  # noqa: E402


@pytest.fixture(scope="module")
def field():
    return make_field(FieldSettings(shape=(384, 384), seed=6))


@pytest.fixture(scope="module")
def original(field):
    return Original(field.image, mask=field.mask, header=field.header)


def seen(original, restored, codec=None):
    return validate_pair(Pair(original, restored, codec=codec), only=["injection"])


def test_nothing_changed(field, original):
    found = seen(original, field.image)
    for name in ("injection.completeness", "injection.flux"):
        assert (found[name].value, found[name].low, found[name].verdict) == (0, 0, "pass")


@pytest.mark.parametrize("level", [16, 4])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_codec_passes(level, seed):
    field = make_field(FieldSettings(shape=(256, 256), seed=seed))

    def codec(image):
        return astroae.decode(astroae.encode(image, quantize_level=level))

    original = Original(field.image, mask=field.mask, header=field.header)
    found = seen(original, codec(field.image), codec)
    assert [r.verdict for r in found.results] == ["pass", "pass"]
    assert "before compression" in found["injection.flux"].note


def test_the_formula_is_what_trials_give():
    rng = np.random.default_rng(1)
    significance = rng.normal(size=1000)
    snr = rng.uniform(3, 10, 1000)
    tried = np.mean(significance[:, None] + snr > 5)
    assert injection._found(significance).mean() == pytest.approx(tried, abs=0.005)


def test_a_darker_sky_loses_faint_sources(field, original):
    found = seen(original, field.image - 0.01 * original.noise)["injection.completeness"]
    assert found.value < -0.3
    assert found.verdict == "fail"


def test_a_codec_that_dims_stars_is_found_out(field, original):
    """It returns the image itself well, for it has seen that one."""
    level = np.median(field.image)

    def codec(image):
        return level + 0.97 * (image - level)

    found = seen(original, field.image, codec)["injection.flux"]
    assert found.verdict == "fail" and found.value < -0.3
    assert seen(original, field.image)["injection.flux"].verdict == "pass"


def test_stars_hold_the_truth(original):
    stars, light = injection._stars(original)
    assert len(stars) >= 20
    assert 5 <= stars.snr.min() < stars.snr.max() <= 100
    gap = np.hypot(stars.x[:, None] - stars.x, stars.y[:, None] - stars.y)
    np.fill_diagonal(gap, np.inf)
    assert gap.min() > 3.9 * original.fwhm
    assert stars.flux.sum() == pytest.approx(0.987 * light.sum(), rel=0.01)
    nearest = np.hypot(original.sources.x[:, None] - stars.x, original.sources.y[:, None] - stars.y)
    assert nearest.min() > 2.5 * original.fwhm


def test_integers_reach_the_codec_as_integers(field):
    image = np.rint(field.image).astype(np.int16)
    kinds = []

    def codec(given):
        kinds.append(given.dtype)
        return given

    found = seen(Original(image, header=field.header), image, codec)
    assert kinds == [np.dtype(np.int16)]
    assert found["injection.flux"].value == 0


def test_no_room(original):
    few = np.random.default_rng(3).normal(10, 1, (40, 40))
    found = seen(Original(few), few)
    assert "4096 needed" in found["injection.completeness"].note
    assert "fewer than 5" in found["injection.flux"].note
