"""The checker of promises itself: images that break their bound by the least there is."""

import numpy as np
import pytest
from astropy.io import fits

pytest.importorskip("photutils")

import astroae  # noqa: E402
from astroae.validation.measure import measure_pair  # noqa: E402
from astroae.validation.original import Original  # noqa: E402
from astroae.validation.pair import Pair  # noqa: E402

pytest.importorskip("skimage")
pytest.importorskip("pytorch_msssim")

DTYPES = ("u1", "i2", "u2", "i4", "i8", "f4", "f8")
AT = (7, 9)


def ratio(before, after, bound):
    found = measure_pair(Pair(Original(before), after, bound=bound), only="pixels")
    return found["pixels"][1]["over_bound"].estimate.value


def image(dtype):
    values = np.random.default_rng(3).normal(100, 9, (24, 32))
    return (values if dtype[0] == "f" else np.rint(values)).astype(dtype)


def put(values, value):
    out = values.copy()
    out[AT] = value
    return out


@pytest.mark.parametrize("dtype", DTYPES)
def test_by_one_step_in_one_pixel(dtype):
    before = image(dtype)
    kept, broken = before + before.dtype.type(3), put(before + before.dtype.type(3), before[AT] + 4)
    assert ratio(before, kept, 3.0) == 1
    assert ratio(before, broken, 3.0) == pytest.approx(4 / 3)


@pytest.mark.parametrize("dtype", DTYPES)
def test_of_the_very_same_pixel_anything_else_is_broken(dtype):
    before = image(dtype)
    value = before[AT]
    near = np.nextafter(value, 2 * value) if dtype[0] == "f" else value + 1
    assert ratio(before, before, 0.0) == 0
    assert ratio(before, put(before, near), 0.0) == np.inf


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_by_one_last_place(dtype):
    """The decoder's rounding is half a unit: a whole one is no rounding."""
    before = image(dtype)
    before[AT] = 100
    bound = 0.25
    edge = before[AT] + before.dtype.type(bound)
    assert ratio(before, put(before, edge), bound) == 1
    assert ratio(before, put(before, np.nextafter(edge, 200)), bound) > 1
    assert ratio(before, put(before, np.nextafter(2 * before[AT] - edge, 0)), bound) > 1


@pytest.mark.parametrize("dtype", [kind for kind in DTYPES if kind != "f4"])
def test_two_types_are_held_to_the_coarser(dtype):
    """float32 of what was another type: its own rounding, and no more."""
    before = image(dtype)
    exact = before.astype("f8") + 0.3
    bound = np.abs(exact - before).max()
    rounded = exact.astype("f4")
    assert ratio(before, rounded, bound) == 1
    assert ratio(before, put(rounded, rounded[AT] + 3 * np.spacing(rounded[AT])), bound) > 1
    assert ratio(before, before.astype("f4"), 0.0) == 0
    assert ratio(before, put(before.astype("f4"), before[AT] + np.float32(1e-4)), 0.0) == np.inf


def test_at_a_tiles_edge():
    """A pixel that keeps its neighbour's bound only."""
    before = image("f8")
    bound = np.where(np.arange(32) < 16, 1.0, 4.0) * np.ones((24, 1))
    for column, broken in ((15, True), (16, False)):
        after = before.copy()
        after[5, column] += 2
        assert (ratio(before, after, bound) > 1) is broken


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_in_a_null(value):
    before = image("f4")
    for one, other, name in ((put(before, value), before, "filled"), (before, put(before, value), "lost")):  # fmt: skip
        found = measure_pair(Pair(Original(one), other, bound=5.0), only="pixels")["pixels"][1]
        assert found[name].estimate.value == 1


def test_in_a_masked_pixel_nothing_is_promised():
    before = image("f4")
    mask = put(np.zeros(before.shape, bool), True)
    pair = Pair(Original(before, mask=mask), put(before, 1e6), bound=0.0)
    assert measure_pair(pair, only="pixels")["pixels"][1]["over_bound"].estimate.value == 0


