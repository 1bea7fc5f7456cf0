"""``astroae recommend`` and ``compress -q auto``: what they say and refuse."""

import json

import numpy as np
import pytest
from astropy.io import fits

import astroae
from astroae.cli.__main__ import main

for package in ("photutils", "skimage", "pytorch_msssim"):
    pytest.importorskip(package)


@pytest.fixture
def image(tmp_path):
    path = tmp_path / "an image.fits"
    noise = np.random.default_rng(1).normal(100, 5, (96, 96))
    fits.writeto(path, noise.astype("f4"))
    return path


def test_text_begins_with_the_command(image, capsys):
    assert main(["recommend", str(image)]) == 0
    text = capsys.readouterr().out
    lines = text.splitlines()
    level = astroae.recommend(image).quantize_level
    assert lines[0] == f"astroae compress -q {level:g} '{image}'"
    assert f"-> -q {level:g} " in text and "lossless" in lines[-1]


def test_json(image, capsys):
    assert main(["recommend", str(image), "--json", "--tolerance", "photometry"]) == 0
    report = json.loads(capsys.readouterr().out)["files"][0]
    assert report["tolerance"]["name"] == "photometry"
    trials = report["images"][0]["trials"]
    assert trials[-1]["setting"] == "lossless" and trials[-1]["verdict"] == "pass"
    broken = [each for trial in trials for each in trial["open"]]
    assert broken and {"name", "value", "limit", "verdict"} <= set(broken[0])


def test_errors(image, capsys):
    assert main(["recommend", str(image), "--tolerance", "none"]) == 2
    assert main(["recommend", str(image), "--sample", "8"]) == 2
    assert main(["recommend", str(image), "--hdu", "SCI"]) == 2
    assert main(["recommend", str(image.with_name("no.fits"))]) == 3
    with pytest.raises(SystemExit):
        main(["recommend", str(image), "--whole", "--sample", "64"])
    assert "no such tolerance set" in capsys.readouterr().err


def test_auto(image, tmp_path, capsys):
    out = tmp_path / "out.fits"
    assert main(["compress", "-q", "auto", str(image), "-o", str(out)]) == 0
    assert "is the smallest that passes" in capsys.readouterr().out
    level = astroae.recommend(image).quantize_level
    (hdu,) = [hdu for hdu in astroae.info(out)["hdus"] if hdu["kind"] == "astroae image"]
    assert hdu["settings"]["mode"]["quantize_level"] == level


def test_auto_refuses(image, tmp_path, capsys):
    out = str(tmp_path / "out.fits")
    assert main(["compress", "-q", "auto", "-e", "1", str(image), "-o", out]) == 2
    assert main(["compress", "-q", "auto", "--tolerance", "none", str(image), "-o", out]) == 2
    assert "two modes at once" in capsys.readouterr().err
