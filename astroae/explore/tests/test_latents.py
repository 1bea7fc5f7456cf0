"""Vectors, traversal, neighbours and embedding."""

import numpy as np
import pytest

from astroae.errors import SettingError, UnsupportedDataError
from astroae.explore.coding import channel_names, decode, encode, latent_vector, prepare, vectors
from astroae.explore.traversal import between, traverse, widest
from astroae.nets import exact

pytest.importorskip("sklearn")

from astroae.explore.embedding import embed  # noqa: E402
from astroae.explore.neighbours import neighbours, standardised  # noqa: E402


@pytest.fixture
def stamp():
    return np.random.default_rng(5).normal(100, 3, (16, 16))


def test_vector_of_channels(spatial_model, stamp):
    crossing = encode(spatial_model, stamp).crossing
    found = latent_vector(spatial_model, crossing)
    assert channel_names(spatial_model) == ["z4_0", "z4_1", "z4_2", "z2_0", "z2_1"]
    assert found[1] == crossing["z4"][1].mean() and found[4] == crossing["z2"][1].mean()


def test_units_do_not_matter(spatial_model, stamp):
    scaled = vectors(spatial_model, [stamp, stamp * 2.0**9, stamp - 64])
    assert np.allclose(scaled, scaled[0], atol=1e-4)


def test_resizing_keeps_the_flux(dense_model, stamp):
    _, scaling = prepare(dense_model, np.kron(stamp, np.ones((3, 3))) / 9)
    assert scaling.flux == pytest.approx(stamp.sum(), rel=1e-12)


def test_undefined_pixels(dense_model, stamp):
    stamp[3, 4] = np.nan
    assert np.isfinite(vectors(dense_model, [stamp])).all()
    with pytest.raises(UnsupportedDataError, match="no defined pixel"):
        vectors(dense_model, [np.full((16, 16), np.nan)])
    for shape in ((16,), (2, 16, 16), (0, 16)):
        with pytest.raises(UnsupportedDataError, match="not a stamp"):
            vectors(dense_model, [np.ones(shape)])


def test_decoding_with_and_without_skips(skip_model, stamp):
    coded = encode(skip_model, stamp)
    whole = exact.decode(skip_model, coded.crossing)
    assert np.array_equal(decode(skip_model, coded.crossing, (16, 16)), whole)
    latents = {"z": coded.crossing["z"]}
    cut = decode(skip_model, latents, (16, 16))
    assert np.ptp(cut) > 0 and not np.allclose(cut, whole)
    other = encode(skip_model, stamp[::-1]).crossing
    assert np.array_equal(
        decode(skip_model, {**other, **latents, "skip": coded.crossing["skip"]}, (16, 16)), whole
    )


def test_traversal_starts_from_the_stamp(skip_model, stamp):
    found = traverse(skip_model, stamp, [2, 0], steps=5)
    latents = {"z": encode(skip_model, stamp).crossing["z"]}
    unchanged = decode(skip_model, latents, (16, 16))[0]
    assert found.names == ["z_2", "z_0"] and found.steps.tolist() == [-3, -1.5, 0, 1.5, 3]
    assert np.array_equal(found.images[:, 2], [unchanged, unchanged])
    latents["z"] = latents["z"] + np.array([1.5 * 0.3, 0, 0, 0])[:, None, None]
    assert np.array_equal(found.images[1, 3], decode(skip_model, latents, (16, 16))[0])


def test_a_latent_with_many_places_changes_in_all(spatial_model, stamp):
    found = traverse(spatial_model, stamp[:14, :15], [3], steps=3)
    crossing = dict(encode(spatial_model, stamp[:14, :15]).crossing)
    crossing["z2"] = crossing["z2"] + np.array([0.9, 0])[:, None, None]
    assert np.array_equal(found.images[0, 2], decode(spatial_model, crossing, (14, 15))[0])


def test_between_two_stamps(skip_model, stamp):
    found = between(skip_model, stamp, stamp.T, steps=3, skips=True)
    for step, values in ((0, stamp), (2, stamp.T)):
        coded = encode(skip_model, values)
        assert np.array_equal(
            found.images[0, step], decode(skip_model, coded.crossing, (16, 16))[0]
        )
    assert found.steps.tolist() == [0, 0.5, 1]


def test_what_cannot_be_traversed(spatial_model, stamp):
    for options in ({"latents": [5]}, {"steps": 4}, {"span": 0.0}, {"latents": []}):
        with pytest.raises(SettingError, match="no traversal"):
            traverse(spatial_model, stamp, **options)
    with pytest.raises(SettingError, match="sizes"):
        between(spatial_model, stamp, stamp[:8])


def test_widest_latents_first(spatial_model):
    grid = spatial_model.latents["z2"]
    before = grid.scale.copy()
    grid.scale[1] = 9.0
    try:
        assert widest(spatial_model, 2) == [4, 0]
    finally:
        grid.scale[:] = before


def test_neighbours_against_all_distances():
    found = np.random.default_rng(6).normal(size=(40, 3)) * [1, 10, 100]
    table = neighbours(found, 4)
    z = standardised(found)
    distance = np.hypot.reduce(z[:, None] - z, axis=2)
    np.fill_diagonal(distance, np.inf)
    assert np.array_equal(table["neighbour"].reshape(40, 4), distance.argsort(1)[:, :4])
    assert np.allclose(table["distance"].reshape(40, 4), np.sort(distance, 1)[:, :4])
    some = neighbours(found, 4, of=[7, 3])
    assert np.array_equal(some["neighbour"][4:], table["neighbour"][12:16])


def test_equal_stamps_are_neighbours_not_themselves():
    table = neighbours(np.repeat([[1.0, 2.0], [3.0, 5.0]], 4, axis=0), 3)
    assert (table["stamp"] != table["neighbour"]).all() and (table["distance"] == 0).all()
    assert len(table) == 24


@pytest.mark.parametrize("count, of", [(0, None), (5, None), (2, [5]), (2, [-1])])
def test_neighbours_that_are_not_there(count, of):
    with pytest.raises(SettingError, match="neighbours cannot be given"):
        neighbours(np.eye(5), count, of)


def test_embedding_separates_what_differs():
    rng = np.random.default_rng(7)
    found = rng.normal(size=(60, 6))
    found[30:] += 8
    for method in ("pca", "tsne"):
        places, about = embed(found, method, perplexity=10)
        near, far = places[:30].mean(0), places[30:].mean(0)
        assert np.hypot(*(near - far)) > 3 * max(places[:30].std(), places[30:].std())
        assert about["method"] == method
    again, _ = embed(found, "tsne", perplexity=10)
    assert np.array_equal(again, places)


def test_one_latent_and_few_stamps():
    places, about = embed(np.arange(5.0)[:, None])
    assert about["explained"] == [1.0, 0.0] and (places[:, 1] == 0).all()
    for method in ("pca", "tsne"):
        assert embed(np.random.default_rng(1).normal(size=(4, 1)), method)[0].shape == (4, 2)
    for bad in (np.eye(3), np.ones((9, 2))):
        with pytest.raises(SettingError, match="no embedding"):
            embed(bad)
    with pytest.raises(SettingError, match="umap"):
        embed(np.eye(9), "umap")
