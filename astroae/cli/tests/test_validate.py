"""`astroae validate`: exit codes, JSON against its schema, the page, several files."""

import json
from importlib.resources import files

import numpy as np
import pytest
from astropy.io import fits

import astroae
from astroae.cli.__main__ import main
from astroae.io.tests.helpers import sky

for package in ("photutils", "skimage", "pytorch_msssim"):
    pytest.importorskip(package)

TWO = ["--only", "background,pixels"]


@pytest.fixture
def pair(tmp_path):
    """A file and its compressed version."""
    fits.writeto(tmp_path / "a.fits", sky((256, 256)))
    astroae.compress(tmp_path / "a.fits", tmp_path / "a.aae.fits", quantize_level=16)
    return [str(tmp_path / "a.fits"), str(tmp_path / "a.aae.fits")]


@pytest.fixture
def shifted(pair, tmp_path):
    """The same, a sigma too bright."""
    fits.writeto(tmp_path / "b.fits", sky((256, 256)) + 5)
    return [pair[0], str(tmp_path / "b.fits")]


def report_of(capsys):
    (report,) = json.loads(capsys.readouterr().out)["files"]
    return report


def test_a_pass(pair, capsys):
    assert main(["validate", *pair, *TWO]) == 0
    out, err = capsys.readouterr()
    assert f"{pair[1]}: pass" in out
    assert "background.shift" in out
    assert err == ""
    assert main(["validate", *pair, *TWO, "--strict", "--quiet"]) == 0
    assert capsys.readouterr() == ("", "")


def test_a_broken_tolerance_is_exit_code_1(shifted, capsys):
    assert main(["validate", *shifted, *TWO, "--json"]) == 1
    report = report_of(capsys)
    assert report["verdict"] == "fail"
    verdicts = {r["name"]: r["verdict"] for r in report["images"][0]["results"]}
    assert verdicts["background.shift"] == "fail"
    assert verdicts["background.noise"] == "pass"


def test_undetermined_is_exit_code_1_if_strict(tmp_path, pair, capsys):
    (tmp_path / "narrow.toml").write_text(
        'based_on = "default"\n[background.shift]\nlimit = 0.00001\nsource = "a test"\n'
    )
    argv = ["validate", *pair, *TWO, "--tolerance", str(tmp_path / "narrow.toml"), "--json"]
    assert main(argv) == 0
    report = report_of(capsys)
    assert report["verdict"] == "undetermined"
    assert report["tolerance"]["name"] == "narrow"
    assert main([*argv, "--strict"]) == 1


def test_json_is_what_the_schema_says(pair, capsys):
    jsonschema = pytest.importorskip("jsonschema")
    schema = json.loads(files("astroae.validation").joinpath("schema.json").read_text())
    assert main(["validate", *pair, "--json"]) in (0, 1)
    report = report_of(capsys)
    jsonschema.validate(report, schema)
    assert (report["file"], report["original"]) == (pair[1], pair[0])


def test_options_reach_the_measurement(tmp_path, capsys):
    image = fits.ImageHDU(sky((128, 128)), name="SCI")
    image.header["BUNIT"] = "adu"
    flags = fits.ImageHDU(np.zeros((128, 128), "i2"), name="DQ")
    flags.data[:3] = 1
    path = str(tmp_path / "a.fits")
    fits.HDUList([fits.PrimaryHDU(), image, flags]).writeto(path)
    options = ["--hdu", "SCI", "--mask", "2", "--zero-point", "25", "--gain", "2"]
    assert main(["validate", path, path, *TWO, *options, "--max-sources", "9", "--json"]) == 0
    (found,) = report_of(capsys)["images"]
    facts = found["facts"]
    assert found["name"] == "SCI,1"
    assert (facts["zero_point"], facts["gain"], facts["bad_pixels"]) == (25, 2, 3 * 128)
    assert facts["measured_sources"] == 9


def test_several_pairs(pair, shifted, capsys):
    assert main(["validate", *pair, "--also", *shifted, *TWO, "--json"]) == 1
    report = report_of(capsys)
    assert [image["verdict"] for image in report["images"]] == ["pass", "fail"]
    assert shifted[1] in report["restored"]


@pytest.mark.parametrize(
    ("argv", "code", "words"),
    [
        (["nothing.fits", "a.aae.fits"], 3, "nothing.fits"),
        (["a.fits", "a.fits", "--tolerance", "loose"], 2, "photometry"),
        (["a.fits", "a.fits", "--only", "beauty"], 2, "background"),
        (["a.fits", "a.fits", "--hdu", "7"], 3, "HDU 0"),
        (["a.fits", "a.fits", "--html", "none/page.html"], 7, "folder"),
        (["a.fits", "a.aae.fits", "--html", "a.fits", "--overwrite"], 7, "input itself"),
    ],
)
def test_what_goes_wrong(pair, tmp_path, monkeypatch, capsys, argv, code, words):
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.iterdir())
    assert main(["validate", *argv]) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("astroae validate: ")
    assert words in err
    assert sorted(tmp_path.iterdir()) == before


def test_the_page(pair, tmp_path, capsys):
    for package in ("matplotlib", "jinja2"):
        pytest.importorskip(package)
    page = tmp_path / "report.html"
    argv = ["validate", *pair, *TWO, "--html", str(page)]
    assert main(argv) == 0
    text = page.read_text()
    assert text.lstrip().lower().startswith("<!doctype html>")
    assert "background.shift" in text
    capsys.readouterr()
    assert main(argv) == 7
    assert "--overwrite" in capsys.readouterr().err
    assert page.read_text() == text
    assert main([*argv, "--overwrite"]) == 0
