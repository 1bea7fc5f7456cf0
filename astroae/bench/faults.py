"""Does the validator see what is wrong, and keep quiet where nothing is?

Simulated fields of one size go through the codec at q = 16 and q = 4.  Clean ones must not
fail; each planted fault must.  Fields, tolerances and what counts as found are fixed here,
before any run.
"""

from collections import namedtuple
from concurrent.futures import ProcessPoolExecutor
from functools import partial

import numpy as np
from astropy.stats import mad_std

import astroae
from astroae.simulate import FieldSettings, Population, make_field, shift_image
from astroae.simulate.sources import paint
from astroae.validation.measure import validate_pair
from astroae.validation.metrics.detection import completeness, counts
from astroae.validation.original import Original
from astroae.validation.pair import Pair
from astroae.validation.statistics import Limit, verdict
from astroae.validation.tolerances import load_tolerances

__all__ = ["FAULTS", "LEVELS", "clean_trial", "fault_trial", "loss_trial", "run_trials", "summary"]

LEVELS = (16, 4)
TOLERANCE = "default"
SIDE = 1024
POPULATION = Population(stars=4000, galaxies=400, faintest=200.0)
#: Fields of one pooled count of faint sources: about 20 000 of S/N 3 to 10.
POOLED = 10
LOST = 0.005
_MMAG = 1.0
_SHIFT = 0.02  # pixels
_CORRELATION = 1.0  # pixels, sigma of the Gaussian

Trial = namedtuple("Trial", "kind seed level found verdict sources faint snr2 failed undetermined")


def field_settings(seed):
    """The one kind of field of all trials."""
    return FieldSettings(shape=(SIDE, SIDE), population=POPULATION, seed=seed)


# ---- faults: (field, decoded image, generator) -> faulty image ---------------------------


def _bias(field, decoded, rng):
    """Sources, not the sky, fainter by 1 mmag."""
    light = field.expected - np.median(field.expected)
    return decoded - (1 - 10 ** (-0.4e-3 * _MMAG)) * light


def _shift(field, decoded, rng):
    """Moved by 0.02 pixels in a random direction."""
    angle = rng.uniform(0, 2 * np.pi)
    return shift_image(decoded, _SHIFT * np.sin(angle), _SHIFT * np.cos(angle))


def _correlated(field, decoded, rng):
    """As large an error as the codec's, smoothed by a Gaussian of 1 pixel."""
    from scipy.ndimage import gaussian_filter

    image = field.image.astype(float)
    noise = gaussian_filter(rng.normal(size=image.shape), _CORRELATION)
    return image + noise * np.std(decoded - image) / noise.std()


def _clipped(field, decoded, rng):
    """One of the fifty brightest unspoilt stars, cut off at 80 % of its peak."""
    out = decoded.copy()
    x, y = np.rint(field.truth["x"].value).astype(int), np.rint(field.truth["y"].value).astype(int)
    inside = (x > 20) & (y > 20) & (x < SIDE - 21) & (y < SIDE - 21)
    whole = [
        i
        for i in np.flatnonzero(inside & (field.truth["kind"] == "star"))[:300]
        if not field.mask[y[i] - 6 : y[i] + 7, x[i] - 6 : x[i] + 7].any()
    ]
    star = rng.choice(whole[:50])
    part = np.s_[y[star] - 3 : y[star] + 4, x[star] - 3 : x[star] + 4]
    sky = np.median(decoded)
    out[part] = np.minimum(out[part], sky + 0.8 * (out[part].max() - sky))
    return out


def _undithered(field, decoded, rng):
    """On steps of a quarter of the noise, without dither: medians stand on a grid."""
    step = mad_std(decoded) / 4
    return np.rint(decoded / step) * step


#: Name of the fault: how it is planted, and the quantity that has to fail.
FAULTS = {
    "bias of 1 mmag": (_bias, "aperture.bias"),
    "shift of 0.02 px": (_shift, "astrometry.shift_"),
    "correlated residual": (_correlated, "whiteness.correlation"),
    "clipped core": (_clipped, "aperture.worst"),
    "steps without dither": (_undithered, "own_background.growth"),
}


def clean_trial(seed, levels=LEVELS, only=None):
    """One field without fault at every level.

    Parameters
    ----------
    seed : int
    levels : sequence of float
    only : list of str, optional
        Metrics; by default all.

    Returns
    -------
    list of Trial
        ``found``: anything failed, a false alarm.
    """
    field, original = _field(seed)
    rows = []
    for level in levels:
        codec = partial(_codec, level=level)
        seen = validate_pair(
            Pair(original, codec(field.image), codec=codec), tolerance=TOLERANCE, only=only
        )
        rows.append(_row("clean", seed, level, seen.verdict == "fail", seen, original, field))
    return rows


def fault_trial(seed, levels=LEVELS):
    """One field with every fault in turn, at every level; and a weight plane.

    Returns
    -------
    list of Trial
        ``found``: the quantity that is named in `FAULTS` failed.
    """
    field, original = _field(seed)
    rows = []
    for level in levels:
        decoded = _codec(field.image, level)
        for name, (plant, quantity) in FAULTS.items():
            rng = np.random.default_rng(seed)
            pair = Pair(original, plant(field, decoded.astype(float), rng))
            seen = validate_pair(pair, tolerance=TOLERANCE, only=[quantity.partition(".")[0]])
            found = any(r.name.startswith(quantity) and r.verdict == "fail" for r in seen.results)
            rows.append(_row(name, seed, level, found, seen, original, field))
        rows.append(_weights(field, seed, level, original))
    return rows


