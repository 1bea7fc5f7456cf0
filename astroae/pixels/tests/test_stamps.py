"""Stamps are normalised and restored: range, flux, undefined pixels, the same bits."""

import math

import numpy as np
import pytest

from astroae.errors import SettingError, UnsupportedDataError
from astroae.pixels.elementary import ordered_sum, sinh
from astroae.pixels.noise import noise_sigma
from astroae.pixels.stamps import Normalisation, Scaling, fill_undefined, undefined

EXPECTED_SQUARES = "0x1.a6406206c7a7bp+28"
EXPECTED_PIXEL = "0x1.9453d3feef2b4p+11"

RULES = [
    Normalisation("minmax"),
    Normalisation("minmax", stretch="asinh"),
    Normalisation("fixed", low=-50, high=5000),
    Normalisation("fixed", low=-50, high=5000, stretch="asinh", softening=10),
]


def a_field(seed=0, shape=(40, 50), dtype=np.float32):
    rng = np.random.default_rng(seed)
    field = rng.normal(100, 3, shape)
    field[..., 10, 12] += 4000
    return field.astype(dtype)


def check_flux(values, sum_of, mask=None):
    good = ~undefined(values, mask)
    wanted = math.fsum(values[good].astype(float))
    found = math.fsum(sum_of[good])
    assert abs(found - wanted) <= 1e-12 * math.fsum(np.abs(values[good].astype(float)))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: f"{rule.kind}-{rule.stretch}")
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int16, ">i4", np.uint8])
def test_there_and_back(rule, dtype):
    values = np.clip(a_field(), 0, 255 if dtype == np.uint8 else 30_000).astype(dtype)
    x, scaling = rule.normalise(values)
    assert x.dtype == np.float64 and x.min() >= 0 and x.max() <= 1
    if rule.kind == "minmax":
        assert x.min() == 0 and x.max() == 1
    back = rule.restore(x, scaling)
    assert np.abs(back - values).max() <= 1e-12 * np.abs(values.astype(float)).max()
    check_flux(values, back)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: f"{rule.kind}-{rule.stretch}")
def test_flux_comes_back_from_a_poor_network(rule):
    values = a_field(1, (3, 40, 50))
    values[:, 3, :7] = np.nan
    mask = np.zeros(values.shape, bool)
    mask[1, 20:30, 5] = True
    x, scaling = rule.normalise(values, mask)
    poor = np.clip(0.9 * x + np.random.default_rng(2).normal(0, 0.01, x.shape), 0, 1)
    back = rule.restore(poor, scaling, undefined(values, mask))
    check_flux(values, back, mask)


def test_asinh_gives_faint_noise_more_room():
    values = a_field()
    linear, _ = RULES[0].normalise(values)
    stretched, scaling = RULES[1].normalise(values)
    assert scaling.noise == pytest.approx(3, rel=0.1)
    assert noise_sigma(stretched) > 20 * noise_sigma(linear)


@pytest.mark.parametrize("rule", RULES[:2], ids=lambda rule: rule.stretch)
@pytest.mark.parametrize("level", [0.0, 0.1, -7.3e20])
def test_a_constant_stamp_is_zeros_and_comes_back_exactly(rule, level):
    values = np.full((13, 17), level)
    values[4, 4] = np.nan
    x, scaling = rule.normalise(values)
    assert scaling.span == 0 and not x.any()
    back = rule.restore(x, scaling, ~np.isfinite(values))
    assert (back == level).all()


def test_nothing_defined():
    values = np.full((4, 4), np.nan)
    x, scaling = Normalisation().normalise(values)
    assert not x.any() and scaling == Scaling(0.0, 0.0, 0.0)
    assert (Normalisation().restore(x, scaling, np.isnan(values)) == 0).all()


def test_undefined_pixels_take_the_median():
    values = np.array([[1.0, np.inf, 2.0], [9.0, 5.0, np.nan]])
    assert fill_undefined(values)[0, 1] == 3.5
    x, _ = Normalisation().normalise(values, values == 9)
    assert x[1, 0] == x[0, 1] == 0.25  # median 2 of 1, 2, 5


