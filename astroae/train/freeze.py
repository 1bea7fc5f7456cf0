"""A trained torch network becomes a `Model`: fixed point, calibrated, exact; and back.

Batch norms are folded into the weights before them, weights become int16 with as many
fraction bits as they and the bound on sums allow, and the crossing tensors of some
training samples give each channel its mean, its spread and its quantisation step.
"""

from dataclasses import replace

import numpy as np
import torch

from astroae.entropy import contextfit
from astroae.errors import ModelError, UnsupportedDataError
from astroae.nets.exact import decode, encode, pad
from astroae.nets.grid import LatentGrid
from astroae.nets.layer import LIMIT, MOST_SHIFT, Layer
from astroae.nets.modelfile import Model
from astroae.pixels.stamps import Normalisation
from astroae.train.network import TorchNetwork

__all__ = ["freeze", "thaw"]

_FINEST = 16  # fraction bits of tensors
_HEADROOM = 16  # times what the samples reach, before a tensor is clipped
_SAMPLES = 64  # that calibrate, spread over the set
_LARGEST_SIDE = 256  # of the samples that calibrate a network of any size
_COMPARED = 4  # run in whole numbers too
_SUM = (1 << 53) // LIMIT - (1 << 16)  # of a feature's weights; the rest is for its bias
_STEPS = (1.0, 0.5, 2.0, 0.25)  # latent steps that contexts are learned at, in turn
_FEWEST_STEPS = 1e-6  # a channel's spread at least, in that of the tensor


def freeze(network, recipe, samples, card):
    """Make a model of a trained network.

    Parameters
    ----------
    network : TorchNetwork
        On the CPU; left as it is, but for `eval`.
    recipe : astroae.train.recipes.Recipe
    samples : astroae.train.data.StampSet
        Of the training set; 64 of them, evenly spread, calibrate.
    card : dict
        What is known of the training; ``freezing`` is added: the rms and the largest
        difference that fixed point makes to the output.

    Returns
    -------
    astroae.nets.modelfile.Model

    Raises
    ------
    ModelError
        Weights or tensors that fixed point cannot hold.
    UnsupportedDataError
        No samples.
    """
    network.eval()
    if not len(samples):
        raise UnsupportedDataError(
            "a network cannot be frozen without samples",
            where="freeze",
            found="none",
            hint="give stamps of the training set",
        )
    rule = _normalisation(recipe, samples)
    chosen = np.unique(np.linspace(0, len(samples) - 1, _SAMPLES).astype(int))
    images = [samples.images[i] for i in chosen]
    images = [rule.network_input(image) for image in _cut(images, network.network)]
    crossing, largest = _observe(network, images)
    model = Model(
        name=str(card.get("name", recipe.name)),
        network=network.network,
        fraction=_fraction(largest),
        layers=_layers(network, _fraction(largest)),
        latents=_grids(network.network, recipe, crossing),
        input=rule.to_dict(),
        recipe=recipe.to_dict(),
        card={},
    )
    card = {**card, "freezing": _loss(network, model, images)}
    return replace(model, card=card)


def thaw(model):
    """The network in torch, with the rounded weights: for speed, and on GPUs.

    Parameters
    ----------
    model : astroae.nets.modelfile.Model

    Returns
    -------
    TorchNetwork
        In evaluation mode.  Its batch norms do nothing: they are in the weights.
    """
    network = TorchNetwork(model.network).eval()
    with torch.no_grad():
        for name, layer in model.layers.items():
            target = network.layers[name]
            scale = 0.5**layer.shift
            weight = layer.weight * scale.reshape(-1, *(1,) * (layer.weight.ndim - 1))
            if isinstance(target, torch.nn.ConvTranspose2d):
                weight = weight.swapaxes(0, 1)
            target.weight.copy_(torch.from_numpy(np.ascontiguousarray(weight)))
            bias = torch.from_numpy(layer.bias * scale * 0.5**model.fraction).float()
            target.bias = torch.nn.Parameter(bias)
            if name in network.norms:
                network.norms[name] = torch.nn.Identity()
    return network


