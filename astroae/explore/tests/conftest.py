"""Small random models, made without torch: what they say means nothing, but it is exact."""

import numpy as np
import pytest

from astroae.nets.blocks import Stack
from astroae.nets.grid import LatentGrid
from astroae.nets.layer import Layer, weight_shape
from astroae.nets.modelfile import Model
from astroae.nets.spec import Network
from astroae.pixels.stamps import Normalisation

FRACTION = 16


def dense_network(side=16, latent=5):
    encoder, decoder = Stack("e"), Stack("d")
    z = encoder.dense("x", latent, name="z")
    image = decoder.add("reshape", decoder.dense(z, side * side), shape=(1, side, side))
    decoder.add("sigmoid", image, name="y")
    return Network(1, side, 1, tuple(encoder.nodes), tuple(decoder.nodes), (z,))


def skip_network(side=16, latent=4):
    """A U-Net of one scale."""
    encoder, decoder = Stack("e"), Stack("d")
    skip = encoder.conv("x", 3, name="skip")
    z = encoder.dense(encoder.add("max_pool", skip), latent, name="z")
    flat = decoder.dense(z, 3 * (side // 2) ** 2)
    coarse = decoder.add("reshape", flat, shape=(3, side // 2, side // 2))
    joined = decoder.add("concat", (decoder.up(coarse), skip))
    decoder.add("sigmoid", decoder.conv(joined, 1, relu=False), name="y")
    return Network(1, side, 2, tuple(encoder.nodes), tuple(decoder.nodes), (z,), (skip,))


def spatial_network():
    """Any size, latents at two scales."""
    encoder, decoder = Stack("e"), Stack("d")
    fine = encoder.conv(encoder.add("mean_pool", "x"), 2, relu=False, name="z2")
    coarse = encoder.conv(encoder.add("mean_pool", fine), 3, relu=False, name="z4")
    joined = decoder.add("concat", (decoder.up(coarse), fine))
    decoder.conv(decoder.up(joined), 1, relu=False, name="y")
    nodes = tuple(encoder.nodes), tuple(decoder.nodes)
    return Network(1, None, 4, *nodes, (coarse, fine))


def random_model(network, seed=1, **normalisation):
    rng = np.random.default_rng(seed)
    shapes = network.shapes()
    layers = {}
    for node in (*network.encoder, *network.decoder):
        if node.weighted:
            shape = weight_shape(node, shapes[node.inputs[0]])
            size = 2.0**12 / np.sqrt(np.prod(shape[1:]))
            weight = np.clip(rng.normal(0, size, shape), -32767, 32767).astype(np.int16)
            zeros = np.zeros(shape[0], np.int64)
            layers[node.name] = Layer(weight, zeros + 12, zeros)
    grids = {
        name: LatentGrid(np.full(n, 0.05), np.full(n, 0.3), np.full(n, 0.1))
        for name, (n, _, _) in ((name, shapes[name]) for name in network.crossing)
    }
    rule = Normalisation(**normalisation).to_dict()
    return Model("tiny", network, FRACTION, layers, grids, rule)


@pytest.fixture(scope="session")
def dense_model():
    return random_model(dense_network())


@pytest.fixture(scope="session")
def skip_model():
    return random_model(skip_network(), stretch="asinh")


@pytest.fixture(scope="session")
def spatial_model():
    return random_model(spatial_network(), stretch="asinh")
