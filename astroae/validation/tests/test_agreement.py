"""Validation's figures beside those of other people's programs.

``sep`` for aperture sums, skimage and pytorch-msssim for whole images, the formulas of the
papers for SSIM and MS-SSIM, SExtractor for detections, fluxes and centroids.
"""

import csv
import json
import shutil

import numpy as np
import pytest
from astropy.io import fits

from astroae.bench.agreement import (
    compare_sep,
    plain_ms_ssim,
    plain_ssim,
    simulated,
    two_pictures,
)
from astroae.bench.sextractor import PROGRAM
from astroae.cli.__main__ import main
from astroae.validation import images
from astroae.validation.original import Original

pytest.importorskip("photutils")

needs_sextractor = pytest.mark.skipif(
    shutil.which(PROGRAM) is None, reason=f"{PROGRAM} is not installed"
)


# ---- SSIM and MS-SSIM: window 11, Gaussian of 1.5 pixels, data range 1 --------------------

#: Of `two_pictures`, by `plain_ssim` and `plain_ms_ssim`.
SSIM, MS_SSIM = 0.4613398267597008, 0.8980283979145555


def test_ssim_of_the_two_pictures():
    pytest.importorskip("skimage")
    before, after = two_pictures()
    assert plain_ssim(before, after) == pytest.approx(SSIM, rel=1e-12)
    assert images.ssim(before, after) == pytest.approx(SSIM, rel=1e-12)


def test_ms_ssim_of_the_two_pictures():
    pytest.importorskip("pytorch_msssim")
    before, after = two_pictures()
    assert plain_ms_ssim(before, after) == pytest.approx(MS_SSIM, rel=1e-12)
    # pytorch-msssim rounds the window's weights to single precision.
    assert images.ms_ssim(before, after) == pytest.approx(MS_SSIM, abs=1e-5)


@pytest.mark.parametrize("shape", [(401, 333), (700, 163), (170, 900), (256, 200, 3)])
def test_bands_give_what_whole_images_give(shape):
    torch = pytest.importorskip("torch")
    whole = pytest.importorskip("pytorch_msssim").ms_ssim
    structural = pytest.importorskip("skimage.metrics").structural_similarity
    rng = np.random.default_rng(7)
    before = rng.random(shape)
    after = np.clip(before + rng.normal(0, 0.3, shape), 0, 1)
    planes = [np.moveaxis(np.atleast_3d(one), -1, 0)[None].copy() for one in (before, after)]
    expected = float(whole(*map(torch.from_numpy, planes), data_range=1.0))
    assert images.ms_ssim(before, after) == pytest.approx(expected, rel=1e-10)
    expected = structural(
        before,
        after,
        data_range=1.0,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        channel_axis=-1 if len(shape) == 3 else None,
    )
    assert images.ssim(before, after) == pytest.approx(expected, rel=1e-10)


def test_an_inverted_picture_has_no_likeness():
    pytest.importorskip("pytorch_msssim")
    noise = np.random.default_rng(8).random((200, 200))
    assert images.ms_ssim(noise, 1 - noise) == 0


# ---- sep: exact overlaps ------------------------------------------------------------------


def test_sep_on_simulated_fields():
    pytest.importorskip("sep")
    for original in simulated().values():
        assert len(original.sources.clean) > 300
        _agrees_with_sep(original)


def test_sep_on_a_real_image(bundled_images):
    pytest.importorskip("sep")
    path = next(p for p in bundled_images if p.name.startswith("sdss_sn2006bh_g"))
    with fits.open(path) as hdus:
        original = Original(hdus[0].data, header=hdus[0].header)
    assert len(original.sources.clean) > 10
    _agrees_with_sep(original)


def _agrees_with_sep(original):
    figures = compare_sep(original)
    assert len(figures) == 3
    for name, (value, _, n) in figures.items():
        assert value < 1e-5, name
        assert n == len(original.sources.clean)


# ---- the table: two simulated and two real fields ------------------------------------------


@pytest.fixture(scope="module")
def found(real_images, tmp_path_factory):
    """What ``astroae bench agreement`` finds, by field and measure."""
    pytest.importorskip("sep")
    folder = next(row["path"] for row in real_images).parent.parent
    path = tmp_path_factory.mktemp("agreement") / "a.csv"
    assert main(["bench", "agreement", "--data", str(folder), "-o", str(path)]) == 0
    return _read(path)


def _read(path):
    with open(path, newline="") as file:
        return {
            (row["field"], row["measure"]): (float(row["value"]), int(row["n"]), row["unit"])
            for row in csv.DictReader(file)
        }


@needs_sextractor
def test_the_table_in_the_docs_is_what_is_measured(found, pytestconfig):
    table = _read(pytestconfig.rootpath / "docs" / "tables" / "agreement.csv")
    assert table.keys() == found.keys()
    for key, (value, n, unit) in table.items():
        again, how_many, _ = found[key]
        assert how_many == pytest.approx(n, abs=3), key
        # Rounding moves a source or two across a threshold.
        assert again == pytest.approx(value, rel=0.1, abs={"": 1e-6}.get(unit, 0.01)), key


@needs_sextractor
def test_sextractor_finds_the_same_sources(found):
    fields = _of(found, "sources that SExtractor has too")
    assert len(fields) == 4
    for name, (value, n, _) in fields.items():
        assert value > (95 if n > 100 else 85), name
    for name, (value, n, _) in _of(found, "SExtractor's sources that validation has too").items():
        assert value > 98, (name, n)


@needs_sextractor
def test_what_sextractor_lacks_it_has_not_separated(found):
    """Each lies within the isophote of a brighter one: a matter of deblending."""
    for name, (value, n, _) in _of(found, "those it lacks, within the isophote of another").items():
        assert value == n, name


@needs_sextractor
def test_fluxes_differ_by_place_and_background_only(found):
    for name, (value, _, _) in _of(
        found, "flux difference, same places and background, median"
    ).items():
        assert abs(value) < 0.01, name
    for name, (value, _, _) in _of(
        found, "flux difference, same places and background, scatter"
    ).items():
        assert value < 0.05, name
    for name, (value, _, _) in _of(found, "flux difference, median").items():
        # SExtractor's sky is an estimate of the mode, below the median where sources are.
        assert 0 < value < 0.6, name


@needs_sextractor
def test_centroids_have_no_offset(found):
    for axis in "xy":
        scatter = _of(found, f"centroid along {axis}, scatter")
        for name, (value, n, _) in _of(found, f"centroid along {axis}, median").items():
            # 1.25: a median's error is that much above a mean's.
            assert abs(value) < 3 * 1.25 * scatter[name][0] / np.sqrt(n), name
            assert scatter[name][0] < 0.1, name


def _of(found, measure):
    return {field: figures for (field, name), figures in found.items() if name == measure}


@needs_sextractor
def test_agreement_as_json(capsys, tmp_path):
    """Without the real images it compares what can be simulated."""
    pytest.importorskip("sep")
    assert main(["bench", "agreement", "--data", str(tmp_path), "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["rows"]
    assert {row["field"] for row in rows if row["with"] == "SExtractor"} == {
        "simulated, calibrated",
        "simulated, crowded",
    }