def _cut(images, network):
    """The middles of images, as large as the smallest and the network allow."""
    sides = [network.side, network.side]
    if network.side is None:
        sides = [min(image.shape[axis] for image in images) for axis in (1, 2)]
        sides = [min(side, _LARGEST_SIDE) for side in sides]
        sides = [max(side // network.multiple * network.multiple, 1) for side in sides]
    for image in images:
        y, x = ((have - side) // 2 for have, side in zip(image.shape[1:], sides))
        yield np.array(image[:, y : y + sides[0], x : x + sides[1]], np.float64)


def _normalisation(recipe, samples):
    """The rule for measured images, with what training learned of the set."""
    rule = Normalisation(**recipe.normalisation)
    if rule.input != "standard":
        return rule
    learned = {key: getattr(samples.normalisation, key) for key in ("mean", "deviation")}
    return Normalisation(**{**recipe.normalisation, **learned})


def _observe(network, images):
    """Crossing tensors of images, and the largest number in any tensor."""
    crossing, largest = {name: [] for name in network.network.crossing}, [1.0]
    watches = [
        module.register_forward_hook(lambda *given: largest.append(float(given[-1].abs().max())))
        for module in (*network.layers.values(), *network.norms.values())
    ]
    try:
        with torch.no_grad():
            for image in images:
                x = torch.from_numpy(pad(image, network.network.multiple)).float()[None]
                tensors = network.encode(x)
                network.decode(tensors)
                for name, tensor in tensors.items():
                    crossing[name].append(tensor[0].double().numpy())
    finally:
        for watch in watches:
            watch.remove()
    return crossing, max(largest)


def _fraction(largest):
    """Fraction bits of tensors that leave headroom over what was seen."""
    bits = int(np.floor(np.log2(LIMIT / (_HEADROOM * largest)))) if np.isfinite(largest) else -1
    if bits < 6:
        raise ModelError(
            "the network's tensors are too large for fixed point",
            where="freeze",
            found=f"numbers up to {largest:.3g} on the training samples",
            hint="train with a smaller learning rate, or with batch norms",
        )
    return min(bits, _FINEST)


def _layers(network, fraction):
    layers = {}
    for node in (*network.network.encoder, *network.network.decoder):
        if node.weighted:
            weight, bias = _folded(network.layers[node.name], network.norms, node.name)
            layers[node.name] = _rounded(weight, bias, fraction)
    return layers


def _folded(layer, norms, name):
    """Weights (feature first) and biases, a batch norm included."""
    weight = layer.weight.detach().double().numpy()
    if isinstance(layer, torch.nn.ConvTranspose2d):
        weight = weight.swapaxes(0, 1)
    bias = np.zeros(len(weight))
    if layer.bias is not None:
        bias = layer.bias.detach().double().numpy()
    if name in norms:
        norm = norms[name]
        given = (norm.weight, norm.bias, norm.running_mean, norm.running_var)
        gain, shift, mean, variance = (part.detach().double().numpy() for part in given)
        gain = gain / np.sqrt(variance + norm.eps)
        weight = weight * gain.reshape(-1, *(1,) * (weight.ndim - 1))
        bias = (bias - mean) * gain + shift
    return weight, bias


def _rounded(weight, bias, fraction):
    """A layer with as many fraction bits per feature as int16 and the exact sums allow."""
    flat = np.abs(weight.reshape(len(weight), -1))
    room = np.minimum(32767 / np.maximum(flat.max(1), 1e-9), _SUM / np.maximum(flat.sum(1), 1e-9))
    # Half a unit of rounding per weight counts in the sum.
    room = np.minimum(room, (_SUM - flat.shape[1] / 2) / np.maximum(flat.sum(1), 1e-9))
    room = np.where(np.isfinite(room), room, 0)
    shift = np.floor(np.log2(np.maximum(room, 0.5)))
    shift = np.clip(shift, 0, MOST_SHIFT).astype(np.int64)
    columns = np.exp2(shift).reshape(-1, *(1,) * (weight.ndim - 1))
    whole = np.clip(np.rint(weight * columns), -32767, 32767)
    biases = np.clip(np.rint(bias * np.exp2(shift + fraction)), -(1 << 50), 1 << 50)
    return Layer(np.ascontiguousarray(whole.astype(np.int16)), shift, biases.astype(np.int64))


def _grids(network, recipe, crossing):
    """Steps from the spread of each channel, or of 1 where training set the scale."""
    grids = {}
    for name in network.crossing:
        flat = np.concatenate([t.reshape(len(t), -1) for t in crossing[name]], 1)
        mean, scale = flat.mean(1), flat.std(1)
        levels = recipe.skip_levels if name in network.skips else recipe.latent_levels
        spread = np.maximum(scale, max(_FEWEST_STEPS * scale.max(), 1e-6))
        step = np.ones(len(flat)) if levels is None else spread / levels
        grids[name] = LatentGrid(step, scale, mean)
    steps = [_STEPS[i % len(_STEPS)] for i in range(len(crossing[name]))]
    contexts = contextfit.fit(
        [
            np.stack([grid.quantise(t, step) for t, step in zip(crossing[name], steps)])
            for name, grid in grids.items()
        ],
        [np.stack([grid.classes(step) for step in steps]) for grid in grids.values()],
    )
    return {
        name: replace(grid, context=context)
        for (name, grid), context in zip(grids.items(), contexts)
    }


def _loss(network, model, images):
    """How far fixed point is from the network as trained, on a few images."""
    differences = []
    for image in images[:: -(-len(images) // _COMPARED)]:
        x = pad(image, model.network.multiple)
        with torch.no_grad():
            wanted = network.decode(network.encode(torch.from_numpy(x).float()[None]))[0]
        differences.append(decode(model, encode(model, image)) - wanted.double().numpy())
    squares = np.concatenate([d.ravel() ** 2 for d in differences])
    return {"rms": float(np.sqrt(squares.mean())), "largest": float(np.sqrt(squares.max()))}
