"""Digits of scikit-learn in MNIST's files, and the photographs of two packages."""

import numpy as np
import pytest

from astroae.train.data import load_data
from astroae.train.data.digits import TRAINING, main
from astroae.train.data.photographs import PHOTOGRAPHS
from astroae.train.recipes import get_recipe

datasets = pytest.importorskip("sklearn.datasets")


def test_digits_in_idx_files(tmp_path, capsys):
    main([str(tmp_path / "digits")])
    assert len(capsys.readouterr().out.split()) == 4
    found = datasets.load_digits()
    recipe = get_recipe("dense784")
    train = load_data(tmp_path / "digits", recipe)
    test = load_data(tmp_path / "digits" / "t10k-images-idx3-ubyte.gz", recipe)
    assert (len(train), len(test)) == (TRAINING, 1797 - TRAINING)
    assert np.array_equal(np.concatenate([train.labels, test.labels]), found.target)
    images = np.concatenate([train.images, test.images])[:, 0].astype(float)
    # Mean level, and so flux, up to the rounding to whole levels.
    assert np.allclose(images.mean((1, 2)), found.images.mean((1, 2)) / 16, atol=0.5 / 255)
    # Pixels 14 to 16 lie within pixel 4 of 8.
    assert np.allclose(images[:, 14:17, 15], found.images[:, 4, 4, None] / 16, atol=0.5 / 255)


def test_photographs_share_no_picture():
    train, kept = (set(PHOTOGRAPHS[name]) for name in ("photographs", "photographs-kept"))
    assert not train & kept
    assert {"astronaut.png", "chelsea.png", "flower.jpg", "rocket.jpg"} == kept


@pytest.mark.parametrize("name", list(PHOTOGRAPHS))
def test_photographs(name):
    pytest.importorskip("skimage")
    pytest.importorskip("PIL")
    stamps = load_data(name, get_recipe("live224"))
    assert stamps.groups == sorted(PHOTOGRAPHS[name])
    assert stamps.images.shape[1:] == (3, 224, 224)
    assert all(entry["licence"] and len(entry["sha256"]) == 64 for entry in stamps.card())
