"""Meshes of each image by itself: shifts, grids, and what is left alone."""

import numpy as np
import pytest

pytest.importorskip("photutils")

from astroae.validation.measure import validate_pair
from astroae.validation.metrics.tests import fields
from astroae.validation.metrics.tests.skies import NOISE, dithered, original, stepped
from astroae.validation.original import Original
from astroae.validation.pair import Pair


def verdicts(pair):
    """Of every quantity of the metric."""
    found = validate_pair(pair, only=["background"])
    return {r.name.partition(".")[2]: r.verdict for r in found.results}


def test_a_sky_on_a_grid_is_seen_although_its_mean_is_right():
    pair = stepped(original())
    found = validate_pair(pair, only=["background"])
    assert abs(found["background.shift"].value) < 0.02
    assert found["background.noise"].verdict == "pass"
    assert found["background.medians"].verdict == found["background.modes"].verdict == "fail"
    assert found["background.medians"].value > 5 and found["background.modes"].value > 20


def test_the_same_with_dither_passes():
    assert set(verdicts(dithered(original())).values()) <= {"pass", "skipped"}
    assert verdicts(dithered(original()))["medians"] == "pass"


def test_lossless_passes_everything():
    of = original()
    found = validate_pair(Pair(of, of.data), only=["background"])
    assert {r.verdict for r in found.results} == {"pass"}
    assert all(r.low == r.high == 0 for r in found.results)


def test_a_flat_sky_beside_the_grid_is_shifted():
    of = original(slope=0, whole=False, level=1001.25)
    found = verdicts(stepped(of, 2.5))
    assert found["shift"] == found["mode"] == "fail"


def test_a_constant_offset_is_a_shift_and_no_growth():
    of = original(whole=False)
    found = verdicts(Pair(of, of.data + 0.05 * NOISE))
    assert found["shift"] == found["mode"] == "fail"
    assert found["medians"] == found["modes"] == "pass"


def test_what_the_codec_does_at_4_passes():
    found = verdicts(fields.clean(4))
    assert "fail" not in found.values() and found["medians"] in ("pass", "skipped")


def test_counts_have_means_and_no_medians():
    counts = Original(np.random.default_rng(1).poisson(12.0, (256, 256)).astype("i2"))
    found = validate_pair(Pair(counts, counts.data), only=["background"])
    assert found["background.shift"].verdict == "pass"
    assert "few photons" in found["background.medians"].note


def test_an_image_without_noise_is_skipped():
    flat = Original(np.full((128, 128), 5.0))
    assert set(verdicts(Pair(flat, flat.data)).values()) == {"skipped"}


def test_few_meshes_say_what_would_decide():
    of = Original(original(whole=False).data[:100, :100])
    note = validate_pair(dithered(of, 2.5), only=["background"])["background.mode"].note
    assert "16 meshes tell it to +- " in note and "would decide" in note
    assert note.endswith("background.shift stands in")


def test_bad_and_lost_pixels_are_left_out():
    of = original(whole=False)
    data = of.data.copy()
    data[:, ::5] = np.nan
    spoilt = Original(data)
    restored = data.copy()
    restored[::7] = np.nan
    found = validate_pair(Pair(spoilt, restored), only=["background"])
    assert np.isfinite(found["background.medians"].value)
    assert found["background.medians"].verdict in ("pass", "skipped")
