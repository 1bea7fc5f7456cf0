"""Training with Lightning: batches, log, checkpoints, and a resume that changes nothing.

A checkpoint is written at the end of epochs.  Data order, turns, noise and learning
rate are functions of seed, epoch and step, so a killed run that goes on from its last
checkpoint ends with the weights of an uninterrupted one (CPU, same threads).
"""

import csv
import logging
import os
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import lightning
import numpy as np
import torch
from lightning.pytorch.callbacks import Callback, EarlyStopping, ModelCheckpoint

from astroae.errors import SettingError, UnsupportedDataError
from astroae.train.data.origin import hashed
from astroae.train.losses import build_terms
from astroae.train.module import Autoencoder

__all__ = ["Training", "fit"]

_COLUMNS = ("epoch", "step", "loss", "validation_loss", "validation_mse", "seconds")


@dataclass(frozen=True)
class Training:
    """How a training runs, beside what its recipe says.

    Attributes
    ----------
    folder : path-like
        Of checkpoints and ``log.csv``.
    device : {"auto", "cpu", "cuda"}
    precision : str or None
        Lightning's, ``"bf16-mixed"`` or ``"32-true"``; None: the recipe's.
    threads : int or None
    max_minutes : float or None
        Stop at the end of the epoch in which so long has passed; the checkpoint serves
        to go on.  The learning rate is that of the whole training: one that falls as a
        cosine has not reached zero then.
    patience : int or None
        Stop after so many epochs without a smaller validation loss.
    progress : callable or None
        Called with (steps done, all steps).
    """

    folder: Path
    device: str = "auto"
    precision: str | None = None
    threads: int | None = None
    max_minutes: float | None = None
    patience: int | None = None
    progress: Callable[[int, int], None] | None = None


