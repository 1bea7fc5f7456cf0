"""Arrays and idx files: what is in them, and what is no such file."""

import gzip
import struct

import numpy as np
import pytest

from astroae.errors import InputError, UnsupportedDataError
from astroae.train.data import View, load_data, open_source
from astroae.train.data.arrays import read_idx, write_idx

rng = np.random.default_rng(5)
DIGITS = rng.integers(0, 256, (30, 28, 28), np.uint8)


@pytest.mark.parametrize("suffix", ["", ".gz"])
@pytest.mark.parametrize("dtype", ["u1", "i1", "i2", "i4", "f4", "f8"])
def test_idx_there_and_back(tmp_path, dtype, suffix):
    values = rng.integers(-100 if dtype != "u1" else 0, 100, (5, 3, 4)).astype(dtype)
    path = tmp_path / f"a-idx3{suffix}"
    write_idx(path, values)
    back = read_idx(path)
    assert back.dtype == values.dtype and (back == values).all()


def test_idx_bytes(tmp_path):
    """Laid out as the description of MNIST's files says."""
    write_idx(tmp_path / "a", np.array([[258, 1]], np.int16))
    expected = bytes([0, 0, 0x0B, 2, 0, 0, 0, 1, 0, 0, 0, 2, 1, 2, 0, 1])
    assert (tmp_path / "a").read_bytes() == expected


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0\0\x08",
        b"\0\1\x08\1" + bytes(8),
        b"\0\0\x07\1\0\0\0\1\0",
        b"\0\0\x08\0",
        struct.pack(">HBB3I", 0, 8, 3, 10, 28, 28) + bytes(7839),
        struct.pack(">HBB3I", 0, 8, 3, 10, 28, 28) + bytes(7841),
        struct.pack(">HBB4I", 0, 14, 4, *[2**32 - 1] * 4) + bytes(100),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_damaged_idx_files(tmp_path, content, packed):
    path = tmp_path / ("a.gz" if packed else "a")
    path.write_bytes(gzip.compress(content) if packed else content)
    with pytest.raises(InputError, match="not readable as an idx file"):
        read_idx(path)


def test_a_damaged_gzip(tmp_path):
    content = gzip.compress(struct.pack(">HBBI", 0, 8, 1, 5000) + rng.bytes(5000))
    for broken in (content[:-20], content[:200] + bytes(40) + content[240:], b"nothing"):
        (tmp_path / "a.gz").write_bytes(broken)
        with pytest.raises(InputError, match="a.gz"):
            read_idx(tmp_path / "a.gz")


def test_what_idx_cannot_hold(tmp_path):
    for wrong in (np.zeros(3, np.int64), np.zeros((1,) * 5, np.uint8), np.zeros(3, complex)):
        with pytest.raises(UnsupportedDataError, match="idx"):
            write_idx(tmp_path / "a", wrong)


@pytest.mark.parametrize("style", ["-images-idx3-ubyte", "-images.idx3-ubyte"])
@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_a_folder_like_mnist(tmp_path, style, suffix):
    labels = np.arange(30, dtype=np.uint8) % 10
    for part, count in (("train", 20), ("t10k", 10)):
        write_idx(tmp_path / f"{part}{style}{suffix}", DIGITS[:count])
        name = style.replace("images", "labels").replace("idx3", "idx1")
        write_idx(tmp_path / f"{part}{name}{suffix}", labels[:count])
    stamps = load_data(tmp_path, View(28))
    assert stamps.images.shape == (20, 1, 28, 28) and (stamps.labels == labels[:20]).all()
    assert np.allclose(stamps.images[:, 0] * 255, DIGITS[:20])
    large, small = stamps.split(0.9)
    assert (len(large), len(small)) == (18, 2)  # each digit is its own source
    assert small.labels.tolist() == [labels[o.plane] for o in small.origins]
    assert len(load_data(tmp_path / f"t10k{style}{suffix}", View(28))) == 10
    assert stamps.card()[0]["stamps"] == 20


def test_labels_of_another_set(tmp_path):
    write_idx(tmp_path / "train-images-idx3-ubyte", DIGITS)
    write_idx(tmp_path / "train-labels-idx1-ubyte", np.zeros(29, np.uint8))
    with pytest.raises(InputError, match="29 labels of 30"):
        open_source(tmp_path)


@pytest.mark.parametrize(
    "shape, images",
    [
        ((8, 9), (1, 1, 8, 9)),
        ((5, 8, 9), (5, 1, 8, 9)),
        ((5, 3, 8, 9), (5, 3, 8, 9)),
        ((5, 8, 9, 3), (5, 3, 8, 9)),
        ((5, 8, 9, 1), (5, 1, 8, 9)),
    ],
)
@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.int64, bool])
def test_arrays(tmp_path, shape, images, dtype):
    array = rng.integers(0, 2 if dtype is bool else 200, shape).astype(dtype)
    np.save(tmp_path / "a.npy", array)
    stamps = load_data(tmp_path / "a.npy", View(None, channels=images[1]))
    assert stamps.images.shape == images
    assert stamps.source.pictures is (dtype is np.uint8)
    channels_first = np.moveaxis(array, -1, 1) if shape[-1] in (1, 3) else array
    back = [stamps.restore(i, stamps.images[i]) for i in range(len(stamps))]
    assert np.allclose(np.reshape(back, images), channels_first.reshape(images), atol=1e-3)


@pytest.mark.parametrize(
    "array",
    [
        np.zeros(5),
        np.zeros((2, 3, 4, 5, 6)),
        np.zeros((2, 7, 7, 7)),
        np.zeros((0, 4)),
        np.zeros((4, 4), complex),
        np.array([["a"]]),
    ],
)
def test_arrays_that_hold_no_images(tmp_path, array):
    np.save(tmp_path / "a.npy", array)
    with pytest.raises(UnsupportedDataError, match="no images"):
        open_source(tmp_path / "a.npy")


def test_python_objects_are_refused(tmp_path):
    np.save(tmp_path / "a.npy", np.array([{"a": 1}], object), allow_pickle=True)
    with pytest.raises(InputError, match="without Python objects"):
        open_source(tmp_path / "a.npy")
