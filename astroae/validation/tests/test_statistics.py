"""Intervals cover the truth as often as they say; verdicts follow from them."""

import math

import numpy as np
import pytest

from astroae.validation.statistics import (
    Estimate,
    Limit,
    effective_number,
    exact,
    mean,
    needed,
    net_change,
    resampled,
    rms,
    verdict,
)

pytest.importorskip("scipy")
hypothesis = pytest.importorskip("hypothesis")
from hypothesis import given  # noqa: E402
from hypothesis import strategies as st  # noqa: E402

CASES = 1500
ORDER = ("pass", "undetermined", "fail")
numbers = st.floats(-100, 100)
widths = st.floats(0, 50)


def coverage(draw, measure, truth, cases=CASES):
    """Part of the simulated cases whose interval holds the truth."""
    rng = np.random.default_rng(11)
    found = [measure(draw(rng)) for _ in range(cases)]
    return np.mean([one.low <= truth <= one.high for one in found])


@pytest.mark.parametrize("n", [10, 30, 300])
def test_mean_covers(n):
    found = coverage(lambda rng: rng.normal(2, 3, n), mean, 2)
    assert 0.92 <= found <= 0.98


@pytest.mark.parametrize("n", [10, 30, 300])
def test_rms_covers(n):
    found = coverage(lambda rng: rng.normal(0, 3, n), rms, 3)
    assert 0.92 <= found <= 0.98


@pytest.mark.parametrize("n", [30, 300])
def test_weighted_mean_covers(n):
    def draw(rng):
        error = rng.uniform(0.3, 1.5, n)
        return rng.normal(1, error), error**-2.0

    assert 0.92 <= coverage(draw, lambda case: mean(*case), 1) <= 0.98


@pytest.mark.parametrize("n", [30, 300])
def test_resampled_median_covers(n):
    """Any statistic of the counts: here the fraction above zero."""

    def fraction(values):
        above = (values > 0).astype(float)
        return resampled(lambda counts: (counts @ above) / counts.sum(1), len(values))

    truth = 0.5 * math.erfc(-0.5 / math.sqrt(2))
    assert 0.92 <= coverage(lambda rng: rng.normal(0.5, 1, n), fraction, truth) <= 0.98


@pytest.mark.parametrize("level", [0.68, 0.95, 0.995])
def test_level_is_kept(level):
    found = coverage(lambda rng: rng.normal(0, 1, 60), lambda v: mean(v, level=level), 0)
    assert found == pytest.approx(level, abs=0.03)


@pytest.mark.parametrize(("n", "lost", "gained"), [(200, 0.02, 0.02), (20000, 0.005, 0.001)])
def test_net_change_covers(n, lost, gained):
    def draw(rng):
        counts = rng.multinomial(n, [lost, gained, 1 - lost - gained])
        return counts[0], counts[1]

    found = coverage(draw, lambda pair: net_change(*pair, n), gained - lost)
    assert 0.92 <= found <= 0.99  # small counts come in steps


def test_net_change_of_nothing():
    unchanged = net_change(0, 0, 1000)
    assert unchanged.value == 0 and unchanged.low < 0 < unchanged.high
    assert unchanged.high < 0.003  # three lost would have been seen (rule of three)
    nobody = net_change(0, 0, 0)
    assert math.isnan(nobody.value) and nobody.high == math.inf and nobody.n == 0


@pytest.mark.parametrize("lost, gained, n", [(0, 500, 100), (3, 40, 20), (100, 0, 100)])
def test_net_change_of_more_than_there_were(lost, gained, n):
    found = net_change(lost, gained, n)
    assert found.low < found.value < found.high and found.low * found.high > 0


def test_effective_number():
    assert effective_number(np.ones(7)) == pytest.approx(7)
    assert effective_number(np.array([1.0, 0, 0])) == 1
    assert effective_number(np.zeros(3)) == effective_number(np.zeros(0)) == 0


def test_mean_is_that_of_numpy():
    values = np.random.default_rng(2).normal(5, 2, 50)
    weights = np.arange(1.0, 51)
    assert mean(values).value == pytest.approx(values.mean(), rel=1e-6)
    assert mean(values, weights).value == pytest.approx(np.average(values, weights=weights))
    assert rms(values).value == pytest.approx(np.sqrt(np.mean(values**2)), rel=1e-6)
    assert mean(values).n == 50


def test_mean_error_is_that_of_the_textbook():
    values = np.random.default_rng(3).normal(0, 2, 4000)
    half = mean(values).high - mean(values).value
    assert half == pytest.approx(1.96 * values.std() / math.sqrt(4000), rel=0.15)