def test_values_beyond_fixed_bounds_are_clipped():
    x, _ = Normalisation("fixed", low=0, high=10).normalise([[-5.0, 5.0, 20.0]])
    assert x.tolist() == [[0, 0.5, 1]]


@pytest.mark.parametrize("values", [[[-1.7e308, 1.7e308]], [[1.7e308, 1.6e308]]])
def test_values_at_the_end_of_float64_are_refused(values):
    with pytest.raises(UnsupportedDataError, match="too large"):
        Normalisation().normalise(values)


def test_what_the_network_sees():
    x = np.array([0.0, 0.5, 1.0])
    assert Normalisation().network_input(x) is x
    assert Normalisation(input="signed").network_input(x).tolist() == [-1, 0, 1]
    rule = Normalisation(input="standard", mean=0.5, deviation=0.25)
    assert rule.network_input(x).tolist() == [-2, 0, 2]


def test_to_dict_and_back():
    rule = Normalisation("fixed", "asinh", -1, 7, softening=2, input="standard", mean=0.4)
    assert Normalisation.from_dict(rule.to_dict()) == rule
    scaling = Scaling(1.5, 2.0, 3.0, 0.5)
    assert Scaling.from_dict(scaling.to_dict()) == scaling
    with pytest.raises(SettingError, match="unknown key"):
        Normalisation.from_dict({"kind": "minmax", "colour": 3})
    with pytest.raises(SettingError, match="incomplete"):
        Scaling.from_dict({"zero": 1.0})


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "zscale"},
        {"stretch": "log"},
        {"input": "half"},
        {"kind": "fixed", "low": 3, "high": 3},
        {"softening": 0},
        {"deviation": -1},
        {"mean": math.nan},
    ],
)
def test_a_wrong_rule_is_refused(wrong):
    with pytest.raises(SettingError, match="cannot be used"):
        Normalisation(**wrong)


def test_sinh_against_numpy():
    x = np.concatenate([np.linspace(-700, 700, 100_001), np.geomspace(1e-300, 1.1, 10_001)])
    x = x[x != 0]
    assert np.abs(sinh(x) / np.sinh(x) - 1).max() < 1e-13
    assert sinh([0.0, np.inf, -np.inf, -900]).tolist() == [0, np.inf, -np.inf, -np.inf]
    assert np.isnan(sinh([np.nan])).all()


def test_bits_of_the_decoder_are_fixed():
    """Computed once, written here: another machine must find the same."""
    y = (np.arange(35).reshape(5, 7) * 37 % 101) / 101
    back = RULES[1].restore(y, Scaling(99.3, 6.1, 123_456.7, 2.9))
    assert ordered_sum(back * back).hex() == EXPECTED_SQUARES
    assert back[3, 4].hex() == EXPECTED_PIXEL


@pytest.mark.parametrize("rule", RULES[:2], ids=lambda rule: rule.stretch)
def test_any_values_come_back_or_are_refused(rule):
    hypothesis = pytest.importorskip("hypothesis")
    arrays = pytest.importorskip("hypothesis.extra.numpy").arrays

    @hypothesis.given(arrays(np.float64, (4, 13)))
    def check(values):
        good = np.isfinite(values)
        try:
            x, scaling = rule.normalise(values)
        except UnsupportedDataError:
            assert np.abs(values[good]).max() > 1e298  # 52 pixels
            return
        assert (x >= 0).all() and (x <= 1).all()
        check_flux(np.where(good, values, 0), np.where(good, rule.restore(x, scaling, ~good), 0))

    check()


@pytest.mark.parametrize("count", [0, 1, 2, 3, 255, 256, 1001])
def test_ordered_sum(count):
    values = np.random.default_rng(count).normal(0, 1e6, count)
    assert abs(ordered_sum(values) - math.fsum(values)) <= 1e-14 * np.abs(values).sum()
