"""The demo, on its own field and on real files."""

import json

import numpy as np
import pytest
from astropy.io import fits

from astroae.cli.__main__ import main

pytest.importorskip("matplotlib")
pytest.importorskip("photutils")


def check_demo(tmp_path, capsys, *args):
    code = main(["demo", "--json", "--output", str(tmp_path), *map(str, args)])
    document = json.loads(capsys.readouterr().out)
    assert code == 0
    assert document["errors"]["lossless"]["changed"] == 0
    assert document["errors"]["bounded"]["over_bound"] <= 1
    with open(document["figure"], "rb") as file:
        assert file.read(8) == b"\x89PNG\r\n\x1a\n"
    return document


def bytes_of(document, mode, codec):
    return next(s["bytes"] for s in document["sizes"] if (s["mode"], s["codec"]) == (mode, codec))


def test_simulated_field(tmp_path, capsys):
    document = check_demo(tmp_path, capsys, "--seed", 3)
    assert bytes_of(document, "bounded", "astroae") < bytes_of(document, "bounded", "RICE_1")
    sources = document["photometry"]
    change = np.subtract(sources["after"], sources["before"]) / sources["error"]
    assert len(change) > 50 and change.std() < 0.15
    with fits.open(document["files"][1]) as hdul, fits.open(document["source"]) as original:
        assert hdul[1].header == original[0].header


def test_finer_steps_cost_more(tmp_path, capsys, bundled_images):
    image = next(p for p in bundled_images if "sdss" in p.name)
    coarse = check_demo(tmp_path, capsys, image, "-q", 1)
    fine = check_demo(tmp_path, capsys, image, "-q", 16)
    assert bytes_of(coarse, "bounded", "astroae") < bytes_of(fine, "bounded", "astroae")
    assert coarse["errors"]["bounded"]["largest"] > fine["errors"]["bounded"]["largest"]


# iris: its header holds a card that is not FITS standard, as astropy says each time.
@pytest.mark.filterwarnings("ignore::astropy.io.fits.verify.VerifyWarning")
@pytest.mark.parametrize("name", ["feder", "herschel", "iris", "gmos", "gnirs", "hinode-sot_sp"])
def test_real_files(name, tmp_path, capsys, bundled_images):
    check_demo(tmp_path, capsys, next(p for p in bundled_images if name in p.name))


def test_says_what_it_did(tmp_path, capsys, bundled_images):
    image = next(p for p in bundled_images if "90prime" in p.name)
    assert main(["demo", str(image), "--output", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    for words in ("RICE_1", "gzip", "pixels identical", "of what its bound allows", ".png"):
        assert words in said
    assert main(["demo", str(image), "--output", str(tmp_path), "--quiet"]) == 0
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("content", [b"", b"not FITS at all", None])
def test_input_without_an_image_is_refused(content, tmp_path, capsys):
    path = tmp_path / "input.fits"
    if content is None:
        fits.writeto(path, np.arange(5.0))  # a spectrum: nothing to draw
    else:
        path.write_bytes(content)
    assert main(["demo", str(path), "--output", str(tmp_path / "out")]) == 3
    assert str(path) in capsys.readouterr().err


def test_output_that_is_a_file_is_refused(tmp_path, capsys):
    path = tmp_path / "out"
    path.write_text("here")
    assert main(["demo", "--output", str(path)]) == 7
    assert "--output" in capsys.readouterr().err
    assert path.read_text() == "here"


def test_missing_extra_is_named(tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "photutils", None)
    assert main(["demo", "--output", str(tmp_path)]) == 8
    assert "pip install astroae[demo]" in capsys.readouterr().err
