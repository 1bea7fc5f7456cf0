"""Photometry above each image's own annuli: what it sees, and what it leaves alone."""

from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

pytest.importorskip("photutils")

import astroae
from astroae.simulate import Population
from astroae.validation.levels import reach
from astroae.validation.measure import validate_pair
from astroae.validation.metrics.tests import fields
from astroae.validation.metrics.tests.skies import NOISE, dithered, original, stepped
from astroae.validation.original import Original
from astroae.validation.own import aperture_area
from astroae.validation.pair import Pair

BUNDLED = Path(astroae.__file__).parent / "tests" / "data"


def validated(pair):
    """Results of the metric by the second half of their names."""
    found = validate_pair(pair, only=["own_background"])
    return {r.name.partition(".")[2]: r for r in found.results}


def test_whole_steps_without_dither_fail():
    """What aperture sums above one background for both images let pass."""
    pair = stepped(original())
    assert validated(pair)["growth"].verdict == "fail"
    found = validate_pair(pair, only=["aperture"])
    assert found["aperture.growth"].verdict == found["aperture.pull"].verdict == "pass"


def test_the_same_with_dither_passes():
    found = validated(dithered(original()))
    assert found["pull"].verdict == found["growth"].verdict == "pass"


def test_lossless_is_exact():
    of = original()
    found = validated(Pair(of, of.data))
    assert [(r.verdict, r.low, r.high) for r in found.values()] == 2 * [("pass", 0, 0)]


def test_floats_at_4_pass():
    of = original(whole=False)
    restored = astroae.decode(astroae.encode(of.data.astype("f4"), quantize_level=4))
    found = validated(Pair(of, restored))
    assert found["pull"].verdict == found["growth"].verdict == "pass"


def test_a_background_that_moved_around_the_apertures_is_a_pull():
    """The pixels of the apertures are as they were: one background for both sees nothing."""
    of = original(whole=False, stars=False, slope=20)  # apertures are in the middle of cells
    row, column = np.indices(of.shape)
    cell = 2 * reach(of.fwhm) + 1
    near = np.hypot(row % cell - cell // 2, column % cell - cell // 2) < 2 * of.fwhm
    shift = 0.05 * NOISE
    found = validated(Pair(of, of.data + np.where(near, 0, shift)))["pull"]
    assert found.verdict == "fail"
    expected = -shift * np.sqrt(aperture_area(of)) / of.noise
    assert found.value == pytest.approx(expected, rel=0.1)


def test_a_constant_offset_moves_no_flux_above_its_own_background():
    of = original(whole=False)
    found = validated(Pair(of, of.data + 3.0))
    assert found["pull"].value == pytest.approx(0, abs=1e-3)
    assert found["growth"].verdict == "pass"


def test_a_sky_that_was_taken_off_makes_no_difference():
    of = original(whole=False)
    bare = Original(of.data - 1075.0)
    assert validated(stepped(bare, 2.5))["growth"].verdict == "fail"
    assert validated(dithered(bare, 2.5))["growth"].verdict == "pass"


def test_a_crowded_field_at_4_does_not_fail():
    population = Population(stars=2500, galaxies=0, faintest=200.0)
    of = fields.original(512, population)
    assert "crowded" in of.scene.kinds
    found = validated(fields.clean(4, of))
    assert found["pull"].verdict in ("pass", "skipped")
    assert found["growth"].verdict in ("pass", "skipped")


def test_a_sky_without_sources_is_measured():
    of = original(stars=False, slope=20)
    assert "empty" in of.scene.kinds
    assert validated(stepped(of))["growth"].verdict == "fail"


@pytest.mark.parametrize(
    "image, why",
    [
        (np.random.default_rng(1).poisson(12.0, (256, 256)).astype("i2"), "few photons"),
        (np.full((128, 128), 5.0), "no noise"),
        (np.random.default_rng(1).integers(0, 4, (128, 128)), "mask or labels"),
    ],
)
def test_what_has_no_sky_is_skipped_with_the_reason(image, why):
    of = Original(image)
    assert all(why in r.note for r in validated(Pair(of, of.data)).values())


def test_few_places_are_skipped_or_stand_out():
    of = Original(original(whole=False).data[:128, :128])
    found = validated(dithered(of, 2.5))
    assert {r.verdict for r in found.values()} == {"skipped"}
    assert "background.shift stands in" in found["pull"].note
    assert "would decide" in found["growth"].note


def test_an_image_narrower_than_an_annulus_has_no_place():
    of = Original(original(whole=False).data[:25, :300])
    assert "no annuli" in validated(dithered(of, 2.5))["growth"].note


def test_a_raw_frame_of_a_real_camera():
    with fits.open(BUNDLED / "feder-cg16_kelt16.fits.gz") as hdus:
        data, header = hdus[0].data, hdus[0].header
    of = Original(data, header=header)
    coarse = validate_pair(stepped(of), only=["background", "own_background"])
    assert coarse.verdict == coarse["background.medians"].verdict == "fail"
    assert coarse["own_background.growth"].value > 0.5
    fine = validate_pair(dithered(of), only=["background", "own_background"])
    assert fine.verdict != "fail" and fine["background.medians"].verdict == "pass"
