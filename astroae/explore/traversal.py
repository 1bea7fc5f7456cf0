"""What a latent does to the picture: one changed at a time, or one stamp into another."""

from dataclasses import dataclass

import numpy as np
from astropy.io import fits

from astroae.errors import SettingError
from astroae.explore.coding import channel_names, decode, encode, model_cards

__all__ = ["Traversal", "between", "traverse", "widest"]


@dataclass(frozen=True)
class Traversal:
    """Decoded images along a way through the latents.

    Attributes
    ----------
    images : ndarray (way, step, H, W) of float64
        From 0 to 1 as the model normalises, the first channel.
    steps : ndarray (step,)
        Standard deviations of the training set added to a latent, or the part of the
        way from the first stamp to the second.
    names : list of str
        Of the ways: latents, or one way.
    stamp : ndarray (H, W)
        What the model was given first, on the same scale.
    """

    images: np.ndarray
    steps: np.ndarray
    names: list
    stamp: np.ndarray

    def to_hdus(self, model):
        """The stamp, and a cube (step, y, x) for each way.

        Parameters
        ----------
        model : astroae.nets.modelfile.Model

        Returns
        -------
        astropy.io.fits.HDUList
        """
        primary = fits.PrimaryHDU(self.stamp.astype(np.float32))
        primary.header.update(model_cards(model))
        cubes = []
        for name, images in zip(self.names, self.images, strict=True):
            cube = fits.ImageHDU(images.astype(np.float32), name=name.upper())
            for i, step in enumerate(self.steps, 1):
                cube.header[f"STEP{i}"] = round(float(step), 6), f"of plane {i}"
            cubes.append(cube)
        return fits.HDUList([primary, *cubes])


def traverse(model, values, latents=None, *, span=3.0, steps=7, skips=False):
    """Decode a stamp with one latent changed at a time.

    Parameters
    ----------
    model : astroae.nets.modelfile.Model
    values : array_like (y, x) or (channel, y, x)
    latents : sequence of int, optional
        Which; by default the eight that vary most in the training set.  A latent with
        several places in the image is changed in all of them alike.
    span : float
        Largest change, in standard deviations of the training set.
    steps : int
        Images for each latent, odd so that the middle one is unchanged.
    skips : bool
        Keep the stamp's own skips; they are cut otherwise, so that the latents alone
        speak.

    Returns
    -------
    Traversal

    Raises
    ------
    SettingError
        No such latent, or an even count of steps.
    """
    names = channel_names(model)
    chosen = widest(model, 8) if latents is None else [int(k) for k in latents]
    if steps < 3 or steps % 2 == 0 or not span > 0:
        _refuse(
            "steps", f"{steps} steps to {span:g}; steps must be odd and 3 or more, span above 0"
        )
    if not chosen or not all(0 <= k < len(names) for k in chosen):
        _refuse("latents", f"{chosen}; the model has 0 to {len(names) - 1}")
    coded = encode(model, values)
    places = _places(model)
    change = np.linspace(-span, span, steps)
    images = [
        [_changed(model, coded, places[k], amount, skips) for amount in change] for k in chosen
    ]
    return Traversal(np.array(images), change, [names[k] for k in chosen], coded.x[0])


def _changed(model, coded, place, amount, skips):
    name, channel = place
    crossing = _kept(model, coded.crossing, skips)
    crossing[name] = crossing[name].copy()
    crossing[name][channel] += amount * model.latents[name].scale[channel]
    return decode(model, crossing, coded.x.shape[1:])[0]


def between(model, first, second, *, steps=7, skips=False):
    """Decode on the straight way from one stamp's latents to another's.

    Parameters
    ----------
    model : astroae.nets.modelfile.Model
    first, second : array_like (y, x) or (channel, y, x)
        Of one size, where the model takes any.
    steps : int
        Images, both ends included.
    skips : bool
        Mix the stamps' skips in the same way; they are cut otherwise.

    Returns
    -------
    Traversal

    Raises
    ------
    SettingError
        Stamps of two sizes, or fewer than two steps.
    """
    a, b = encode(model, first), encode(model, second)
    if a.x.shape != b.x.shape or steps < 2:
        _refuse("stamps", f"sizes {a.x.shape[1:]} and {b.x.shape[1:]}, {steps} steps")
    parts = np.linspace(0, 1, steps)
    images = []
    for part in parts:
        mixed = {
            name: (1 - part) * tensor + part * b.crossing[name]
            for name, tensor in _kept(model, a.crossing, skips).items()
        }
        images.append(decode(model, mixed, a.x.shape[1:])[0])
    return Traversal(np.array([images]), parts, ["first to second"], a.x[0])


def widest(model, count):
    """Numbers of the latents whose spread in the training set is largest, in steps.

    Parameters
    ----------
    model : astroae.nets.modelfile.Model
    count : int

    Returns
    -------
    list of int
    """
    grids = [model.latents[name] for name in model.network.latents]
    spread = np.concatenate([grid.scale / grid.step for grid in grids])
    return np.argsort(-spread, kind="stable")[:count].tolist()


def _kept(model, crossing, skips):
    wanted = model.network.crossing if skips else model.network.latents
    return {name: crossing[name] for name in wanted}


def _places(model):
    shapes = model.network.shapes()
    return [(name, i) for name in model.network.latents for i in range(shapes[name][0])]


def _refuse(where, found):
    raise SettingError(
        "no traversal",
        where=where,
        found=found,
        hint="see `astroae explore traverse --help`",
    )