def fit(recipe, network, training_set, validation_set, training, perceptual=None):
    """Train a network, or go on from the last checkpoint in the folder.

    Parameters
    ----------
    recipe : Recipe
    network : Network
    training_set, validation_set : StampSet
    training : Training
    perceptual : callable, optional
        Distance of two batches of images.

    Returns
    -------
    TorchNetwork
        On the CPU, in evaluation mode.

    Raises
    ------
    SettingError
        A device that is not there, or a folder with the checkpoint of another training.
    UnsupportedDataError
        Images smaller than the cut-outs.
    """
    for stamps in (training_set, validation_set):
        _check_sizes(stamps, recipe.crop)
    if training.threads:
        torch.set_num_threads(training.threads)
    torch.manual_seed(recipe.seed)
    batches = -(-len(training_set) // recipe.batch)
    module = Autoencoder(
        recipe,
        network,
        training_set.normalisation,
        build_terms(recipe.loss, perceptual),
        batches * recipe.epochs,
        _digest(training_set),
    )
    module = module.to(memory_format=torch.channels_last)
    folder = Path(training.folder)
    last = folder / "last.ckpt"
    trainer = _trainer(recipe, training, folder, batches * recipe.epochs)
    with warnings.catch_warnings():
        # Lightning's advice on loader workers and on where a checkpoint came from.
        warnings.filterwarnings("ignore", module="lightning")
        trainer.fit(
            module,
            _loader(_Batches(training_set, recipe), recipe),
            _loader(_Whole(validation_set, recipe.crop), None, recipe.batch),
            ckpt_path=str(last) if last.exists() else None,
            weights_only=True,
        )
    return module.net.cpu().eval()


def _digest(stamps):
    """Of the training set's places and pixels, so that another is told from it."""
    first = np.asarray(stamps.images[0], np.float32).tobytes()
    places = [
        f"{o.file} {o.hdu} {o.plane} {o.y} {o.x} {o.height} {o.width}" for o in stamps.origins
    ]
    return f"{len(stamps)} stamps {hashed('data', first.hex(), *places):016x}"


def _check_sizes(stamps, crop):
    least = min(min(image.shape[-2:]) for image in stamps.images)
    if crop and least < crop:
        raise UnsupportedDataError(
            "an image is smaller than the cut-outs that are trained on",
            where="images",
            found=f"a side of {least} pixels, {crop} are needed",
            hint="leave small images out, or give --side to resize to",
        )


def _accelerator(device):
    if device == "cuda" and not torch.cuda.is_available():
        raise SettingError(
            "no such device",
            where="device",
            found="torch finds no CUDA device",
            hint="give --device cpu, or a torch that is built for CUDA",
        )
    return {"cuda": "gpu"}.get(device, device)


def _trainer(recipe, training, folder, steps):
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    folder.mkdir(parents=True, exist_ok=True)
    callbacks = [
        _Log(folder / "log.csv"),
        ModelCheckpoint(
            folder, "epoch-{epoch}", every_n_epochs=recipe.checkpoint_every, save_top_k=-1
        ),
        ModelCheckpoint(folder, "last", enable_version_counter=False),
    ]
    if training.patience:
        callbacks.append(EarlyStopping("validation_loss", patience=training.patience))
    if training.max_minutes:
        callbacks.append(_Deadline(training.max_minutes))
    if training.progress:
        callbacks.append(_Progress(training.progress, steps))
    return lightning.Trainer(
        accelerator=_accelerator(training.device),
        devices=1,
        precision=training.precision or recipe.precision,
        max_epochs=recipe.epochs,
        gradient_clip_val=1.0,
        callbacks=callbacks,
        logger=False,
        num_sanity_val_steps=0,
        enable_progress_bar=False,
        enable_model_summary=False,
    )


class _Batches(torch.utils.data.Dataset):
    """Batches of turned and cut stamps; an index is (epoch, batch)."""

    def __init__(self, stamps, recipe):
        self.stamps, self.recipe = stamps, recipe

    def __len__(self):
        return -(-len(self.stamps) // self.recipe.batch)

    def __getitem__(self, index):
        epoch, number = index
        recipe = self.recipe
        order = np.random.default_rng(hashed("order", recipe.seed, epoch)).permutation(
            len(self.stamps)
        )
        chosen = order[number * recipe.batch : (number + 1) * recipe.batch]
        return _joined([self._stamp(int(i), epoch) for i in chosen])

    def _stamp(self, index, epoch):
        if self.recipe.augment:
            return self.stamps.augmented(index, epoch, self.recipe.seed, self.recipe.crop)
        return self.stamps.images[index]


class _Whole(torch.utils.data.Dataset):
    """Stamps as they are; of a network of any size their middle, so that they stack."""

    def __init__(self, stamps, crop):
        self.stamps, self.crop = stamps, crop

    def __len__(self):
        return len(self.stamps)

    def __getitem__(self, index):
        image = self.stamps.images[index]
        if self.crop:
            y, x = ((n - self.crop) // 2 for n in image.shape[-2:])
            image = image[..., y : y + self.crop, x : x + self.crop]
        return torch.from_numpy(np.ascontiguousarray(image))


class _Order(torch.utils.data.Sampler):
    """(epoch, batch) pairs; Lightning tells the epoch."""

    def __init__(self, count):
        self.count, self.epoch = count, 0

    def __len__(self):
        return self.count

    def __iter__(self):
        # One at a time: on a resume Lightning begins the iteration before it tells the epoch.
        for number in range(self.count):
            yield self.epoch, number

    def set_epoch(self, epoch):
        self.epoch = epoch


def _loader(batches, recipe, batch=None):
    if recipe is None:
        return torch.utils.data.DataLoader(batches, batch_size=batch)
    return torch.utils.data.DataLoader(batches, batch_size=None, sampler=_Order(len(batches)))


def _joined(images):
    tensor = torch.from_numpy(np.stack(images))
    return tensor.contiguous(memory_format=torch.channels_last)


class _Deadline(Callback):
    """Stops at the end of the epoch in which the time is up."""

    def __init__(self, minutes):
        self.stop = time.monotonic() + 60 * minutes

    def on_train_epoch_end(self, trainer, module):
        if time.monotonic() > self.stop:
            trainer.should_stop = True


class _Progress(Callback):
    """Tells how many steps are done, those before a resume among them."""

    def __init__(self, tell, steps):
        self.tell, self.steps = tell, steps

    def on_train_batch_end(self, trainer, module, outputs, batch, index):
        self.tell(trainer.global_step, self.steps)


class _Log(Callback):
    """One line per epoch; what a killed run wrote after its last checkpoint is dropped."""

    def __init__(self, path):
        self.path, self.rows, self.before, self.start = path, [], 0.0, 0.0

    def on_train_start(self, trainer, module):
        self.start = time.monotonic()
        if trainer.current_epoch and self.path.exists():
            with open(self.path, newline="") as file:
                kept = [r for r in csv.DictReader(file) if int(r["epoch"]) <= trainer.current_epoch]
            self.rows = kept
            self.before = float(kept[-1]["seconds"]) if kept else 0.0

    def on_train_epoch_end(self, trainer, module):
        values = {key: float(value) for key, value in trainer.callback_metrics.items()}
        values["loss"] = module.epoch_loss()
        row = {
            "epoch": trainer.current_epoch + 1,  # epochs done
            "step": trainer.global_step,
            **{key: f"{values[key]:.6g}" for key in _COLUMNS[2:5] if key in values},
            "seconds": f"{self.before + time.monotonic() - self.start:.1f}",
        }
        self.rows.append(row)
        # Replaced whole: a kill may come at any moment.
        new = self.path.with_suffix(".new")
        with open(new, "w", newline="") as file:
            writer = csv.DictWriter(file, _COLUMNS)
            writer.writeheader()
            writer.writerows(self.rows)
        os.replace(new, self.path)
