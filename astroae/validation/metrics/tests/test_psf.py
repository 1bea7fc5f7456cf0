"""PSF fits: a changed scale, bias or noise fails; clean ones pass; crowds are told why not."""

import numpy as np
import pytest

pytest.importorskip("photutils")
pytest.importorskip("scipy")

from astroae.simulate import Population  # noqa: E402
from astroae.validation.measure import validate_pair  # noqa: E402
from astroae.validation.metrics.psf import measure  # noqa: E402
from astroae.validation.metrics.tests.fields import clean, original, restored  # noqa: E402
from astroae.validation.pair import Pair  # noqa: E402


def verdicts(image):
    found = validate_pair(Pair(original(), image), only=["psf"])
    return {r.name: r.verdict for r in found.results}


@pytest.mark.parametrize("level", [16, 4])
def test_clean_passes(level):
    assert set(verdicts(restored(level)).values()) == {"pass"}


def test_nothing_changed_is_exactly_zero():
    for one in measure(clean(None)).values():
        assert (one.estimate.value, one.estimate.low, one.estimate.high) == (0.0, 0.0, 0.0)


def test_fainter_sources_fail():
    image = restored(4) - 0.002 * original().signal
    assert verdicts(image)["psf.bias"] == "fail"
    found = measure(Pair(original(), image))["bias"].estimate.value
    assert found == pytest.approx(-2500 * np.log10(1 - 0.002), abs=0.3)


def test_offset_of_the_sky_fails():
    assert verdicts(restored(4) + 0.1 * original().noise)["psf.pull"] == "fail"


def test_noisier_image_fails():
    noise = np.random.default_rng(2).normal(0, 0.4, original().shape) * original().noise
    found = verdicts(restored(4) + noise)
    assert found["psf.growth"] == "fail"
    growth = measure(Pair(original(), original().data + noise))["growth"]
    faintest = growth.bins[-1].estimate.value  # the others have photon noise of their own
    assert faintest == pytest.approx(100 * (np.sqrt(1 + 0.4**2) - 1), rel=0.3)


def test_lost_stars_are_counted():
    image = original().data.copy()
    star = original().sample.isolated[0]
    image[round(float(star.y)) - 8 :][:17, round(float(star.x)) - 8 :][:, :17] = np.nan
    note = measure(Pair(original(), image))["bias"].note
    came, _, of = note.split(" fits")[0].partition(" of ")
    assert int(came) < int(of)


@pytest.mark.parametrize("stars", [60, 30])  # of the 30, one is bright
def test_faint_sources_tell_no_scale(stars):
    found = measure(clean(4, original(256, Population(stars=stars, galaxies=0, faintest=200.0), 3)))
    assert "2e+05 needed" in found["bias"].reason
    assert found["pull"].estimate.n > 0


def test_crowds_are_skipped():
    crowd = original(256, Population(stars=1500, galaxies=0), 6)
    assert {"crowded" in one.reason for one in measure(clean(4, crowd)).values()} == {True}
