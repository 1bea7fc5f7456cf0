"""All metrics on one pair: every quantity answered, on any image."""

import json

import numpy as np
import pytest

from astroae.errors import SettingError
from astroae.simulate import FieldSettings, Population, make_field
from astroae.validation.measure import validate_pair, versions
from astroae.validation.metrics import metrics
from astroae.validation.original import Original
from astroae.validation.pair import Pair

pytest.importorskip("photutils")
pytest.importorskip("skimage")
pytest.importorskip("pytorch_msssim")

ANSWERS = {"pass", "fail", "undetermined", "skipped", "reported"}


@pytest.fixture(scope="module")
def original():
    made = make_field(
        FieldSettings(shape=(256, 256), population=Population(stars=150, galaxies=20), seed=2)
    )
    return Original(made.image, header=made.header, mask=made.mask, name="SCI")


def asked():
    """Full names of all quantities."""
    return [f"{name}.{q.name}" for name, m in metrics().items() for q in m.QUANTITIES]


def test_an_unchanged_image_never_fails(original):
    found = validate_pair(Pair(original, original.data))
    assert [result.name for result in found.results] == asked()
    assert {result.verdict for result in found.results} <= ANSWERS - {"fail"}
    judged = [result for result in found.results if result.verdict in ("pass", "undetermined")]
    assert sum(result.verdict == "pass" for result in judged) > 0.8 * len(judged)
    assert found.name == "SCI" and found.facts["kinds"] == ["point sources"]


def test_a_ruined_image_fails(original):
    found = validate_pair(Pair(original, np.zeros(original.shape)), only=["pixels", "aperture"])
    assert found.verdict == "fail"
    assert found["pixels.rms"].verdict == found["aperture.bias"].verdict == "fail"


def test_only(original):
    steps = []
    found = validate_pair(
        Pair(original, original.data),
        only=["pixels", "background"],
        name="other",
        progress=lambda done, total: steps.append((done, total)),
    )
    assert {result.name.partition(".")[0] for result in found.results} == {"pixels", "background"}
    assert steps == [(1, 2), (2, 2)] and found.name == "other"


@pytest.mark.parametrize("only", [["telepathy"], ["pixels", "aperture_bias"]])
def test_no_such_metric(original, only):
    with pytest.raises(SettingError, match="pixels"):
        validate_pair(Pair(original, original.data), only=only)


def test_measured_once_judged_twice(original, tmp_path):
    """A laxer tolerance changes verdicts, never values."""
    strict, lax = tmp_path / "strict.toml", tmp_path / "lax.toml"
    strict.write_text("[pixels.rms]\nlimit = 0\n")
    lax.write_text("[pixels.rms]\nlimit = 9\n")
    pair = Pair(original, original.data + 1)
    one, other = (validate_pair(pair, tolerance=t, only=["pixels"]) for t in (strict, lax))
    assert (one.verdict, other.verdict) == ("fail", "pass")
    assert one["pixels.rms"].value == other["pixels.rms"].value


NOISE = np.random.default_rng(5).normal(100, 3, (64, 64))
ODD = {
    "constant": np.full((64, 64), 7.0),
    "all NaN": np.full((64, 64), np.nan),
    "one pixel": np.ones((1, 1)),
    "3 x 3": np.arange(9.0).reshape(3, 3),
    "row": NOISE[:1],
    "column": NOISE[:, :1],
    "NaN-rich": np.where(np.random.default_rng(6).random((64, 64)) > 0.05, np.nan, NOISE),
    "uint64": np.random.default_rng(7).integers(0, 2**64, (64, 64), np.uint64),
    "BZERO": np.random.default_rng(8).integers(32768, 32900, (64, 64)).astype(np.uint16),
    "labels": np.random.default_rng(9).integers(0, 3, (64, 64)).astype(np.uint8),
    "photons": np.random.default_rng(10).poisson(0.2, (96, 96)).astype(np.int32),
    "one in 1e30": np.where(np.arange(4096).reshape(64, 64) == 2080, 1e30, NOISE),
    "infinite": np.where(np.arange(4096).reshape(64, 64) % 7 == 0, np.inf, NOISE),
}


@pytest.mark.parametrize("name", list(ODD))
def test_any_image_gets_an_answer(name):
    """Unchanged: every quantity answered, none failed, and JSON can hold it."""
    image = ODD[name]
    found = validate_pair(Pair(Original(image), image))
    assert [result.name for result in found.results] == asked()
    failed = [result.name for result in found.results if result.verdict == "fail"]
    assert failed == []
    assert all(result.text and result.verdict in ANSWERS for result in found.results)
    assert all(result.note for result in found.results if result.verdict == "skipped")
    json.dumps(found.to_dict(), allow_nan=False)


@pytest.mark.parametrize("name", ["constant", "3 x 3", "NaN-rich", "labels", "photons", "row"])
def test_a_lost_pixel_always_fails(name):
    image = ODD[name].astype(float)
    restored = image.copy()
    place = tuple(index[0] for index in np.nonzero(np.isfinite(image)))
    restored[place] = np.nan
    found = validate_pair(Pair(Original(ODD[name]), restored), only=["pixels"])
    assert found["pixels.lost"].verdict == "fail" and found["pixels.lost"].value == 1


def test_versions():
    found = versions()
    assert found["numpy"] == np.__version__ and found["photutils"][0].isdigit()
