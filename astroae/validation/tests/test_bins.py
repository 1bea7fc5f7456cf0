"""Magnitude bins, and the worst of them."""

import numpy as np
import pytest

from astroae.validation.bins import by_magnitude, magnitude_bins, worst_bin
from astroae.validation.metrics import Quantity
from astroae.validation.result import judge
from astroae.validation.statistics import mean, rms
from astroae.validation.tolerances import Tolerance, Tolerances

pytest.importorskip("scipy")
hypothesis = pytest.importorskip("hypothesis")
from hypothesis import given  # noqa: E402
from hypothesis import strategies as st  # noqa: E402

magnitudes = st.lists(st.one_of(st.floats(10, 30), st.just(np.nan)), max_size=300)


@given(magnitudes)
def test_every_source_is_in_one_bin(mag):
    mag = np.array(mag, float)
    bins = magnitude_bins(mag)
    if np.isfinite(mag).sum() < 20:
        assert bins == []
        return
    index = np.concatenate([index for _, index in bins])
    assert sorted(index) == np.flatnonzero(np.isfinite(mag)).tolist()
    assert all(len(index) >= 20 for _, index in bins)


@given(magnitudes)
def test_bins_do_not_overlap_and_labels_tell_their_ends(mag):
    mag, last = np.array(mag, float), -np.inf
    for label, index in magnitude_bins(mag):
        low, high = (int(word) for word in label.removesuffix(" mag").split(" to "))
        assert low <= mag[index].min() and mag[index].max() < high
        assert low >= last
        last = high


def test_whole_magnitudes_where_there_are_enough():
    mag = np.repeat([18.5, 19.5, 20.5], 25)
    assert [label for label, _ in magnitude_bins(mag)] == [
        "18 to 19 mag",
        "19 to 20 mag",
        "20 to 21 mag",
    ]


def test_thin_bins_are_joined():
    mag = np.repeat([15.5, 17.5, 19.5, 22.5], [3, 30, 10, 5])
    bins = magnitude_bins(mag)
    assert [label for label, _ in bins] == ["15 to 23 mag"] and len(bins[0][1]) == 48


def test_by_magnitude_takes_any_estimate():
    mag, values = np.repeat([18.5, 19.5], 30), np.repeat([3.0, -4.0], 30)
    assert [b.estimate.value for b in by_magnitude(values, mag, rms)] == [3, 4]
    assert by_magnitude(values[:5], mag[:5]) == ()


def test_the_worst_bin_speaks_for_all():
    rng = np.random.default_rng(1)
    mag = np.repeat([18.5, 19.5, 20.5], 50)
    values = rng.normal(0, 0.1, 150) + np.repeat([0, 0.5, 0], 50)
    found = worst_bin(values, mag, note="a")
    assert found.joint and found.note == "a" and len(found.bins) == 3
    assert found.estimate == found.bins[1].estimate
    alone = mean(values[50:100])
    assert found.estimate.high - found.estimate.low > alone.high - alone.low  # Bonferroni


def test_too_few_for_bins():
    found = worst_bin(np.arange(6.0), np.full(6, 18.0))
    assert not found.joint and found.bins == () and found.estimate.n == 6
    assert worst_bin([], []).estimate.n == 0


def test_all_bins_hold_together_in_95_percent():
    """Five bins, no change in any: one reaches beyond zero in 5 % of cases."""
    rng, mag = np.random.default_rng(2), np.repeat(np.arange(18.5, 23), 40)
    cases, missed = 600, 0
    for _ in range(cases):
        bins = worst_bin(rng.normal(0, 1, 200), mag).bins
        missed += any(not b.estimate.low <= 0 <= b.estimate.high for b in bins)
    assert 0.02 <= missed / cases <= 0.08


@pytest.mark.parametrize(
    ("shift", "verdict"), [(0.0, "pass"), (1.0, "fail"), (0.3, "undetermined")]
)
def test_one_bad_bin_decides(shift, verdict):
    class Metric:
        NAME = "some"

    rng, mag = np.random.default_rng(3), np.repeat([18.5, 19.5, 20.5], 60)
    values = rng.normal(0, 0.3, 180) + np.repeat([0, 0, shift], 60)
    tolerances = Tolerances("own", "", {"some.pull": Tolerance(0.3, "me")})
    quantity = Quantity("pull", "sigma", "within", "a pull")
    result = judge(Metric, quantity, worst_bin(values, mag), tolerances)
    assert result.verdict == verdict
    assert [one["verdict"] for one in result.bins] == ["pass", "pass", verdict]