def test_same_values_same_interval():
    values = np.random.default_rng(4).random(40)
    assert mean(values) == mean(values)
    assert mean(values, seed=2).low != mean(values).low


@pytest.mark.parametrize("n", [1, 4])
def test_few_values_have_no_interval(n):
    found = mean(np.arange(n) + 1.0)
    assert found.value == (n + 1) / 2
    assert (found.low, found.high) == (-math.inf, math.inf)
    assert verdict(found, Limit(1000)) == "undetermined"


def test_no_values_at_all():
    for found in (mean([]), rms([])):
        assert math.isnan(found.value) and found.n == 0
        assert verdict(found, Limit(1)) == "undetermined"
        assert needed(found, Limit(1)) is None


def test_exact_has_no_interval():
    assert exact(np.float32(2), 7) == Estimate(2.0, 2.0, 2.0, 7)
    assert verdict(exact(2, 1), Limit(2, "at most")) == "pass"
    assert verdict(exact(2.001, 1), Limit(2, "at most")) == "fail"
    assert verdict(exact(1.999, 1), Limit(2, "at least")) == "fail"


@pytest.mark.parametrize(
    ("direction", "passes", "fails"),
    [("within", (-1, 1), (-9, -5)), ("at most", (-99, 1), (3, 4)), ("at least", (3, 99), (0, 1))],
)
def test_directions(direction, passes, fails):
    for (low, high), expected in ((passes, "pass"), (fails, "fail")):
        found = Estimate((low + high) / 2, low, high, 10)
        assert verdict(found, Limit(2.0, direction)) == expected


def test_an_interval_wider_than_the_tolerance_fails_only_far_outside():
    limit = Limit(0.5)
    assert verdict(Estimate(1.7, 0.6, 2.8, 20), limit) == "undetermined"
    assert verdict(Estimate(3.0, 1.9, 4.1, 20), limit) == "fail"


@given(numbers, widths, widths, st.floats(0, 50))
def test_verdict_of_mirror_images_is_the_same(value, below, above, limit):
    there = Estimate(value, value - below, value + above, 9)
    mirrored = Estimate(-value, -value - above, -value + below, 9)
    assert verdict(there, Limit(limit)) == verdict(mirrored, Limit(limit))


@given(numbers, widths, st.floats(0, 50), st.floats(0, 50))
def test_a_wider_tolerance_is_never_worse(value, half, one, other):
    small, large = sorted((one, other))
    found = Estimate(value, value - half, value + half, 9)
    for direction in ("within", "at most"):
        strict, lax = (verdict(found, Limit(size, direction)) for size in (small, large))
        if strict == "pass":
            assert lax == "pass"
        if lax == "fail":
            assert strict == "fail"


@given(numbers, st.floats(0.01, 50), st.floats(0.1, 50))
def test_the_needed_number_decides(value, half, limit):
    """The interval shrunk to that number no longer holds the limit."""
    found = Estimate(value, value - half, value + half, 100)
    number = needed(found, Limit(limit))
    hypothesis.assume(number is not None and number < 1e12)
    shrunk = half * math.sqrt(100 / max(number, 1)) * (1 - 1e-9)
    after = Estimate(value, value - shrunk, value + shrunk, number)
    assert verdict(after, Limit(limit)) == ("pass" if abs(value) < limit else "fail")


def test_needed_where_no_number_would_do():
    assert needed(Estimate(1.0, 0.0, 2.0, 9), Limit(1.0)) is None
    assert needed(Estimate(1.0, -math.inf, math.inf, 3), Limit(2.0)) is None


@given(st.lists(st.floats(-1e6, 1e6), min_size=5, max_size=60))
def test_intervals_hold_their_value(values):
    for found in (mean(values), rms(values)):
        assert found.low <= found.value <= found.high
    assert math.isfinite(mean(values).high)


def test_one_large_value_of_five_has_no_rms():
    """Nobody can say how large the next one is."""
    found = rms([0, 0, 0, 0, 1])
    assert found.low > 0 and found.high == math.inf
    assert rms(np.zeros(9)) == Estimate(0.0, 0.0, 0.0, 9)


def test_false_failures_are_few():
    """A true value at the limit fails in no more than one case in twenty."""
    rng = np.random.default_rng(5)
    for n in (10, 100):
        found = [verdict(mean(rng.normal(0.5, 1, n)), Limit(0.5)) for _ in range(CASES)]
        assert np.mean([one == "fail" for one in found]) < 0.05