@pytest.mark.parametrize("settings", [{}, {"quantize_level": 4}, {"error_bound": 0.5}])
@pytest.mark.parametrize("dtype", ["i2", "f4", "f8"])
def test_what_astroae_makes_is_honest_and_a_pixel_more_is_not(tmp_path, settings, dtype):
    before = image(dtype).repeat(9, 0).repeat(9, 1)
    before = before + np.random.default_rng(1).integers(-5, 6, before.shape).astype(dtype)
    fits.writeto(tmp_path / "a.fits", before)
    astroae.compress(tmp_path / "a.fits", tmp_path / "b.fits", **settings)

    def found(original):
        validation = astroae.validate(original, tmp_path / "b.fits", only=["pixels"])
        return validation.images[0]["pixels.over_bound"]

    assert found(before).verdict == "pass"
    after = fits.getdata(tmp_path / "b.fits").astype("f8")
    worst = np.unravel_index(np.argmax(np.abs(after - before)), before.shape)
    error = before[worst] - after[worst]
    other = before.copy()
    other[worst] += np.array(error or 1).astype(dtype)
    assert found(other).verdict == "fail"


@pytest.mark.parametrize("kind", ["f4", "f8"])
@pytest.mark.parametrize("method", [-1, 1, 2])
def test_fpacks_own_is_honest(tmp_path, kind, method):
    """Of whole numbers, and of float64, as the other type would have rounded."""
    rng = np.random.default_rng(5)
    for sigma in (3, 30):
        before = np.rint(rng.normal(300, sigma, (128, 128))).astype("u2")
        packed = fits.CompImageHDU(
            before.astype(kind), quantize_level=4, quantize_method=method, dither_seed=7
        )
        fits.HDUList([fits.PrimaryHDU(), packed]).writeto(tmp_path / "b.fits", overwrite=True)
        found = astroae.validate(before, tmp_path / "b.fits", only=["pixels"]).images[0]
        assert 0.9 < found["pixels.over_bound"].value <= 1


def test_scaled_integers_written_as_floats_are_the_same(tmp_path):
    """BSCALE and BZERO are how values are written, not what they are."""
    hdu = fits.PrimaryHDU(np.arange(2048, dtype="i2").reshape(32, 64) - 700)
    hdu.header["BSCALE"], hdu.header["BZERO"] = 0.01, 5.3
    hdu.writeto(tmp_path / "a.fits")
    with fits.open(tmp_path / "a.fits", do_not_scale_image_data=True) as hdus:
        exact = hdus[0].data * 0.01 + 5.3
    fits.writeto(tmp_path / "b.fits", exact)
    astroae.compress(tmp_path / "b.fits", tmp_path / "c.fits")
    found = astroae.validate(tmp_path / "a.fits", tmp_path / "c.fits", only=["pixels"]).images[0]
    assert found["pixels.over_bound"].verdict == "pass"
    wrong = exact + np.where(np.arange(64) == 3, 1e-5, 0)
    fits.writeto(tmp_path / "b.fits", wrong, overwrite=True)
    astroae.compress(tmp_path / "b.fits", tmp_path / "c.fits", overwrite=True)
    found = astroae.validate(tmp_path / "a.fits", tmp_path / "c.fits", only=["pixels"]).images[0]
    assert found["pixels.over_bound"].verdict == "fail"


def test_scaled_integers_that_lost_are_honest(tmp_path):
    """Product and sum of BSCALE and BZERO are rounded in both images, as float32."""
    rng = np.random.default_rng(2)
    hdu = fits.PrimaryHDU(rng.normal(-11200, 12, (300, 300)).astype("i2"))
    hdu.header["BSCALE"], hdu.header["BZERO"] = 2.92273835509, 3713.66692596
    hdu.writeto(tmp_path / "a.fits")
    packed = tmp_path / "a.aae.fits"
    for asked in ({"error_bound": 3}, {"error_bound": 9}):
        astroae.compress(tmp_path / "a.fits", packed, lossy_integers=True, overwrite=True, **asked)
        found = astroae.validate(tmp_path / "a.fits", packed, only="pixels").images[0]
        assert found["pixels.over_bound"].verdict == "pass"
        assert found["pixels.over_bound"].value > 0.99
