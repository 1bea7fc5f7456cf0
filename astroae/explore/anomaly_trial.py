"""How well faint oddities are found among ordinary stamps, and by what.

``python -m astroae.explore.anomaly_trial``: simulated stamps, a tenth of them with an
oddity of S/N 5 to 10, and the area under the ROC curve of several scores.  The score of
`astroae.explore.anomalies` was fixed on other seeds (21 and 22) before this ran.
"""

import argparse
import sys

import numpy as np
from astropy.table import Table

from astroae.explore.anomalies import FAMILIES, Calibration, measure_all
from astroae.explore.explain import Components, Reconstruction
from astroae.explore.ordinary import Ordinary
from astroae.nets import store
from astroae.pixels.noise import noise_sigma
from astroae.simulate import ODDITIES, make_odd_stamps

__all__ = ["area", "interval", "trial"]

#: Families of shapes drawn for a kind of oddity; the others were not made with it in mind.
OWN = {
    "trail": ("line", "segment"),
    "ghost": ("disc",),
    "merger": ("arc",),
    "ring": ("ring",),
    "column": ("column",),
    "arc": ("arc",),
}


def area(score, odd):
    """Area under the ROC curve: how often an odd stamp has the higher score.

    Parameters
    ----------
    score : ndarray (n,)
    odd : bool ndarray (n,)

    Returns
    -------
    float

    Examples
    --------
    >>> import numpy as np
    >>> from astroae.explore.anomaly_trial import area
    >>> area(np.array([1.0, 2.0, 3.0, 4.0]), np.array([False, True, False, True]))
    0.75
    """
    ordinary = np.sort(score[~odd])
    below = np.searchsorted(ordinary, score[odd], "left")
    not_above = np.searchsorted(ordinary, score[odd], "right")
    return float((below + not_above).mean() / 2 / len(ordinary))


def interval(score, odd, rounds=1000, seed=0):
    """Where 95 % of bootstrapped areas lie: (float, float)."""
    rng = np.random.default_rng(seed)
    yes, no = score[odd], score[~odd]
    flags = np.arange(len(yes) + len(no)) < len(yes)
    areas = [
        area(np.concatenate([rng.choice(yes, len(yes)), rng.choice(no, len(no))]), flags)
        for _ in range(rounds)
    ]
    return tuple(float(value) for value in np.percentile(areas, [2.5, 97.5]))


def trial(count=2000, odd=200, ordinary=800, *, seed=2026, models=(), progress=None):
    """Areas of several scores on simulated stamps.

    Parameters
    ----------
    count, odd : int
        Stamps that are judged, and odd ones among them.
    ordinary : int
        Stamps from which principal components and all calibrations are learned.
    seed : int
    models : sequence of (str or Model)
        Autoencoders whose residuals are judged too.
    progress : callable, optional
        Called with the name of each score.

    Returns
    -------
    Table
        One row per score: ``pooled``, ``low`` and ``high`` (95 %, bootstrap) and one
        column per kind.
    """
    learned = make_odd_stamps(ordinary, 0, seed=seed + 1)
    judged = make_odd_stamps(count, odd, seed=seed)
    scores = _limits(judged, learned, np.random.default_rng([seed, 3]))
    scores |= _simple(judged, learned)
    scores |= _shaped(judged, learned, models, progress)
    rows = [_row(name, score, judged) for name, score in scores.items()]
    return Table(rows=rows, names=["score", "pooled", "low", "high", *ODDITIES])


def _row(name, score, judged):
    """Areas pooled and by kind; a score may be a dict by kind."""
    areas = []
    for kind in ODDITIES:
        here = ~judged.odd | (judged.kind == kind)
        values = score[kind] if isinstance(score, dict) else score
        areas.append(area(values[here], judged.odd[here]))
    if isinstance(score, dict):
        return [name, float(np.mean(areas)), np.nan, np.nan, *areas]
    return [name, area(score, judged.odd), *interval(score, judged.odd), *areas]


def _scaled(stamps):
    """In units of the background's noise; and the electrons that a unit is."""
    sigma = float(np.median([noise_sigma(image) for image in stamps.images]))
    level = np.median(stamps.images, axis=(1, 2), keepdims=True)
    return ((stamps.images - level) / sigma).astype(np.float64), sigma


