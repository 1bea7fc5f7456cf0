"""`astroae evaluate`: tables, figures and images of shipped models on small data."""

import json

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table

pytest.importorskip("torch")
pytest.importorskip("skimage")
pytest.importorskip("pytorch_msssim")
pytest.importorskip("matplotlib")

from astroae.cli.__main__ import main
from astroae.errors import OutputError
from astroae.nets.store import find
from astroae.train.data import load_data
from astroae.train.data.arrays import write_idx
from astroae.train.evaluate import METRICS, evaluate, summarise, view_of
from astroae.train.panels import training_curve
from astroae.validation.images import mse, psnr


@pytest.fixture
def digits(tmp_path, monkeypatch):
    """Strokes in an idx file; the folder becomes the working one."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(4)
    images = np.zeros((12, 28, 28), np.uint8)
    for image, row, column in zip(images, *rng.integers(6, 18, (2, 12)), strict=True):
        image[row : row + 3, 5:20] = image[5:22, column : column + 2] = 255
    write_idx("t10k-images-idx3-ubyte.gz", images)
    return "t10k-images-idx3-ubyte.gz"


def field(path, seed):
    """Stars on noise, 187 x 187, in counts far from [0, 1]."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:187, :187]
    image = rng.normal(1000, 5, x.shape)
    for row, column in rng.integers(10, 177, (12, 2)):
        image += 400 * np.exp(-((x - column) ** 2 + (y - row) ** 2) / 8)
    fits.PrimaryHDU(image.astype("f4")).writeto(path)


def refused(argv, capsys, code, *words):
    assert main(["evaluate", *argv]) == code
    error = capsys.readouterr().err
    assert all(word in error for word in words), error


def test_summary_is_of_the_stamps(digits, capsys):
    assert main(["evaluate", "dense784", digits, "--device", "cpu", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["sha256"] == find("dense784").sha256
    rows = {(row["account"], row["metric"]): row for row in report["summary"]}
    assert set(rows) == {(way, name) for way in ("free", "coded") for name in METRICS}
    assert rows["free", "mse"]["bytes"] is None and rows["coded", "mse"]["bytes"] > 0
    assert rows["coded", "ms_ssim"]["median"] is None  # 28 pixels are too few
    assert rows["coded", "ssim"]["worst_tenth"] <= rows["coded", "ssim"]["mean"]
    assert rows["coded", "mse"]["worst_tenth"] >= rows["coded", "mse"]["mean"]


def test_three_accounts_of_a_model_with_skips(tmp_path, capsys):
    """Saved images are in the image's units, keep the sum, and differ by what is told."""
    data, out = tmp_path / "data", tmp_path / "out"
    data.mkdir()
    for seed in range(2):
        field(data / f"f{seed}.fits", seed)
    argv = ["unet187", str(data), "--device", "cpu", "--metrics", "psnr,ssim", "--batch-size", "2"]
    assert main(["evaluate", *argv, "--save", str(out), "--fits", "free", "--panels", "1"]) == 0
    text = capsys.readouterr().out
    assert "free: 2 stamps, bytes not counted" in text and "cut: 2 stamps" in text
    table = Table.read(out / "metrics.ecsv")
    assert list(table["account"]) == ["free"] * 2 + ["cut"] * 2 + ["coded"] * 2
    score = {way: table["psnr"][table["account"] == way].min() for way in ("free", "cut", "coded")}
    assert score["free"] > score["coded"] > score["cut"]
    for name in ("histograms", "reconstructions", "latents"):
        assert (out / f"{name}.png").stat().st_size > 5000
    for i, row in enumerate(table[table["account"] == "free"]):
        with fits.open(out / f"stamp_{i:04d}.fits") as hdus:
            assert hdus[0].header["SRCFILE"] == row["file"]
            before = fits.getdata(data / row["file"]).astype(float)
            decoded, residual = hdus["DECODED"].data, hdus["RESIDUAL"].data
        np.testing.assert_allclose(decoded - residual, before, rtol=1e-5)
        assert decoded.sum(dtype=float) == pytest.approx(before.sum(), rel=1e-6)
        span = np.ptp(before)  # to bring the sum back removes the mean of the error, no more
        assert -1e-3 < psnr(before / span, decoded / span) - row["psnr"] < 3
    refused(
        [*argv, "--save", str(out)], capsys, OutputError.exit_code, "output exists", "metrics.ecsv"
    )


def test_jpeg_versions_beside_the_model(tmp_path, capsys):
    image_module = pytest.importorskip("PIL.Image")
    y, x = np.mgrid[:128, :128] / 128
    noise = np.random.default_rng(1).normal(0, 4, x.shape)
    levels = np.clip(128 + 90 * np.sin(20 * x * y) + noise, 0, 255).astype(np.uint8)
    whole = image_module.fromarray(levels)
    whole.save(tmp_path / "wave.png")
    for quality in (2, 90):
        whole.save(tmp_path / f"wave_q{quality}.jpg", quality=quality)
    out = tmp_path / "out"
    argv = ["hubble128", str(tmp_path), "--device", "cpu", "--metrics", "mse", "--save", str(out)]
    assert main(["evaluate", *argv]) == 0
    rows = {row["account"]: row for row in Table.read(out / "metrics.ecsv")}
    assert {"JPEG 1", "JPEG 2", "coded as JPEG 2"} <= set(rows)
    for number, quality in ((1, 2), (2, 90)):
        path = tmp_path / f"wave_q{quality}.jpg"
        back = np.asarray(image_module.open(path), float)
        assert rows[f"JPEG {number}"]["bytes"] == path.stat().st_size
        expected = mse(levels / 255, back / 255)
        assert rows[f"JPEG {number}"]["mse"] == pytest.approx(expected, rel=1e-4)
    assert rows["coded as JPEG 2"]["bytes"] <= rows["JPEG 2"]["bytes"]
    assert rows["coded as JPEG 2"]["mse"] <= rows["coded"]["mse"] * 1.05


def test_progress_and_worst_tenth(digits):
    model, seen = find("dense784"), []
    stamps = load_data(digits, view_of(model))
    found = evaluate(model, stamps, metrics=["mse"], progress=lambda *done: seen.append(done))
    assert seen[-1] == (24, 24)
    worst = summarise(found.table)[0]["worst_tenth"]
    assert worst == max(found.table["mse"][found.table["account"] == "free"])


def test_the_curve_of_a_training(tmp_path):
    log = tmp_path / "log.csv"
    log.write_text("epoch,step,loss,validation_loss,validation_mse,seconds\n1,5,2,3,0.5,1\n")
    axes = training_curve(log).axes
    assert [line.get_ydata()[0] for line in (*axes[0].lines, *axes[1].lines)] == [2, 3, 0.5]


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["--metrics", "beauty"], ("beauty", "psnr")),
        (["--fits"], ("--save",)),
        (["--every", "0"], ("--every",)),
        (["--side", "64"], ("28",)),
        (["--fits", "cut", "--save", "out"], ("no skips",)),
    ],
)
def test_what_cannot_be_done_is_refused(digits, capsys, argv, words):
    refused(["dense784", digits, *argv], capsys, 2, *words)
