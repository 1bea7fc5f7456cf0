"""The labelled tasks: what is simulated, how shares and errors are found."""

import numpy as np
import pytest
from astropy.table import Table

from astroae.explore import classes, tasks
from astroae.explore.classes import CLASSES, simulate_classes
from astroae.explore.tests.conftest import random_model, spatial_network
from astroae.nets.store import names, save
from astroae.simulate import MoffatPSF

pytest.importorskip("sklearn")
pytest.importorskip("matplotlib")

from astroae.explore.taskplots import plot_tasks  # noqa: E402


@pytest.fixture(scope="module")
def stamps():
    return simulate_classes(fields=4, each=6, seed=2)


def test_balanced_and_repeatable(stamps):
    for number in range(4):
        assert np.bincount(stamps.labels[stamps.fields == number]).tolist() == [6] * 4
    again = simulate_classes(fields=2, each=6, seed=2)
    assert np.array_equal(again.values, stamps.values[:48])
    assert not np.array_equal(simulate_classes(2, 6, seed=3).values, again.values)


def test_faint_to_bright(stamps):
    ratios = np.sort(stamps.signal_to_noise)
    assert ratios[0] < 15 and ratios[-1] > 150
    assert 30 < np.median(ratios) < 80


def test_objects_are_what_they_are_called():
    """A track is sharper than a star, a trail crosses the whole stamp; all have light."""
    rng = np.random.default_rng(5)
    area = {}
    for name in CLASSES:
        shapes = [classes.SHAPES[name](MoffatPSF(fwhm=3.0), rng) for _ in range(20)]
        assert all(shape.min() >= 0 and shape.max() > 0 for shape in shapes)
        area[name] = np.median([s.sum() ** 2 / (s**2).sum() for s in shapes])
    assert area["cosmic ray"] < area["star"] < area["galaxy"] < area["trail"]
    assert area["trail"] > 64 * 3


def test_share_is_that_of_a_mean_over_groups():
    rng = np.random.default_rng(4)
    groups = np.repeat(np.arange(50), 4)
    right = np.repeat(rng.random(50) < 0.7, 4).astype(float)  # four times the same
    mean, error = tasks.share(right, groups)
    assert mean == right.mean()
    assert error == pytest.approx(np.sqrt(mean * (1 - mean) / 49), rel=1e-6)
    assert np.isnan(tasks.share(np.full(3, np.nan), np.arange(3))[0])


def test_folds_hold_whole_fields_apart():
    task = tasks.objects_task(fields=4, each=2)
    tested = np.concatenate([test for _, test in task.folds])
    assert sorted(tested) == list(range(len(task.labels)))
    for fit, test in task.folds:
        assert not set(task.groups[fit]) & set(task.groups[test])


def test_digits_are_tested_on_those_that_the_model_never_saw():
    task = tasks.digits_task()
    ((fit, test),) = task.folds
    assert task.images.shape == (1797, 28, 28) and task.images.max() == 255
    assert (fit.max(), test.min(), len(test)) == (1436, 1437, 360)


def test_digits_are_those_of_the_training_set():
    pytest.importorskip("torch")
    from astroae.train.data.digits import TRAINING, digits

    images, labels = digits()
    task = tasks.digits_task()
    assert np.array_equal(task.images, images) and np.array_equal(task.labels, labels)
    assert tasks.SEEN == TRAINING


def test_command(tmp_path, capsys):
    model = random_model(spatial_network(), stretch="asinh")
    path = save(model, tmp_path / "tiny.safetensors")
    out = tmp_path / "out"
    options = ["--models", str(path), "--fields", "3", "--each", "3", "-o", str(out)]
    assert tasks.main(options) == 0
    said = capsys.readouterr().out
    assert said.count("latents are") == 2 and "principal components (" in said
    table = Table.read(out / "tasks.ecsv")
    assert table["task"].tolist() == ["objects"] * 4
    assert set(table["numbers"]) == {5}
    assert (out / "tasks.png").read_bytes().startswith(b"\x89PNG")


def test_what_latents_are_ahead_by():
    """A row's advantage is counted image by image: its error is not that of two shares."""
    rows = np.arange(100)
    right = rows % 10 > 0
    task = tasks.Task("t", rows, rows, rows, [(rows, rows)])
    outcomes = [
        tasks.Outcome("m", kind, classifier, 3, values.astype(float))
        for kind, values in (("latents", right), ("PCA of pixels", right & (rows % 25 > 0)))
        for classifier in tasks.CLASSIFIERS
    ]
    table = tasks.summarise(task, outcomes)
    assert table["accuracy"].tolist() == [0.9, 0.9, 0.88, 0.88]
    assert table["ahead"][0] == pytest.approx(0.02) and table["ahead_error"][0] < 0.015
    assert "no better" in tasks.verdict(table[0])
    figure = plot_tasks([(task, outcomes)])
    assert len(figure.axes) == 1


@pytest.mark.skipif("dense784" not in names(), reason="the model dense784 is not shipped")
def test_digits_by_the_latents_that_are_shipped():
    task = tasks.digits_task()
    table = tasks.summarise(task, tasks.compare(task, "dense784"))
    assert table["numbers"].tolist() == [32] * 4
    assert table["accuracy"].min() > 0.85
    assert np.abs(table["ahead"][:2]).max() < 0.05
