"""What several small images decide together, and what they may not hide."""

from types import SimpleNamespace

import numpy as np
import pytest
from astropy.io import fits

import astroae
from astroae.simulate import FieldSettings, make_field
from astroae.validation.bins import worst_bin
from astroae.validation.metrics import Measured, Quantity, Skipped
from astroae.validation.metrics.aperture import as_growth
from astroae.validation.metrics.detection import completeness
from astroae.validation.pooling import merged, pool, undecided
from astroae.validation.result import ImageValidation, judge
from astroae.validation.statistics import Estimate, exact, mean, net_change, pooled, rms
from astroae.validation.tolerances import Tolerance, Tolerances

for package in ("photutils", "skimage", "pytorch_msssim"):
    pytest.importorskip(package)

METRIC = SimpleNamespace(NAME="some", QUANTITIES=(Quantity("bias", "mmag", "within", "a bias"),))
NONE = Tolerances("none", "", {})
TOLERANCES = Tolerances("own", "0" * 64, {"some.bias": Tolerance(0.5, "a paper")})


def images_of(*measured):
    """Each judged by itself, and what `measure_pair` would have given."""
    results = [judge(METRIC, METRIC.QUANTITIES[0], one, TOLERANCES) for one in measured]
    images = [ImageValidation(f"plane {i}", (one,), {"kinds": []}) for i, one in enumerate(results)]
    return images, [{"some": (METRIC, {"bias": one})} for one in measured]


def stars(n, bias=0.0, seed=1):
    return Measured(mean(np.random.default_rng(seed).normal(bias, 1, n)))


# ---- numbers -------------------------------------------------------------------------------


@pytest.mark.parametrize("of", [mean, rms, lambda v: as_growth(rms(v))])
def test_parts_give_the_number_of_all(of):
    values = np.random.default_rng(1).normal(1, 1, 60)
    parts = [of(values[:2]), of(values[2:30]), of(np.zeros(4)), of(values[30:])]
    whole = of(np.concatenate([values[:30], np.zeros(4), values[30:]]))
    found = pooled(parts)
    assert (found.value, found.n) == (pytest.approx(whole.value), 64)
    assert found.high - found.low == pytest.approx(whole.high - whole.low, rel=1e-6)


def test_counts_give_the_counts_of_all():
    assert pooled([net_change(3, 0, 100), net_change(1, 2, 50)]) == net_change(4, 2, 150)
    assert pooled([completeness(3, 0, 100), completeness(0, 0, 0)]).n == 100


def test_magnitude_bins_are_made_anew():
    rng = np.random.default_rng(2)
    values, mag = rng.normal(0, 1, 60), rng.uniform(15, 18, 60)
    few = [worst_bin(values[i::4], mag[i::4]) for i in range(4)]
    assert not any(one.bins and len(one.bins) > 1 for one in few)
    again = few[0].parts.of(*(np.concatenate(a) for a in zip(*(o.parts.arrays for o in few))))
    assert len(again.bins) > 1 and again.joint


def test_numbers_without_parts_are_averaged_by_their_intervals():
    found = pooled([Estimate(1.0, 0.0, 2.0, 10), Estimate(3.0, 1.0, 5.0, 5)])
    assert found.value == pytest.approx((1 + 3 / 4) / 1.25)
    assert found.high - found.value == pytest.approx(1.25**-0.5)
    open_ = pooled([Estimate(1.0, -np.inf, np.inf, 3), Estimate(2.0, -np.inf, np.inf, 3)])
    assert open_.n == 6 and open_.high == np.inf


# ---- verdicts ------------------------------------------------------------------------------


def test_together_they_decide():
    images, measured = images_of(*(stars(12, seed=seed) for seed in range(12)))
    assert undecided(images) == ["some.bias"]
    images, common = pool(images, measured, TOLERANCES)
    assert common["some.bias"].verdict == "pass" and common["some.bias"].n == 144
    assert "of 12 images" in common["some.bias"].note
    assert {image["some.bias"].verdict for image in images} <= {"pooled", "pass", "undetermined"}
    assert sum(image["some.bias"].verdict == "pooled" for image in images) > 8


def test_too_few_to_say_anything_alone():
    images, measured = images_of(*(stars(3, seed=seed) for seed in range(60)))
    images, common = pool(images, measured, TOLERANCES)
    assert common["some.bias"].verdict == "pass"
    assert {image["some.bias"].verdict for image in images} == {"pooled"}


