"""Shifts are found, in stars, in crowds and on the Sun; clean images do not move."""

import numpy as np
import pytest

pytest.importorskip("photutils")
pytest.importorskip("scipy")

from astroae.simulate import Population, shift_image  # noqa: E402
from astroae.validation.measure import validate_pair  # noqa: E402
from astroae.validation.metrics.astrometry import centroid_errors, measure  # noqa: E402
from astroae.validation.metrics.tests.fields import clean, original, restored  # noqa: E402
from astroae.validation.original import Original  # noqa: E402
from astroae.validation.pair import Pair  # noqa: E402
from astroae.validation.sources import Sources, aperture_sums  # noqa: E402
from astroae.validation.stamps import centroids  # noqa: E402

SHIFT = 0.02
CENTROIDS = ("astrometry.shift_x", "astrometry.shift_y", "astrometry.growth")


def verdicts(pair):
    return {r.name: r.verdict for r in validate_pair(pair, only=["astrometry"]).results}


def stripes(slant):
    """The Sun, say: waves along a slanted direction, and noise."""
    y, x = np.mgrid[:256, :256]
    noise = np.random.default_rng(4).normal(size=x.shape)
    image = 1000 + 20 * np.sin((x + slant * y) / 4) + noise
    return Original(image.astype("f4"), header={"CTYPE1": "HPLN-TAN"})


@pytest.mark.parametrize("level", [16, 4])
def test_clean_does_not_move(level):
    found = verdicts(clean(level))
    assert [found[name] for name in CENTROIDS] == ["pass"] * 3
    assert found["astrometry.registration"] == "skipped"


def test_nothing_changed_is_exactly_zero():
    found = measure(clean(None))
    values = [found[name.split(".")[1]].estimate for name in CENTROIDS]
    assert [(v.value, v.low, v.high) for v in values] == [(0.0, 0.0, 0.0)] * 3


@pytest.mark.parametrize("level", [16, 4])
@pytest.mark.parametrize("seed", [1, 2, 3, 4, 5])
def test_shift_in_any_direction_fails(level, seed):
    angle = np.random.default_rng(seed).uniform(0, 2 * np.pi)
    dx, dy = SHIFT * np.cos(angle), SHIFT * np.sin(angle)
    pair = Pair(original(), shift_image(restored(level), dy, dx))
    assert "fail" in [verdicts(pair)[name] for name in CENTROIDS[:2]]
    found = measure(pair)
    moved = [found[name].estimate.value for name in ("shift_x", "shift_y")]
    assert moved == pytest.approx([-dx, -dy], abs=0.1 * SHIFT)


def test_shift_in_a_crowd_fails():
    crowd = original(256, Population(stars=1500, galaxies=0), 6)
    assert "crowded" in crowd.scene.kinds
    assert [verdicts(clean(4, crowd))[name] for name in CENTROIDS] == ["pass"] * 3
    moved = Pair(crowd, shift_image(restored(4, crowd), 0.0, SHIFT))
    assert verdicts(moved)["astrometry.shift_x"] == "fail"


def test_milliarcseconds_only_with_a_wcs():
    image = original().data
    moved = shift_image(image, 0.0, SHIFT)
    assert "mas" in measure(Pair(original(), moved))["shift_x"].note
    assert "mas" not in measure(Pair(Original(image), moved))["shift_x"].note


def test_one_jumping_centroid_is_left_out():
    sources = original().sample.isolated
    star = sources[sources.snr > 50][0]
    image = original().data.copy()
    y, x = round(float(star.y)), round(float(star.x))
    image[y - 3 : y + 4, x + 1 : x + 5] *= 2
    pair = Pair(original(), image)
    assert measure(pair)["shift_x"].note.count("left out") == 1
    assert verdicts(pair)["astrometry.shift_x"] == "pass"


