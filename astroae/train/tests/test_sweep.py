"""Sweeps: what a plan tries, what comes of it, and plans that are refused."""

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("lightning")

from astropy.table import Table  # noqa: E402

from astroae.cli.__main__ import main  # noqa: E402
from astroae.errors import SettingError  # noqa: E402
from astroae.train.data.arrays import write_idx  # noqa: E402
from astroae.train.recipes import find_recipes, get_recipe  # noqa: E402
from astroae.train.sweep import read_plan, sweep  # noqa: E402

PLAN = """
epochs = 2
batch = 16
plan = "one-at-a-time"
[options]
latent = [4, 32]
[training]
learning_rate = [1e-3, 1e-2]
"""


@pytest.fixture
def plan(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(1)
    write_idx("train-images-idx3-ubyte", rng.integers(0, 256, (50, 28, 28)).astype(np.uint8))
    (tmp_path / "plan.toml").write_text(PLAN)
    return tmp_path / "plan.toml"


def test_a_sweep(plan, capsys):
    """One row a network, counts by hand; what is done is not done again."""
    pytest.importorskip("matplotlib")
    argv = ["train", "dense784", "train-images-idx3-ubyte", "--sweep", "plan.toml", "-o", "out"]
    assert main([*argv, "--threads", "1"]) == 0
    assert "validation_mse" in capsys.readouterr().out
    folder = plan.parent / "out"
    table = Table.read(folder / "sweep.ecsv")
    assert list(table["latent"]) == [32, 4, 32]
    assert list(table["learning_rate"]) == [1e-3, 1e-3, 1e-2]
    assert list(table["parameters"]) == [784 * n + n + n * 784 + 784 for n in (32, 4, 32)]
    assert list(table["latents"]) == [32, 4, 32]
    assert (table["validation_mse"] > 0).all() and len(set(table["validation_mse"])) == 3
    assert table.meta["recipe"] == "dense784" and table.meta["epochs"] == 2
    assert (folder / "sweep.png").read_bytes()[:4] == b"\x89PNG"
    logs = {path: path.stat().st_mtime_ns for path in folder.glob("runs/*/log.csv")}
    assert len(logs) == 3
    again = sweep("dense784", "train-images-idx3-ubyte", plan, folder, threads=1)
    assert all((again[name] == table[name]).all() for name in table.colnames)
    assert logs == {path: path.stat().st_mtime_ns for path in folder.glob("runs/*/log.csv")}


def test_product(plan):
    plan.write_text(PLAN.replace("one-at-a-time", "product"))
    recipe = get_recipe("dense784")
    found = [tuple(run.values()) for run in read_plan(plan, recipe).runs(recipe)]
    assert found == [(32, 1e-3), (4, 1e-3), (4, 1e-2), (32, 1e-2)]


def test_lists_of_widths(plan):
    plan.write_text("[options]\nwidths = [[8, 16, 16], [24, 48, 96]]")
    recipe = get_recipe("hubble128")
    runs = read_plan(plan, recipe).runs(recipe)
    assert [run["widths"] for run in runs] == [[24, 48, 96], [8, 16, 16]]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("epochs =", "TOMLDecodeError"),
        ("", "nothing to try"),
        ("epoch = 3\n[options]\nlatent = [1]", "allowed are plan"),
        ("epochs = 0\n[options]\nlatent = [1]", "epochs = 0"),
        ('plan = "all"\n[options]\nlatent = [1]', "one-at-a-time"),
        ("[options]\nwidth = [1]", "allowed are latent"),
        ("[options]\nlatent = 3", "a list of values"),
        ('[options]\nlatent = ["3"]', "numbers above 0"),
        ("[training]\nbatch = [3]", "allowed are learning_rate"),
        ("options = 3", "a table is needed"),
        ("[options]\nlatent = [1.5]", "cannot be built"),
    ],
)
def test_a_plan_that_is_refused(plan, text, told):
    plan.write_text(text)
    with pytest.raises(SettingError, match=told):
        sweep("dense784", "train-images-idx3-ubyte", plan, plan.parent / "out", threads=1)


def test_no_plan(tmp_path):
    with pytest.raises(SettingError, match="nothing.toml"):
        read_plan(tmp_path / "nothing.toml", get_recipe("live224"))


def test_the_example_is_a_plan(pytestconfig):
    folder = pytestconfig.rootpath / "docs" / "examples"
    for path in sorted(folder.glob("*_sweep.toml")):
        recipe = find_recipes()[path.name.removesuffix("_sweep.toml")]
        assert len(read_plan(path, recipe).runs(recipe)) > 3
    assert (folder / "live224_sweep.toml").exists()
