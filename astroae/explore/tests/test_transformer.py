"""The transformer among scikit-learn's own."""

from unittest import SkipTest

import numpy as np
import pytest

import astroae
from astroae.errors import SettingError
from astroae.explore.coding import channel_names, vectors

sklearn = pytest.importorskip("sklearn")
from sklearn.base import clone  # noqa: E402
from sklearn.linear_model import LogisticRegression  # noqa: E402
from sklearn.pipeline import make_pipeline  # noqa: E402
from sklearn.utils.estimator_checks import estimator_checks_generator  # noqa: E402

from astroae.explore.transformer import LatentTransformer  # noqa: E402
from astroae.nets.store import save  # noqa: E402


@pytest.fixture
def images():
    rng = np.random.default_rng(3)
    found = rng.normal(10, 1, (12, 20, 20))
    found[6:, 8:12, 8:12] += 20
    return found


def test_estimator_checks(dense_model):
    failed = {}
    for estimator, check in estimator_checks_generator(LatentTransformer(dense_model)):
        try:
            check(estimator)
        except SkipTest:  # of what is not installed here
            continue
        except Exception as exc:
            failed[check.func.__name__] = repr(exc)
    assert failed == {}


def test_same_numbers_as_one_by_one(dense_model, images):
    found = LatentTransformer(dense_model).fit_transform(images)
    assert np.array_equal(found, vectors(dense_model, list(images)))
    assert found.shape == (12, 5) and np.ptp(found, axis=0).min() > 0


@pytest.mark.parametrize("side", [11, 16])
def test_same_numbers_as_latents(side, dense_model, spatial_model, skip_model, images):
    for model in (dense_model, spatial_model, skip_model):
        cut = images[:, :side, :side].copy()
        cut[3, 2:4] = np.nan
        table = astroae.latents(cut, model)
        found = LatentTransformer(model).fit_transform(cut)
        assert np.array_equal(np.float32(found), table["latent"])


def test_small_images_padded_or_resized(dense_model, images):
    cut = images[:, :8, :8]
    padded = np.pad(cut, ((0, 0), (0, 8), (0, 8)), mode="reflect")
    resized = np.kron(cut, np.ones((2, 2)))
    for smaller, wanted in (("pad", padded), ("resize", resized)):
        found = LatentTransformer(dense_model, smaller=smaller).fit_transform(cut)
        assert np.allclose(found, LatentTransformer(dense_model).fit_transform(wanted), atol=1e-4)
    with pytest.raises(SettingError, match="smaller"):
        LatentTransformer(dense_model, smaller="stretch").fit_transform(cut)


def test_rows_are_square_images(dense_model, images):
    transformer = LatentTransformer(dense_model).fit(images)
    rows = images.reshape(12, -1)
    assert np.array_equal(
        LatentTransformer(dense_model).fit_transform(rows), transformer.transform(images)
    )


def test_rows_of_another_shape(dense_model, images):
    cut = images[:, :10]
    rows = cut.reshape(12, -1)
    shaped = LatentTransformer(dense_model, image_shape=(10, 20)).fit_transform(rows)
    assert np.array_equal(shaped, vectors(dense_model, list(cut)))
    with pytest.raises(SettingError, match="image_shape"):
        LatentTransformer(dense_model, image_shape=(9, 20)).fit_transform(rows)


def test_in_a_pipeline_by_the_path_of_a_model(dense_model, images, tmp_path):
    path = tmp_path / "tiny.safetensors"
    save(dense_model, path)
    pipeline = make_pipeline(LatentTransformer(str(path)), LogisticRegression(C=100))
    labels = np.arange(12) >= 6
    assert clone(pipeline).fit(images, labels).score(images, labels) == 1
    names = pipeline[0].fit(images).get_feature_names_out()
    assert list(names) == channel_names(dense_model) == [f"z_{i}" for i in range(5)]


def test_another_size_is_refused(dense_model, images):
    transformer = LatentTransformer(dense_model).fit(images)
    with pytest.raises(ValueError, match="fitted with"):
        transformer.transform(images[:, :, :10])
