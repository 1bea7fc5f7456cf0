"""Shapes: each kind of smearing fails in its own quantity; clean images keep theirs."""

import numpy as np
import pytest

pytest.importorskip("photutils")
ndimage = pytest.importorskip("scipy.ndimage")

from astroae.simulate import Population  # noqa: E402
from astroae.validation.measure import validate_pair  # noqa: E402
from astroae.validation.metrics.shapes import measure  # noqa: E402
from astroae.validation.metrics.tests.fields import clean, original, restored  # noqa: E402
from astroae.validation.original import Original  # noqa: E402
from astroae.validation.pair import Pair  # noqa: E402
from astroae.validation.stamps import moments  # noqa: E402

GALAXIES = Population(stars=400, galaxies=600, faintest=400.0)
_SECOND = np.array([1.0, -2.0, 1.0])


def field():
    return original(512, GALAXIES, 7)


def verdicts(image):
    found = validate_pair(Pair(field(), image), only=["shapes"])
    return {r.name.split(".")[1]: r.verdict for r in found.results}


def smeared(image, xx=0.0, yy=0.0, xy=0.0):
    """Second moments of every source larger by these, square pixels."""
    mixed = np.outer([1, 0, -1], [1, 0, -1]) / 4
    kernel = np.zeros((3, 3))
    kernel[1] += xx / 2 * _SECOND
    kernel[:, 1] += yy / 2 * _SECOND
    return image + ndimage.convolve(image, kernel + xy * mixed)


@pytest.mark.parametrize("level", [16, 4])
def test_clean_passes(level):
    assert verdicts(restored(level, field())) == dict.fromkeys(("fwhm", "e1", "e2", "m"), "pass")


def test_nothing_changed_is_exactly_zero():
    for one in measure(clean(None, field())).values():
        assert (one.estimate.value, one.estimate.low, one.estimate.high) == (0.0, 0.0, 0.0)


def test_smeared_along_an_axis():
    found = verdicts(smeared(restored(4, field()), xx=0.01, yy=-0.01))
    assert (found["e1"], found["e2"]) == ("fail", "pass")
    change = measure(Pair(field(), smeared(field().data, xx=0.01, yy=-0.01)))["e1"].estimate.value
    assert 0 < change < 0.01


def test_smeared_along_a_diagonal():
    found = verdicts(smeared(restored(4, field()), xy=0.01))
    assert (found["e1"], found["e2"]) == ("pass", "fail")


def test_blur_widens_and_rounds():
    found = verdicts(smeared(restored(4, field()), xx=0.1, yy=0.1))
    assert (found["fwhm"], found["m"]) == ("fail", "fail")
    blurred = measure(Pair(field(), smeared(field().data, xx=0.01, yy=0.01)))["fwhm"].estimate
    width = field().fwhm / 2.3548
    assert blurred.value == pytest.approx(100 * 0.01 / (2 * width**2), rel=0.3)


def test_round_stars_make_no_slope():
    found = measure(clean(4, original(256, Population(stars=150, galaxies=0), 8)))
    assert "too round" in found["m"].reason
    assert int(found["m"].reason.split()[-2]) > int(found["m"].reason.split()[0])


def test_a_slope_that_few_galaxies_carry_is_no_slope():
    rng = np.random.default_rng(6)
    rows, columns = np.mgrid[:256, :256]
    image = rng.normal(100, 1, (256, 256))
    for n, (y, x) in enumerate((y, x) for y in range(24, 250, 40) for x in range(24, 250, 40)):
        long = 3.0 if n < 3 else 1.8  # three galaxies among stars
        image += 2000 * np.exp(-((columns - x) ** 2) / 2 / long**2 - (rows - y) ** 2 / 2 / 1.8**2)
    found = measure(Pair(Original(image), image))
    assert "carry the slope" in found["m"].reason
    assert found["e1"].estimate.value == 0


def test_few_sources_are_skipped():
    few = original(256, Population(stars=30, galaxies=0), 9)
    assert {"10 needed" in one.reason for one in measure(clean(4, few)).values()} == {True}


def test_crowds_are_skipped():
    crowd = original(256, Population(stars=1500, galaxies=0), 6)
    assert {"crowded" in one.reason for one in measure(clean(4, crowd)).values()} == {True}


def test_nothing_left_is_not_a_shape():
    gone = Pair(field(), field().level - field().noise)
    assert {"afterwards" in one.reason for one in measure(gone).values()} == {True}


def test_window_halves_the_ellipticity():
    width, e = 2.0, 0.1
    y, x = np.mgrid[:41, :41] - 20.0
    image = np.exp(-(x**2 / (1 + e) + y**2 / (1 - e)) / (2 * width**2))
    ixx, iyy, ixy = (one[0] for one in moments(image, [20], [20], width))
    assert (ixx - iyy) / (ixx + iyy) == pytest.approx(e / 2, rel=0.02)
    assert ixy == pytest.approx(0, abs=1e-12)
    assert ixx + iyy == pytest.approx(width**2, rel=0.02)


def test_streaks_have_no_shape():
    image = field().data.copy()
    image[100, 60:64] += 300 * field().noise
    streaked = Original(image)
    measure(clean(4, streaked))
    sources, _ = streaked.keep("shapes", None)
    assert here(streaked.sample.isolated) == 1
    assert here(sources) == 0


def here(sources):
    """Sources on the streak."""
    return np.sum((np.abs(sources.y - 100) < 2) & (np.abs(sources.x - 61.5) < 3))
