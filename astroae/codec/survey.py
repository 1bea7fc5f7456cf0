"""Encoder only: look at a sample of tiles and fill in the image record."""

from dataclasses import replace

import numpy as np

from astroae.codec.forms import Form, choose
from astroae.codec.tile import noise_of, without_base
from astroae.entropy.fit import fit
from astroae.entropy.predictor import Predictor
from astroae.entropy.residual import Units
from astroae.pixels import levels, nulls
from astroae.settings import Bounded

FEWEST_TILES, MOST_TILES = 5, 12
_JUDGED = 1 << 14
_CROP = 128  # of each tile, where there are enough: the survey must stay cheap


def survey(encoded, read):
    """Fill ``encoded.record``: levels of a sparse image, predictors, centre of a source.

    Parameters
    ----------
    encoded : EncodedImage
        Without streams yet.
    read : callable
        Gives a region as (values, source integers), shaped (planes, y, x).
    """
    contexts = [encoded.context(i) for i in _sample(encoded)]
    contexts = [replace(c, region=_crop(c.region, len(contexts))) for c in contexts]
    parts = [(context, *read(context)) for context in contexts]
    if encoded.source is None:
        encoded.record.levels = _levels(encoded, read, parts)
        encoded.record.coarse = _coarse(encoded, parts)
    else:
        encoded.record.centre = _centre(parts)
    encoded.record.predictors = [_predictor(parts)]


def _sample(encoded):
    """Numbers of tiles spread over the image, all of the commonest shape."""
    shapes = {}
    for i in range(len(encoded.tiles)):
        shapes.setdefault(encoded.grid.tile_shape_of(i), []).append(i)
    shape, numbers = max(shapes.items(), key=lambda item: (np.prod(item[0]), len(item[1])))
    # Fractional steps: a whole one could fall into step with a mosaic's pattern.
    most = min(MOST_TILES, FEWEST_TILES + len(numbers) // 32)
    places = np.linspace(0, len(numbers) - 1, min(most, len(numbers)))
    return [numbers[round(p)] for p in places]


def _crop(region, tiles):
    """The middle of a tile's last two axes."""
    if tiles < FEWEST_TILES:
        return region
    return region[:-2] + tuple(_middle(r, _CROP) for r in region[-2:])


def _middle(span, most):
    size = min(span.stop - span.start, most)
    start = span.start + (span.stop - span.start - size) // 2
    return slice(start, start + size)


def _ordinary(values, encoded):
    found = nulls.special(values, encoded.blank)
    plain = values if found is None else values[~found]
    return levels.ordered(plain) if plain.dtype.kind == "f" else plain.astype(np.int64)


def _levels(encoded, read, parts):
    """The list of levels, if the sample looks sparse and the whole image is."""
    if not levels.find_levels([_ordinary(values, encoded) for _, values, _ in parts]):
        return None
    used = np.empty(0, np.int64)
    for i in range(len(encoded.tiles)):
        used = np.union1d(used, _ordinary(read(encoded.context(i))[0], encoded))
        if len(used) > levels.MOST_LEVELS:
            return None
    return used


def _coarse(encoded, parts):
    """Whether most of the sample's levels lie further apart than its step."""
    if not isinstance(encoded.settings.mode, Bounded):
        return False
    wider = []
    for context, values, _ in parts:
        step = replace(context, sigma=noise_of(values, context)).step
        found = nulls.special(values, encoded.blank)
        ordinary = np.sort(values if found is None else values[~found], axis=None)
        gaps = np.diff(ordinary[:: -(-len(ordinary) // _JUDGED) or 1].astype(float))
        gaps = gaps[gaps > 0]
        # A continuous image has gaps of any size, down to its floats' resolution.
        wider.append(gaps.size > 0 and np.quantile(gaps, 0.05) >= step > 0)
    return bool(np.mean(wider) > 0.5)


def _centre(parts):
    values = parts[len(parts) // 2][1]
    finite = values[np.isfinite(values)]
    return float(np.median(finite)) if finite.size else 0.0


def _predictor(parts):
    """A predictor learned from the integers that the sample becomes."""
    line = parts[0][0].shape[1] == 1
    chosen = [c for c in (_first_form(*part) for part in parts) if c is not None]
    if not chosen:
        return Predictor.plain(line)
    k = np.concatenate([c[0] for c in chosen])
    valid = np.concatenate([c[1] for c in chosen])
    units = Units(*(_joined(chosen, name) for name in ("step", "shift")))
    return fit(k, None if valid.all() else valid, units, line)


def _first_form(context, values, integers):
    """Integers less their base, mask and units of a tile, as it will be coded."""
    context = replace(context, sigma=noise_of(values, context))
    coded = next(choose(values, context, integers))
    valid = np.ones(coded.k.shape, bool) if coded.valid is None else coded.valid
    if coded.form is Form.BITS or not valid.any():
        return None
    k, units = without_base(coded, int(np.median(coded.k[valid])))
    if np.abs(k[valid]).max() >= 2**31:
        return None
    return k, valid, units


def _joined(chosen, name):
    """One field of the units of several tiles; a tile without it counts as zero."""
    parts = [getattr(units, name) for _, _, units in chosen]
    if all(part is None for part in parts):
        return None
    parts = [np.zeros_like(c[0]) if p is None else p for c, p in zip(chosen, parts)]
    return np.concatenate(parts)
