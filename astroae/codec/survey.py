"""Encoder only: look at a sample of tiles and fill in the image record."""

from dataclasses import replace

import numpy as np

from astroae.codec.forms import Form, choose
from astroae.entropy.fit import fit
from astroae.entropy.predictor import Predictor
from astroae.entropy.residual import Units
from astroae.pixels import levels, nulls
from astroae.pixels.noise import noise_sigma

MOST_TILES = 12
_MOST_PIXELS = 2_000_000


def survey(encoded, load):
    """Fill ``encoded.record``: levels of a sparse image, predictors, centre of a source.

    Parameters
    ----------
    encoded : EncodedImage
        Without streams yet.
    load : callable
        Gives tile i as (values, source integers).
    """
    sample = _sample(encoded)
    if encoded.source is None:
        encoded.record.levels = _levels(encoded, load, sample)
    else:
        encoded.record.centre = _centre(encoded, load, sample)
    encoded.record.predictors = [_predictor(encoded, load, sample)]


def _sample(encoded):
    """Numbers of tiles spread over the image, all of the commonest shape."""
    shapes = {}
    for i in range(len(encoded.tiles)):
        shapes.setdefault(encoded.grid.tile_shape_of(i), []).append(i)
    shape, numbers = max(shapes.items(), key=lambda item: (np.prod(item[0]), len(item[1])))
    most = max(1, min(MOST_TILES, _MOST_PIXELS // int(np.prod(shape))))
    # Fractional steps: a whole one could fall into step with a mosaic's pattern.
    places = np.linspace(0, len(numbers) - 1, min(most, len(numbers)))
    return [numbers[int(round(p))] for p in places]


def _ordinary(values, encoded):
    found = nulls.special(values, encoded.blank)
    plain = values if found is None else values[~found]
    return levels.ordered(plain) if plain.dtype.kind == "f" else plain.astype(np.int64)


def _levels(encoded, load, sample):
    """The list of levels, if the sample looks sparse and the whole image is."""
    if not levels.find_levels([_ordinary(load(i)[0], encoded) for i in sample]):
        return None
    used = np.empty(0, np.int64)
    for i in range(len(encoded.tiles)):
        used = np.union1d(used, _ordinary(load(i)[0], encoded))
        if len(used) > levels.MOST_LEVELS:
            return None
    return used


def _centre(encoded, load, sample):
    values = load(sample[len(sample) // 2])[0]
    finite = values[np.isfinite(values)]
    return float(np.median(finite)) if finite.size else 0.0


def _predictor(encoded, load, sample):
    """A predictor learned from the integers that the sample's tiles become."""
    line = encoded.context(sample[0]).shape[1] == 1
    chosen = [c for c in (_first_form(encoded, load, i) for i in sample) if c is not None]
    if not chosen:
        return Predictor.plain(line)
    k = np.concatenate([c[0] for c in chosen])
    valid = np.concatenate([c[1] for c in chosen])
    units = Units(*(_joined([c[2] for c in chosen], name) for name in ("step", "shift")))
    return fit(k, None if valid.all() else valid, units, line)


def _first_form(encoded, load, i):
    """Integers less their base, mask and units of a tile, as it will be coded."""
    values, integers = load(i)
    context = encoded.context(i)
    found = nulls.special(values, encoded.blank)
    with np.errstate(all="ignore"):
        sigma = float(noise_sigma(values, None if found is None else ~found))
    context = replace(context, sigma=sigma)
    coded = next(c for c in (form() for form in choose(values, context, integers)) if c)
    valid = np.ones(coded.k.shape, bool) if coded.valid is None else coded.valid
    if coded.form is Form.BITS or not valid.any():
        return None
    base = int(np.median(coded.k[valid]))
    if np.abs(coded.k[valid] - base).max() >= 2**31:
        return None
    if coded.form is Form.SOURCE:
        units = Units(coded.units.step, coded.units.shift - base * coded.units.step)
        return coded.k, valid, units
    return np.where(valid, coded.k - base, 0), valid, coded.units


def _joined(units, name):
    parts = [getattr(u, name) for u in units]
    if all(part is None for part in parts):
        return None
    return np.concatenate(parts)