def test_together_they_fail_too():
    images, measured = images_of(*(stars(12, 1.5, seed) for seed in range(12)))
    _, common = pool(images, measured, TOLERANCES)
    assert common["some.bias"].verdict == "fail"


def test_a_failure_is_not_averaged_away_and_an_outlier_stays_open():
    parts = stars(20).estimate.parts
    off = Measured(Estimate(5.0, 4.0, 6.0, 40, parts))
    far = Measured(Estimate(1.2, 0.45, 1.5, 20, parts))
    images, measured = images_of(*(stars(12, seed=s) for s in range(9)), off, far)
    assert [image.verdict for image in images[-2:]] == ["fail", "undetermined"]
    images, common = pool(images, measured, TOLERANCES)
    assert common.verdict == "pass"
    assert [image.verdict for image in images[-2:]] == ["fail", "undetermined"]
    assert merged(images, common)[0].verdict == "fail"
    assert merged(images[:-2], common)[0].verdict == "pass"


def test_a_failure_beside_a_common_value_that_it_might_have_stays():
    near = Measured(Estimate(1.0, 0.55, 1.45, 20, stars(20, 0.25).estimate.parts))
    images, measured = images_of(*(stars(12, 0.25, seed) for seed in range(40)), near)
    images, common = pool(images, measured, TOLERANCES)
    assert common.verdict == "pass" and 2 * near.estimate.low - 1 < common["some.bias"].value
    assert images[-1].verdict == "fail"


@pytest.mark.parametrize(("direction", "worst"), [("within", -3.0), ("at least", -3.0)])
def test_the_worst_of_several_planes(direction, worst):
    quantity = Quantity("bias", "", direction, "a bias")
    images = [
        ImageValidation("", (judge(METRIC, quantity, Measured(exact(v, 9)), NONE),))
        for v in (1.0, worst, 2.0)
    ]
    assert merged(images, None)[0].value == worst


def test_what_is_skipped_or_alone_is_left():
    images, measured = images_of(stars(12), Measured(Estimate(0, 0, 0, 5)))
    measured[1]["some"] = METRIC, {"bias": Skipped("no sky")}
    found, common = pool(images, measured, TOLERANCES)
    assert common is None and found == images


# ---- files ---------------------------------------------------------------------------------


def small(seed, side=96):
    return make_field(FieldSettings(shape=(side, side), seed=seed)).image


def restored(image, level=3):
    return astroae.decode(astroae.encode(image, quantize_level=level))


def hdus(images):
    return fits.HDUList([fits.PrimaryHDU(), *(fits.ImageHDU(one) for one in images)])


def test_small_images_of_one_file():
    images = [small(seed) for seed in range(6)]
    alone = astroae.validate(images[1], restored(images[1]), only="aperture")
    assert alone.verdict == "undetermined"
    open_ = [r for r in alone.images[0].results if r.verdict == "undetermined"]
    assert all("would decide" in r.decides or "at least" in r.decides for r in open_)
    before, after = hdus(images), hdus([restored(image) for image in images])
    found = astroae.validate(before, after, only="aperture")
    assert found.images[-1].name == "pooled"
    assert found.images[-1]["aperture.bias"].n > 60 and found.verdict == "pass"
    assert {i["aperture.bias"].verdict for i in found.images[:-1]} <= {"pooled", "pass"}
    harmed = hdus([image + 0.01 * (image - np.median(image)) for image in images])
    assert astroae.validate(before, harmed, only="aperture").verdict == "fail"


def test_a_cube_measures_more_planes_where_the_first_cannot_decide():
    cube = np.stack([small(seed, 64) for seed in range(12)])
    found = astroae.validate(cube, restored(cube), only=["aperture", "pixels"])
    assert any("more planes for aperture" in note for note in found.notes)
    assert found.images[-1].name == "pooled"
    planes = [image for image in found.images if "aperture.bias" in
              {r.name for r in image.results} and image.name != "pooled"]  # fmt: skip
    assert len(planes) == 12


def test_pooled_results_are_in_schema_and_report():
    from astroae.validation.tests.test_files import check_schema

    images = [small(seed) for seed in range(3)]
    found = astroae.validate(hdus(images), hdus([restored(i) for i in images]), only="aperture")
    report = check_schema(found)
    assert "pooled" in [r["verdict"] for i in report["images"] for r in i["results"]]
    pytest.importorskip("jinja2")
    from astroae.validation.report import to_html

    assert "decided by all images of the file together" in to_html(found)
