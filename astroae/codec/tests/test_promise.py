"""The check itself: tiles that break their promise by as little as can be, and are found."""

from fractions import Fraction

import numpy as np
import pytest

from astroae.codec.forms import Coded, Form, TileContext
from astroae.codec.promise import keeps_promise
from astroae.codec.record import ImageRecord
from astroae.codec.tile import TILE_DTYPE
from astroae.pixels.grids import MARGIN
from astroae.settings import Latent, ModelName, Settings, from_keywords

SHAPE = (2, 5, 7)
#: Corners and edges of a tile, and its middle.
PLACES = [(0, 0, 0), (0, 0, 6), (0, 4, 0), (1, 4, 6), (1, 0, 3), (0, 2, 0), (1, 2, 3)]
EXACT = [Form.BITS, Form.INTEGER, Form.SPLIT, Form.SOURCE]
WHOLE, REAL = ("u1", "i2", "i4", "i8"), ("f4", "f8")
STEP = 0.5
LATENT = Settings(Latent(ModelName("a", "b")))

everywhere = pytest.mark.parametrize("place", PLACES, ids=str)
dithers = pytest.mark.parametrize("dither", [0, 1, 2])
of_floats = pytest.mark.parametrize("dtype", REAL)
of_integers = pytest.mark.parametrize("dtype", WHOLE)


class Tile:
    """A tile as it was, and as it is said to come back; the check is asked to believe it."""

    def __init__(self, values, form, *, blank=None, grid=None, settings=None, **asked):
        settings = settings or from_keywords(**asked)
        self.values, self.decoded = values, values.copy()
        region = tuple(slice(0, n) for n in values.shape)
        record = ImageRecord()
        self.context = TileContext(
            0, settings, blank, values.dtype, record, region, values.shape, grid=grid
        )
        step = 2 * (settings.mode.error_bound or 0) if hasattr(settings.mode, "error_bound") else 0
        self.coded = Coded(form, None, scale=step * (1 - MARGIN), parameter=int(step / 2))
        self.row = np.zeros((), TILE_DTYPE)

    def kept(self, place=None, becomes=None):
        """Whether the promise is found kept, after a pixel became something else."""
        if place is not None:
            self.decoded = self.values.copy()
            self.decoded[place] = becomes
        with np.errstate(all="ignore"):
            return keeps_promise(self.values, self.decoded, self.coded, self.row, self.context)


def sky(dtype, shape=SHAPE):
    return np.random.default_rng(5).integers(90, 120, shape).astype(dtype)


def floats(dtype):
    return (sky("f8") + np.random.default_rng(6).random(SHAPE)).astype(dtype)


def last_within(x, half, towards):
    """The float farthest from ``x`` that lies within ``half`` and half its own ulp."""

    def within(y):
        return abs(Fraction(float(y)) - Fraction(float(x))) <= (
            Fraction(half) + Fraction(float(np.spacing(abs(y)))) / 2
        )

    end = x.dtype.type(towards)
    y = x + x.dtype.type(np.copysign(half, towards))
    while within(y):
        y = np.nextafter(y, end)
    while not within(y):
        y = np.nextafter(y, -end)
    return y


# ---- exact forms ---------------------------------------------------------------------------


@everywhere
@pytest.mark.parametrize("dtype", [*WHOLE, *REAL])
@pytest.mark.parametrize("form", EXACT, ids=lambda form: form.name)
def test_exact_forms_may_not_lose_a_bit(form, dtype, place):
    for asked in ({}, {"error_bound": 3}, {"quantize_level": 1}):
        tile = Tile(sky(dtype), form, **asked)
        assert tile.kept() and tile.row["MAXERR"] == 0
        tile.decoded.view(f"u{tile.values.itemsize}")[place] ^= 1
        assert not tile.kept()


@of_floats
@pytest.mark.parametrize("form", EXACT, ids=lambda form: form.name)
def test_exact_forms_keep_signs_of_zero_and_payloads(form, dtype):
    values = floats(dtype)
    values[0, 0, :2] = np.nan, 0.0
    assert not Tile(values, form).kept((0, 0, 1), -0.0)
    tile = Tile(values, form)
    tile.decoded.view(f"u{values.itemsize}")[0, 0, 0] ^= 1
    assert not tile.kept()


# ---- floats on a grid ----------------------------------------------------------------------


