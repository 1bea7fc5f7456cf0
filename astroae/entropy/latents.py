"""Latents and skips, whole numbers, <-> bytes.

In: the crossing tensors of one image, int64 (C, h, w), coarsest first; for each the
class of size that its channels are expected to have, and a context learned for the
model (`astroae.entropy.context`).  Out: bytes.  Exact.  Only whole numbers decide a
symbol, so every machine reads what another wrote.

A map's coarsest grid of 2 x 2 comes first, with tables by class alone, and vectors are
nothing else.  Each phase then follows in groups of channels, of which the later see
the errors of the earlier.  One number per tensor is sent: by how much all of its tables are
wider or narrower than expected, which is how a file adapts to its image.  Where deflate
is shorter than all that (drawings, images of two levels), it is taken.
"""

from dataclasses import dataclass

import numpy as np

from astroae.entropy import flat, phases, tables
from astroae.entropy.coder import Grouping, SymbolReader, SymbolWriter
from astroae.entropy.context import (
    depth_log,
    energies,
    energy_log,
    features,
    from_numbers,
    groups,
)
from astroae.entropy.tablefit import bits
from astroae.varint import pack_numbers, unpack_numbers

__all__ = ["Part", "decode", "encode", "walk"]

_DEFLATED = b"\x7f"  # no shift is packed as this
_ONE = 16  # plane units in a whole number
_LARGEST = 1 << 31
_SHIFTS = range(-5, 6)
_SAMPLE = 20_000  # latents that choose the shift


@dataclass(frozen=True)
class Part:
    """Latents that are coded in one call, and what is known of them.

    Attributes
    ----------
    where : tuple
        Their place in the tensor.
    centre : int64 ndarray (N, C, y, x)
        Whole number nearest the prediction.
    offset : int64 ndarray, flat
        Of the prediction from it, in 1/16.
    scale, shape : int64 ndarray, flat
        Tables, before the tensor's own shift.
    """

    where: tuple
    centre: np.ndarray
    offset: np.ndarray
    scale: np.ndarray
    shape: np.ndarray

    def grouping(self, shift):
        """For the coder, with all tables wider by ``shift`` quarter octaves."""
        scale = np.clip(self.scale + shift, 0, tables.CLASSES - 1)
        return Grouping(scale, self.shape, self.offset)


def encode(tensors, classes, contexts=None):
    """Code the crossing tensors of one image.

    Parameters
    ----------
    tensors : list of int64 ndarray (C, h, w)
        Coarsest first; a vector is (C, 1, 1).
    classes : list of int64 ndarray (C,)
        Quarter octaves; 20 is a standard deviation of one step
        (`astroae.nets.grid.LatentGrid.classes`).
    contexts : list of integer ndarray, optional
        `astroae.nets.grid.LatentGrid.context` of each.

    Returns
    -------
    bytes

    Raises
    ------
    ValueError
        A latent of 2^31 or more.

    Examples
    --------
    >>> import numpy as np
    >>> from astroae.entropy.latents import decode, encode
    >>> q = np.array([3, -1]).reshape(2, 1, 1)
    >>> data = encode([q], [np.array([24, 24])])
    >>> decode(data, [(2, 1, 1)], [np.array([24, 24])])[0].ravel()
    array([ 3, -1])
    """
    writer, shifts, puts = SymbolWriter(), [], []
    coarse = None
    for tensor, given, context in _together(tensors, classes, contexts):
        if np.abs(tensor).max(initial=0) > _LARGEST:
            raise ValueError("a latent is out of range")
        parts = []

        def exchange(part, tensor=tensor, parts=parts):
            actual = tensor[None][part.where]
            parts.append((part, (actual - part.centre).ravel()))
            return actual

        coarse = walk((1, *tensor.shape), given, context, coarse, exchange)
        shifts.append(_best_shift(parts))
        puts += [(errors, part.grouping(shifts[-1])) for part, errors in parts]
    for errors, grouping in puts:
        writer.put(errors, grouping)
    coded = pack_numbers(shifts) + writer.finish()
    return min(coded, _DEFLATED + flat.deflate(tensors), key=len)


def decode(data, shapes, classes, contexts=None):
    """Inverse of `encode`.

    Parameters
    ----------
    data : bytes
    shapes : list of tuple (C, h, w)
        Checked by the caller: memory is taken for them.
    classes, contexts
        As they were given to `encode`.

    Returns
    -------
    list of int64 ndarray (C, h, w)

    Raises
    ------
    ValueError
        If the bytes cannot be what `encode` wrote.
    """
    if data[:1] == _DEFLATED:
        return flat.inflate(data[1:], shapes)
    shifts, start = unpack_numbers(data, 0, count=len(shapes))
    if len(shifts) and not _SHIFTS[0] <= shifts.min() <= shifts.max() <= _SHIFTS[-1]:
        raise ValueError("the width of the latents' tables is out of range")
    reader = SymbolReader(data[start:])
    tensors = [np.empty(shape, np.int64) for shape in shapes]
    coarse = None
    for (tensor, given, context), shift in zip(_together(tensors, classes, contexts), shifts):

        def exchange(part, tensor=tensor, shift=int(shift)):
            tensor[None][part.where] = actual = _read(reader, part, shift)
            return actual

        coarse = walk((1, *tensor.shape), given, context, coarse, exchange)
    reader.finish()
    return tensors


