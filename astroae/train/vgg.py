"""Perceptual distance: features of VGG16, its weights given or fetched by the user.

Simonyan & Zisserman 2015 (ICLR, arXiv:1409.1556) for the network, Johnson, Alahi &
Fei-Fei 2016 (ECCV, arXiv:1603.08155) for the distance.  The package holds no weights:
a standard VGG16 file is named by its path, or fetched by `torch.hub` when asked.
"""

from pathlib import Path

import torch
from torch import nn
from torch.nn import functional

from astroae.errors import ModelError

__all__ = ["WEIGHTS_URL", "Perceptual", "load_perceptual"]

#: The file that torchvision's ``vgg16(weights="IMAGENET1K_V1")`` reads.
WEIGHTS_URL = "https://download.pytorch.org/models/vgg16-397923af.pth"

#: Channels of the convolutions up to relu3_3; "M" is max pooling.
_PLAN = (64, 64, "M", 128, 128, "M", 256, 256, 256)
_TAPS = (3, 8, 15)  # relu1_2, relu2_2, relu3_3
_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # ImageNet's, in RGB


class Perceptual(nn.Module):
    """Mean squared distance of VGG16 features of images in [0, 1].

    Parameters
    ----------
    weights : dict of str to Tensor
        ``features.N.weight`` and ``features.N.bias``.
    """

    def __init__(self, weights):
        super().__init__()
        self.features = _features()
        wanted = {f"features.{name}" for name in self.features.state_dict()}
        if not wanted <= set(weights):
            raise _wrong("VGG weights", f"{sorted(wanted - set(weights))[:3]} and more are missing")
        own = {name.partition(".")[2]: weights[name] for name in wanted}
        try:
            self.features.load_state_dict(own)
        except RuntimeError as exc:
            raise _wrong("VGG weights", str(exc).splitlines()[-1].strip()) from exc
        self.register_buffer("mean", torch.tensor(_MEAN).reshape(1, 3, 1, 1))
        self.register_buffer("deviation", torch.tensor(_DEVIATION).reshape(1, 3, 1, 1))
        self.requires_grad_(False).eval()

    def forward(self, y, x):
        """Distance (N,) of two batches (N, 1 or 3, H, W); gradients flow to both."""
        self.to(y.device)  # no part of the trained network, so nobody else moves it
        total = 0.0
        for a, b in zip(self._tapped(y), self._tapped(x), strict=True):
            total = total + functional.mse_loss(a, b, reduction="none").mean((1, 2, 3))
        return total

    def _tapped(self, images):
        images = images.expand(-1, 3, -1, -1) if images.shape[1] == 1 else images
        values = (images - self.mean) / self.deviation
        found = []
        for i, layer in enumerate(self.features):
            values = layer(values)
            if i in _TAPS:
                found.append(values)
        return found


def _features():
    layers, channels = [], 3
    for item in _PLAN:
        if item == "M":
            layers.append(nn.MaxPool2d(2))
        else:
            layers += [nn.Conv2d(channels, item, 3, padding=1), nn.ReLU()]
            channels = item
    return nn.Sequential(*layers)


def load_perceptual(where):
    """The distance, with weights of a file or of the network.

    Parameters
    ----------
    where : path-like or "hub"
        A ``.pth`` state dict or a ``.safetensors`` file; ``"hub"`` fetches
        `WEIGHTS_URL` (528 MB) into torch's own cache.

    Raises
    ------
    ModelError
        No such file, or not these weights.
    """
    if str(where) == "hub":
        return Perceptual(_fetched())
    path = Path(where)
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            return Perceptual(load_file(path))
        return Perceptual(torch.load(path, map_location="cpu", weights_only=True))
    except ModelError:
        raise
    except Exception as exc:  # torch and pickle raise many kinds on files that are none
        raise _wrong(str(path), f"{type(exc).__name__}: {exc}"[:200]) from exc


def _fetched():
    try:
        return torch.hub.load_state_dict_from_url(
            WEIGHTS_URL, map_location="cpu", weights_only=True, check_hash=True
        )
    except (OSError, RuntimeError) as exc:
        raise _wrong(WEIGHTS_URL, str(exc)[:200]) from exc


def _wrong(where, found):
    return ModelError(
        "the weights of VGG16 cannot be used",
        where=where,
        found=found,
        hint=f"get {WEIGHTS_URL} and give it with --vgg-weights, or train with --no-perceptual",
    )
