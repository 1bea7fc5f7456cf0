"""Stored and physical values, and which tiles of an array changed."""

import numpy as np
import pytest
from astropy.io import fits
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from astroae.io.encoding import make_consistent, structure_of
from astroae.io.pixels import Baseline, to_stored, unit_of
from astroae.io.scaling import exact_copy, restore_scale_cards
from astroae.io.tests.hdu_helpers import check_same_header, scaled_hdu

TYPES = ["u1", "i1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8"]
arrays = st.sampled_from(TYPES).flatmap(
    lambda code: hnp.arrays(st.sampled_from(["<", ">"]).map(lambda o: np.dtype(o + code)), (3, 4))
)


@given(arrays)
def test_to_stored_is_what_astropy_writes(data):
    before = data.copy()
    with np.errstate(over="ignore"):
        written = fits.HDUList([fits.PrimaryHDU(), fits.ImageHDU(data)])[1]
    offset = written.header.get("BZERO", 0)
    stored = to_stored(data)
    assert stored.dtype.kind != "u" or stored.dtype.itemsize == 1
    if data.dtype.kind != "f":
        assert [int(s) + offset for s in stored.flat] == [int(v) for v in data.flat]
    np.testing.assert_array_equal(data, before)


def test_baseline_sees_one_changed_pixel():
    data = np.zeros((10, 10), ">f4")
    baseline = Baseline.of(data, (4, 4))
    data[5, 9] = -0.0  # equal, and yet another pixel
    assert baseline.changed(data).tolist() == [False] * 5 + [True] + [False] * 3


def test_baseline_does_not_mind_byte_order():
    data = np.arange(6, dtype=">i4").reshape(2, 3)
    baseline = Baseline.of(data, (2, 2))
    assert baseline.fits(data.astype("<i4"))
    assert not baseline.changed(data.astype("<i4")).any()
    assert not baseline.fits(data.astype("i8"))
    assert not baseline.fits(data.reshape(3, 2))


@pytest.mark.parametrize("value, unit", [(0.5, 0.5), (-2, 2.0), (0, 1.0), ("x", 1.0), (True, 1.0)])
def test_unit(value, unit):
    assert unit_of(fits.Header([("BSCALE", value)])) == unit


def test_scale_cards_go_back_among_edited_ones():
    before = scaled_hdu().header
    header = exact_copy(before)
    for keyword in ("BSCALE", "BZERO", "BLANK"):
        del header[keyword]
    header["BITPIX"] = -32
    header["OBJECT"] = "M 33"
    header["ADDED"] = 1
    found = restore_scale_cards(header, before)
    expected = exact_copy(before)
    expected["OBJECT"] = "M 33"
    expected["ADDED"] = 1
    check_same_header(found, expected)


def test_header_that_says_something_else():
    image = fits.ImageHDU(np.zeros((2, 3), "i2"))
    structure = structure_of(None, image.header)
    header = fits.Header([("BITPIX", -64), ("NAXIS", 1), ("NAXIS1", 7), ("OBJECT", "M 31")])
    make_consistent(header, structure)
    assert [header[key] for key in ("XTENSION", "BITPIX", "NAXIS", "NAXIS1", "NAXIS2")] == [
        "IMAGE",
        16,
        2,
        3,
        2,
    ]
    assert list(header)[:5] == ["XTENSION", "BITPIX", "NAXIS", "NAXIS1", "NAXIS2"]


@pytest.mark.parametrize("card", ["NAXIS   = 'two'", "NAXIS   = 2", "BITPIX  = 9 9", "NAXIS   = T"])
def test_header_without_a_structure_describes_no_pixels(card):
    header = fits.Header.fromstring(card.ljust(80) + "OBJECT  = 'M 31'".ljust(80))
    make_consistent(header, None)
    assert (header["NAXIS"], header["BITPIX"], header["OBJECT"]) == (0, 8, "M 31")
