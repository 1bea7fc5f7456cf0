"""Stamps through a model: image -> latents -> vector, and latents -> image.

All of it in exact numpy (`astroae.nets.exact`), so the numbers are those that a file
in latent mode holds.  A vector has one number for each channel of each latent tensor,
coarsest tensor first: a channel with several places in the image is averaged over them.
"""

from dataclasses import dataclass

import numpy as np

from astroae.errors import UnsupportedDataError
from astroae.nets import exact
from astroae.pixels.resize import resize, resize_levels
from astroae.pixels.stamps import Normalisation, Scaling, fill_undefined, undefined

__all__ = [
    "Coded",
    "channel_names",
    "decode",
    "encode",
    "latent_vector",
    "prepare",
    "rule_of",
    "vectors",
]


@dataclass(frozen=True)
class Coded:
    """One stamp as a model sees it.

    Attributes
    ----------
    x : ndarray (C, H, W) of float64
        From 0 to 1, at the model's side, not padded.
    scaling : astroae.pixels.stamps.Scaling
    crossing : dict of str to ndarray (C, h, w)
        Latents and skips.
    """

    x: np.ndarray
    scaling: Scaling
    crossing: dict


def prepare(model, values, pictures=False):
    """A stamp at the model's side and channels, normalised.

    Parameters
    ----------
    model : astroae.nets.modelfile.Model
    values : array_like (y, x) or (channel, y, x)
        Image units; NaN and inf are undefined.
    pictures : bool
        Gray levels from 0 to 255 rather than flux per pixel, where the model's recipe
        treats them in a way of their own.

    Returns
    -------
    x : ndarray (C, H, W) of float64
        From 0 to 1.
    scaling : astroae.pixels.stamps.Scaling

    Raises
    ------
    UnsupportedDataError
        No image, no defined pixel, or another number of channels.
    """
    values = np.asarray(values, np.float64)
    planes = values[None] if values.ndim == 2 else values
    network = model.network
    if planes.ndim != 3 or 0 in planes.shape or len(planes) not in (1, network.channels):
        raise UnsupportedDataError(
            "not a stamp that the model takes",
            where=model.name,
            found=f"shape {values.shape}; allowed are (height, width) and "
            f"({network.channels}, height, width), no side 0",
            hint="give one plane, or as many as the model has channels",
        )
    bad = undefined(planes)
    if bad.all():
        raise UnsupportedDataError(
            "a stamp has no defined pixel",
            where=model.name,
            found=f"{planes.size} pixels, all NaN or infinite",
            hint="leave it out",
        )
    planes = fill_undefined(planes, bad)
    if network.side is not None:
        shape = (network.side, network.side)
        planes = (resize_levels if pictures else resize)(planes, shape)
        bad = resize_levels(bad, shape) > 0.5
    x, scaling = rule_of(model, pictures).normalise(planes, bad)
    return np.broadcast_to(x, (network.channels, *x.shape[1:])), scaling


def rule_of(model, pictures=False):
    """The model's normalisation, of measured images or of pictures.

    Parameters
    ----------
    model : astroae.nets.modelfile.Model
    pictures : bool

    Returns
    -------
    astroae.pixels.stamps.Normalisation
    """
    own = model.recipe.get("picture_normalisation") if pictures else None
    return Normalisation(**own) if own else Normalisation.from_dict(model.input)


def encode(model, values, pictures=False):
    """Latents and skips of one stamp.

    Parameters
    ----------
    model : astroae.nets.modelfile.Model
    values : array_like (y, x) or (channel, y, x)
    pictures : bool

    Returns
    -------
    Coded
    """
    x, scaling = prepare(model, values, pictures)
    seen = rule_of(model, pictures).network_input(x)
    return Coded(x, scaling, exact.encode(model, seen))


def decode(model, crossing, shape):
    """The image that crossing tensors stand for.

    Parameters
    ----------
    model : astroae.nets.modelfile.Model
    crossing : dict of str to ndarray (C, h, w)
        Skips that are missing are cut: the mean of each channel stands for them.
    shape : tuple of int
        (height, width) of the image before padding.

    Returns
    -------
    ndarray (C, H, W) of float64
        On the scale of `prepare`.
    """
    network = model.network
    wanted = network.shapes(*shape)
    given = {
        name: crossing[name] if name in crossing else model.latents[name].cut(wanted[name])
        for name in network.crossing
    }
    return exact.decode(model, given)[:, : shape[0], : shape[1]]


def latent_vector(model, crossing):
    """One number for each channel of each latent tensor.

    Parameters
    ----------
    model : astroae.nets.modelfile.Model
    crossing : dict of str to ndarray (C, h, w)

    Returns
    -------
    ndarray (K,) of float64
    """
    return np.concatenate([crossing[name].mean((1, 2)) for name in model.network.latents])


def channel_names(model):
    """Names of the numbers of a vector: tensor and channel.

    Returns
    -------
    list of str
        ``z_0``, ``z_1``, ...
    """
    shapes = model.network.shapes()
    return [f"{name}_{i}" for name in model.network.latents for i in range(shapes[name][0])]


def model_cards(model):
    """Which model made something, as FITS cards: ``MODEL`` and ``MODELSHA`` (SHA-256)."""
    return {"MODEL": model.name[:60], "MODELSHA": model.sha256}


def vectors(model, stamps, *, pictures=False, progress=None):
    """Vectors of many stamps.

    Parameters
    ----------
    model : astroae.nets.modelfile.Model
    stamps : sequence of array_like (y, x) or (channel, y, x)
    pictures : bool
    progress : callable, optional
        Called with (done, total).

    Returns
    -------
    ndarray (N, K) of float64
    """
    found = np.empty((len(stamps), len(channel_names(model))))
    for i, values in enumerate(stamps):
        found[i] = latent_vector(model, encode(model, values, pictures).crossing)
        if progress is not None:
            progress(i + 1, len(stamps))
    return found