def _read(reader, part, shift):
    errors = reader.get(part.grouping(shift)).reshape(part.centre.shape)
    # Compared before they are added: damage may hold any 64-bit number.
    if not (np.abs(errors) >> 40).any():
        actual = part.centre + errors
        if np.abs(actual).max(initial=0) <= _LARGEST:
            return actual
    raise ValueError("a latent is out of range")


def _together(tensors, classes, contexts):
    contexts = [()] * len(tensors) if contexts is None else contexts
    for tensor, given, numbers in zip(tensors, classes, contexts, strict=True):
        given = np.clip(np.asarray(given, np.int64), 0, tables.CLASSES - 1)
        if given.shape != tensor.shape[:1]:
            raise ValueError("a class is needed for each channel")
        yield tensor, given, from_numbers(numbers, len(tensor))


def walk(shape, classes, context, coarse, exchange):
    """Walk tensors of N images; ``exchange`` turns each part's forecast into its numbers.

    Parameters
    ----------
    shape : tuple (N, C, h, w)
    classes : int64 ndarray (C,) or (N, C)
    context : astroae.entropy.context.Context
    coarse : float64 ndarray (N, h', w'), or None
        What this function returned for the tensor before; used if half as large.
    exchange : callable
        ``exchange(part) -> int64 ndarray (N, C, y, x)``.

    Returns
    -------
    float64 ndarray (N, h, w)
        Energy of each place.
    """
    count, channels, height, width = shape
    # One plane more: the energy, which has errors but no values.
    values, errors = np.zeros((2, count, channels + 1, height, width))
    planes = [array.reshape(-1, height, width) for array in (values, errors)]
    finer = None
    if coarse is not None and (height, width) == (2 * coarse.shape[1], 2 * coarse.shape[2]):
        finer = coarse.repeat(2, 1).repeat(2, 2)
    where = phases.coarsest_grid(planes[0].shape)[1:]
    part = (slice(None), slice(channels), *where)
    head = _head(part, values[part].shape, classes, context)
    actual = exchange(head) * float(_ONE)
    least = actual.min((2, 3), keepdims=True)
    _keep(values, errors, where, actual, 0.0, classes)
    for phase in phases.walk(*planes):
        slot, support = context.of(phase)
        where = phase.where[1:]
        known = phase.neighbours(support).reshape(len(support), count, -1, *phase.shape[1:])
        spatial = slot.predict(known[:, :, :channels])
        told = features(phase, spatial, classes, None if finer is None else finer[:, *where])
        actual, mean, off = np.zeros((3, *spatial.shape))
        for part in groups(channels):
            place = (slice(None), part, *where)
            mean[:, part] = slot.refine(part, spatial, off)
            if context.floor:
                told[-1, :, part] = depth_log(mean[:, part], least[:, part])
                mean[:, part] = np.maximum(mean[:, part], least[:, part])
            _see_before(told, part, actual - mean, classes)
            forecast = _part(place, mean[:, part], slot, told[:, :, part])
            actual[:, part] = exchange(forecast) * float(_ONE)
            off[:, part] = actual[:, part] - spatial[:, part]
        least = np.minimum(least, actual.min((2, 3), keepdims=True))
        _keep(values, errors, where, actual, mean, classes)
    return errors[:, channels]


def _see_before(told, part, errors, classes):
    """The energy of the channels coded before, at the same place; of the near, at first."""
    if part.start:
        before = slice(part.start)
        energy = energies(np.abs(errors[:, before]), classes[..., before])
        told[-3, :, part] = energy_log(energy)[:, None]
    else:
        told[-3, :, part] = told[-5, :, part] - (6 << 8)


def _keep(values, errors, where, actual, mean, classes):
    off = np.abs(actual - mean)
    values[:, :-1, *where], errors[:, :-1, *where] = actual, off
    errors[:, -1, *where] = energies(off, classes)


def _head(where, shape, classes, context):
    scale = np.broadcast_to(classes[..., None, None], shape).ravel()
    zero = np.zeros(shape, np.int64)
    return Part(where, zero, zero.ravel(), scale, np.full(scale.shape, context.head))


def _part(where, mean, slot, told):
    levels = mean.astype(np.int64)
    centre = (levels + _ONE // 2) >> 4
    classes = slot.classes(told)
    offset = (levels - (centre << 4)).ravel()
    return Part(where, centre, offset, slot.scale[classes], slot.shape[classes])


def _best_shift(parts):
    """How much wider all tables are best, in quarter octaves; by trial."""
    columns = [(p.scale, p.shape, np.abs(p.offset), _mirrored(e, p.offset)) for p, e in parts]
    every = -(-sum(len(errors) for *_, errors in columns) // _SAMPLE)
    rows = np.concatenate([np.stack(column)[:, ::every] for column in columns], 1)
    rows, count = np.unique(rows, axis=1, return_counts=True)
    starts = np.flatnonzero(np.diff(rows[0] * tables.SHAPES + rows[1], prepend=-1))
    costs = dict.fromkeys(_SHIFTS, 0.0)
    for start, stop in zip(starts, np.append(starts[1:], rows.shape[1])):
        scale, shape = int(rows[0, start]), int(rows[1, start])
        for shift in costs:
            wide = min(max(scale + shift, 0), tables.CLASSES - 1)
            costs[shift] += bits(*rows[2:, start:stop], count[start:stop], wide, shape)
    return min(costs, key=costs.get)


def _mirrored(errors, offset):
    return np.where(offset < 0, -errors, errors)
