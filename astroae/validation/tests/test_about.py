"""What headers and users say of an image, sense and nonsense."""

import numpy as np
import pytest
from astropy.io import fits

from astroae.errors import SettingError
from astroae.validation.about import GAINS, asked_unit, check_numbers, number_of
from astroae.validation.original import Original

NONSENSE = [
    {"gain": 0},
    {"gain": -1.5},
    {"gain": np.nan},
    {"gain": np.inf},
    {"saturation": np.nan},
    {"zero_point": np.inf},
    {"max_sources": 0},
    {"max_sources": -5},
]


@pytest.mark.parametrize("asked", NONSENSE)
def test_numbers_that_would_make_nan_of_every_error(asked):
    with pytest.raises(SettingError) as caught:
        Original(np.ones((8, 8)), **asked)
    assert next(iter(asked)) in str(caught.value)


def test_numbers_that_make_sense():
    check_numbers(0, 0.1, -5.0, 1)
    check_numbers(None, None, None, 5000)


@pytest.mark.parametrize("unit", ["foo", "m2//s", object()])
def test_a_unit_that_is_none(unit):
    with pytest.raises(SettingError, match="no such unit"):
        asked_unit(unit)


@pytest.mark.parametrize("value", [True, 0, -2.5, "2.5", ""])
def test_cards_that_are_no_gain(value):
    assert number_of(fits.Header({"GAIN": value}), GAINS) is None
    assert number_of(fits.Header({"GAIN": value, "EGAIN": 1.5}), GAINS) == 1.5


@pytest.mark.parametrize(
    "cards, gain", [({"BUNIT": "ct"}, 1), ({"BUNIT": "COUNTS", "ATODGAIN": 4}, 4)]
)
def test_counts_of_a_converter_are_not_photons(cards, gain):
    assert Original(np.ones((8, 8)), header=fits.Header(cards)).gain == gain
