"""Masks stay as they are, weights keep their sign and their zeros."""

import numpy as np
import pytest

pytest.importorskip("photutils")

from astroae.validation.measure import validate_pair  # noqa: E402
from astroae.validation.original import Original  # noqa: E402
from astroae.validation.pair import Pair  # noqa: E402

WEIGHTS = np.abs(np.random.default_rng(1).normal(5, 1, (64, 64))).astype(np.float32)
WEIGHTS[:8] = 0
WEIGHTS[20, 20] = np.nan
LABELS = np.random.default_rng(2).integers(0, 4, (64, 64)).astype(np.uint8)


def seen(plane, restored, role):
    return validate_pair(Pair(Original(plane), restored, role=role), only=["planes"])


def test_the_same_is_the_same():
    assert seen(LABELS, LABELS, "exact")["planes.differing"].verdict == "pass"
    found = seen(WEIGHTS, WEIGHTS, "relative")
    assert found["planes.negative"].value == found["planes.zeros"].value == 0
    assert found.verdict == "pass"


def test_one_label_differs():
    restored = LABELS.astype(float)
    restored[3, 4] += 1
    found = seen(LABELS, restored, "exact")["planes.differing"]
    assert (found.value, found.verdict, found.n) == (1, "fail", 64 * 64)


@pytest.mark.parametrize(
    "place, value, quantity",
    [((30, 30), -1e-6, "negative"), ((2, 2), 1e-9, "zeros"), ((2, 2), np.nan, "zeros")],
)
def test_one_weight_differs(place, value, quantity):
    restored = WEIGHTS.astype(float)
    restored[place] = value
    found = seen(WEIGHTS, restored, "relative")
    assert found[f"planes.{quantity}"].value == 1
    assert found[f"planes.{quantity}"].verdict == "fail"
    assert found["planes.differing"].verdict == "skipped"


def test_a_weight_that_was_negative_may_stay_so():
    plane = WEIGHTS.copy()
    plane[40, 40] = -2
    assert seen(plane, plane * 1.001, "relative").verdict == "pass"


@pytest.mark.parametrize("factor, verdict", [(1.002, "pass"), (1.5, "fail")])
def test_weights_of_another_scale(factor, verdict):
    found = seen(WEIGHTS, WEIGHTS * factor, "relative")
    assert found["planes.largest"].verdict == found.verdict == verdict
    assert found["planes.largest"].value == pytest.approx(100 * (factor - 1), rel=1e-3)


def test_weights_that_are_all_zero():
    nothing = np.zeros((8, 8))
    assert seen(nothing, nothing, "relative")["planes.largest"].verdict == "skipped"
    assert seen(nothing, nothing + 1, "relative").verdict == "fail"


def test_a_picture_is_no_plane():
    found = seen(WEIGHTS, WEIGHTS, "image")
    assert {r.verdict for r in found.results} == {"skipped"}
