"""Three accounts of one model: what crosses free, cut, or coded and paid for.

Skip connections pass the bottleneck by.  ``"free"``: every crossing tensor as the
encoder made it, nothing counted, as such networks are published.  ``"cut"``: only the
latents, quantised and coded; a skip's mean stands for it.  ``"coded"``: all of them
quantised, entropy-coded and counted.
"""

from dataclasses import dataclass

import numpy as np
import torch

from astroae.entropy import latents
from astroae.errors import SettingError
from astroae.pixels.stamps import Normalisation
from astroae.train.freeze import thaw
from astroae.train.network import pad

__all__ = ["WAYS", "Accounting", "account"]

WAYS = ("free", "cut", "coded")
_BATCH = 8


@dataclass(frozen=True)
class Accounting:
    """What came of a set of stamps.

    Attributes
    ----------
    images : list of float32 ndarray (C, H, W)
        In [0, 1].
    bytes : int64 ndarray (N,) or None
        Of the coded tensors; the four numbers that undo the normalisation come to
        them in a file (32 bytes).  None: nothing was counted.
    """

    images: list
    bytes: np.ndarray | None


def account(model, stamps, way="coded", latent_step=1.0, device="cpu", batch=_BATCH):
    """Stamps through a model and back.

    Parameters
    ----------
    model : astroae.nets.modelfile.Model
    stamps : StampSet
    way : {"free", "cut", "coded"}
    latent_step : float
        Times the model's own quantisation steps.
    device : str
        Of torch; the coded bytes are decoded before the decoder runs.
    batch : int

    Returns
    -------
    Accounting

    Raises
    ------
    SettingError
        Another way.
    """
    if way not in WAYS:
        raise SettingError(
            "no such account",
            where="skips",
            found=f"got {way!r}, there are {', '.join(WAYS)}",
            hint="'coded' is what a file holds",
        )
    network, rule = thaw(model).to(device), Normalisation(**model.input)
    images, sizes = [], []
    for start in _runs(stamps.images, batch):
        x = np.stack([stamps.images[i] for i in start])
        seen = torch.from_numpy(np.ascontiguousarray(rule.network_input(x), np.float32))
        with torch.no_grad():
            crossing = network.encode(pad(seen.to(device), model.network.multiple))
            if way != "free":
                crossing, counted = _through_bytes(model, crossing, way, latent_step)
                sizes += counted
            y = network.decode(crossing).float().cpu().numpy()
        images += list(np.clip(y[..., : x.shape[-2], : x.shape[-1]], 0.0, 1.0))
    return Accounting(images, None if way == "free" else np.array(sizes))


def _runs(images, batch):
    """Indices of stamps of one shape that stand side by side, so many at most."""
    run = []
    for i, image in enumerate(images):
        if run and (len(run) == batch or image.shape != images[run[0]].shape):
            yield run
            run = []
        run.append(i)
    if run:
        yield run


def _through_bytes(model, crossing, way, step):
    """Tensors as a file would give them back, and the bytes of each image."""
    wanted = model.network.crossing if way == "coded" else model.network.latents
    arrays = {name: tensor.double().cpu().numpy() for name, tensor in crossing.items()}
    device = next(iter(crossing.values())).device
    out = {name: np.empty_like(array) for name, array in arrays.items()}
    sizes = []
    for i in range(len(next(iter(arrays.values())))):
        whole = [model.latents[name].quantise(arrays[name][i], step) for name in wanted]
        classes = [model.latents[name].classes(step) for name in wanted]
        contexts = [model.latents[name].context for name in wanted]
        data = latents.encode(whole, classes, contexts)
        back = latents.decode(data, [part.shape for part in whole], classes, contexts)
        sizes.append(len(data))
        for name, part in zip(wanted, back, strict=True):
            out[name][i] = model.latents[name].restore(part, step)
        for name in set(arrays) - set(wanted):
            out[name][i] = model.latents[name].cut(arrays[name][i].shape)
    tensors = {name: torch.from_numpy(array).float().to(device) for name, array in out.items()}
    return tensors, sizes
