"""Damage in few pixels, which every average over the frame would hide."""

import numpy as np
import pytest

pytest.importorskip("photutils")

from astroae.validation.measure import validate_pair  # noqa: E402
from astroae.validation.metrics.tests.fields import clean, original, restored  # noqa: E402
from astroae.validation.original import Original  # noqa: E402
from astroae.validation.pair import Pair  # noqa: E402
from astroae.validation.sources import pixel_errors  # noqa: E402

pytest.importorskip("skimage")
pytest.importorskip("pytorch_msssim")


def block(image, side):
    """The sky of a square without a bright source, flattened."""
    image[200 : 200 + side, 120 : 120 + side] = np.median(image)


def pixel(image):
    image[128, 128] -= 30 * original().noise


def row(image):
    image[150] = np.roll(image[150], 1)


def noisier(image):
    part = image[:32, :32]
    part += np.random.default_rng(4).normal(0, np.sqrt(3) * original().noise, part.shape)


@pytest.mark.parametrize(
    "harm", [lambda i: block(i, 16), lambda i: block(i, 64), pixel, row, noisier]
)
def test_damage_of_few_pixels_is_seen(harm):
    image = original().data.copy()
    harm(image)
    found = validate_pair(Pair(original(), image), only=["pixels"])
    assert found["pixels.local"].verdict == "fail"


@pytest.mark.parametrize("level", [16, 4])
def test_clean_boxes_are_well_inside(level):
    found = validate_pair(clean(level), only=["pixels"])["pixels.local"]
    assert found.value < found.limit / 2


def test_a_box_is_measured_against_its_own_photons():
    field = original()
    assert field.gain and (pixel_errors(field) >= field.sigma).all()
    y, x = np.unravel_index(np.argmax(field.signal), field.shape)
    image = field.data.copy()
    image[y, x] += np.sqrt(field.signal[y, x])  # of so many photons no more than their noise
    found = validate_pair(Pair(field, image), only=["pixels"])["pixels.local"]
    assert found.value < 1 / 8 and (image[y, x] - field.data[y, x]) / field.noise / 8 > 0.3


@pytest.mark.parametrize("whole", [False, True])
def test_a_missing_pixel_must_not_get_a_value(whole):
    image = original().data.copy()
    image[slice(None) if whole else slice(20)] = np.nan
    image[3, 4] = np.inf
    filled = np.where(np.isfinite(image), image, 0)
    found = validate_pair(Pair(Original(image), filled), only=["pixels"])["pixels.filled"]
    assert found.verdict == "fail" and found.value == np.sum(~np.isfinite(image))
    kept = validate_pair(Pair(Original(image), image), only=["pixels"])["pixels.filled"]
    assert kept.verdict == "pass"


def test_a_masked_pixel_may_have_any_value():
    mask = np.zeros(original().shape, bool)
    mask[:20] = True
    image = restored(16)
    image[mask] += 1000
    found = validate_pair(Pair(Original(original().data, mask=mask), image), only=["pixels"])
    assert found["pixels.filled"].verdict == "skipped"
    assert found["pixels.local"].verdict == "pass"