@pytest.mark.parametrize("gain", [None, 2.0])
@pytest.mark.parametrize("window", [1.3, 1.7, 2.2])
def test_errors_are_the_scatter_of_the_centroids(gain, window):
    width, flux, noise = 1.7, 2000.0, 3.0
    places = 20 + 40 * np.arange(30)
    y, x = (axis.ravel().astype(float) for axis in np.meshgrid(places, places, indexing="ij"))
    profile = np.exp(-((np.arange(-20, 20)) ** 2) / (2 * width**2))
    image = np.tile(flux * np.outer(profile, profile) / profile.sum() ** 2, (30, 30))
    rng = np.random.default_rng(9)
    if gain:
        image = rng.poisson(image * gain) / gain
    image = image + rng.normal(0, noise, image.shape)
    found = Original(image, gain=gain)
    found.__dict__.update(
        fwhm=2.3548 * window, sigma=np.full(image.shape, noise), signal=image
    )  # the truth, so that only the formula is tried
    rest = np.zeros(x.size)
    inside = aperture_sums(image, x, y, 1.25 * found.fwhm)
    expected = centroid_errors(found, Sources(x, y, rest, inside, rest, rest, rest))
    scatter = np.std(np.concatenate(centroids(image, x, y, found.fwhm) - np.stack([x, y])))
    assert scatter == pytest.approx(np.median(expected), rel=0.1)


def test_centroids_are_those_of_sep():
    sep = pytest.importorskip("sep")
    found = original()
    sources = found.sample.isolated
    sources = sources[sources.snr > 20]
    x, y, _ = sep.winpos(found.signal, sources.x, sources.y, found.fwhm / 2.3548)
    ours = centroids(found.signal, sources.x, sources.y, found.fwhm)
    off = np.hypot(ours[0] - x, ours[1] - y)
    assert np.median(off) < 1e-3
    assert np.percentile(off, 90) < 0.01


# ---- without sources ---------------------------------------------------------------------


@pytest.mark.parametrize("level", [16, 4])
@pytest.mark.parametrize("slant", [0.5, 2.0])
def test_registration_of_the_sun(level, slant):
    sun = stripes(slant)
    found = verdicts(clean(level, sun))
    assert found["astrometry.shift_x"] == "skipped"
    assert found["astrometry.registration"] != "fail"
    moved = Pair(sun, shift_image(restored(level, sun), 0.0, 5 * SHIFT))
    assert verdicts(moved)["astrometry.registration"] == "fail"


def test_registration_tells_the_axes_apart():
    y, x = np.mgrid[:256, :256]

    def waves(x):
        return 20 * (np.sin(x / 5) + np.sin((x + y) / 4) + np.sin(y / 7))

    noise = np.random.default_rng(4).normal(size=x.shape)
    sun = Original(1000 + waves(x) + noise, header={"CTYPE1": "HPLN-TAN"})
    assert verdicts(clean(4, sun))["astrometry.registration"] == "pass"
    pair = Pair(sun, restored(4, sun) + waves(x + SHIFT) - waves(x))
    assert verdicts(pair)["astrometry.registration"] == "fail"
    found = measure(pair)["registration"]
    assert found.estimate.value == pytest.approx(-SHIFT, rel=0.05)
    assert "y -0.000" in found.note or "y +0.000" in found.note


def test_too_few_centroids_leave_it_to_the_gradient():
    y, x = np.mgrid[:200, :200]
    image = np.random.default_rng(8).normal(100, 1, x.shape)
    for px, py in ((40, 40), (150, 40), (40, 150), (150, 150), (100, 90), (70, 110)):
        image += 5 * np.exp(-((x - px) ** 2 + (y - py) ** 2) / (2 * 1.8**2))
    few = Original(image)
    found = measure(clean(4, few))
    assert "sources" in found["shift_x"].reason
    assert found["growth"].estimate.value < 1
    assert "gradient" in found["registration"].reason


def test_no_gradient_no_registration():
    empty = Original(np.random.default_rng(3).normal(100, 3, (200, 200)))
    found = measure(clean(4, empty))
    assert "gradient" in found["registration"].reason
    assert "fewer than 5" in found["shift_x"].reason
