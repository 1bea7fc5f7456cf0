"""What is known of a latent before it is coded, and the numbers that make use of it.

A tensor's channels are planes that are walked in phases (`astroae.entropy.phases`).
A latent is predicted from the coded neighbours in its own channel; the scale of its
error from theirs, from the size that its channel is expected to have, and from the
*energy*: how large the errors of the other channels are here, relative to what was
expected of them, and those of the coarser tensor.  Energies are the plane that is
appended to a tensor's channels.

A `Context` holds the weights of all that, whole numbers which are learned once for a
model (`astroae.entropy.contextfit`) and cost no byte in a file.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from astroae.entropy import phases, tables

__all__ = [
    "FEATURES",
    "GROUPS",
    "Context",
    "Slot",
    "depth_log",
    "energies",
    "energy_log",
    "features",
    "from_numbers",
    "groups",
]

GROUPS = 4  # of channels; the later see the errors of the earlier
#: Those of a phase, then: expected size, energy of errors near and further off, of the
#: channels that were coded before at the same place, of the coarser tensor, and how far
#: the prediction lies below the smallest latent so far.
FEATURES = phases.FEATURES + 6
TAP_BITS = 12
WEIGHT_BITS = 8
CLASS_ZERO = 4  # table index 0 is half a plane unit, whose logarithm is -1
# Together these keep every sum, of pairs of latents times taps, below 2^53.
LARGEST_PLANE = 1 << 36
_MOST_GAIN, _MOST_WEIGHT = 8 << TAP_BITS, 1 << 20
_LARGEST_ENERGY = 1 << 20
_ONE_STEP = 20  # class whose scale is one step
_PLAIN_WEIGHTS = (-1100, 64, 64, 0, 0, 0, 128, 32, 0, 32, 0, 0)
_LOG_ONE = phases.integer_log(np.array([16.0]))[0]

_CLASS = np.arange(tables.CLASSES)
# 16 / 2^((class - 20) / 4), from 2^20 / 2^(r / 4): errors relative to their class.
_QUARTERS = np.array([1_048_576.0, 881_744.0, 741_455.0, 623_487.0])
_RELATIVE = np.ldexp(_QUARTERS[_CLASS % 4], -11 - _CLASS // 4)


def energies(errors, classes):
    """Energy of each place: mean over channels of errors relative to their class.

    Parameters
    ----------
    errors : float64 ndarray (N, C, y, x)
        Sizes of errors, whole plane units.
    classes : int64 ndarray (C,) or (N, C)

    Returns
    -------
    float64 ndarray (N, y, x)
        Whole numbers; 256 is an error of the expected size.
    """
    relative = errors * _RELATIVE[classes][..., None, None]
    whole = np.minimum(np.floor(relative), _LARGEST_ENERGY)
    return np.floor(whole.sum(1) / errors.shape[1])


def features(phase, mean, classes, coarse):
    """What tells the scale of the errors of a phase, but for what other channels tell.

    Parameters
    ----------
    phase : astroae.entropy.phases.Phase
        Of N times the channels and, last, the energy.
    mean : float64 ndarray (N, C, y, x)
    classes : int64 ndarray (C,) or (N, C)
    coarse : float64 ndarray (N, y, x), or None
        Energy of the coarser tensor at the places of this phase.

    Returns
    -------
    int64 ndarray (FEATURES, N, C, y, x)
    """
    count, channels, height, width = mean.shape
    out = np.zeros((FEATURES, *mean.shape), np.int64)
    with_energy = np.concatenate([mean, np.zeros((count, 1, height, width))], 1)
    own = phase.features(with_energy).reshape(-1, *with_energy.shape)
    out[: phases.FEATURES] = own[:, :, :channels]
    out[-6] = ((classes - _ONE_STEP << 6) + _LOG_ONE)[..., None, None]
    out[-5], out[-4] = own[2, :, channels:], own[3, :, channels:]
    if coarse is not None:
        out[-2] = energy_log(coarse)[:, None]
    return out


def energy_log(energy):
    """Logarithm of an energy, as a feature."""
    return phases.integer_log(energy + 8.0)


def depth_log(mean, least):
    """How far predictions lie below the smallest latent so far, as a feature."""
    return phases.integer_log(np.maximum(least - mean, 0) + 16.0) - _LOG_ONE


_SLOT = ("taps", "cross", "weights", "scale", "shape")


@dataclass(frozen=True, eq=False)
class Slot:
    """Model of one phase.

    Attributes
    ----------
    taps : float64 ndarray (C, neighbours), whole numbers in 2^-12
    cross : float64 ndarray (C, C), whole numbers in 2^-12
        What the errors of channels that come before say of a channel's mean.
    weights : int64 ndarray (FEATURES,), in 2^-8
    scale, shape : int64 ndarray (CLASSES,)
        Table for each class of scale.
    """

    taps: np.ndarray
    cross: np.ndarray
    weights: np.ndarray
    scale: np.ndarray
    shape: np.ndarray

    def predict(self, neighbours):
        """Mean of each latent, whole plane units: (N, C, y, x) of (neighbours, N, C, y, x)."""
        return _rounded(np.einsum("ci,incyx->ncyx", self.taps, neighbours))

    def refine(self, part, mean, errors):
        """Means of the channels ``part``, (N, c, y, x), by the errors of those before.

        ``mean`` (N, C, y, x) is what `predict` gave, ``errors`` are latents less that.
        """
        if not part.start or not self.cross.any():
            return mean[:, part]
        cross = self.cross[part, : part.start]
        more = np.einsum("ck,nkyx->ncyx", cross, errors[:, : part.start])
        return np.clip(mean[:, part] + _rounded(more), -LARGEST_PLANE, LARGEST_PLANE)

    def classes(self, features):
        """Class of scale of each latent, flat, before its table is chosen."""
        flat = features.reshape(len(features), -1)
        log = np.einsum("i,ij->j", self.weights, flat) >> WEIGHT_BITS
        return np.clip((log >> 6) + CLASS_ZERO, 0, tables.CLASSES - 1)


def _rounded(total):
    mean = np.floor((total + (1 << TAP_BITS - 1)) * 0.5**TAP_BITS)
    return np.clip(mean, -LARGEST_PLANE, LARGEST_PLANE)


def groups(channels):
    """Slices of the channels that are coded together."""
    edges = [channels * i // GROUPS for i in range(GROUPS + 1)]
    return [slice(a, b) for a, b in zip(edges, edges[1:]) if b > a]


def _before(channels):
    """Where `Slot.cross` may stand: (C, C), True where the column's channel comes first."""
    found = np.zeros((channels, channels), bool)
    for part in groups(channels):
        found[part, : part.start] = True
    return found