@everywhere
@of_floats
@dithers
def test_half_a_step_and_not_an_ulp_more(dtype, dither, place):
    values = floats(dtype)
    tile = Tile(values, Form.QUANT, error_bound=STEP / 2, dither=dither)
    for towards in (np.inf, -np.inf):
        last = last_within(values[place], STEP / 2, towards)
        assert tile.kept(place, last)
        assert not tile.kept(place, np.nextafter(last, values.dtype.type(towards)))
        for error in (0.6 * STEP, STEP, 100 * STEP, 1e30):
            assert not tile.kept(place, values[place] + np.copysign(error, towards))


@of_floats
def test_one_pixel_among_many_is_enough(dtype):
    values = np.full((1, 256, 256), 100, dtype)
    tile = Tile(values, Form.QUANT, error_bound=STEP / 2)
    tile.decoded += values.dtype.type(0.2)
    assert tile.kept()
    tile.decoded[0, 255, 255] = 100.3
    assert not tile.kept()


@of_floats
def test_the_bound_is_the_one_that_was_asked_for(dtype):
    """Not the one that the coder took."""
    values = floats(dtype)
    tile = Tile(values, Form.QUANT, error_bound=STEP / 2)
    tile.coded.scale *= 1.2
    assert tile.kept(PLACES[0], values[PLACES[0]] + 0.49 * STEP)
    assert not tile.kept(PLACES[0], values[PLACES[0]] + 0.55 * STEP)


@of_floats
def test_a_quantize_level_means_the_noise_over_it(dtype):
    values = floats(dtype)
    tile = Tile(values, Form.QUANT, quantize_level=4)
    object.__setattr__(tile.context, "sigma", 4 * STEP)
    tile.coded.scale = STEP * (1 - MARGIN)
    assert tile.kept(PLACES[0], last_within(values[PLACES[0]], STEP / 2, np.inf))
    assert not tile.kept(PLACES[0], values[PLACES[0]] + 0.51 * STEP)


@of_floats
def test_a_tile_that_is_coded_again_keeps_its_old_step(dtype):
    values, old = floats(dtype), STEP / 8
    tile = Tile(values, Form.QUANT, grid=(old * (1 - MARGIN), 90.0), error_bound=STEP / 2)
    tile.coded.scale = old * (1 - MARGIN)
    assert tile.kept(PLACES[0], values[PLACES[0]] + 0.49 * old)
    assert not tile.kept(PLACES[0], values[PLACES[0]] + 0.51 * old)


@everywhere
@of_floats
@dithers
@pytest.mark.parametrize("form", [Form.QUANT, Form.LATENT, Form.TRUNC], ids=lambda form: form.name)
def test_nulls_keep_every_bit_and_no_pixel_becomes_one(form, dtype, dither, place):
    values = floats(dtype)
    asked = {
        Form.QUANT: {"error_bound": STEP / 2, "dither": dither},
        Form.LATENT: {"settings": LATENT},
        Form.TRUNC: {"relative_error": 0.5},
    }[form]
    for null in (np.nan, np.inf, -np.inf):
        assert not Tile(values, form, **asked).kept(place, null)
        holed = values.copy()
        holed[place] = null
        for other in (100.0, 0.0, np.finfo(dtype).max, -np.inf if null > 0 else np.inf):
            assert not Tile(holed, form, **asked).kept(place, other)
        tile = Tile(holed, form, **asked)
        tile.decoded.view(f"u{values.itemsize}")[place] ^= 1 << 3  # another payload, or a NaN
        assert not tile.kept()


@of_floats
def test_only_dither_2_keeps_exact_zeros(dtype):
    values = floats(dtype)
    values[0, 0, 0] = 0
    for dither, free in ((0, True), (1, True), (2, False)):
        tile = Tile(values, Form.QUANT, error_bound=STEP / 2, dither=dither)
        assert tile.kept((0, 0, 0), 0.1) == free
        assert tile.kept((0, 0, 0), -0.0) == free


# ---- integers on a step --------------------------------------------------------------------


@everywhere
@of_integers
@pytest.mark.parametrize("half", [1, 2, 7])
def test_integers_move_by_half_a_step_at_most(dtype, half, place):
    values = sky(dtype)
    tile = Tile(values, Form.STEP, error_bound=half)
    x = int(values[place])
    for sign in (1, -1):
        assert tile.kept(place, x + sign * half)
        assert tile.row["MAXERR"] == np.nextafter(np.float32(half), np.float32(np.inf))
        for error in (half + 1, 2 * half + 1, 80):
            assert not tile.kept(place, x + sign * error)


