"""Stamps through a model: image -> latents -> vector, and latents -> image.

All of it in exact numpy (`astroae.nets.exact`), so the numbers are those that a file
in latent mode holds.  A vector has one number for each channel of each latent tensor,
coarsest tensor first: a channel with several places in the image is averaged over them.
"""

from dataclasses import dataclass

import numpy as np

from astroae.errors import SettingError, UnsupportedDataError
from astroae.nets import exact
from astroae.pixels.resize import resize, resize_levels
from astroae.pixels.stamps import Normalisation, Scaling, fill_undefined, undefined

__all__ = [
    "SMALLER",
    "Coded",
    "channel_names",
    "decode",
    "encode",
    "latent_vector",
    "model_cards",
    "prepare",
    "rule_of",
    "vectors",
]


#: What becomes of a stamp smaller than the model's own side.
SMALLER = ("pad", "resize")


@dataclass(frozen=True)
class Coded:
    """One stamp as a model sees it.

    Attributes
    ----------
    x : ndarray (C, H, W) of float64
        From 0 to 1, before it is padded to the model's side.
    scaling : astroae.pixels.stamps.Scaling
    crossing : dict of str to ndarray (C, h, w)
        Latents and skips.
    """

    x: np.ndarray
    scaling: Scaling
    crossing: dict


def prepare(model, values, *, pictures=False, smaller="pad"):
    """A stamp with the model's channels, no larger than its side, normalised.

    Parameters
    ----------
    model : astroae.nets.modelfile.Model
    values : array_like (y, x) or (channel, y, x)
        Image units; NaN and inf are undefined.
    pictures : bool
        Gray levels from 0 to 255 rather than flux per pixel, where the model's recipe
        treats them in a way of their own.
    smaller : {"pad", "resize"}
        A stamp smaller than the model's side is padded by reflection later, as
        `astroae.latents` does it, or resized; a larger one is always resized, each new
        pixel the sum of what it covers.

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
    shape = _shape(planes.shape[1:], network.side, smaller)
    if shape != planes.shape[1:]:
        planes = (resize_levels if pictures else resize)(planes, shape)
        bad = resize_levels(bad, shape) > 0.5
    x, scaling = rule_of(model, pictures).normalise(planes, bad)
    return np.broadcast_to(x, (network.channels, *x.shape[1:])), scaling


def _shape(shape, side, smaller):
    """Height and width that a stamp is resized to; its own where it stays."""
    if smaller not in SMALLER:
        raise SettingError(
            "no such way with small stamps",
            where="smaller",
            found=f"got {smaller!r}, known are {', '.join(SMALLER)}",
            hint="leave it out to pad",
        )
    if side is None or (smaller == "pad" and max(shape) <= side):
        return tuple(shape)
    return side, side


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


def encode(model, values, *, pictures=False, smaller="pad"):
    """Latents and skips of one stamp.

    Parameters
    ----------
    model : astroae.nets.modelfile.Model
    values : array_like (y, x) or (channel, y, x)
    pictures, smaller
        As for `prepare`.

    Returns
    -------
    Coded
    """
    x, scaling = prepare(model, values, pictures=pictures, smaller=smaller)
    seen = rule_of(model, pictures).network_input(x)
    if model.network.side is not None:
        missing = [(0, model.network.side - n) for n in x.shape[1:]]
        seen = np.pad(seen, [(0, 0), *missing], mode="reflect")
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
    wanted = network.shapes(*(() if network.side else shape))
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


def vectors(model, stamps, *, pictures=False, smaller="pad", progress=None):
    """Vectors of many stamps.

    Parameters
    ----------
    model : astroae.nets.modelfile.Model
    stamps : sequence of array_like (y, x) or (channel, y, x)
    pictures, smaller
        As for `prepare`.
    progress : callable, optional
        Called with (done, total).

    Returns
    -------
    ndarray (N, K) of float64
    """
    found = np.empty((len(stamps), len(channel_names(model))))
    for i, values in enumerate(stamps):
        coded = encode(model, values, pictures=pictures, smaller=smaller)
        found[i] = latent_vector(model, coded.crossing)
        if progress is not None:
            progress(i + 1, len(stamps))
    return found
