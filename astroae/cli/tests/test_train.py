"""`astroae train`: a small training end to end, a kill, and what is refused."""

import csv
import json
import sys

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("lightning")

from astroae.cli.__main__ import main  # noqa: E402
from astroae.nets.store import load  # noqa: E402
from astroae.train.data.arrays import write_idx  # noqa: E402
from astroae.train.data.origin import sha256_of  # noqa: E402
from astroae.train.resume_check import check_resume  # noqa: E402

SMALL = ["--epochs", "2", "--batch-size", "8", "--device", "cpu", "--threads", "1"]


@pytest.fixture
def digits(tmp_path, monkeypatch):
    """Strokes in an idx file; the folder becomes the working one."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(6)
    images = np.zeros((60, 28, 28), np.uint8)
    for image, row, column in zip(images, *rng.integers(6, 18, (2, 60))):
        image[row : row + 3, 5:20] = image[5:22, column : column + 2] = 255
    write_idx("train-images-idx3-ubyte.gz", images)
    return "train-images-idx3-ubyte.gz"


def refused(argv, capsys, code, *words):
    assert main(["train", *argv]) == code
    error = capsys.readouterr().err
    assert all(word in error for word in words), error


def test_end_to_end(digits, capsys):
    """A model that loads, its card, its log; and what is there is not written over."""
    argv = ["dense784", digits, "-o", "small", *SMALL]
    assert main(["train", *argv, "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["model"] == "small.safetensors" and report["epoch"] == "2"
    model = load("small.safetensors")
    assert (model.name, model.sha256) == ("small", report["sha256"])
    card = model.card
    assert card["files"] == [
        {"file": digits, "sha256": sha256_of(digits), "stamps": card["split"]["training"]["stamps"]}
    ]
    parts = card["split"]["training"], card["split"]["validation"]
    assert sum(part["stamps"] for part in parts) == 60
    assert not set(parts[0]["groups"]) & set(parts[1]["groups"])
    assert card["seed"] == 1 and card["command"].startswith("astroae")
    assert {"python", "astroae", "torch", "lightning", "numpy", "astropy"} == set(card["versions"])
    assert card["intended_use"] and card["known_failures"] and card["licence"]
    assert model.recipe["epochs"] == 2 and model.recipe["batch"] == 8
    with open("small.csv", newline="") as file:
        assert [row["epoch"] for row in csv.DictReader(file)] == ["1", "2"]
    refused(argv, capsys, 7, "output exists", "small.safetensors")
    refused([*argv, "--overwrite"], capsys, 7, "was begun", "--resume")
    assert main(["train", *argv, "--overwrite", "--resume", "--epochs", "3"]) == 0
    assert "3 epochs" in capsys.readouterr().out
    refused([*argv, "--overwrite", "--resume", "--lr", "1"], capsys, 2, "another training")


def test_killed_in_mid_epoch_and_resumed(tmp_path, digits):
    """SIGKILL, in processes of their own: weights and Adam's state are the same bits."""
    result = check_resume("dense784", digits, tmp_path, epochs=20, batch=1)
    assert 1 <= result["epochs_at_kill"] < 20
    assert result["tensors"] == 16 and result["differing"] == []


def test_what_is_refused(digits, capsys):
    refused(["dense", digits, "-o", "a"], capsys, 2, "no such recipe", "dense784", "unet187")
    refused(["dense784", "-o", "a"], capsys, 2, "no images")
    refused(["dense784", digits], capsys, 2, "nowhere to write")
    refused(["dense784", "nothing.fits", "-o", "a"], capsys, 3, "nothing.fits")
    refused(["dense784", digits, "-o", "a", "--resume"], capsys, 7, "no last.ckpt")
    refused(["dense784", digits, "-o", "a", "--side", "40"], capsys, 2, "side is fixed")
    refused(["multires", digits, "-o", "a", "--side", "40"], capsys, 2, "128 is the least")
    refused(["dense784", digits, "-o", "a", "--epochs", "0"], capsys, 2, "epochs is too small")
    with open("a.csv", "w") as file:
        file.write("mine")
    refused(["dense784", digits, "-o", "a"], capsys, 7, "output exists", "a.csv")


def test_without_torch(digits, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "lightning", None)
    refused(["dense784", digits, "-o", "a"], capsys, 8, "pip install astroae[train]")


def test_vgg_weights(digits, capsys, tmp_path):
    """Without them it is said how to come by them; with random ones a step runs."""
    import torch

    from astroae.train.vgg import _features

    argv = ["hubble128", digits, "-o", "h", *SMALL, "--epochs", "1", "--batch-size", "60"]
    refused(argv, capsys, 2, "vgg16-397923af.pth", "--vgg-weights hub", "--no-perceptual")
    refused([*argv, "--vgg-weights", "no.pth"], capsys, 6, "VGG16", "no.pth")
    weights = {f"features.{name}": value for name, value in _features().state_dict().items()}
    torch.save(weights, "vgg.pth")
    np.save("few.npy", np.random.default_rng(1).random((3, 128, 128), np.float32))
    argv[1] = "few.npy"
    assert main(["train", *argv, "--vgg-weights", "vgg.pth"]) == 0
    assert ["perceptual", 0.01] in [list(term) for term in load("h.safetensors").recipe["loss"]]
