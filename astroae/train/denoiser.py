"""Train the network behind `astroae.explore.denoise`, on simulated fields.

``python -m astroae.train.denoiser -o denoise.safetensors``: some ten minutes on one
core.  It sees pixels in units of the noise, stars and galaxies under PSFs of many
widths, and learns the expected image.  No real image and no measured truth goes in.

``--latent 32`` trains another network on the same fields, without skips: stamps of 64 px
through 32 numbers, an autoencoder for `astroae.explore.anomaly_trial` to judge.
"""

import argparse
import time
from dataclasses import dataclass, replace

import numpy as np
import torch

from astroae._version import __version__
from astroae.nets.blocks import Stack
from astroae.nets.spec import Network
from astroae.nets.store import save
from astroae.pixels.stamps import Normalisation
from astroae.simulate import (
    Detector,
    FieldSettings,
    GaussianPSF,
    MoffatPSF,
    Population,
    make_field,
)
from astroae.train.freeze import freeze
from astroae.train.network import TorchNetwork
from astroae.train.recipes._recipe import Recipe

__all__ = ["LOW", "NARROW", "RECIPE", "SPAN", "build", "build_narrow", "make_fields", "train"]

LOW, SPAN = -8.0, 64.0  #: pixels in units of the noise that become 0, and from 0 to 1
UNIT = 8.0  # of the noise: the network's own unit of brightness
SIDE = 384  # px, of a training field
CROP = 64


def build(widths=(16, 24, 32)):
    """U-Net without batch norm: brightness must come out as it went in."""
    encoder, decoder = Stack("e"), Stack("d")
    tensor, skips = "x", []
    for level, width in enumerate(widths[:-1]):
        tensor = encoder.convs(tensor, width, name=f"skip{level}")
        skips.append(tensor)
        tensor = encoder.add("mean_pool", tensor)
    z = tensor = encoder.convs(tensor, widths[-1], name="z")
    for level in reversed(range(len(widths) - 1)):
        tensor = decoder.up(tensor, widths[level])
        tensor = decoder.add("concat", (tensor, skips[level]))
        tensor = decoder.convs(tensor, widths[level])
    decoder.conv(tensor, 1, relu=False, name="y")
    nodes = tuple(encoder.nodes), tuple(decoder.nodes)
    return Network(1, None, 2 ** (len(widths) - 1), *nodes, (z,), tuple(reversed(skips)))


RECIPE = Recipe(
    name="denoise",
    summary="Faint fields without their noise: a small U-Net trained against simulated truth",
    origin="astroae",
    build=build,
    options={"widths": (16, 24, 32)},
    fit="crop",
    crop=CROP,
    normalisation={
        "kind": "fixed",
        "low": LOW,
        "high": LOW + SPAN,
        "input": "standard",
        "mean": -LOW / SPAN,
        "deviation": UNIT / SPAN,
    },
    loss=(("mse", 1.0),),
    learning_rate=3e-3,
    batch=8,
    epochs=1,
    schedule="cosine",
    decisions=(
        "Input is (pixel - background) / noise; beyond 56 it is clipped.",
        "Errors count in units of each pixel's own noise, that of its light included.",
        "Skips are free: nothing of it is ever stored.",
    ),
    intended_use="astroae.explore.denoise, for images with white noise.",
    known_failures=(
        "Correlated noise (coadds) is taken for faint structure. Fluxes below S/N 20 come out "
        "too low before astroae.explore.denoise gives them back. What is neither star nor "
        "galaxy was never seen."
    ),
)


def build_narrow(widths=(16, 24, 32), latent=32):
    """Stamps through so many numbers, and nothing beside them."""
    encoder, decoder = Stack("e"), Stack("d")
    tensor, coarse = "x", CROP // 2 ** len(widths)
    for width in widths:
        tensor = encoder.add("mean_pool", encoder.convs(tensor, width))
    z = encoder.dense(tensor, latent, name="z")
    flat = decoder.dense(z, widths[-1] * coarse**2, relu=True)
    tensor = decoder.add("reshape", flat, shape=(widths[-1], coarse, coarse))
    for width in reversed(widths):
        tensor = decoder.convs(decoder.up(tensor, width), width)
    decoder.conv(tensor, 1, relu=False, name="y")
    nodes = tuple(encoder.nodes), tuple(decoder.nodes)
    return Network(1, CROP, 2 ** len(widths), *nodes, (z,))


NARROW = replace(
    RECIPE,
    name="faint64",
    summary="Faint fields, 64 x 64: an autoencoder through a few numbers",
    build=build_narrow,
    options={"widths": (16, 24, 32), "latent": 32},
    decisions=RECIPE.decisions[:2],
    intended_use="To see what an autoencoder's residual says of oddities.",
    known_failures="A few numbers hold the brightest one or two sources of a stamp, roughly.",
)


def make_fields(count, seed):
    """Expected light in units of the noise, and the electrons that one unit is.

    Parameters
    ----------
    count, seed : int

    Returns
    -------
    light : ndarray (count, 384, 384) of float32
    electrons : ndarray (count,) of float32
    """
    rng = np.random.default_rng(seed)
    light, electrons = np.empty((count, SIDE, SIDE), np.float32), np.empty(count, np.float32)
    ramp = np.linspace(-0.5, 0.5, SIDE)[:, None]
    for i in range(count):
        settings = _settings(rng, int(rng.integers(2**31)))
        sky = settings.sky * (1 + settings.sky_gradient * ramp)
        electrons[i] = np.hypot(np.sqrt(settings.sky), settings.detector.read_noise)
        light[i] = (make_field(settings).expected - sky) / electrons[i]
    return light, electrons