def _limits(judged, learned, rng):
    """What an observer reaches who knows all other light.

    The oddity's shape is given: at its place, and at any place.  Ordinary stamps are
    asked for the shape of a random odd one.
    """
    noise = rng.normal(size=judged.images.shape)
    shapes = judged.light / np.sqrt(judged.variance)
    asked = np.where(
        judged.odd, np.arange(len(shapes)), rng.choice(np.flatnonzero(judged.odd), len(shapes))
    )
    at, anywhere = np.empty(len(shapes)), np.empty(len(shapes))
    side = shapes.shape[1]
    for i, k in enumerate(asked):
        unit = shapes[k] / np.sqrt((shapes[k] ** 2).sum())
        seen = noise[i] + shapes[i]
        at[i] = (unit * seen).sum()
        full = (2 * side, 2 * side)
        back = np.conj(np.fft.rfft2(unit, full))
        response = np.fft.irfft2(back * np.fft.rfft2(seen, full), full)
        # Part of a shape beyond the edge counts by what is left of it, from a third on.
        within = np.fft.irfft2(
            np.conj(np.fft.rfft2(unit**2, full)) * np.fft.rfft2(np.ones((side, side)), full), full
        )
        anywhere[i] = np.where(
            within > 1 / 3, response / np.sqrt(np.maximum(within, 1 / 3)), 0
        ).max()
    return {
        "limit: shape and place known": at,
        "limit: shape known, any place": anywhere,
    }


def _simple(judged, learned):
    stamps, sigma = _scaled(judged)
    components = Components(_scaled(learned)[0], judged.settings.psf)
    left = [stamp - components.reconstruct(stamp) for stamp in stamps]
    return {
        "pixel chi-square": (stamps**2).mean((1, 2)),
        "PCA 8: squared error": np.square(left).mean((1, 2)),
    }


def _shaped(judged, learned, models, progress):
    """The same shapes on the residuals of several explanations."""
    psf = judged.settings.psf
    stamps, sigma = _scaled(judged)
    examples, _ = _scaled(learned)
    side = stamps.shape[1]
    explanations = {"fitted sources": Ordinary(psf, side, sigma)}
    explanations["PCA 8"] = Components(examples, psf, sigma)
    for name in models:
        model = store.find(name)
        explanations[model.name] = Reconstruction(model, psf, side, sigma)
        if model.network.skips:
            cut = Reconstruction(model, psf, side, sigma, skips=False)
            explanations[f"{model.name}, skips cut"] = cut
    scores = {}
    for name, explanation in explanations.items():
        if progress is not None:
            progress(name)
        seen, ordinary = (measure_all(explanation, psf, part) for part in (stamps, examples))
        if name not in ("fitted sources", "PCA 8"):
            left = [stamp - explanation.reconstruct(stamp) for stamp in stamps]
            scores[f"{name}: squared error"] = np.square(left).mean((1, 2))
        scores |= _of_shapes(name, seen, ordinary)
    return scores


def _of_shapes(name, seen, ordinary):
    gain, response = (
        Calibration(np.array([getattr(f, what) for f in ordinary])).rarity(
            np.array([getattr(f, what) for f in seen])
        )
        for what in ("gain", "response")
    )
    scores = {f"{name}: shapes' gain": gain.max(1), f"{name}: residual maximum": response.max(1)}
    if name == "fitted sources":
        scores["the same without the kind's own shapes"] = {
            kind: gain[:, [f not in own for f in FAMILIES]].max(1) for kind, own in OWN.items()
        }
    return scores


def main(arguments=None):
    """The command: prints the table."""
    parser = argparse.ArgumentParser("astroae.explore.anomaly_trial")
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument("--count", type=int, default=2000, help="stamps; a tenth of them odd")
    parser.add_argument("--model", action="append", default=[], help="autoencoder to judge too")
    parser.add_argument("-o", "--output", help="ECSV file for the table")
    given = parser.parse_args(arguments)

    def told(name):
        print(f"{name} ...", file=sys.stderr, flush=True)

    table = trial(
        given.count,
        given.count // 10,
        max(40, 2 * given.count // 5),
        seed=given.seed,
        models=given.model,
        progress=told,
    )
    for column in table.columns.values():
        if column.dtype.kind == "f":
            column.info.format = ".3f"
    table.pprint_all(align=["<"] + [">"] * (len(table.columns) - 1))
    if given.output:
        table.write(given.output, format="ascii.ecsv", overwrite=True)


if __name__ == "__main__":
    main()
