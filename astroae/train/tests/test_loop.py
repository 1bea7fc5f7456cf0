"""Training: it learns, logs, stops when told, and goes on as if nothing had happened."""

import csv
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("lightning")

from astroae.errors import SettingError, UnsupportedDataError  # noqa: E402
from astroae.pixels.stamps import Normalisation  # noqa: E402
from astroae.train.data.augment import cut, turn  # noqa: E402
from astroae.train.data.origin import StampOrigin, hashed  # noqa: E402
from astroae.train.data.stampset import StampSet  # noqa: E402
from astroae.train.loop import Training, fit  # noqa: E402
from astroae.train.recipes import get_recipe  # noqa: E402


class Killed(Exception):
    """In place of a kill: nothing of the training is tidied up."""


def stamps(count, side, channels=1, seed=1):
    """Blobs of several sizes."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:side, :side] / side
    row, column, width = rng.uniform(0.25, 0.75, (3, count, 1, 1))
    images = np.exp(-((y - row) ** 2 + (x - column) ** 2) / (0.1 * width))
    images = np.repeat(images[:, None], channels, 1).astype(np.float32)
    origins = [StampOrigin("made", 0, i, 0, 0, side, side, f"made#{i}") for i in range(count)]
    nothing = [None] * count
    return StampSet(images, nothing, origins, nothing, Normalisation("fixed"), SimpleNamespace())


def tiny(name, **changes):
    """A recipe, its network as small as it goes."""
    recipe = get_recipe(name)
    small = {
        "unet187": {"widths": (2, 4), "latent": 3, "side": 21},
        "multires": {"widths": (2, 2, 4, 4, 4), "latents": (2, 2, 2)},
        "dense784": {"latent": 8},
    }[name]
    if recipe.crop:
        changes.setdefault("crop", 32)
    return replace(recipe, options={**recipe.options, **small}, precision="32-true", **changes)


def side_of(recipe):
    return recipe.network().side or 40


def train(recipe, folder, *, sets=None, **how):
    training, validation = sets or (stamps(18, side_of(recipe)), stamps(5, side_of(recipe), seed=2))
    how = Training(folder, "cpu", threads=1, **how)
    return fit(recipe, recipe.network(), training, validation, how)


def rows_of(folder):
    with open(folder / "log.csv", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def digits_run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dense")
    recipe = tiny("dense784", epochs=6, batch=6)
    return recipe, folder, train(recipe, folder)


def test_it_learns_and_logs(digits_run):
    """Steps add up, losses are of this set, and they fall."""
    recipe, folder, network = digits_run
    rows = rows_of(folder)
    assert list(rows[0]) == [
        "epoch", "step", "loss", "validation_loss", "validation_mse", "seconds",
    ]  # fmt: skip
    assert [int(row["epoch"]) for row in rows] == [1, 2, 3, 4, 5, 6]
    assert [int(row["step"]) for row in rows] == [3, 6, 9, 12, 15, 18]
    for key in ("loss", "validation_loss", "validation_mse"):
        assert float(rows[-1][key]) < float(rows[0][key])
    held = torch.from_numpy(stamps(5, 28, seed=2).images)
    with torch.no_grad():
        mse = ((network(held) - held) ** 2).mean().item()
    assert float(rows[-1]["validation_mse"]) == pytest.approx(mse, rel=1e-4)
    assert not network.training


def test_deadline_ends_the_epoch(tmp_path):
    train(tiny("dense784", epochs=50), tmp_path, max_minutes=1e-9)
    assert len(rows_of(tmp_path)) == 1


def test_patience(tmp_path):
    """A loss that cannot fall (no step changes anything) ends the training."""
    recipe = tiny("dense784", epochs=50, learning_rate=1e-30)
    train(recipe, tmp_path, patience=2)
    assert len(rows_of(tmp_path)) == 3


def test_progress_is_told(tmp_path):
    told = []
    train(tiny("dense784", epochs=2, batch=6), tmp_path, progress=lambda *now: told.append(now))
    assert told == [(i, 6) for i in range(1, 7)]


def kill_at(step):
    def tell(done, _):
        if done == step:
            raise Killed

    return tell


def check_resumed(recipe, folder, step, sets=None):
    """Stopped in mid-epoch at a step and resumed: every tensor the same bits."""
    whole = train(recipe, folder / "whole", sets=sets)
    with pytest.raises(Killed):
        train(recipe, folder / "parts", sets=sets, progress=kill_at(step))
    assert 0 < len(rows_of(folder / "parts")) < recipe.epochs
    parts = train(recipe, folder / "parts", sets=sets)
    rows = rows_of(folder / "parts")
    assert [int(row["epoch"]) for row in rows] == list(range(1, recipe.epochs + 1))
    for key in ("loss", "validation_loss", "validation_mse"):
        assert [row[key] for row in rows] == [row[key] for row in rows_of(folder / "whole")]
    a, b = whole.state_dict(), parts.state_dict()
    assert a.keys() == b.keys()
    assert [key for key in a if not torch.equal(a[key], b[key])] == []
    return a


@pytest.mark.parametrize("norm_epochs", [None, 1, 2])
def test_resume_with_batch_norm(tmp_path, norm_epochs):
    """Statistics that follow each batch, or stand from the epoch of the kill on, or before."""
    recipe = tiny("unet187", epochs=4, batch=4, norm_epochs=norm_epochs)
    state = check_resumed(recipe, tmp_path, step=8)
    followed = next(value for key, value in state.items() if key.endswith("num_batches_tracked"))
    assert followed.item() == 5 * (norm_epochs or 4)


def test_resume_with_latent_noise(tmp_path):
    """Cut-outs, turns, latent steps and noise are those of an uninterrupted run."""
    check_resumed(tiny("multires", epochs=3, batch=4), tmp_path, step=7)


def test_a_torn_log_row_is_written_anew(tmp_path):
    """The kill came between the row of an epoch and its checkpoint."""
    recipe = tiny("dense784", epochs=3, batch=6)
    with pytest.raises(Killed):
        train(recipe, tmp_path, progress=kill_at(5))
    with open(tmp_path / "log.csv", "a") as file:
        file.write("2,6,9,9,9,1.0\n")
    train(recipe, tmp_path)
    rows = rows_of(tmp_path)
    assert [int(row["epoch"]) for row in rows] == [1, 2, 3]
    assert all(float(row["loss"]) < 9 for row in rows)


def test_the_checkpoint_of_another_training(digits_run):
    """Other data, another rate; more epochs are allowed."""
    recipe, folder, _ = digits_run
    with pytest.raises(SettingError, match="learning_rate was 0.001, is 0.01"):
        train(replace(recipe, learning_rate=0.01), folder)
    with pytest.raises(SettingError, match="data"):
        train(recipe, folder, sets=(stamps(18, 28, seed=7), stamps(5, 28)))
    train(replace(recipe, epochs=7), folder)
    assert len(rows_of(folder)) == 7


def test_images_smaller_than_the_cutouts(tmp_path):
    with pytest.raises(UnsupportedDataError, match="24 pixels, 32 are needed"):
        train(tiny("multires"), tmp_path, sets=(stamps(4, 24), stamps(2, 40)))


def test_a_device_that_is_not_there(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    recipe = tiny("dense784")
    with pytest.raises(SettingError, match="CUDA"):
        fit(recipe, recipe.network(), stamps(3, 28), stamps(2, 28), Training(tmp_path, "cuda"))


def test_what_a_batch_holds():
    """Every stamp once an epoch, turned and cut by numbers that seed and epoch give."""
    from astroae.train.loop import _Batches

    recipe, images = tiny("multires", batch=4), stamps(6, 40)
    batches = _Batches(images, recipe)
    assert len(batches) == 2
    seen = torch.cat([batches[3, 0], batches[3, 1]]).numpy()
    expected = [
        turn(
            cut(image, 32, hashed("crop", i, 3, recipe.seed)),
            hashed("turn", i, 3, recipe.seed) % 8,
        )
        for i, image in enumerate(images.images)
    ]
    assert sorted(x.tobytes() for x in seen) == sorted(x.tobytes() for x in expected)
    assert not torch.equal(batches[3, 0], batches[4, 0])
