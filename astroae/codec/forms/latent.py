"""LATENT: what a network's latents keep of a tile.  No integers: all is beside them.

A tile with as many planes as the network has channels is one image; of any other tile
each plane is one, repeated in all channels, whose mean comes back.  Each is normalised,
padded by reflection to the network's input, encoded, and its crossing tensors are
rounded and entropy-coded.  The side information is::

    length of each image's bytes                       as numbers
    zero, span, flux, noise of each image's scaling    as float64
    each image's bytes                                 astroae.entropy.latents

``parameter`` is 1 where skips are coded; else their means stand for them.
"""

import math

import numpy as np

from astroae.codec.forms.base import Coded, Form
from astroae.entropy import latents
from astroae.errors import AstroAEError, ModelError, UnsupportedDataError
from astroae.nets import exact
from astroae.pixels import nulls
from astroae.pixels.stamps import Normalisation, Scaling
from astroae.varint import pack_numbers, unpack_numbers

__all__ = ["LARGEST_TILE", "analyze", "latent_vector", "restore", "tile_of", "vector_length"]

SIDE = 256  # of a tile, where the network takes any
LARGEST_TILE = 512 * 512  # pixels of a plane
_LARGEST_TENSOR = 1 << 25  # numbers: 256 MB; a hostile model may ask for more
_SCALING = 4  # float64 of each image
_EXACT = 2.0**53  # whole numbers up to here are float64
_ROUNDS = 16


def tile_of(shape, model):
    """Shape of a tile for an image: planes of the network's own size.

    Parameters
    ----------
    shape : tuple of int
        Of the image, two axes or more.
    model : astroae.nets.modelfile.Model
    """
    side = model.network.side or SIDE
    planes = [1] * (len(shape) - 2)
    if planes and shape[-3] == model.network.channels:
        planes[-1] = shape[-3]
    return (*planes, side, side)


def vector_length(model):
    """Numbers of a tile's latent vector: one for each channel of each latent tensor."""
    return sum(len(model.latents[name].step) for name in model.network.latents)


def latent_vector(values, model):
    """The latent vector of a tile, before it is quantised.

    Parameters
    ----------
    values : ndarray (planes, y, x)
        NaN where undefined.
    model : astroae.nets.modelfile.Model

    Returns
    -------
    float32 ndarray
        Each latent channel, averaged over the tile and its planes; NaN where the model
        does not take the tile: constant, undefined, or beyond 1e300.
    """
    rule, vectors = _rule(model), []
    for planes, mask in _images(values, nulls.special(values), model):
        tensors, _ = _encoded(planes, mask, rule, model)
        if tensors is None:
            return np.full(vector_length(model), np.nan, np.float32)
        vectors.append(_pooled(tensors, model))
    return np.mean(vectors, axis=0).astype(np.float32)


def analyze(values, context):
    """See the package's protocol; `Coded.vector` is set as well."""
    found = nulls.special(values, context.blank)
    special = nulls.mask(values, found)
    if special is None or not _serves(context):
        return None
    rule, model, mode = _rule(context.model), context.model, context.settings.mode
    wanted = model.network.crossing if mode.skips == "coded" else model.network.latents
    scalings, bodies, vectors = [], [], []
    for planes, mask in _images(values, found, model):
        tensors, scaling = _encoded(planes, mask, rule, model)
        if tensors is None:
            return None
        whole = {
            name: model.latents[name].quantise(tensors[name], mode.latent_step) for name in wanted
        }
        scalings.append([scaling.zero, scaling.span, scaling.flux, scaling.noise])
        bodies.append(_body(whole, model, mode))
        vectors.append(_pooled(_real(whole, model, mode), model))
    side = pack_numbers([len(body) for body in bodies])
    side += np.array(scalings, "<f8").tobytes() + b"".join(bodies)
    return Coded(
        Form.LATENT,
        np.zeros(values.shape, np.int64),
        None if found is None else ~found,
        special,
        side,
        parameter=int(mode.skips == "coded"),
        vector=np.mean(vectors, axis=0).astype(np.float32),
    )


def restore(k, plan, coded, context):
    """See the package's protocol."""
    if context.model is None or not _serves(context):
        raise ValueError("latents without a model that takes this tile")
    rule, model, mode = _rule(context.model), context.model, context.settings.mode
    count = context.shape[0] if context.shape[0] != model.network.channels else 1
    lengths, at = unpack_numbers(coded.side, 0, count=count)
    start = at + 8 * _SCALING * count
    if lengths.min() < 0 or start + lengths.sum() != len(coded.side):
        raise ValueError("the parts of the side information do not add up")
    scalings = np.frombuffer(coded.side, "<f8", _SCALING * count, at).reshape(count, _SCALING)
    stops = start + np.cumsum(lengths)
    wanted = model.network.crossing if coded.parameter else model.network.latents
    out = np.empty(context.shape, context.dtype)
    mask = None if plan.valid is None else ~plan.valid
    for (place, hidden), numbers, stop, length in zip(
        _images(out, mask, model), scalings, stops, lengths
    ):
        body = coded.side[stop - length : stop]
        y = exact.decode(model, _crossing(body, wanted, model, mode, context))
        y = y[:, : context.shape[1], : context.shape[2]]
        if len(place) != len(y):
            y = _mean(y)[None]
        y = np.clip(y, 0.0, 1.0)  # where every pixel was: nothing beyond can be right
        values = rule.restore(y, Scaling(*(float(v) for v in numbers)), hidden)
        place[...] = _stored(values, float(numbers[2]), hidden, context)
    return out