def _weights(field, seed, level, original):
    """A weight plane of which one pixel comes back below zero."""
    weight = (1 / np.maximum(field.expected, 1)).astype(np.float32)
    weight[field.mask] = 0
    plane = astroae.decode(astroae.encode(weight, error_bound=float(weight.max()) / 512)).copy()
    plane = np.where(weight == 0, 0, np.maximum(plane, 0))
    y, x = np.random.default_rng(seed).integers(0, SIDE, 2)
    plane[y, x] = -1e-6
    pair = Pair(Original(weight), plane, role="relative")
    seen = validate_pair(pair, tolerance=TOLERANCE)
    found = seen["planes.negative"].verdict == "fail"
    return _row("negative weight", seed, level, found, seen, original, field)


def loss_trial(seed, levels=LEVELS):
    """Ten fields, pooled, with 0.5 % of their sources of S/N 3 to 10 gone, and without.

    Returns
    -------
    list of Trial
        ``found``: the pooled net change of completeness fails.
    """
    limit = Limit(load_tolerances(TOLERANCE).get("detection.completeness").limit)
    sums = {
        (kind, level): np.zeros(3, int)
        for kind in ("0.5 % lost", "pooled clean")
        for level in levels
    }
    faint_all = sources = 0
    for number in range(POOLED):
        field, original = _field(1000 + POOLED * seed + number)
        faint = np.flatnonzero(_faint(field, original))
        gone = np.random.default_rng(seed).choice(faint, round(LOST * len(faint)), replace=False)
        light = paint(field.truth[gone], field.image.shape, field.psf, level=0.01)
        faint_all, sources = faint_all + len(faint), sources + len(original.sources)
        for level in levels:
            decoded = _codec(field.image, level)
            sums["pooled clean", level] += counts(Pair(original, decoded))
            sums["0.5 % lost", level] += counts(Pair(original, decoded - light))
    rows = []
    for (kind, level), (lost, gained, n) in sums.items():
        decided = verdict(completeness(lost, gained, n), limit)
        note = f"lost {lost}, gained {gained} of {n}"
        rows.append(
            Trial(kind, seed, level, decided == "fail", decided, sources, faint_all, 0.0, note, "")
        )
    return rows


def run_trials(clean=200, faults=20, losses=20, *, only=None, processes=1, progress=None):
    """All trials.

    Parameters
    ----------
    clean, faults, losses : int
        Seeds of each kind.
    only : list of str, optional
        Metrics that clean fields are asked.
    processes : int
    progress : callable, optional
        ``progress(done, total)``.

    Returns
    -------
    list of Trial
    """
    jobs = [(fault_trial, seed) for seed in range(1, faults + 1)]
    jobs += [(loss_trial, seed) for seed in range(1, losses + 1)]
    jobs += [(partial(clean_trial, only=only), seed) for seed in range(1, clean + 1)]
    rows = []
    with ProcessPoolExecutor(processes) as pool:
        for done, found in enumerate(pool.map(_run, jobs), 1):
            rows += found
            if progress is not None:
                progress(done, len(jobs))
    return rows


def _run(job):
    trial, seed = job
    return trial(seed)


def _field(seed):
    field = make_field(field_settings(seed))
    return field, Original(field.image, mask=field.mask, header=field.header)


def _codec(image, level):
    return astroae.decode(astroae.encode(np.asarray(image, np.float32), quantize_level=level))


def _faint(field, original):
    """Sources of S/N 3 to 10 of the truth, for the matched filter of a point source."""
    pixels = 4 * np.pi * (original.fwhm / 2.3548) ** 2
    snr = field.truth["flux"].value / (original.noise * np.sqrt(pixels))
    return (snr > 3) & (snr < 10)


def _row(kind, seed, level, found, seen, original, field):
    clean = original.sample.clean
    return Trial(
        kind,
        seed,
        level,
        bool(found),
        seen.verdict,
        len(clean),
        int(_faint(field, original).sum()),
        float(np.sum((clean.flux / clean.flux_err) ** 2)),
        " ".join(r.name for r in seen.results if r.verdict == "fail"),
        " ".join(r.name for r in seen.results if r.verdict == "undetermined"),
    )


def summary(rows):
    """One line per kind and level: how often found, of how many, and the rate's upper limit.

    Returns
    -------
    list of dict
        ``upper limit``: of the rate at which clean fields fail, 95 % (Clopper & Pearson
        1934), in per cent.
    """
    from scipy.stats import beta

    lines = []
    for kind, level in dict.fromkeys((row.kind, row.level) for row in rows):
        chosen = [row for row in rows if (row.kind, row.level) == (kind, level)]
        found, n, clean = sum(row.found for row in chosen), len(chosen), "clean" in kind
        upper = 100 * float(beta.ppf(0.95, found + 1, n - found)) if found < n else 100.0
        lines.append(
            {
                "kind": kind,
                "q": level,
                "fields": n,
                "failed": found,
                "upper limit": upper if clean else float("nan"),
                "passed": sum(row.verdict == "pass" for row in chosen),
                "sources": int(np.median([row.sources for row in chosen])),
                "of S/N 3 to 10": int(np.median([row.faint for row in chosen])),
                "sum of (S/N)^2": float(min(row.snr2 for row in chosen)),
                "as wanted": found <= 0.01 * n if clean else found >= 0.95 * n,
            }
        )
    return lines
