"""Flux is conserved, or it is seen where it is not."""

import numpy as np
import pytest

pytest.importorskip("photutils")

from astroae.validation.measure import validate_pair  # noqa: E402
from astroae.validation.original import Original  # noqa: E402
from astroae.validation.pair import Pair  # noqa: E402

RNG = np.random.default_rng(8)
IMAGE = RNG.normal(500, 10, (512, 512))


def seen(image, restored):
    return validate_pair(Pair(Original(image), restored), only=["flux"])


def test_dither_conserves():
    found = seen(IMAGE, IMAGE + RNG.uniform(-1.25, 1.25, IMAGE.shape))
    assert found.verdict == "pass"
    assert found["flux.tiles"].n == 4


def test_a_shift_of_everything():
    found = seen(IMAGE, IMAGE + 0.2)
    assert found["flux.whole"].value == pytest.approx(0.02, rel=0.02)
    assert found["flux.whole"].verdict == "fail"
    assert found["flux.tiles"].verdict == "pass"


def test_a_shift_of_one_tile():
    restored = IMAGE.copy()
    restored[256:, :256] += 0.8
    restored[256:, 256:] -= 0.8
    found = seen(IMAGE, restored)
    assert found["flux.whole"].verdict == "pass"
    assert found["flux.tiles"].value == pytest.approx(0.08, rel=0.1)
    assert found["flux.tiles"].verdict == "fail"


def test_a_loss_of_one_tile_that_the_others_make_up_for():
    restored = IMAGE + 0.3
    restored[256:, :256] -= 1.2
    found = seen(IMAGE, restored)
    assert found["flux.whole"].verdict == "pass"
    assert found["flux.tiles"].value == pytest.approx(0.09, rel=0.1)
    assert found["flux.tiles"].verdict == "fail"


def test_a_loss_of_few_pixels():
    restored = np.where(RNG.random(IMAGE.shape) < 0.01, IMAGE - 20, IMAGE)
    found = seen(IMAGE, restored)
    assert found["flux.whole"].value == pytest.approx(-0.02, rel=0.1)
    assert found["flux.whole"].verdict == "fail"


def test_bad_pixels_do_not_count():
    image = IMAGE.copy()
    image[:100] = np.nan
    restored = np.where(np.isnan(image), 7.0, image)
    assert seen(image, restored)["flux.whole"].value == 0


@pytest.mark.parametrize("factor, verdict", [(1, "pass"), (1.0001, "pass"), (1.001, "fail")])
def test_without_noise_the_sum_counts(factor, verdict):
    image = np.zeros((64, 64))
    image[20:22, 20:22] = 1000.5
    found = seen(image, image * factor)
    assert found["flux.total"].value == pytest.approx(1e6 * (factor - 1), abs=1e-6)
    assert found["flux.total"].verdict == verdict
    assert found["flux.whole"].verdict == "skipped"


def test_something_out_of_nothing():
    dark = np.zeros((64, 64))
    assert seen(dark, dark)["flux.total"].verdict == "pass"
    assert seen(dark, dark + 1)["flux.total"].verdict == "fail"


def test_few_pixels_say_nothing():
    assert "4096 needed" in seen(IMAGE[:20, :20], IMAGE[:20, :20])["flux.whole"].note
