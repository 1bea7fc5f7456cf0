"""Values whose squares are no numbers any more, and other requests that used to crash."""

import numpy as np
import pytest

pytest.importorskip("photutils")
pytest.importorskip("skimage")
pytest.importorskip("pytorch_msssim")

import astroae  # noqa: E402
from astroae.simulate import FieldSettings, make_field  # noqa: E402

NOISE = np.random.default_rng(1).normal(100, 5, (64, 64))


@pytest.fixture(scope="module")
def field():
    return make_field(FieldSettings(shape=(192, 192), seed=2))


def test_restored_values_beyond_measure_are_lost(field):
    restored = field.image.astype(float)
    restored[10, 20] = -1e300
    found = astroae.validate(field.image, restored, only=["pixels", "aperture"])
    assert found.images[0]["pixels.lost"].value == 1


@pytest.mark.parametrize("factor, verdict", [(1e-300, "pass"), (1e300, "undetermined")])
def test_images_beyond_measure(factor, verdict):
    same = astroae.validate(NOISE * factor, NOISE * factor)
    assert same.images[0].facts["kinds"] == ["noiseless"]
    assert same.verdict == verdict


def test_an_image_flipped(field):
    assert astroae.validate(field.image, field.image[::-1].copy()).verdict == "fail"


@pytest.mark.parametrize("most", [1, 2])
def test_a_sample_of_hardly_any_source(field, most):
    found = astroae.validate(field.image, field.image + 0.1, max_sources=most)
    assert found.images[0]["aperture.bias"].verdict in ("skipped", "undetermined")


def test_one_metric_by_its_name(field):
    found = astroae.validate(field.image, field.image, only="flux")
    assert [result.name for result in found.images[0].results] == [
        "flux.whole",
        "flux.tiles",
        "flux.total",
    ]