def _settings(rng, seed):
    """A field of any depth, seeing and crowding; sources from S/N 1.5 to some 100."""
    fwhm = rng.uniform(2.0, 5.0)
    moffat = MoffatPSF(fwhm, rng.uniform(2.5, 4.8))
    psf = GaussianPSF(fwhm) if rng.random() < 0.35 else moffat
    sky, read_noise = np.exp(rng.uniform(np.log(60), np.log(3000))), rng.uniform(2, 8)
    faint = np.hypot(np.sqrt(sky), read_noise)
    faint /= np.sqrt((psf.stamps([0.0], [0.0], 24) ** 2).sum())  # a star of S/N 1
    sources = SIDE**2 / 655 * np.exp(rng.uniform(np.log(0.3), np.log(2.0)))
    galaxies = rng.uniform(0.1, 0.5)
    population = Population(
        stars=round(sources * (1 - galaxies)),
        galaxies=round(sources * galaxies),
        faintest=1.5 * faint,
        brightest=rng.uniform(40, 200) * faint,
        slope=rng.uniform(0.5, 1.0),
    )
    detector = Detector(read_noise=read_noise, bad_columns=0, cosmic_rays=0.0)
    return FieldSettings(
        (SIDE, SIDE), psf, population, detector, sky, rng.uniform(-0.05, 0.05), seed=seed
    )


def _batch(light, electrons, rng, count):
    """Cut-outs (count, 1, CROP, CROP) of float32: truth, with noise, and the noise's variance.

    Background and noise are never known exactly, so both are a little off.
    """
    which = rng.integers(len(light), size=count)
    truth = np.empty((count, 1, CROP, CROP), np.float32)
    for i, field in enumerate(light[which]):
        top, left = rng.integers(SIDE - CROP + 1, size=2)
        cut = np.rot90(field[top : top + CROP, left : left + CROP], rng.integers(4))
        truth[i, 0] = cut if rng.random() < 0.5 else cut[:, ::-1]
    columns = (count, 1, 1, 1)
    truth *= np.exp(rng.uniform(np.log(0.6), np.log(1.6), columns)).astype(np.float32)
    variance = 1 + np.maximum(truth, 0) / electrons[which].reshape(columns)
    noise = np.sqrt(variance) * rng.standard_normal(truth.shape, np.float32)
    offset = rng.normal(0, 0.05, columns).astype(np.float32)
    gain = np.exp(rng.normal(0, 0.03, columns)).astype(np.float32)
    parts = ((truth + offset) * gain, (truth + noise + offset) * gain, variance * gain**2)
    return tuple(torch.from_numpy(part) for part in parts)


def train(steps=16_000, fields=160, seed=1, *, recipe=RECIPE, report=print):
    """Train, on one thread.

    Parameters
    ----------
    steps : int
        Of 8 cut-outs each; about 35 ms.
    fields : int
    seed : int
        Of fields, weights and noise.
    recipe : Recipe
        `RECIPE` or `NARROW`.
    report : callable
        Called with a line now and then.

    Returns
    -------
    astroae.nets.modelfile.Model
    """
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    rng = np.random.default_rng([seed, 2])
    light, electrons = make_fields(fields, seed)
    network, started = TorchNetwork(recipe.network()), time.process_time()
    optimiser = torch.optim.Adam(network.parameters())
    rate = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, recipe.learning_rate, total_steps=steps, pct_start=0.1
    )
    mean = 0.0
    for step in range(1, steps + 1):
        truth, seen, variance = _batch(light, electrons, rng, recipe.batch)
        given = UNIT * network(torch.clamp(seen, LOW, LOW + SPAN) / UNIT)
        loss = ((given - truth) ** 2 / variance).mean()
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        rate.step()
        mean += (loss.item() - mean) / min(step, 500)
        if step % 1000 == 0 or step == steps:
            report(f"step {step}, {time.process_time() - started:.0f} s, rms error {mean**0.5:.4f}")
    samples = _Samples(_batch(light, electrons, rng, 16)[1].numpy())
    settings = {"steps": steps, "fields": fields, "seed": seed}
    return _frozen(network, recipe, samples, settings)


@dataclass(frozen=True)
class _Samples:
    """What `freeze` asks of a set of stamps."""

    seen: np.ndarray

    @property
    def normalisation(self):
        return Normalisation(**RECIPE.normalisation)

    @property
    def images(self):
        return np.clip((self.seen - LOW) / SPAN, 0, 1)

    def __len__(self):
        return len(self.seen)


def _frozen(network, recipe, samples, settings):
    """Its output on the scale of a model's, 0 to 1, by way of the last weights."""
    with torch.no_grad():
        last = network.layers["y"]
        last.weight *= UNIT / SPAN
        last.bias.copy_(last.bias * UNIT / SPAN - LOW / SPAN)
    card = {
        "data": "simulated fields: astroae.train.denoiser.make_fields",
        "training": settings,
        "versions": {"astroae": __version__, "torch": torch.__version__, "numpy": np.__version__},
        "command": "python -m astroae.train.denoiser",
        "intended_use": recipe.intended_use,
        "known_failures": recipe.known_failures,
    }
    return freeze(network, recipe, samples, card)


def main(arguments=None):
    """The command."""
    parser = argparse.ArgumentParser("astroae.train.denoiser", description=__doc__.split("\n")[0])
    parser.add_argument("-o", "--output", required=True, help="model file")
    parser.add_argument("--steps", type=int, default=16_000)
    parser.add_argument("--fields", type=int, default=160)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--latent", type=int, help="an autoencoder through so many numbers")
    given = parser.parse_args(arguments)
    recipe = RECIPE
    if given.latent is not None:
        recipe = replace(NARROW, options={**NARROW.options, "latent": given.latent})
    save(train(given.steps, given.fields, given.seed, recipe=recipe), given.output)


if __name__ == "__main__":
    main()
