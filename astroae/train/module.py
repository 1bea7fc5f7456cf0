"""One training step, as Lightning wants it."""

import json
import math

import lightning
import torch

from astroae.errors import SettingError
from astroae.train.data.origin import hashed
from astroae.train.losses import RateModel, Result
from astroae.train.network import TorchNetwork, pad

__all__ = ["Autoencoder"]

_FREE = ("epochs", "checkpoint_every", "summary", "origin", "decisions", "intended_use")
_FREE += ("known_failures", "latent_levels", "skip_levels", "precision")


class Autoencoder(lightning.LightningModule):
    """A network, its loss and its optimiser.

    Every random number is a function of seed and step, never of what ran before: a
    run that is resumed takes the steps that an uninterrupted one would have taken.

    Parameters
    ----------
    recipe : Recipe
    network : Network
    rule : Normalisation
        What the network sees of images in [0, 1].
    terms : tuple of (callable, float)
        From `astroae.train.losses.build_terms`.
    steps : int
        Of the whole training, for the learning rate.
    data : str, optional
        What tells the training set from another: a checkpoint is of one.
    """

    def __init__(self, recipe, network, rule, terms, steps, data=""):
        super().__init__()
        told = recipe.to_dict() | {"data": data}
        # More epochs may follow, and what is only said of the recipe may be said anew.
        self.told = {key: json.dumps(value) for key, value in told.items() if key not in _FREE}
        self.recipe, self.rule, self.terms, self.steps = recipe, rule, terms, steps
        self.net = TorchNetwork(network)
        shapes = network.shapes()
        channels = {name: shapes[name][0] for name in network.crossing}
        self.rate = RateModel(channels) if recipe.step_range else None

    def training_step(self, batch, _):
        """The loss of a batch (N, C, H, W)."""
        if self.recipe.norm_epochs is not None and self.current_epoch >= self.recipe.norm_epochs:
            self.net.norms.eval()
        generator = torch.Generator(batch.device)
        generator.manual_seed(hashed("step", self.recipe.seed, self.global_step))
        result = self._result(batch, generator)
        total = self._total(result)
        # With a step of its own each image's loss grows as the step falls.
        loss = (total if result.step is None else total * result.step).mean()
        self._losses.append((loss.detach(), len(batch)))
        return loss

    def on_train_epoch_start(self):
        """Forget the losses of the epoch before."""
        # Not Lightning's own log: after a resume it counts the epoch before in.
        self._losses = []

    def epoch_loss(self):
        """Mean loss of the epoch's stamps so far."""
        return sum(float(loss) * n for loss, n in self._losses) / sum(n for _, n in self._losses)

    def validation_step(self, batch, _):
        """Mean squared error, nothing quantised, and the loss."""
        result = self._result(batch, None)
        loss = self._total(result).mean()
        mse = ((result.y - result.x) ** 2).mean()
        for name, value in (("validation_loss", loss), ("validation_mse", mse)):
            self.log(name, value, on_epoch=True, batch_size=len(batch))

    def _total(self, result):
        """The weighted terms of each image, in single precision: SSIM overflows in less."""
        with torch.autocast(result.x.device.type, enabled=False):
            return sum(weight * term(result) for term, weight in self.terms)

    def _result(self, x, generator):
        """``generator`` None: steps of 1, rounded."""
        crossing = self.net.encode(pad(self.rule.network_input(x), self.net.network.multiple))
        bits = step = None
        if self.rate is not None:
            step = self._steps(x, generator)
            crossing, bits = self._quantised(crossing, step, generator)
            bits = bits / (x.shape[-1] * x.shape[-2])
        y = self.net.decode(crossing).float()[..., : x.shape[-2], : x.shape[-1]]
        return Result(x, y, bits, step)

    def _steps(self, x, generator):
        if generator is None:
            return torch.ones(len(x), device=x.device)
        low, high = (math.log(step) for step in self.recipe.step_range)
        uniform = torch.rand(len(x), generator=generator, device=x.device)
        return torch.exp(low + (high - low) * uniform)

    def _quantised(self, crossing, step, generator):
        wide, bits, out = step[:, None, None, None], 0.0, {}
        for name, tensor in crossing.items():
            tensor = tensor.float()
            if generator is None:
                tensor = torch.round(tensor / wide) * wide
            else:
                noise = torch.rand(tensor.shape, generator=generator, device=tensor.device)
                tensor = tensor + (noise - 0.5) * wide
            bits = bits + self.rate.bits(name, tensor, step)
            out[name] = tensor
        return out, bits

    def on_save_checkpoint(self, checkpoint):
        """Keep what the training was told."""
        checkpoint["astroae"] = self.told

    def on_load_checkpoint(self, checkpoint):
        """Refuse the checkpoint of another training: nothing of it could be repeated."""
        then = checkpoint.get("astroae", self.told)
        other = sorted(key for key in self.told if then.get(key, self.told[key]) != self.told[key])
        if other:
            now = "; ".join(f"{key} was {then[key]}, is {self.told[key]}" for key in other)
            raise SettingError(
                "the checkpoint is of another training",
                where=", ".join(other),
                found=now,
                hint="give the same recipe, options and data, or another --checkpoint-dir",
            )

    def configure_optimizers(self):
        """Adam; constant, or falling to zero as a cosine over the whole training."""
        optimiser = torch.optim.Adam(self.parameters(), self.recipe.learning_rate)
        if self.recipe.schedule == "constant":
            return optimiser
        schedule = torch.optim.lr_scheduler.LambdaLR(
            optimiser, lambda at: 0.5 * (1 + math.cos(math.pi * min(at / self.steps, 1)))
        )
        return [optimiser], [{"scheduler": schedule, "interval": "step"}]
