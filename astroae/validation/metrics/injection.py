"""Point sources put in, of which the truth is known: are they found, and how bright?

Whether a source of S/N t is found at a place where the map of significances shows s takes
no trial: it is where s + t > 5.  So every place of the frame and every S/N is tried at once.
Brightness is tried with stars that are really added, before the codec where it is at hand.
"""

import numpy as np

from astroae.validation.extras import needed
from astroae.validation.metrics import Measured, Quantity, Skipped
from astroae.validation.sources import (
    APERTURE,
    THRESHOLD,
    Sources,
    aperture_sums,
    flux_errors,
    magnitudes,
)
from astroae.validation.stamps import disk_any
from astroae.validation.statistics import mean, resampled
from astroae.validation.tiles import fewest_tiles, tile_sums

NAME = "injection"
TITLE = "Injected sources"
THINGS = "injected stars"
QUANTITIES = (
    Quantity("completeness", "%", "within", "change of the found part of sources of S/N 3 to 10"),
    Quantity("flux", "sigma", "within", "mean change of an injected star's flux over its error"),
)
_FAINTEST, _BRIGHTEST = 3.0, 10.0  # S/N, evenly
_EMPTY = 3.0  # sigma: a place without a source
_FEWEST = 4096  # places: with fewer the change at q = 4 is no longer small
_STARS = 500
_STAR_SNR = (5.0, 100.0)
_PITCH = 8.0  # FWHM between the cells that hold one star each
_CLEAR = 3.0  # FWHM to the next source


def measure(pair):
    """See `QUANTITIES`."""
    original = pair.original
    scene = original.scene
    if scene.no_sources and "empty" not in scene.kinds:
        return {q.name: Skipped(scene.no_sources) for q in QUANTITIES}
    return {"completeness": _completeness(pair), "flux": _flux(pair)}


# ---- found or not ------------------------------------------------------------------------


def _completeness(pair):
    original = pair.original
    free = original.good & (np.abs(original.detected) < _EMPTY)
    side = fewest_tiles(original.shape, 2 * original.fwhm)
    number = tile_sums(free.astype(np.float32), side)
    gain = np.where(free, _found(pair.significance) - _found(original.detected), np.float32(0))
    sums = tile_sums(gain, side)[number > 0]
    number = number[number > 0]
    if number.sum() < _FEWEST:
        return Skipped(f"{int(number.sum())} places free of sources, {_FEWEST} needed")

    def of(draws):
        return 100 * (draws @ sums) / np.maximum(draws @ number, 1)

    note = (
        f"at {int(number.sum())} places free of sources; interval from "
        f"{len(number)} tiles of {side:.0f} pixels"
    )
    return Measured(resampled(of, len(number)), note=note)


def _found(significance):
    """Part of the sources of S/N 3 to 10 that would be found at each place."""
    return np.clip((_BRIGHTEST - THRESHOLD + significance) / (_BRIGHTEST - _FAINTEST), 0, 1)


# ---- how bright --------------------------------------------------------------------------


def _flux(pair):
    original = pair.original
    stars, light = original.keep("injection", lambda: _stars(original))
    if len(stars) < 5:
        return Skipped(f"{len(stars)} places for a star away from sources, fewer than 5")
    radius = APERTURE * original.fwhm
    added = "before compression" if pair.codec else "after compression"
    if pair.codec:
        before = _cast(original, original.data + light)
        after = np.asarray(pair.codec(before), np.float64)
        both = original.good & np.isfinite(after)
        change = np.where(both, after - before.astype(np.float64), 0.0)
    else:
        change = pair.change
    moved = aperture_sums(change, stars.x, stars.y, radius)
    seen = aperture_sums(original.signal + light, stars.x, stars.y, radius)
    note = (
        f"{len(stars)} stars of S/N 5 to 100 added {added}; found of their flux "
        f"{_part(seen, stars):.2%} before, {_part(seen + moved, stars):.2%} after"
    )
    return Measured(mean(moved / stars.flux_err), note=note)


def _part(flux, stars):
    """Measured over true flux, by least squares."""
    weight = stars.flux / stars.flux_err**2
    return float(np.sum(weight * flux) / np.sum(weight * stars.flux))


def _cast(original, image):
    """In the original's own type: what a codec is given."""
    kind = original.dtype
    if kind.kind in "iu":
        limits = np.iinfo(kind)
        image = np.clip(np.rint(image), limits.min, limits.max)
    return image.astype(kind)


def _stars(original):
    """Stars with their true fluxes within the aperture, and their image without noise.

    Returns
    -------
    Sources, array (y, x)
    """
    rng = np.random.default_rng(20)
    x, y = _places(original, rng)
    radius = APERTURE * original.fwhm
    sky = flux_errors(original, x, y, radius, np.zeros(len(x)))
    snr = rng.permutation(np.geomspace(*_STAR_SNR, max(1, len(x))))[: len(x)]
    light = _painted(original.shape, x, y, snr * sky, original.psf_sigma)
    flux = aperture_sums(light, x, y, radius)
    error = flux_errors(original, x, y, radius, flux)
    flags = np.zeros(len(x), int)
    return Sources(x, y, snr, flux, error, magnitudes(original, flux), flags), light


def _places(original, rng):
    """At most 500, one in a cell, away from sources, bad pixels and the edge."""
    pitch = _PITCH * original.fwhm
    rows, columns = (int(length // pitch) for length in original.shape)
    cells = np.stack(np.mgrid[:rows, :columns], -1).reshape(-1, 2)
    y, x = ((rng.permutation(cells) + 0.5 + rng.uniform(-0.25, 0.25, cells.shape)) * pitch).T
    px, py, _ = original.peaks
    spoilt = disk_any(original.bad | original.saturated, x, y, 2 * original.fwhm)
    if len(px) and len(x):
        tree = needed("scipy.spatial").cKDTree(np.column_stack([px, py]))
        spoilt |= tree.query(np.column_stack([x, y]))[0] < _CLEAR * original.fwhm
    return x[~spoilt][:_STARS], y[~spoilt][:_STARS]


def _painted(shape, x, y, flux, sigma):
    """Gaussian stars of given fluxes."""
    image = np.zeros(shape)
    half = int(np.ceil(5 * sigma))
    offset = np.arange(-half, half + 1)
    rows, columns = (
        np.rint(y).astype(int)[:, None] + offset,
        np.rint(x).astype(int)[:, None] + offset,
    )
    wy = np.exp(-((rows - y[:, None]) ** 2) / (2 * sigma**2))
    wx = np.exp(-((columns - x[:, None]) ** 2) / (2 * sigma**2))
    stamps = wy[:, :, None] * wx[:, None, :]
    stamps *= (flux / stamps.sum((1, 2)))[:, None, None]
    inside = ((rows >= 0) & (rows < shape[0]))[:, :, None]
    inside = inside & ((columns >= 0) & (columns < shape[1]))[:, None, :]
    where = np.broadcast_arrays(rows[:, :, None], columns[:, None, :])
    np.add.at(image, tuple(w[inside] for w in where), stamps[inside])
    return image
