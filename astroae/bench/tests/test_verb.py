"""``astroae bench``: its four measurements as a user calls them."""

import json
import shutil

import numpy as np
import pytest
from astropy.io import fits

from astroae.cli.__main__ import main


@pytest.fixture
def image(tmp_path):
    path = tmp_path / "a.fits"
    fits.writeto(path, np.random.default_rng(1).normal(100, 5, (256, 260)).astype(np.float32))
    return path


def test_rate(image, tmp_path, capsys):
    pytest.importorskip("imagecodecs")
    pytest.importorskip("matplotlib")
    files = ["--csv", str(tmp_path / "r.csv"), "--plot", str(tmp_path / "r.png")]
    code = main(["bench", "rate", str(image), "-q", "4", "--rivals", "RICE_1", "JPEG-LS", *files])
    out = capsys.readouterr().out
    assert code == 0
    assert "JPEG-LS" in out and "Mean over instruments" in out
    assert (tmp_path / "r.csv").exists() and (tmp_path / "r.png").exists()


def test_rate_as_json(image, capsys):
    assert main(["bench", "rate", str(image), "--rivals", "RICE_1", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert [row["setting"] for row in document["rows"]] == ["q=4", "q=1"]
    assert document["summary"][0]["mean ratio"] == document["rows"][0]["ratio to RICE_1"]


def test_real(image, capsys):
    assert main(["bench", "real", str(image), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert [row["mode"] for row in document["rows"]] == ["lossless", "q=4", "q=1"]
    assert all(total["files with problems"] == 0 for total in document["totals"])


def test_real_fails_on_what_cannot_be_read(tmp_path, capsys):
    (tmp_path / "a.fits").write_text("no")
    assert main(["bench", "real", "--data", str(tmp_path)]) == 1
    assert "InputError" in capsys.readouterr().out


def test_speed(capsys):
    words = ["--part", "large", "opening", "--largest", "512"]
    assert main(["bench", "speed", *words]) == 0
    out = capsys.readouterr().out
    assert "RICE_1" in out and "tiles decoded" in out


@pytest.mark.skipif(shutil.which("fpack") is None, reason="fpack is not installed")
def test_takeover(image, capsys):
    assert main(["bench", "takeover", str(image), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert len(document["rows"]) == 5
    assert all(not row["problems"] and row["ratio"] < 1 for row in document["rows"])


def test_wrong_usage(tmp_path, capsys):
    assert main(["bench", "rate", "--data", str(tmp_path / "none")]) == 3
    assert main(["bench", "rate", "--data", str(tmp_path), "--rivals", "best"]) == 2
    assert "no such rival" in capsys.readouterr().err
