"""Small models with random weights, for the tests."""

import numpy as np

from astroae.nets.blocks import Stack
from astroae.nets.grid import LatentGrid
from astroae.nets.layer import Layer, weight_shape
from astroae.nets.modelfile import Model
from astroae.nets.spec import Network


def every_operation():
    """8 x 8 pixels through every operation that there is."""
    encoder, decoder = Stack("e"), Stack("d")
    tensor = encoder.conv("x", 4, kernel=5, norm=True)
    skip = encoder.residual(tensor, 4)
    tensor = encoder.add("max_pool", skip)
    tensor = encoder.conv(encoder.add("mean_pool", tensor), 3, stride=2)
    z = encoder.dense(tensor, 5, relu=True, name="z")
    tensor = decoder.add("reshape", decoder.dense(z, 3 * 2 * 2), shape=(3, 2, 2))
    tensor = decoder.add("conv_transpose", decoder.up(tensor), channels=2, activation="relu")
    tensor = decoder.conv(decoder.add("concat", (tensor, skip)), 1, kernel=1, relu=False)
    decoder.add("sigmoid", tensor, name="y")
    nodes = tuple(encoder.nodes), tuple(decoder.nodes)
    return Network(1, 8, 4, *nodes, (z,), (skip,))


def any_size():
    """Images of any size, latents at half of it; the image is a sum, not a sigmoid."""
    encoder, decoder = Stack("e"), Stack("d")
    tensor = encoder.add("mean_pool", encoder.conv("x", 6))
    z = encoder.conv(tensor, 3, kernel=1, relu=False, name="z")
    decoder.conv(decoder.up(decoder.residual(z, 3)), 1, relu=False, name="y")
    return Network(1, None, 2, tuple(encoder.nodes), tuple(decoder.nodes), (z,))


def random_model(network, seed=1, *, weight=3000, shift=12, fraction=14, **parts):
    """A model whose weights are drawn evenly from -``weight`` to ``weight``."""
    rng, shapes, layers = np.random.default_rng(seed), network.shapes(), {}
    for node in (*network.encoder, *network.decoder):
        if node.weighted:
            shape = weight_shape(node, shapes[node.inputs[0]])
            layers[node.name] = Layer(
                rng.integers(-weight, weight, shape, np.int16, endpoint=True),
                np.full(shape[0], shift) + rng.integers(0, 2, shape[0]),
                rng.integers(-(1 << fraction + shift), 1 << fraction + shift, shape[0]),
            )
    latents = {}
    for name in network.crossing:
        channels = shapes[name][0]
        step, scale = rng.uniform(0.01, 0.1, channels), rng.uniform(0.1, 1, channels)
        latents[name] = LatentGrid(step, scale, rng.normal(size=channels))
    values = {"name": "small", "input": {"kind": "minmax"}, "recipe": {}, "card": {"seed": seed}}
    return Model(
        network=network, fraction=fraction, layers=layers, latents=latents, **{**values, **parts}
    )
