"""The exact interpreter: against plain integers, at the largest values, in any order."""

import os
import subprocess
import sys
from dataclasses import replace
from math import exp

import numpy as np
import pytest

from astroae.errors import ModelError
from astroae.nets import exact
from astroae.nets.layer import LIMIT, Layer
from astroae.nets.tests.models import any_size, every_operation, random_model

WORST = np.iinfo(np.int16).max


def slow_sums(node, layer, x):
    """Sums of one node in Python's integers, one output at a time; x (C, H, W) of object."""
    weight = layer.weight.astype(object)
    channels, height, width = x.shape
    if node.op == "dense":
        return (weight @ x.ravel())[:, None, None]
    if node.op == "conv_transpose":
        out = np.zeros((len(weight), 2 * height, 2 * width), object)
        for i in range(2):
            for j in range(2):
                out[:, i::2, j::2] = np.tensordot(weight[:, :, i, j], x, 1)
        return out
    kernel, stride = node.options["kernel"], node.options["stride"]
    padded = np.pad(x, ((0, 0), *((kernel // 2,) * 2,) * 2))
    out = np.zeros((len(weight), -(-height // stride), -(-width // stride)), object)
    for y, row in enumerate(range(0, height, stride)):
        for z, column in enumerate(range(0, width, stride)):
            window = padded[:, row : row + kernel, column : column + kernel]
            out[:, y, z] = (weight * window).sum((1, 2, 3))
    return out


def slow_layer(model, node, x):
    """A weighted node as the format says: floor(sum / 2^shift + 1/2), activated, clipped."""
    layer = model.layers[node.name]
    total = slow_sums(node, layer, x)
    for channel, plane in enumerate(total):
        shift, bias = int(layer.shift[channel]), int(layer.bias[channel])
        total[channel] = (plane + bias + (1 << shift >> 1)) // (1 << shift)
    least = 0 if node.options["activation"] == "relu" else -LIMIT
    return np.clip(total, least, LIMIT)


def whole(tensor, model):
    return np.vectorize(int, otypes=[object])(tensor * 2.0**model.fraction)


@pytest.mark.parametrize("network", [every_operation(), any_size()], ids=["every", "any"])
def test_weighted_operations_against_integers(network):
    """Each layer that is not the image, at values up to the largest."""
    model = random_model(network, weight=WORST, shift=15)
    rng, shapes = np.random.default_rng(2), network.shapes()
    for node in (*network.encoder, *network.decoder):
        if not node.weighted or node.name == network.output:
            continue
        x = rng.integers(-LIMIT, LIMIT, shapes[node.inputs[0]], endpoint=True)
        found = exact._result(model, node, [x[None].astype(float)])[0]
        assert np.array_equal(found, slow_layer(model, node, x.astype(object)))


def worst_layer(node, channels_in):
    """Weights as large as the bound allows, all of one sign."""
    count = channels_in * node.options["kernel"] ** 2
    size = min(WORST, ((1 << 53) // LIMIT - 2) // count)
    shape = (node.options["channels"], channels_in, *(node.options["kernel"],) * 2)
    features = shape[:1]
    weight = np.full(shape, size, np.int16)
    return Layer(weight, np.ones(features, np.int64), np.full(features, LIMIT, np.int64))


def test_sums_at_the_bound_in_any_order():
    """1024 channels, every product as large as it gets: the sum is exact, permuted too."""
    node = any_size().encoder[0]
    node = replace(node, options={**node.options, "channels": 2, "kernel": 7})
    layer = worst_layer(node, 1024)
    assert 0.95 < layer.bound().max() / 2**53 < 1
    layer.check("worst", layer.weight.shape)
    rng = np.random.default_rng(3)
    x = LIMIT - rng.integers(0, 2, (1, 1024, 9, 9)).astype(float)  # odd and even sums
    weight = layer.weight - rng.integers(0, 2, layer.weight.shape).astype(float)
    found = exact._convolve(weight, x, node.options)
    centre = (weight.astype(object) * np.vectorize(int)(x[0, :, 1:8, 1:8])).sum((1, 2, 3))
    assert [int(v) for v in found[0, :, 4, 4]] == list(centre)
    order = rng.permutation(1024)
    again = exact._convolve(weight[:, order], x[:, order], node.options)
    assert np.array_equal(again, found)


def test_sums_that_may_pass_the_bound_are_refused():
    layer = Layer(np.full((1, 1 << 15), WORST, np.int16), np.array([1]), np.array([0]))
    with pytest.raises(ModelError, match=r"2\^53"):
        layer.check("wide", layer.weight.shape)


def test_one_image_and_many():
    model = random_model(every_operation())
    x = np.random.default_rng(4).random((3, 1, 8, 8))
    many = exact.encode(model, x)
    for i, image in enumerate(x):
        one = exact.encode(model, image)
        assert all(np.array_equal(one[name], many[name][i]) for name in one)
        assert np.array_equal(exact.decode(model, one), exact.decode(model, many)[i])


def test_sides_that_are_no_multiple_are_padded():
    model = random_model(any_size())
    x = np.random.default_rng(5).random((1, 7, 11))
    crossing = exact.encode(model, x)
    assert crossing["z"].shape == (3, 4, 6)
    padded = np.pad(x, ((0, 0), (0, 1), (0, 1)), mode="reflect")
    assert np.array_equal(crossing["z"], exact.encode(model, padded)["z"])
    assert exact.decode(model, crossing).shape == (1, 8, 12)


def test_the_image_is_not_rounded():
    """Finer than the tensors' grid, and nearer to what float64 says."""
    model = random_model(any_size(), fraction=6)
    y = exact.decode(model, exact.encode(model, np.random.default_rng(6).random((1, 8, 8))))
    assert (y * 2.0**6 % 1 != 0).any()


PROGRAM = """
import hashlib, numpy as np
from astroae.nets import exact
from astroae.nets.tests.models import any_size, random_model
model = random_model(any_size(), weight=32767, shift=14)
x = np.random.default_rng(7).random((1, 130, 200))
print(hashlib.sha256(exact.decode(model, exact.encode(model, x)).tobytes()).hexdigest())
"""


def test_threads_and_kernels_of_the_blas_do_not_matter():
    results = set()
    for variables in (
        {"OPENBLAS_NUM_THREADS": "1"},
        {"OPENBLAS_NUM_THREADS": "4"},
        {"OPENBLAS_CORETYPE": "Sandybridge", "OPENBLAS_NUM_THREADS": "2"},  # no fused sums
    ):
        run = subprocess.run(
            [sys.executable, "-c", PROGRAM],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **variables},
            capture_output=True,
            text=True,
            check=True,
        )
        results.add(run.stdout)
    assert len(results) == 1


def test_sigmoid():
    x = np.linspace(-45, 45, 4001)
    wanted = np.array([1 / (1 + exp(-v)) for v in x])
    assert np.abs(exact.sigmoid(x) / wanted - 1).max() < 2e-11
    extreme = exact.sigmoid(np.array([-1e9, 1e9]))
    assert np.array_equal(np.rint(extreme * 2.0**24), [0, 2**24])


@pytest.mark.parametrize("shape", [(2, 8, 8), (8, 8), (1, 8, 9), (1, 0, 8)])
def test_images_that_the_network_does_not_take(shape):
    with pytest.raises(ModelError):
        exact.encode(random_model(every_operation()), np.zeros(shape))


@pytest.mark.parametrize("shape", [(3, 4, 4, 4, 4), (3, 4), (2, 4, 4), (3, 0, 4), (3, 4000, 4)])
def test_crossing_tensors_that_the_network_does_not_take(shape):
    model = random_model(every_operation() if shape[-2] != 0 else any_size())
    crossing = {name: np.zeros(shape) for name in model.network.crossing}
    with pytest.raises(ModelError):
        exact.decode(model, crossing)
