"""Which planes of a cube are measured."""

import math

import numpy as np

from astroae.pixels.noise import noise_sigma

__all__ = ["more_planes", "planes_of"]

_MORE = 12  # planes, where the first ones cannot decide
_PLANES = 3  # first, middle, last; up to so many all


def planes_of(image, restored=None):
    """The first plane that holds something, middle, last, and the one that changed most.

    A plane changes by the rms of its pixels' changes over their noise.

    Parameters
    ----------
    image : `~astroae.validation.pairing.Image`
    restored : `~astroae.validation.pairing.Image`, optional
        Of the same shape; without it no change is known.

    Returns
    -------
    keys : list
        For `Image.pixels`.
    labels : list of str
        As ``"SCI,1[5]"``, numbered from 0.
    note : str
        What was left out; empty where nothing.
    """
    leading = image.shape[:-2]
    n = math.prod(leading)
    if image.is_line or not leading:
        return [...], [image.label], ""
    keys = [tuple(int(i) for i in np.unravel_index(k, leading)) for k in range(n)]
    if n == 1:
        return keys, [image.label], ""
    chosen = keys if n <= _PLANES else _chosen(image, restored, keys)
    places = [_place(key) for key in chosen]
    note = f"{image.label}: {len(chosen)} of {n} planes were measured: {', '.join(places)}"
    return chosen, [image.label + place for place in places], note if len(chosen) < n else ""


def more_planes(image, measured):
    """Further planes of a cube, evenly over it, for what the measured ones cannot decide.

    Parameters
    ----------
    image : `~astroae.validation.pairing.Image`
    measured : list
        Keys of the planes that were measured.

    Returns
    -------
    keys, labels
        As of `planes_of`.
    """
    leading = image.shape[:-2]
    if image.is_line or math.prod(leading) <= len(measured):
        return [], []
    keys = [tuple(int(i) for i in k) for k in np.ndindex(*leading)]
    left = [key for key in keys if key not in measured]
    some = np.unique(np.linspace(0, len(left) - 1, min(_MORE, len(left))).round().astype(int))
    keys = [left[i] for i in some]
    return keys, [image.label + _place(key) for key in keys]


def _place(key):
    return f"[{','.join(map(str, key))}]"


def _chosen(image, restored, keys):
    first = next((key for key in keys if _holds_something(image.pixels(key))), keys[0])
    chosen = {first, keys[len(keys) // 2], keys[-1]}
    if restored is not None:
        changes = [_change(image.pixels(key), restored.pixels(key)) for key in keys]
        if max(changes) > 0:
            chosen.add(keys[int(np.argmax(changes))])
    return sorted(chosen)


def _holds_something(values):
    values = values[np.isfinite(values)]
    return values.size > 0 and values.min() < values.max()


def _change(before, after):
    """Infinite where pixels got lost or filled, or noiseless ones changed."""
    before, after = before.astype(np.float64), after.astype(np.float64)
    good = np.isfinite(before)
    if not np.array_equal(good, np.isfinite(after)):
        return np.inf
    change = (after - before)[good]
    if not change.any():
        return 0.0
    noise = noise_sigma(before, good)
    return np.sqrt(np.mean(change**2)) / noise if noise > 0 else np.inf