# ---- parts -------------------------------------------------------------------------------


def _serves(context):
    """Whether the network takes a tile of this shape."""
    _, height, width = context.shape
    side, fits = context.model.network.side, height * width <= LARGEST_TILE
    if side is not None:
        fits = height <= side and width <= side
    return fits and len(context.region) > 1


def _rule(model):
    try:
        return Normalisation.from_dict(model.input)
    except AstroAEError as exc:
        raise ModelError(
            "the model's normalisation cannot be used",
            where=model.name,
            found=str(exc),
            hint="train or freeze it again, or get the file from where it was published",
        ) from exc


def _images(values, mask, model):
    """Views of (C or 1, y, x), each with its mask or None."""
    step = len(values) if len(values) == model.network.channels else 1
    for start in range(0, len(values), step):
        part = slice(start, start + step)
        yield values[part], None if mask is None else mask[part]


def _input(x, rule, model):
    """What the network sees: all channels, and its own side by reflection."""
    side = model.network.side
    x = np.broadcast_to(rule.network_input(x), (model.network.channels, *x.shape[1:]))
    if side is None:
        return x
    missing = [(0, side - n) for n in x.shape[1:]]
    return np.pad(x, [(0, 0), *missing], mode="reflect")


def _encoded(planes, mask, rule, model):
    """Crossing tensors and scaling of one image; None where the network cannot serve."""
    try:
        x, scaling = rule.normalise(planes, mask)
    except UnsupportedDataError:
        return None, None
    if not scaling.span > 0 or (mask is not None and mask.all()):
        return None, None
    return exact.encode(model, _input(x, rule, model)), scaling


def _statistics(model, wanted, mode):
    grids = [model.latents[name] for name in wanted]
    return [grid.classes(mode.latent_step) for grid in grids], [grid.context for grid in grids]


def _body(whole, model, mode):
    try:
        return latents.encode(list(whole.values()), *_statistics(model, whole, mode))
    except ValueError as exc:
        raise ModelError(
            "the model's latents cannot be coded",
            where=model.name,
            found=str(exc),
            hint="train or freeze it again with this version",
        ) from exc


def _real(whole, model, mode):
    """Real values of the latents among whole numbers."""
    names = model.network.latents
    return {name: model.latents[name].restore(whole[name], mode.latent_step) for name in names}


def _pooled(tensors, model):
    """Each latent channel, averaged over the image."""
    return np.concatenate([tensors[name].mean((1, 2)) for name in model.network.latents])


def _crossing(body, wanted, model, mode, context):
    """Crossing tensors from their bytes, those that are not coded at their means."""
    network = model.network
    shapes = network.shapes(*(() if network.side else context.shape[1:]))
    if max(math.prod(shape) for shape in shapes.values()) > _LARGEST_TENSOR:
        raise ValueError("the network asks for too much memory")
    coded = latents.decode(
        body, [shapes[name] for name in wanted], *_statistics(model, wanted, mode)
    )
    crossing = {name: model.latents[name].cut(shapes[name]) for name in network.crossing}
    for name, tensor in zip(wanted, coded):
        crossing[name] = model.latents[name].restore(tensor, mode.latent_step)
    return crossing


def _mean(y):
    """Mean of the channels, added in one order everywhere."""
    total = y[0]
    for channel in y[1:]:
        total = total + channel
    return total / len(y)


def _stored(values, flux, hidden, context):
    """Real values in the image's type; an integer never becomes BLANK by chance."""
    if context.dtype.kind == "f":
        return values.astype(context.dtype)
    limits = np.iinfo(context.dtype)
    top = float(limits.max)
    if top > limits.max:  # the float nearest 2^63 - 1 lies beyond it
        top = np.nextafter(top, 0)
    whole = np.clip(np.rint(values), float(limits.min), top).astype(np.int64)
    if abs(flux) < _EXACT and limits.max < _EXACT:
        _keep_sum(whole, int(np.rint(flux)), hidden, limits)
    if context.blank is not None:
        beside = context.blank + (1 if context.blank < limits.max else -1)
        whole[whole == context.blank] = beside
    return whole.astype(context.dtype)


def _keep_sum(whole, total, hidden, limits):
    """Bring the sum back that rounding and the ends of the type took away (in place).

    What is missing is shared out evenly among the pixels that can take it.
    """
    good = np.ones(whole.shape, bool) if hidden is None else ~hidden
    for _ in range(_ROUNDS):
        missing = total - int(whole[good].sum())
        open_ = np.flatnonzero(good & (whole < limits.max if missing > 0 else whole > limits.min))
        if not missing or not open_.size:
            return
        each, rest = divmod(abs(missing), open_.size)
        share = np.full(open_.size, each)
        share[np.arange(rest) * open_.size // max(rest, 1)] += 1
        changed = whole.flat[open_] + (share if missing > 0 else -share)
        whole.flat[open_] = np.clip(changed, limits.min, limits.max)