@dataclass(frozen=True, eq=False)
class Context:
    """Slots of all phases of one tensor, and the table shape of what has no neighbours.

    Attributes
    ----------
    slots : tuple of Slot
    head : int
        Shape of the tables of the coarsest grid.
    floor : bool
        Whether a channel's smallest latent is a floor on which many lie, as after a
        ReLU: no prediction is below the smallest so far.
    """

    slots: tuple[Slot, ...]
    head: int = tables.PLAIN_SHAPE
    floor: bool = False

    def of(self, phase):
        """Slot and support of a phase."""
        return self.slots[phase.slot], phases.SUPPORT[phase.slot]

    def to_numbers(self):
        """As int32 numbers; inverse of `from_numbers`."""
        parts = [[self.head, self.floor]]
        for slot, support in zip(self.slots, phases.SUPPORT):
            plain = _plain(support, len(slot.taps))
            learned = any(np.any(getattr(slot, k) != getattr(plain, k)) for k in _SLOT)
            parts.append([learned])
            if not learned:
                continue
            changed = np.flatnonzero((slot.scale != _CLASS) | (slot.shape != tables.PLAIN_SHAPE))
            crossed = slot.cross.any()
            parts += [slot.taps.ravel(), [crossed], slot.cross[_before(len(slot.cross)) & crossed]]
            parts += [slot.weights, [len(changed)], changed]
            parts += [slot.scale[changed], slot.shape[changed]]
        return np.concatenate(parts).astype(np.int32)


def from_numbers(numbers, channels):
    """The context of a tensor of so many channels.

    Parameters
    ----------
    numbers : integer ndarray (n,)
        Of `Context.to_numbers`; none: a context that nothing was learned for.
    channels : int

    Raises
    ------
    ValueError
        Numbers that are no context, or would let sums pass 2^53.
    """
    return _from_bytes(np.asarray(numbers, np.int64).tobytes(), int(channels))


@lru_cache(maxsize=32)
def _from_bytes(data, channels):
    if not data:
        return Context(tuple(_plain(support, channels) for support in phases.SUPPORT))
    numbers = _Numbers(np.frombuffer(data, np.int64))
    head, floor = int(numbers.take(1, tables.SHAPES)[0]), bool(numbers.take(1, 2)[0])
    before = _before(channels)
    slots = []
    for support in phases.SUPPORT:
        if not numbers.take(1, 2)[0]:
            slots.append(_plain(support, channels))
            continue
        taps = numbers.take(channels * len(support)).reshape(channels, -1)
        cross = np.zeros((channels, channels))
        if numbers.take(1, 2)[0]:
            cross[before] = numbers.take(int(before.sum()))
        weights = numbers.take(FEATURES)
        changed = numbers.take(int(numbers.take(1)[0]), tables.CLASSES)
        scale, shape = _CLASS.copy(), np.full(tables.CLASSES, tables.PLAIN_SHAPE)
        scale[changed] = numbers.take(len(changed), tables.CLASSES)
        shape[changed] = numbers.take(len(changed), tables.SHAPES)
        gain = max(np.abs(part).sum(1, dtype=float).max() for part in (taps, cross))
        if gain > _MOST_GAIN or np.abs(weights.astype(float)).max() > _MOST_WEIGHT:
            raise ValueError("weights of a context are out of range")
        slots.append(Slot(taps.astype(float), cross, weights, scale, shape))
    numbers.finish()
    return Context(tuple(slots), head, floor)


def _plain(support, channels):
    """Half the mean of the adjacent latents; tables as the classes say."""
    taps = np.zeros((channels, len(support)))
    nearest = sorted(range(len(support)), key=lambda i: sum(d * d for d in support[i]))
    taps[:, nearest[:2]] = (1 << TAP_BITS) // 8
    shape = np.full(tables.CLASSES, tables.PLAIN_SHAPE)
    cross = np.zeros((channels, channels))
    return Slot(taps, cross, np.array(_PLAIN_WEIGHTS), _CLASS, shape)


class _Numbers:
    """Takes numbers off a list, never more than there are, below a limit where given."""

    def __init__(self, numbers):
        self._numbers, self._at = numbers, 0

    def take(self, n, limit=None):
        if not 0 <= n <= len(self._numbers) - self._at:
            raise ValueError("a context is cut off")
        self._at += n
        taken = self._numbers[self._at - n : self._at]
        if limit is not None and n and not 0 <= taken.min() <= taken.max() < limit:
            raise ValueError("a context names a table that does not exist")
        return taken

    def finish(self):
        if self._at != len(self._numbers):
            raise ValueError("a context is too long")
