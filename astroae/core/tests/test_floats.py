"""Floats split and joined: every bit comes back, and the C does what its twin does."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hn

from astroae.core import floats
from astroae.core.tests import float_twins

TYPES = ("f4", "f8")
NASTY = (0.0, -0.0, 1.0, -1.0, np.nextafter(1, 0), 2.0**-126, -(2.0**-126), 2.0**-149, -(2.0**-149))
NASTY += (np.inf, -np.inf, np.nan, 3e38, -3e38, 5e-324, 0.5, -0.5, 1.5, 2.0**30, -(2.0**30))
shapes = hn.array_shapes(min_dims=1, max_dims=3, max_side=9)
bools = st.booleans()


@st.composite
def tiles(draw):
    """Any floats, or some of few kinds, or whole numbers."""
    dtype, shape = draw(st.sampled_from(TYPES)), draw(shapes)
    kind = draw(st.sampled_from(["any", "nasty", "whole", "shortened"]))
    with np.errstate(over="ignore"):
        if kind == "any":
            return draw(hn.arrays(dtype, shape))
        if kind == "nasty":
            return draw(hn.arrays("f8", shape, elements=st.sampled_from(NASTY))).astype(dtype)
        numbers = draw(hn.arrays("i4", shape, elements=st.integers(-9000, 9000)))
        if kind == "whole":
            return np.ldexp(numbers.astype("f8"), draw(st.integers(-30, 30))).astype(dtype)
        return (numbers * 0.1).astype("f2").astype(dtype)


def places(found, size):
    lowest = max(1 - floats.BIAS[size], found.top - floats.MOST_BITS + 1)
    return st.integers(lowest, max(lowest, min(found.top + 5, floats.BIAS[size])))


@given(st.data(), tiles(), bools, bools)
def test_any_floats(data, values, zeros, copies):
    found = floats.survey(values)
    how = found.at(data.draw(places(found, values.itemsize)))
    if data.draw(bools):
        how = floats.Split(how.p, 0, data.draw(st.integers(-2000, found.unit)))
    good = found.good if found.special else None
    parts, twin = (
        floats.split(values, found, how, zeros, copies),
        float_twins.split(values, good, how, zeros, copies),
    )
    for name in ("k", "near", "zeros", "copies"):
        assert np.array_equal(getattr(parts, name), getattr(twin, name)), name
    assert parts.low == twin.low
    asked = np.where(found.good, values, 0).astype(values.dtype)
    assert floats.join(parts, good, how, values.dtype).tobytes() == asked.tobytes()
    assert float_twins.join(parts, good, how, values.dtype).tobytes() == asked.tobytes()


@given(tiles())
def test_what_floats_have_in_common(values):
    found = floats.survey(values)
    ordinary = np.isfinite(values) & ~((values == 0) & np.signbit(values))
    assert np.array_equal(found.good, ordinary) and found.special == (~ordinary).sum()
    plain = values[ordinary].astype("f8")
    assert found.zeros == (plain == 0).sum()
    if not plain.any():
        return
    assert found.top >= np.frexp(np.abs(plain).max())[1] - 1
    exponents = [_last_bit(float(x)) for x in plain if x]
    assert found.unit == min(exponents)


def _last_bit(number):
    top, bottom = abs(number).as_integer_ratio()
    return (top & -top).bit_length() - bottom.bit_length()


@given(st.data(), tiles(), st.binary(max_size=40))
def test_hostile_parts_are_refused_or_give_floats(data, values, low):
    """Whatever the bytes: an error of ours or an array, never a crash."""
    n = values.size
    k = data.draw(hn.arrays("i4", values.shape))
    near = data.draw(hn.arrays("i4", data.draw(st.integers(0, n))))
    planes = [
        data.draw(st.none() | hn.arrays("i4", values.shape, elements=st.integers(-3, 60)))
        for _ in range(2)
    ]
    how = floats.Split(
        *(data.draw(st.integers(*ends)) for ends in ((-130, 130), (0, 23), (-2000, 2000)))
    )
    try:
        back = floats.join(floats.Parts(k, near, low, *planes), None, how, values.dtype)
    except ValueError:
        return
    assert back.shape == values.shape and np.isfinite(back).all()


@pytest.mark.parametrize(
    "how", [(-127, 0, 0), (128, 0, 0), (0, -1, 0), (0, 24, 0), (0, 0, 1 << 15)]
)
def test_splits_that_no_float_has_are_refused(how):
    with pytest.raises(ValueError, match="split"):
        floats.split(
            np.ones((2, 2), "f4"), floats.survey(np.ones((2, 2), "f4")), floats.Split(*how)
        )


def test_integers_beyond_30_bits_are_refused():
    values = np.array([[1.0, 2.0**40]], "f4")
    with pytest.raises(ValueError, match="too long"):
        floats.split(values, floats.survey(values), floats.Split(0, 0, 0))


@pytest.mark.parametrize("damage", ["low", "near", "bit"])
def test_parts_that_lack_something_are_refused(damage):
    values = np.random.default_rng(3).normal(size=(20, 20)).astype("f4")
    found = floats.survey(values)
    how = found.at(-3)
    parts = floats.split(values, found, how)
    near, low = parts.near, parts.low
    if damage == "low":
        low = low[:-1]
    elif damage == "near":
        near = near[:-1]
    else:
        low += b"\0"
    with pytest.raises(ValueError, match="do not fit"):
        floats.join(floats.Parts(parts.k, near, low), None, how, "f4")


@pytest.mark.parametrize(
    "k, near, copies, how",
    [
        ([5, 7], [], [1, 0], (0, 0, 0)),  # a copy of what is before the first
        ([5, 7], [], [0, 2], (0, 0, 0)),  # and above it
        ([[5], [7]], [], [[0], [3]], (0, 0, 0)),
        ([[5], [7]], [], [[0], [-1]], (0, 0, 0)),
        ([0, 7], [-1], None, (0, 0, -23)),  # near and yet beyond 2^p
        ([0, 7], [500], None, (0, 0, -23)),
        ([5, 7], [1], None, (0, 0, 0)),  # an exponent that is left over
        ([1, -2], [], None, (127, 0, 127)),  # infinity
    ],
)
def test_parts_that_no_float_has_are_refused(k, near, copies, how):
    k, near = np.array([k], "i4"), np.array(near, "i4")
    copies = None if copies is None else np.array([copies], "i4")
    low = bytes(-(-23 * 2 // 8)) if how[2] < 0 else b""
    for length in (len(low), 3, 0):
        with pytest.raises(ValueError, match="do not fit"):
            floats.join(
                floats.Parts(k, near, low[:length], None, copies), None, floats.Split(*how), "f4"
            )