@of_integers
def test_ends_of_a_type_lie_far_apart(dtype):
    """Their difference wraps around to 1 in the type itself."""
    limits = np.iinfo(dtype)
    values = np.full(SHAPE, limits.min, dtype)
    tile = Tile(values, Form.STEP, error_bound=3)
    assert tile.kept((0, 0, 0), limits.min + 3)
    for far in (limits.max, limits.max // 2 + 1, limits.min + 4):
        assert not tile.kept((0, 0, 0), far)


@of_integers
def test_the_step_is_the_one_that_was_asked_for(dtype):
    tile = Tile(sky(dtype), Form.STEP, error_bound=2.9)
    tile.coded.parameter = 3
    assert tile.kept(PLACES[0], int(tile.values[PLACES[0]]) + 2)
    assert not tile.kept(PLACES[0], int(tile.values[PLACES[0]]) + 3)


@of_integers
@pytest.mark.parametrize("form", [Form.STEP, Form.LATENT], ids=lambda form: form.name)
def test_blank_stays_and_no_pixel_becomes_blank(form, dtype):
    asked = {"settings": LATENT} if form is Form.LATENT else {"error_bound": 3}
    values = np.where(sky(dtype) == 100, 101, sky(dtype)).astype(dtype)
    values[1, 4, 6] = 99
    assert Tile(values, form, blank=None, **asked).kept((1, 4, 6), 100)
    assert not Tile(values, form, blank=100, **asked).kept((1, 4, 6), 100)
    values[1, 4, 6] = 100
    assert not Tile(values, form, blank=100, **asked).kept((1, 4, 6), 101)


# ---- floats with fewer bits ----------------------------------------------------------------


@everywhere
@of_floats
@pytest.mark.parametrize("part", [1 / 512, 0.01, 0.31])
def test_a_fraction_of_the_pixel_and_not_an_ulp_more(dtype, part, place):
    values = floats(dtype) * np.where(sky("f8") > 105, -1, 1).astype(dtype)
    tile = Tile(values, Form.TRUNC, relative_error=part)
    x = values[place]
    for end in (x.dtype.type(np.inf), x.dtype.type(-np.inf)):
        last = x * x.dtype.type(1 + (part if end * x > 0 else -part))
        allowed = Fraction(part) * abs(Fraction(float(x)))
        while abs(Fraction(float(last)) - Fraction(float(x))) <= allowed:
            last = np.nextafter(last, end)
        while abs(Fraction(float(last)) - Fraction(float(x))) > allowed:
            last = np.nextafter(last, -end)
        assert tile.kept(place, last)
        assert not tile.kept(place, np.nextafter(last, end))
    assert not tile.kept(place, -x)


@of_floats
def test_a_relative_error_keeps_zero_and_sign(dtype):
    smallest = np.finfo(dtype).smallest_subnormal
    values = floats(dtype)
    values[0, 0, :3] = 0.0, smallest, -smallest
    tile = Tile(values, Form.TRUNC, relative_error=0.999)
    for place, other in ((0, smallest), (0, -0.0), (1, 0.0), (1, -smallest), (2, -0.0)):
        assert not tile.kept((0, 0, place), other)


# ---- latents -------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [*WHOLE, *REAL])
def test_latents_promise_nothing_but_are_measured(dtype):
    values = sky(dtype)
    tile = Tile(values, Form.LATENT, settings=LATENT, blank=None)
    tile.decoded[0] += 3
    tile.decoded[1] += 10
    assert tile.kept()
    assert 10 <= tile.row["MAXERR"] <= 10 * (1 + 1e-6)
    assert tile.row["SCALE"] == pytest.approx((12 * (9 + 100) / 2) ** 0.5)


def test_the_rms_of_latents_is_that_of_defined_pixels():
    values = sky("f4")
    values[0] = np.nan
    tile = Tile(values, Form.LATENT, settings=LATENT)
    tile.decoded[1] += 10
    assert tile.kept()
    assert tile.row["SCALE"] == pytest.approx(10 * 12**0.5)


@of_floats
def test_the_largest_error_is_never_told_too_small(dtype):
    values = floats(dtype)
    tile = Tile(values, Form.QUANT, error_bound=STEP / 2)
    for seed in range(50):
        error = np.random.default_rng(seed).uniform(-STEP / 2.1, STEP / 2.1, SHAPE)
        tile.decoded = (values + error).astype(dtype)
        assert tile.kept()
        largest = np.abs(tile.decoded.astype(np.longdouble) - values).max()
        assert largest <= tile.row["MAXERR"] <= largest * (1 + 3e-7)


@everywhere
@of_integers
def test_zeros_of_integers_stay_where_they_are_to_be_kept(dtype, place):
    for dither in (0, 1, 2):
        values = sky(dtype)
        values[place] = 0
        asked = {"error_bound": 3, "dither": dither, "lossy_integers": True}
        assert Tile(values, Form.STEP, **asked).kept(place, 1) == (dither != 2)
