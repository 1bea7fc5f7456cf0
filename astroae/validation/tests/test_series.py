"""Light curves over several images."""

import numpy as np
import pytest

pytest.importorskip("photutils")

import astroae  # noqa: E402
from astroae.errors import InputError  # noqa: E402
from astroae.simulate import FieldSettings, Population, make_field  # noqa: E402
from astroae.validation.original import Original  # noqa: E402
from astroae.validation.pair import Pair  # noqa: E402
from astroae.validation.series import light_curves, series_results  # noqa: E402
from astroae.validation.tolerances import load_tolerances  # noqa: E402

EPOCHS = 6
TOLERANCES = load_tolerances("default")


@pytest.fixture(scope="module")
def originals():
    """The same sky with new noise each time."""
    settings = FieldSettings(shape=(384, 384), population=Population(stars=400, galaxies=0), seed=9)
    field = make_field(settings)
    rng = np.random.default_rng(9)
    images = [rng.poisson(np.maximum(field.expected, 0)).astype(np.float32) for _ in range(EPOCHS)]
    return [Original(image, mask=field.mask, header=field.header) for image in images]


def judged(originals, restore):
    pairs = [Pair(o, restore(o.data.astype(np.float32), t)) for t, o in enumerate(originals)]
    return series_results(pairs, TOLERANCES)


def test_nothing_changed(originals):
    found = judged(originals, lambda image, t: image)
    assert found.name == "series"
    assert found["series.scatter"].value == found["series.slope"].value == 0
    assert found["series.scatter"].verdict == found["series.slope"].verdict == "pass"


@pytest.mark.parametrize("level", [16, 4])
def test_the_codec_passes(originals, level):
    found = judged(
        originals, lambda image, t: astroae.decode(astroae.encode(image, quantize_level=level))
    )
    assert found["series.scatter"].verdict == found["series.slope"].verdict == "pass"
    assert found["series.completeness"].value == pytest.approx(0, abs=0.05)


def test_a_trend_and_jitter_are_found(originals):
    noise = originals[0].noise
    drift = judged(originals, lambda image, t: image + 0.02 * t * noise)
    assert drift["series.slope"].verdict == "fail" and drift["series.slope"].value > 0.1
    rng = np.random.default_rng(1)
    jitter = judged(originals, lambda image, t: image + rng.normal(0, 0.3 * noise, image.shape))
    assert jitter["series.scatter"].verdict == "fail"
    assert jitter["series.slope"].verdict == "pass"


def test_the_series_follows_the_sky():
    """A telescope moved by whole pixels: the same stars through the WCS."""
    settings = FieldSettings(shape=(300, 300), population=Population(stars=200, galaxies=0))
    field = make_field(settings)
    moved = field.header.copy()
    moved["CRPIX1"] -= 40
    first = Original(field.image, header=field.header)
    second = Original(field.image[:, 40:], header=moved)
    change = np.zeros(field.image.shape)
    star = first.sources.clean[np.argmax(first.sources.clean.x)]
    x, y = round(float(star.x)), round(float(star.y))
    change[y, x] = 1000.0
    curves = light_curves(
        [Pair(first, first.data + change), Pair(second, second.data + change[:, 40:])]
    )
    hit = np.argmax(curves[:, 0])
    assert curves[hit, 0] > 1
    assert curves[hit, 1] == pytest.approx(curves[hit, 0], rel=0.1)
    assert len(curves) < len(first.sources.clean)


def test_too_few_images(originals):
    one = judged(originals[:1], lambda image, t: image)
    assert one["series.scatter"].verdict == "skipped"
    two = judged(originals[:2], lambda image, t: image)
    assert two["series.scatter"].verdict == "pass"
    assert "2 images" in two["series.slope"].note
    with pytest.raises(InputError):
        series_results([], TOLERANCES)
