"""Networks as data: what is accepted, what is refused, and their shapes."""

import json

import pytest

from astroae.errors import ModelError
from astroae.nets.blocks import Stack
from astroae.nets.spec import Network, Node


def small(**changes):
    """4 x 4 pixels to 2 x 2 x 3 latents and back."""
    encoder, decoder = Stack("e"), Stack("d")
    z = encoder.add("mean_pool", encoder.conv("x", 3), name="z")
    decoder.conv(decoder.up(z), 1, relu=False)
    parts = {
        "channels": 1,
        "side": None,
        "multiple": 2,
        "encoder": tuple(encoder.nodes),
        "decoder": tuple(decoder.nodes),
        "latents": (z,),
    }
    return Network(**{**parts, **changes})


def test_shapes_of_padded_sides():
    shapes = small().shapes(5, 8)
    assert shapes["x"] == (1, 6, 8)
    assert shapes["z"] == (3, 3, 4)


def test_json_round_trip():
    network = small()
    assert Network.from_dict(json.loads(json.dumps(network.to_dict()))) == network


@pytest.mark.parametrize(
    "node",
    [
        {"op": "warp"},
        {"op": "conv"},
        {"op": "conv", "options": {"channels": 10**9}},
        {"op": "conv", "options": {"channels": True}},
        {"op": "conv", "options": {"channels": 2, "kernel": 4}},
        {"op": "conv", "options": {"channels": 2, "stride": 3}},
        {"op": "conv", "options": {"channels": 2, "activation": "tanh"}},
        {"op": "conv", "options": {"channels": 2, "colour": 1}},
        {"op": "dense", "options": {"features": 0}},
        {"op": "reshape", "options": {"shape": (1, 2)}},
        {"op": "reshape", "options": {"shape": (1, 2, -3)}},
        {"op": "add"},
        {"op": "max_pool", "inputs": ("x", "x")},
    ],
)
def test_a_node_that_makes_no_sense(node):
    with pytest.raises(ModelError, match="makes no sense"):
        Node(**{"name": "n", "inputs": ("x",), **node})


@pytest.mark.parametrize(
    "changes",
    [
        {"channels": 0},
        {"channels": 2},  # the decoder gives one
        {"side": 0},
        {"multiple": 1},  # pooling of an odd side
        {"latents": ()},
        {"latents": ("nowhere",)},
        {"skips": ("z",), "latents": ("y",)},
        {"decoder": ()},
        {"encoder": (Node("add", "z", ("x", "x")),) * 2},
        {"encoder": (Node("sigmoid", "z", ("later",)), Node("sigmoid", "later", ("x",)))},
    ],
)
def test_a_network_that_makes_no_sense(changes):
    with pytest.raises(ModelError, match="makes no sense"):
        small(**changes)


@pytest.mark.parametrize("values", [None, 3, {}, {"encoder": 1}, {"encoder": [{"op": "conv"}]}])
def test_what_is_no_description(values):
    with pytest.raises(ModelError):
        Network.from_dict(values)


def test_a_network_of_one_side_refuses_another():
    with pytest.raises(ModelError, match="it takes 4 x 4"):
        small(side=4).shapes(8, 8)
