"""Model files: the same bytes, everything checked; found by name, path and SHA-256."""

import hashlib
import json
import struct
from dataclasses import replace

import numpy as np
import pytest
from safetensors import numpy as tensors

from astroae.errors import FormatVersionError, ModelError, OutputError
from astroae.nets import exact, modelfile, store
from astroae.nets.grid import LatentGrid
from astroae.nets.tests.models import any_size, every_operation, random_model


@pytest.fixture
def model():
    return random_model(every_operation())


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("ASTROAE_MODEL_DIR", str(tmp_path / "models"))
    return tmp_path / "models"


def rewritten(data, change_text=None, change_arrays=None):
    """A file's bytes with its JSON or its arrays changed."""
    arrays = dict(tensors.load(data))
    size = struct.unpack("<Q", data[:8])[0]
    text = json.loads(json.loads(data[8 : 8 + size])["__metadata__"]["astroae"])
    if change_text:
        change_text(text)
    if change_arrays:
        change_arrays(arrays)
    return tensors.save(arrays, metadata={"astroae": json.dumps(text)})


def test_round_trip(model):
    data = modelfile.pack(model)
    again = modelfile.unpack(data)
    assert modelfile.pack(again) == data
    assert again.sha256 == model.sha256 == hashlib.sha256(data).hexdigest()
    x = np.random.default_rng(1).random((1, 8, 8))
    here, there = exact.encode(model, x), exact.encode(again, x)
    assert list(here) == list(there) == list(model.network.crossing)
    assert np.array_equal(exact.decode(model, here), exact.decode(again, there))


def set_key(key, value):
    return lambda text: text.__setitem__(key, value)


@pytest.mark.parametrize(
    "change",
    [
        set_key("network", None),
        set_key("network", {"channels": 1}),
        set_key("fraction", 1e9),
        set_key("fraction", -1),
        set_key("name", 3),
        set_key("card", "good"),
        set_key("input", []),
        set_key("colour", 1),
        lambda text: text.pop("recipe"),
        lambda text: text.pop("version"),
        lambda text: text["network"]["encoder"].pop(),
        lambda text: text["network"].__setitem__("skips", []),
    ],
)
def test_wrong_metadata(model, change):
    with pytest.raises(ModelError, match="model.safetensors"):
        modelfile.unpack(rewritten(modelfile.pack(model), change), "model.safetensors")


@pytest.mark.parametrize(
    ("name", "array"),
    [
        ("weight/z", None),
        ("weight/z", np.zeros((5, 4), np.int16)),
        ("weight/z", np.zeros((5, 3), np.float32)),
        ("shift/z", np.full(5, -1)),
        ("shift/z", np.full(5, 63)),
        ("bias/z", np.full(5, np.iinfo(np.int64).min)),
        ("bias/z", np.full(5, 1 << 53)),
        ("bias/z", np.zeros((), np.int64)),
        ("bias/q", np.zeros(5, np.int64)),
        ("weight/q", np.zeros((5, 3), np.int16)),
        ("step/z", np.zeros(5)),
        ("step/z", np.full(5, np.nan)),
        ("scale/z", np.full(5, -1.0)),
        ("mean/z", np.zeros(4)),
        ("context/z", np.zeros(4)),
        ("context/z", None),
        ("other/z", np.zeros(4)),
    ],
)
def test_wrong_arrays(model, name, array):
    def change(arrays):
        arrays.pop(name, None)
        if array is not None:
            arrays[name] = array

    with pytest.raises(ModelError):
        modelfile.unpack(rewritten(modelfile.pack(model), change_arrays=change))


