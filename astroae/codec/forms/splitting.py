"""Encoder only: where to split the floats of a tile, and what to code beside them."""

import numpy as np

from astroae.core import floats
from astroae.core.planes import encode_plane
from astroae.pixels.nulls import MOST_PATTERNS

_BELOW_NOISE = 3  # bits: finer ones are noise and cost what they are
_SMOOTH = 0.3  # of the noise that all differences should have, below which pixels foretell more
_FINER = 4  # bits at a time on the way to a smooth image's noise
_SAMPLE = 2048  # pixels


def choose(values, found, sigma, pack):
    """Survey (without outliers), `floats.Split`, and whether to code (zeros, copies).

    Parameters
    ----------
    values : float32 or float64 ndarray
    found : astroae.core.floats.Survey
    sigma : float
        Noise as CFITSIO measures it, 0 if it is not known.
    pack : callable
        Side information of `floats.Parts`, its survey and its split, as bytes.
    """
    p = _start(values, found, sigma)
    values, found, p = _without_outliers(values, found, p)
    how = found.at(p)
    if how.whole:
        return found, how, (False, False)
    beside = _odd_zeros(values, found, how), _copied(values)
    if 0 < sigma < np.inf and _roughness(values) < _SMOOTH * sigma:
        how = _finer(values, found, p, pack)
    return found, how, beside


def _start(values, found, sigma):
    """p below the noise, or what all are multiples of where that is not much finer."""
    p = _resolution(values, found)
    if 0 < sigma < np.inf:
        p = max(p, int(np.floor(np.log2(sigma))) - _BELOW_NOISE)
    if p - _BELOW_NOISE <= found.unit <= found.top:
        p = found.unit
    return max(p, _lowest(values))


def _lowest(values):
    return 1 - floats.BIAS[values.itemsize]


def _sample(values):
    return values.reshape(-1)[:: values.size // _SAMPLE + 1]


def _resolution(values, found):
    """Exponent of the last bit that ordinary pixels have."""
    sample = np.abs(_sample(values))
    sample = sample[(sample > 0) & (sample < np.inf)]
    usual = np.partition(sample, sample.size // 2)[sample.size // 2] if sample.size else 1.0
    return int(np.frexp(usual)[1]) - 1 - floats.MANTISSA[values.itemsize] + found.drop


def _without_outliers(values, found, p):
    """All three such that integers have 30 bits: a few fill values become NaN, so special."""
    most = p + floats.MOST_BITS
    if found.top < most:
        return values, found, p
    with np.errstate(all="ignore"):
        beyond = found.good & (np.abs(values) >= np.ldexp(1.0, most))
    if len(np.unique(values[beyond])) > MOST_PATTERNS // 2 or beyond.sum() == found.good.sum():
        return values, found, found.top - floats.MOST_BITS + 1
    values = np.where(beyond, values.dtype.type(np.nan), values)
    return values, floats.survey(values), p


def _odd_zeros(values, found, how):
    """Whether low bits end in more zeros than chance gives, so that counting them pays."""
    bits = _sample(values).view(f"u{values.itemsize}")
    last = bits >> bits.dtype.type(found.drop) & bits.dtype.type(3)
    if ((last & 1) == 0).mean() < 0.6 and (last == 0).mean() < 0.35:
        return False
    strip = _strip(values, 8 * _SAMPLE)
    part = floats.survey(strip)
    parts, counting = (floats.split(strip, part, how, count) for count in (False, True))
    saved = len(parts.low) - len(counting.low) - _entropy(counting.zeros[part.good]) / 8
    return bool(saved > 0.01 * (len(parts.low) + strip.size))


def _strip(values, pixels):
    """Some rows from the middle."""
    rows = values.reshape(-1, values.shape[-1])
    count = min(len(rows), -(-pixels // rows.shape[1]))
    first = (len(rows) - count) // 2
    return rows[first : first + count, :pixels]


def _entropy(numbers):
    """Bits of numbers that are none below 0."""
    counts = np.bincount(numbers)
    counts = counts[counts > 0]
    return float(counts.sum() * np.log2(counts.sum()) - (counts * np.log2(counts)).sum())


def _copied(values):
    """Whether pixels repeat the one before bit for bit, as chance does not have it."""
    strip = _strip(values, 2 * _SAMPLE)
    return bool(((strip[:, 1:] == strip[:, :-1]) & (strip[:, 1:] != 0)).sum() > 0.01 * strip.size)


def _roughness(values):
    """Noise by third differences of rows and columns: of smooth images it is far too low."""
    strip = _strip(values[..., :128], _SAMPLE // 2).astype(float)
    with np.errstate(all="ignore"):
        for axis in (0, 1):
            if strip.shape[axis] > 6:
                strip = np.diff(strip, 3, axis) / 20**0.5
    strip = np.abs(strip[np.isfinite(strip)])
    return float(np.median(strip)) / 0.6745 if strip.size else np.inf


def _finer(values, found, p, pack):
    """The split of a smooth image, whose noise lies lower: finer while that pays."""
    lowest = max(_resolution(values, found) + 1, _lowest(values), found.top - floats.MOST_BITS + 1)
    best = None
    while True:
        how = found.at(p)
        parts = floats.split(values, found, how)
        valid = found.good if found.special else None
        size = len(encode_plane(parts.k, valid)) + len(pack(parts, found, how))
        if best is not None and size > 0.998 * best[0]:
            return best[1]
        best = size, how
        if p <= lowest:
            return how
        p = max(p - _FINER, lowest)
