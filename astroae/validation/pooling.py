"""What one small image cannot decide, all images of a file may: planes and HDUs together.

Only what is undetermined on some image is pooled, over all pictures of the file on which
it was measured.  A failure of one image is never averaged away, and an image whose own
interval does not hold the common value keeps its own verdict.
"""

from dataclasses import replace

import numpy as np

from astroae.validation.metrics import Measured
from astroae.validation.result import ImageValidation, judge
from astroae.validation.statistics import pooled

__all__ = ["POOLED", "merged", "pool", "undecided"]

POOLED = "pooled"


def undecided(images):
    """Quantities that some image leaves undetermined, in order.

    Parameters
    ----------
    images : list of `~astroae.validation.result.ImageValidation` or None
    """
    every = [result for image in images if image is not None for result in image.results]
    names = [result.name for result in every if result.verdict == "undetermined"]
    return list(dict.fromkeys(names))


def pool(images, measured, tolerances):
    """Pool what is undetermined over the pictures of a file.

    Parameters
    ----------
    images : list of `~astroae.validation.result.ImageValidation`
    measured : list of dict
        What `~astroae.validation.measure.measure_pair` found of each; empty of what is no
        picture.
    tolerances : `~astroae.validation.tolerances.Tolerances`

    Returns
    -------
    images : list of `~astroae.validation.result.ImageValidation`
        With the verdict "pooled" where the common one stands for their own.
    common : ImageValidation or None
        The pooled quantities; None where nothing was to be pooled.
    """
    results, of = [], {}
    for name in undecided(images):
        metric, quantity, found = _found(name, measured)
        if len(found) < 2:
            continue
        together = _together(found)
        result = judge(metric, quantity, together, tolerances)
        note = "; ".join(filter(None, (f"of {len(found)} images", together.note)))
        results.append(replace(result, note=note))
        of[name] = result
    if not results:
        return images, None
    facts = {"kinds": [f"{len([m for m in measured if m])} images of the file together"]}
    common = ImageValidation(POOLED, tuple(results), facts)
    return [_with(image, of) for image in images], common


def merged(images, common):
    """One list of results for several planes: of each quantity the common one, or the worst.

    Parameters
    ----------
    images : list of `~astroae.validation.result.ImageValidation`
        As `pool` gives them.
    common : ImageValidation or None

    Returns
    -------
    tuple of `~astroae.validation.result.Result`
    """
    found = {}
    for image in images:
        for result in image.results:
            kept = found.get(result.name)
            if kept is None or _badness(result) > _badness(kept):
                note = "; ".join(filter(None, (image.name, result.note)))
                found[result.name] = replace(result, note=note)
    for result in () if common is None else common.results:
        if found[result.name].verdict == POOLED:
            found[result.name] = result
    return tuple(found.values())


def _badness(result):
    order = ("skipped", "reported", "pass", POOLED, "undetermined", "fail")
    if result.value is None:
        return order.index(result.verdict), 0.0
    least = result.direction == "at least"
    reach = -result.low if least else max(abs(result.low), abs(result.high))
    return order.index(result.verdict), reach


def _found(name, measured):
    """Metric, quantity, and what was measured of it on each image where it was."""
    first, _, second = name.partition(".")
    metric = next(found[first][0] for found in measured if first in found)
    quantity = next(q for q in metric.QUANTITIES if q.name == second)
    each = [found[first][1][second] for found in measured if first in found]
    return metric, quantity, [one for one in each if isinstance(one, Measured)]


def _together(found):
    if all(one.parts is not None for one in found):
        arrays = zip(*(one.parts.arrays for one in found))
        return found[0].parts.of(*map(np.concatenate, arrays))
    return Measured(pooled([one.estimate for one in found]))


def _with(image, of):
    results = [
        replace(r, verdict=POOLED, decides="") if _stands_for(of.get(r.name), r) else r
        for r in image.results
    ]
    return replace(image, results=tuple(results))


def _stands_for(common, own):
    """Whether the common verdict may stand for an image's own."""
    if common is None or own.verdict != "undetermined":
        return False
    if not np.isfinite(own.high - own.low):
        return True  # it said nothing
    return 2 * own.low - own.value <= common.value <= 2 * own.high - own.value
