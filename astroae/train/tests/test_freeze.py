"""Networks frozen into fixed point, and thawed."""

from types import SimpleNamespace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from astroae.entropy import latents  # noqa: E402
from astroae.errors import ModelError, UnsupportedDataError  # noqa: E402
from astroae.nets import exact, modelfile  # noqa: E402
from astroae.pixels.stamps import Normalisation  # noqa: E402
from astroae.train.freeze import freeze, thaw  # noqa: E402
from astroae.train.network import TorchNetwork  # noqa: E402
from astroae.train.recipes import get_recipe  # noqa: E402

RECIPES = ("dense784", "hubble128", "live224", "multires", "unet187")


class Samples(SimpleNamespace):
    """As much of a StampSet as freezing looks at."""

    def __len__(self):
        return len(self.images)


def samples(network, count=2):
    side = network.side or 50
    images = np.random.default_rng(1).random((count, network.channels, side, side))
    return Samples(images=images.astype(np.float32), normalisation=Normalisation())


def seeded(network):
    """A network whose batch norms have seen something."""
    torch.manual_seed(1)
    module = TorchNetwork(network)
    for norm in module.norms.values():
        for part in (norm.weight, norm.running_var):
            part.data.uniform_(0.5, 2.0)
        for part in (norm.bias, norm.running_mean):
            part.data.normal_(std=0.3)
    return module


@pytest.mark.parametrize("name", RECIPES)
def test_fixed_point_is_the_network(name):
    """Within 1e-4 of torch, thawed within 1e-4 of fixed point; latents coded and back."""
    recipe = get_recipe(name)
    module, stamps = seeded(recipe.network()), samples(recipe.network())
    model = freeze(module, recipe, stamps, {"seed": 1})
    assert model.card["freezing"]["largest"] < 1e-4
    assert model.card["seed"] == 1 and model.recipe["name"] == name
    x = Normalisation.from_dict(model.input).network_input(stamps.images[0].astype(float))
    crossing = exact.encode(model, x)
    y = exact.decode(model, crossing)
    with torch.no_grad():
        thawed = thaw(model)(torch.from_numpy(x).float()[None])[0].numpy()
        trained = module(torch.from_numpy(x).float()[None])[0].numpy()
    inside = y[:, : x.shape[1], : x.shape[2]]
    assert np.abs(inside - thawed).max() < 1e-4
    assert np.abs(inside - trained).max() < 1e-4
    assert modelfile.unpack(modelfile.pack(model)).sha256 == model.sha256
    whole = list(model.quantise(crossing).values())
    grids = model.latents.values()
    told = [grid.classes() for grid in grids], [grid.context for grid in grids]
    back = latents.decode(latents.encode(whole, *told), [q.shape for q in whole], *told)
    assert all(np.array_equal(a, b) for a, b in zip(whole, back))


def test_steps_are_parts_of_the_spread_unless_training_set_them():
    recipe = get_recipe("hubble128")
    module = seeded(recipe.network())
    grid = freeze(module, recipe, samples(recipe.network()), {}).latents["z"]
    assert np.allclose(grid.scale / grid.step, recipe.latent_levels)
    recipe = get_recipe("multires")
    grids = freeze(seeded(recipe.network()), recipe, samples(recipe.network()), {}).latents
    assert all((grid.step == 1).all() for grid in grids.values())


def test_what_the_training_set_taught_is_kept():
    """Inputs by mean and deviation of the training set."""
    from dataclasses import replace

    recipe = get_recipe("dense784")
    recipe = replace(recipe, normalisation={**recipe.normalisation, "input": "standard"})
    stamps = samples(recipe.network())
    stamps.normalisation = Normalisation(input="standard", mean=0.25, deviation=0.5)
    model = freeze(seeded(recipe.network()), recipe, stamps, {})
    assert (model.input["mean"], model.input["deviation"]) == (0.25, 0.5)


def test_images_of_several_sizes():
    recipe = get_recipe("multires")
    images = [np.random.default_rng(i).random((1, 40 + 9 * i, 70)) for i in range(3)]
    stamps = Samples(images=images, normalisation=Normalisation())
    model = freeze(seeded(recipe.network()), recipe, stamps, {})
    assert model.card["freezing"]["largest"] < 1e-4


def test_no_samples():
    recipe = get_recipe("dense784")
    with pytest.raises(UnsupportedDataError, match="samples"):
        freeze(seeded(recipe.network()), recipe, samples(recipe.network(), 0), {})


def test_tensors_that_fixed_point_cannot_hold():
    recipe = get_recipe("dense784")
    module = seeded(recipe.network())
    module.layers["z"].weight.data *= 1e9
    with pytest.raises(ModelError, match="too large"):
        freeze(module, recipe, samples(recipe.network()), {})
