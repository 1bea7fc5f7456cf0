"""Other coders under the same tool."""

import math

import numpy as np
import pytest
from astropy.io import fits

pytest.importorskip("photutils")
pytest.importorskip("skimage")
pytest.importorskip("pytorch_msssim")
pytest.importorskip("imagecodecs")

from astroae.bench.science import CODERS, compare_coders, scene, totals  # noqa: E402
from astroae.simulate import FieldSettings, make_field  # noqa: E402
from astroae.validation.tolerances import tolerance_names  # noqa: E402


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    path = tmp_path_factory.mktemp("science") / "field.fits.gz"
    make_field(FieldSettings(shape=(192, 192), seed=5)).to_hdu().writeto(path)
    return {row.coder: row for row in compare_coders([scene(path)])}


def test_every_coder_has_a_verdict_of_every_set(rows):
    assert set(rows) == set(CODERS)
    for row in rows.values():
        assert set(row.sets) == set(tolerance_names())
        assert set(row.sets.values()) <= {"pass", "undetermined", "fail"}


def test_sizes_and_verdicts_are_in_order(rows):
    assert rows["astroae lossless"].sets["default"] == "pass"
    for loses in ("blur of 1 px", "JPEG XL d=1", "fpack q=1", "astroae q=1"):
        assert rows[loses].sets["default"] == "fail", loses
    sizes = [rows[f"astroae q={q}"].bits_per_pixel for q in (1, 2, 4, 8, 16)]
    assert sizes == sorted(sizes)
    assert rows["astroae q=4"].bits_per_pixel < rows["fpack q=4"].bits_per_pixel
    assert math.isnan(rows["blur of 1 px"].bits_per_pixel)


def test_totals(rows):
    lines = {line["coder"]: line for line in totals(list(rows.values()))}
    assert lines["astroae lossless"]["default"] == "1/0/0"
    assert lines["blur of 1 px"]["default"] == "0/0/1"


def test_scene_takes_the_middle_plane(tmp_path):
    cube = np.arange(3 * 4 * 5, dtype="i2").reshape(3, 4, 5)
    fits.writeto(tmp_path / "a.fits", cube)
    name, plane, _ = scene(tmp_path / "a.fits")
    assert (name, plane.dtype) == ("a", np.float32)
    assert np.array_equal(plane, cube[1])
