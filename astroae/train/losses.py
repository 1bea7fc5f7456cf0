"""Terms of a loss, by name; a recipe weighs them.

Each takes a `Result` and gives one number per image, so that a batch may weigh its
images.
"""

import math
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional

from astroae.errors import SettingError

__all__ = ["TERMS", "RateModel", "Result", "build_terms"]

_LEAST = 1e-6  # a logarithm of less says nothing about a pixel
_LEAST_MASS = 1e-12  # of a latent, before its tail is taken by formula
_LOG2 = math.log(2)


@dataclass
class Result:
    """What a training step has: images (N, C, H, W), and the bits of their latents.

    Attributes
    ----------
    x, y : Tensor
        Before and after, both in [0, 1].
    bits : Tensor (N,) or None
        Bits per pixel of the latents, where the recipe trains for them.
    step : Tensor (N,) or None
        Latent step that each image was given.
    """

    x: torch.Tensor
    y: torch.Tensor
    bits: torch.Tensor | None = None
    step: torch.Tensor | None = None


def _bce(result):
    y = result.y.clamp(_LEAST, 1 - _LEAST)
    return functional.binary_cross_entropy(y, result.x, reduction="none").mean((1, 2, 3))


def _mse(result):
    """Over the square of the latent step: what a finer step is for."""
    error = ((result.y - result.x) ** 2).mean((1, 2, 3))
    return error if result.step is None else error / result.step**2


def _l1(result):
    return (result.y - result.x).abs().mean((1, 2, 3))


def _ssim(result):
    from pytorch_msssim import ssim

    return 1 - ssim(result.y.contiguous(), result.x.contiguous(), 1.0, size_average=False)


def _rate(result):
    return result.bits


#: Terms that need nothing but a result; ``perceptual`` is a network (`astroae.train.vgg`).
TERMS = {"bce": _bce, "mse": _mse, "l1": _l1, "ssim": _ssim, "rate": _rate}


def build_terms(loss, perceptual=None):
    """(function, weight) of each term of a recipe's loss.

    Parameters
    ----------
    loss : sequence of (str, float)
    perceptual : callable, optional
        Distance of two batches of images, for the term of that name.

    Raises
    ------
    SettingError
        A term that there is not.
    """
    known = dict(TERMS)
    if perceptual is not None:
        known["perceptual"] = lambda result: perceptual(result.y, result.x)
    for name, _ in loss:
        if name not in known:
            raise SettingError(
                "a term of the loss cannot be computed",
                where=name,
                found=f"terms at hand are {', '.join(sorted(known))}",
                hint="'perceptual' needs VGG weights: give --vgg-weights, or --no-perceptual",
            )
    return tuple((known[name], weight) for name, weight in loss)


class RateModel(nn.Module):
    """Bits of latents under a logistic density, one scale a channel.

    A latent v at a step s has the mass F(v + s/2) - F(v - s/2), F the logistic
    distribution about zero.

    Uniform noise of a step's width stands for rounding while training (Balle, Laparra
    & Simoncelli 2017, ICLR, arXiv:1611.01704): the density of the noisy latent is then
    what the rounded one's probability is.

    Parameters
    ----------
    channels : dict of str to int
        Channels of each latent tensor.
    """

    def __init__(self, channels):
        super().__init__()
        self.log_scale = nn.ParameterDict(
            {name: nn.Parameter(torch.zeros(count)) for name, count in channels.items()}
        )

    def bits(self, name, values, step):
        """Bits (N,) of a tensor (N, C, h, w) at steps (N,)."""
        scale = self.log_scale[name].exp().clamp_min(1e-3)[:, None, None]
        step = step[:, None, None, None]
        size, half = values.float().abs(), step / 2
        near, far = (half - size) / scale, (half + size) / scale
        # Of the two tails the lower: there a difference of sigmoids keeps its digits.
        inside = torch.sigmoid(near) - torch.sigmoid(-far)
        # Far out they are too small for single precision; their logarithm is not.
        tail = -near / _LOG2 - torch.log2(-torch.expm1(-step / scale))
        exact = -torch.log2(inside.clamp_min(_LEAST_MASS))
        return torch.where(near < -12, tail, exact).sum((1, 2, 3))
