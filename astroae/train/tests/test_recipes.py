"""The five recipes: their networks run, and hold what the earlier projects say."""

import json

import pytest

from astroae.errors import SettingError
from astroae.train.recipes import find_recipes, get_recipe

RECIPES = ("dense784", "hubble128", "live224", "multires", "unet187")


def test_there_are_five():
    assert set(RECIPES) <= set(find_recipes())


def test_an_unknown_recipe_names_those_there_are():
    with pytest.raises(SettingError, match="unet187"):
        get_recipe("unet")


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_fits_a_card(name):
    card = json.loads(json.dumps(get_recipe(name).to_dict()))
    assert card["name"] == name
    assert card["decisions"] and card["known_failures"]


@pytest.mark.parametrize(
    ("name", "crossing"),
    [
        ("dense784", {"z": (32, 1, 1)}),
        ("hubble128", {"z": (8, 16, 16)}),
        ("live224", {"z": (192, 1, 1)}),
        (
            "unet187",
            {
                "z": (8, 1, 1),
                "skip3": (128, 24, 24),
                "skip2": (64, 48, 48),
                "skip1": (32, 96, 96),
                "skip0": (16, 192, 192),
            },
        ),
    ],
)
def test_what_crosses(name, crossing):
    network = get_recipe(name).network()
    shapes = network.shapes()
    assert {tensor: shapes[tensor] for tensor in network.crossing} == crossing


def test_latents_of_an_image_of_any_size():
    network = get_recipe("multires").network(channels=3)
    shapes = network.shapes(250, 100)
    assert shapes["x"] == (3, 256, 112)
    assert shapes["z16"][1:] == (16, 7)
    assert shapes["z4"][1:] == (64, 28)


@pytest.mark.parametrize("name", RECIPES)
def test_the_network_in_torch(name):
    torch = pytest.importorskip("torch")
    from astroae.train.network import TorchNetwork, pad

    network = get_recipe(name).network()
    side = network.side or 50
    module = TorchNetwork(network).eval()
    x = torch.rand(1, network.channels, side, side)
    with torch.no_grad():
        crossing = module.encode(pad(x, network.multiple))
        y = module(x)
    assert y.shape == x.shape
    shapes = network.shapes(side, side)
    assert {n: tuple(t.shape[1:]) for n, t in crossing.items()} == {
        n: shapes[n] for n in network.crossing
    }


def test_padding_reflects_without_the_edge():
    torch = pytest.importorskip("torch")
    from astroae.train.network import pad

    row = torch.arange(6.0).reshape(1, 1, 1, 6).repeat(1, 1, 6, 1)
    assert pad(row, 4)[0, 0, 0].tolist() == [0, 1, 2, 3, 4, 5, 4, 3]
