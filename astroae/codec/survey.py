"""Encoder only: look at a sample of tiles and fill in the image record."""

from dataclasses import replace

import numpy as np

from astroae.codec.forms import Form, choose
from astroae.codec.tile import middle, noise_of, without_base
from astroae.entropy.fit import fit
from astroae.entropy.predictor import Predictor
from astroae.entropy.residual import Units
from astroae.pixels import levels, nulls
from astroae.settings import Bounded, Latent, Lossless

FEWEST_TILES, MOST_TILES = 6, 12
_MOST_SEEN = 256
_STRIP = 128  # rows of each tile, where there are enough: the survey must stay cheap


@np.errstate(all="ignore")
def survey(encoded, read):
    """Fill ``encoded.record``: levels of a sparse image, predictors, centre of a source.

    Parameters
    ----------
    encoded : EncodedImage
        Without streams yet.
    read : callable
        Gives a region as (values, source integers), shaped (planes, y, x).
    """
    contexts = _sample(encoded, read)
    parts = [(context, *read(context)) for context in contexts]
    if encoded.source is None:
        encoded.record.levels = _levels(encoded, read, parts)
        encoded.record.coarse = _coarse(encoded, parts)
    else:
        encoded.record.centre = _centre(parts)
    encoded.record.predictors = [_predictor(parts)]


def _sample(encoded, read):
    """Contexts of some tiles, or of strips of them, from the quietest to the liveliest."""
    shapes = {}
    for i in range(len(encoded.tiles)):
        shapes.setdefault(encoded.grid.tile_shape_of(i), []).append(i)
    numbers = max(shapes.values(), key=lambda same: encoded.context(same[0]).area * len(same))
    contexts = [encoded.context(i) for i in numbers]
    if len(contexts) < FEWEST_TILES:
        return contexts
    if len(contexts[0].region) > 1:
        contexts = [_strip(c) for c in contexts[:: -(-len(contexts) // _MOST_SEEN)]]
    contexts.sort(key=lambda context: _liveliness(read(context)[0]))
    most = min(MOST_TILES, FEWEST_TILES + len(contexts) // 32)
    # Quiet tiles cost few bits, whatever predicts them.
    places = np.linspace(0, 1, most) ** 0.7 * (len(contexts) - 1)
    return [contexts[round(p)] for p in places]


def _liveliness(values):
    """Mean difference of neighbours, on every eighth line."""
    lines = values[:, ::8].astype(float)
    difference = np.abs(np.diff(lines, axis=-1))
    difference = difference[np.isfinite(difference)]
    return float(difference.mean()) if difference.size else 0.0


def _strip(context):
    """Some rows of a tile in full width, elsewhere in each: edges count as well."""
    rows = context.region[-2]
    room = rows.stop - rows.start - min(rows.stop - rows.start, _STRIP)
    start = rows.start + room * (context.number % 5) // 4
    strip = slice(start, rows.stop - room + start - rows.start)
    return replace(context, region=(*context.region[:-2], strip, context.region[-1]))


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
    """Whether steps would not merge the levels of the sample: they lie further apart."""
    if not isinstance(encoded.settings.mode, Bounded):
        return False
    wider = []
    for context, values, _ in parts:
        step = replace(context, sigma=noise_of(values, context)).step
        found = nulls.special(values, encoded.blank)
        used = np.unique(values if found is None else values[~found])
        # A continuous image has about as many values as pixels.
        if not step > 0 or not 2 <= len(used) <= values.size // 4:
            wider.append(False)
            continue
        merged = np.unique(np.rint((used - used[0]).astype(float) / step))
        wider.append(len(merged) > 0.9 * len(used))
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
    if isinstance(context.settings.mode, Latent):  # whose integers are those of exact tiles
        context = replace(context, settings=replace(context.settings, mode=Lossless()))
    coded = next(choose(values, context, integers))
    valid = np.ones(coded.k.shape, bool) if coded.valid is None else coded.valid
    if coded.form is Form.BITS or not valid.any():
        return None
    k, units = without_base(coded, int(middle(coded.k[valid])))
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
