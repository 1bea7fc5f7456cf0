"""White errors pass; correlated ones and those that follow the image do not."""

import numpy as np
import pytest

pytest.importorskip("photutils")
from scipy.ndimage import gaussian_filter, uniform_filter  # noqa: E402

import astroae  # noqa: E402
from astroae.simulate import FieldSettings, make_field  # noqa: E402
from astroae.validation.measure import validate_pair  # noqa: E402
from astroae.validation.metrics.whiteness import power_spectrum  # noqa: E402
from astroae.validation.original import Original  # noqa: E402
from astroae.validation.pair import Pair  # noqa: E402

NAMES = ["large_scale", "correlation", "signal"]
SEEDS = [1, 2, 3, 4, 5]


def noisy(seed, kind=np.float32):
    field = make_field(FieldSettings(shape=(256, 256), seed=seed))
    image = field.image.astype(kind) if kind is np.float32 else np.rint(field.image).astype(kind)
    return image, Original(image, mask=field.mask, header=field.header)


def seen(original, restored):
    return validate_pair(Pair(original, restored), only=["whiteness"])


def correlated(original, spread, seed):
    """Smoothed by a Gaussian of 1 pixel, of so many sigma."""
    noise = gaussian_filter(np.random.default_rng(seed).normal(size=original.shape), 1)
    return noise * spread * original.noise / noise.std()


def test_nothing_changed():
    image, original = noisy(1)
    found = seen(original, image)
    assert all(found[f"whiteness.{name}"].value == 0 for name in NAMES)
    assert found.verdict == "pass"


@pytest.mark.parametrize("level", [16, 4])
@pytest.mark.parametrize("kind", [np.float32, np.int16])
@pytest.mark.parametrize("seed", SEEDS)
def test_the_codec_is_white(level, kind, seed):
    image, original = noisy(seed, kind)
    restored = astroae.decode(astroae.encode(image, quantize_level=level))
    assert seen(original, restored).verdict == "pass"


@pytest.mark.parametrize("level", [16, 4])
def test_rounding_without_dither_is_white(level):
    image, original = noisy(2)
    step = original.noise / level
    assert seen(original, np.rint(image / step) * step).verdict == "pass"


@pytest.mark.parametrize("spread", [0.07, 0.018])
@pytest.mark.parametrize("seed", SEEDS)
def test_a_correlated_residual_fails(spread, seed):
    image, original = noisy(seed)
    found = seen(original, image + correlated(original, spread, seed))["whiteness.correlation"]
    assert found.verdict == "fail"
    assert found.value == pytest.approx(np.exp(-1 / 4), abs=0.05)


def test_it_grows_the_noise_of_large_boxes():
    image, original = noisy(3)
    assert seen(original, image + correlated(original, 0.07, 3))["whiteness.large_scale"].value > 1
    rng = np.random.default_rng(3)
    white = image + rng.normal(0, 0.07 * original.noise, image.shape)
    growth = seen(original, white)["whiteness.large_scale"].value
    assert growth == pytest.approx(100 * (np.sqrt(1 + 0.07**2) - 1), rel=0.15)


def test_a_few_large_errors_are_not_a_pattern():
    image, original = noisy(4)
    restored = image + np.random.default_rng(4).normal(0, 0.05 * original.noise, image.shape)
    restored[50:54, 60:64] += 50 * original.noise
    assert seen(original, restored)["whiteness.correlation"].verdict == "pass"


def test_what_smooths_the_noise_follows_it():
    image, original = noisy(5)
    found = seen(original, 0.9 * image + 0.1 * uniform_filter(image, 3))
    assert found["whiteness.signal"].verdict == "fail"
    assert found["whiteness.signal"].high < -0.1


def test_rounding_of_the_arrays_type_is_harmless():
    image, original = noisy(1)
    found = seen(original, image + correlated(original, 0.001, 1))
    assert found["whiteness.correlation"].verdict == "skipped"
    assert "harmless" in found["whiteness.correlation"].note
    assert found["whiteness.large_scale"].verdict == "pass"


def test_bad_pixels_do_not_matter():
    image, _ = noisy(2)
    image = image.copy()
    image[::3, ::5] = np.nan
    rng = np.random.default_rng(2)
    original = Original(image)
    restored = np.where(np.isnan(image), 0, image + rng.normal(0, 0.07 * 19, image.shape))
    assert seen(original, restored).verdict == "pass"
    smooth = image + correlated(original, 0.07, 6)
    found = seen(original, smooth)["whiteness.correlation"]
    assert found.verdict == "fail" and found.value == pytest.approx(np.exp(-1 / 4), abs=0.05)


def test_power_of_white_and_of_smooth_changes():
    image, original = noisy(1)
    white = np.random.default_rng(1).normal(0, 0.1 * original.noise, image.shape)
    frequency, power = power_spectrum(Pair(original, image + white))
    assert frequency[0] > 0 and frequency[-1] == pytest.approx(0.5, abs=0.01)
    assert power.mean() == pytest.approx(0.01, rel=0.1)
    _, power = power_spectrum(Pair(original, image + correlated(original, 0.1, 1)))
    assert power[:20].mean() > 100 * power[-20:].mean()
    assert len(power_spectrum(Pair(original, image), side=8)[0]) == 0