def test_damaged_bytes_are_told_or_harmless(model):
    data, rng, told = modelfile.pack(model), np.random.default_rng(1), 0
    head = 8 + struct.unpack("<Q", data[:8])[0]
    for i in range(300):
        spoilt = bytearray(data if i % 3 else data[: rng.integers(len(data))])
        for place in rng.integers(0, min(len(spoilt), head) or 1, 1 + i % 4):
            if spoilt:
                spoilt[place] = rng.integers(256)
        try:
            again = modelfile.unpack(bytes(spoilt))
        except ModelError:
            told += 1
        else:
            # A byte may have been replaced by itself.
            assert (again.sha256 == model.sha256) == (bytes(spoilt) == data)
    assert told > 200


def test_a_newer_version(model):
    data = rewritten(modelfile.pack(model), set_key("version", modelfile.VERSION + 1))
    with pytest.raises(FormatVersionError, match="update"):
        modelfile.unpack(data)


def test_a_header_that_claims_too_much():
    with pytest.raises(ModelError):
        modelfile.unpack(struct.pack("<Q", 1 << 60) + b"{}")


def test_files_that_are_too_large(model, tmp_path, monkeypatch):
    path = store.save(model, tmp_path / "m.safetensors")
    for module in (modelfile, store):
        monkeypatch.setattr(module, "LARGEST_FILE", 1000)
    with pytest.raises(ModelError, match="1000"):
        store.load(path)
    with pytest.raises(ModelError, match="1000"):
        modelfile.pack(model)


def test_stored_models_are_found(model, folder):
    path = store.store(model)
    assert path == folder / f"{model.sha256}.safetensors"
    assert [p.name for p in folder.iterdir()] == [path.name]
    (folder / "stray.safetensors").write_bytes(b"nothing")
    for wanted in ("small", model.sha256, str(path), path):
        assert store.find(wanted).sha256 == model.sha256
    assert store.find(model) is model
    assert store.load(path) is store.load(path)
    assert "small" in store.names()


def test_two_models_of_one_name(model, folder):
    other = replace(model, card={"seed": 2})
    store.store(model), store.store(other)
    with pytest.raises(ModelError, match=other.sha256):
        store.find("small")
    assert store.find(other.sha256).card == {"seed": 2}


def test_a_file_that_changes_is_read_anew(model, tmp_path):
    path = store.save(model, tmp_path / "m.safetensors")
    assert store.load(path).card == {"seed": 1}
    store.save(replace(model, card={"seed": 123456}), path)
    assert store.load(path).card == {"seed": 123456}


def test_a_model_that_is_nowhere(folder):
    with pytest.raises(ModelError, match="ASTROAE_MODEL_DIR"):
        store.find("no-such-model")
    with pytest.raises(ModelError, match="cannot be read"):
        store.find(folder / "none.safetensors")


def test_a_folder_that_cannot_be_written(model, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be written"):
        store.save(model, tmp_path / "file" / "m.safetensors")


def test_models_of_other_packages(model, tmp_path, folder, monkeypatch):
    path = store.save(model, tmp_path / "plugged.safetensors")

    class Point:
        def load(self):
            return lambda: path

    monkeypatch.setattr(store, "entry_points", lambda group: [Point()])
    assert store.find("plugged").sha256 == model.sha256


def test_quantised_and_restored():
    model = random_model(any_size())
    z = np.random.default_rng(1).normal(size=(3, 4, 4))
    grid = model.latents["z"]
    for step in (0.5, 1.0, 3.0):
        whole = model.quantise({"z": z}, step)
        error = np.abs(model.restore(whole, step)["z"] - z)
        assert (error <= 0.5001 * step * grid.step[:, None, None]).all()
    assert np.array_equal(grid.cut((3, 2, 2))[:, 1, 1], grid.mean)
    assert np.abs(grid.classes(0.5) - grid.classes(1.0) - 4).max() == 0


def test_classes_are_quarter_octaves():
    steps = np.array([1.0, 1.0, 1.0, 4.0, 1.0])
    scales = np.array([1.0, 2.0, 0.5, 1.0, 0.0])
    assert LatentGrid(steps, scales, steps).classes().tolist() == [20, 24, 16, 12, 0]
