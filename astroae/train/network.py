"""A network in torch: the same nodes as `astroae.nets.spec`, with trainable weights."""

import torch
from torch import nn
from torch.nn import functional

__all__ = ["TorchNetwork", "pad"]

_LATENT_BIAS = 5.0


class TorchNetwork(nn.Module):
    """Encoder and decoder of a `~astroae.nets.spec.Network`.

    Parameters
    ----------
    network : Network

    Attributes
    ----------
    layers, norms : ModuleDict
        Weighted operations by the name of their node, and their batch norms.
    """

    def __init__(self, network):
        super().__init__()
        self.network = network
        shapes = network.shapes()
        self.layers, self.norms = nn.ModuleDict(), nn.ModuleDict()
        for node in (*network.encoder, *network.decoder):
            if node.weighted:
                self.layers[node.name] = _layer(node, shapes[node.inputs[0]])
                if node.options["norm"]:
                    features = shapes[node.name][0]
                    kind = nn.BatchNorm1d if node.op == "dense" else nn.BatchNorm2d
                    self.norms[node.name] = kind(features)
                if node.name in network.latents and node.options["activation"] == "relu":
                    # One that is zero for every image from the start would stay so.
                    nn.init.constant_(self.layers[node.name].bias, _LATENT_BIAS)

    def encode(self, x):
        """Crossing tensors of images (N, C, H, W) whose sides are padded already."""
        tensors = {"x": x}
        self._run(self.network.encoder, tensors)
        return {name: tensors[name] for name in self.network.crossing}

    def decode(self, crossing):
        """Images (N, C, H, W) from the crossing tensors."""
        tensors = dict(crossing)
        self._run(self.network.decoder, tensors)
        return tensors[self.network.output]

    def forward(self, x):
        """Images through the network and back, nothing quantised: padded and cropped."""
        y = self.decode(self.encode(pad(x, self.network.multiple)))
        return y[..., : x.shape[-2], : x.shape[-1]]

    def _run(self, nodes, tensors):
        for node in nodes:
            tensors[node.name] = self._result(node, [tensors[name] for name in node.inputs])

    def _result(self, node, inputs):
        x = inputs[0]
        match node.op:
            case "dense":
                y = self.layers[node.name](x.contiguous().flatten(1))
            case "conv" | "conv_transpose":
                y = self.layers[node.name](x)
            case "reshape":
                return x.reshape(-1, *node.options["shape"])
            case "max_pool":
                return functional.max_pool2d(x, 2)
            case "mean_pool":
                return functional.avg_pool2d(x, 2)
            case "upsample":
                return functional.interpolate(x, scale_factor=2, mode="nearest")
            case "concat":
                return torch.cat(inputs, 1)
            case "add":
                return sum(inputs[1:], x)
            case "sigmoid":
                return torch.sigmoid(x)
        if node.name in self.norms:
            y = self.norms[node.name](y)
        if node.options["activation"] == "relu":
            y = functional.relu(y)
        return y[..., None, None] if node.op == "dense" else y


def _layer(node, shape):
    options = node.options
    bias = not options["norm"]  # batch norm has its own
    if node.op == "dense":
        c, h, w = shape
        return nn.Linear(c * h * w, options["features"], bias=bias)
    if node.op == "conv_transpose":
        return nn.ConvTranspose2d(shape[0], options["channels"], 2, stride=2, bias=bias)
    kernel, stride = options["kernel"], options["stride"]
    return nn.Conv2d(
        shape[0], options["channels"], kernel, stride=stride, padding=kernel // 2, bias=bias
    )


def pad(x, multiple):
    """Images with their sides padded to a multiple, by reflection (the edge is not repeated)."""
    height, width = (-size % multiple for size in x.shape[-2:])
    if not (height or width):
        return x
    return functional.pad(x, (0, width, 0, height), mode="reflect")
