"""One seed of the trials; all of them: ``astroae bench faults``."""

import numpy as np
import pytest

pytest.importorskip("photutils")
pytest.importorskip("skimage")
pytest.importorskip("pytorch_msssim")

from astroae.bench import faults  # noqa: E402
from astroae.bench.faults import (  # noqa: E402
    FAULTS,
    Trial,
    clean_trial,
    fault_trial,
    field_settings,
    summary,
)
from astroae.simulate import make_field  # noqa: E402

_CHEAP = ["aperture", "astrometry", "whiteness", "detection", "background", "own_background"]


def test_every_fault_is_found_and_named():
    rows = fault_trial(3, levels=(4,))
    assert [row.kind for row in rows] == [*FAULTS, "negative weight"]
    assert all(row.found and row.verdict == "fail" for row in rows), rows
    assert min(row.snr2 for row in rows) > 2e5


def test_a_clean_field_does_not_fail():
    (row,) = clean_trial(3, levels=(4,), only=_CHEAP)
    assert (row.found, row.failed, row.undetermined) == (False, "", "")


def test_a_bias_is_of_the_sources_and_a_clip_of_one_star():
    field = make_field(field_settings(3))
    image, rng = field.image.astype(float), np.random.default_rng(3)
    biased = faults._bias(field, image, rng) - image
    light = field.expected - np.median(field.expected)
    assert np.allclose(biased, -light * (1 - 10**-0.0004), atol=1e-6 * light.max())
    clipped = np.flatnonzero(faults._clipped(field, image, rng) != image)
    assert 1 <= len(clipped) <= 49
    rows, columns = np.unravel_index(clipped, image.shape)
    assert max(np.ptp(rows), np.ptp(columns)) <= 6


def test_summary_counts_and_limits():
    def rows(kind, found, n):
        return [Trial(kind, i, 4, i < found, "fail", 10, 5, 1.0, "", "") for i in range(n)]

    clean, fault = summary(rows("clean", 1, 200) + rows("shift", 18, 20))
    assert (clean["failed"], clean["as wanted"]) == (1, True)
    assert clean["upper limit"] == pytest.approx(2.35, abs=0.01)  # of 1 in 200, 95 % one-sided
    assert (fault["failed"], fault["as wanted"]) == (18, False)
