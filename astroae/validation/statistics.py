"""Numbers with their 95 % intervals, and what follows from them: the verdict."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial

import numpy as np

__all__ = [
    "FEWEST",
    "Estimate",
    "Limit",
    "Parts",
    "capped",
    "effective_number",
    "exact",
    "mean",
    "net_change",
    "needed",
    "pooled",
    "resampled",
    "rms",
    "verdict",
]
__doctest_requires__ = {"pooled": ["scipy"]}

#: Of which an interval can be drawn at all.
FEWEST = 5
_NORMAL = 1.959964  # sigma of 95 %
_DRAWS = 400
_COUNTS = 4_000_000  # of one resampling; fewer draws of more things
_MANY = 100  # things, whose number need not be kept in every draw
_HEAVIEST = 8  # things that weigh as much as the heaviest


@dataclass(frozen=True)
class Parts:
    """What a number was made of, so that those of several images make one: see `pooled`.

    Parameters
    ----------
    of : callable
        ``of(*arrays)`` makes the number once more.
    arrays : tuple of array (n,)
        One entry for each source, tile or mesh.
    """

    of: Callable
    arrays: tuple

    def then(self, function):
        """The same, with the number put through a function."""
        return Parts(lambda *arrays: function(self.of(*arrays)), self.arrays)


@dataclass(frozen=True)
class Estimate:
    """A number, the 95 % interval it lies in, and how many things it was measured from.

    Parameters
    ----------
    value, low, high : float
        In the quantity's unit; infinite where too few things were there to say.
    n : int
        Sources, tiles or pixels.
    parts : Parts, optional
        What it was made of.
    """

    value: float
    low: float
    high: float
    n: int
    parts: Parts | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True)
class Limit:
    """What a quantity may be.

    Parameters
    ----------
    limit : float
        In the quantity's unit.
    direction : {"within", "at most", "at least"}
        Between -limit and limit, no larger, no smaller.
    """

    limit: float
    direction: str = "within"

    @property
    def range(self):
        """(lowest, highest) allowed."""
        return {
            "within": (-self.limit, self.limit),
            "at most": (-math.inf, self.limit),
            "at least": (self.limit, math.inf),
        }[self.direction]


def verdict(estimate, limit):
    """``"pass"``, ``"fail"`` or ``"undetermined"``.

    Pass where the whole 95 % interval lies inside the tolerance, fail where it lies
    wholly outside.  An interval much wider than the tolerance misses it by chance once in
    twenty though nothing changed: to fail, the middle of the tolerance must lie outside
    at twice the interval's width too.

    Parameters
    ----------
    estimate : Estimate
    limit : Limit

    Examples
    --------
    >>> from astroae.validation.statistics import Estimate, Limit, verdict
    >>> verdict(Estimate(0.1, -0.1, 0.3, 50), Limit(0.5))
    'pass'
    >>> verdict(Estimate(0.5, 0.3, 0.7, 50), Limit(0.5))
    'undetermined'
    >>> verdict(Estimate(1.0, 0.8, 1.2, 50), Limit(0.5))
    'fail'
    """
    lowest, highest = limit.range
    low, high = estimate.low, estimate.high
    if lowest <= low and high <= highest:
        return "pass"
    middle = (lowest + highest) / 2
    twice = 2 * low - estimate.value <= middle <= 2 * high - estimate.value
    outside = low > highest or high < lowest
    return "fail" if outside and not twice else "undetermined"


def needed(estimate, limit):
    """How many things would decide, if the value stays: the interval shrinks as 1/sqrt(n).

    Returns
    -------
    int or None
        None: no number does, the value is at the limit, or nothing was measured.
    """
    lowest, highest = limit.range
    value, half = estimate.value, max(estimate.high - estimate.value, estimate.value - estimate.low)
    room = min(abs(value - end) for end in (lowest, highest) if math.isfinite(end))
    if not (math.isfinite(half) and room > 0 and estimate.n):
        return None
    if not lowest <= value <= highest:  # and the middle outside at twice the width
        room = min(room, abs(value - (lowest + highest) / 2) / 2)
    return math.ceil(estimate.n * (half / room) ** 2)


def capped(values):
    """Values, none above the eighth largest: weights so made let no few of them decide.

    Parameters
    ----------
    values : array (n,)

    Examples
    --------
    >>> from astroae.validation.statistics import capped
    >>> capped([9.0, 1, 1, 1, 1, 1, 1, 2, 3]).tolist()
    [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]
    """
    values = np.asarray(values, float)
    return np.minimum(values, np.sort(values)[::-1][min(_HEAVIEST, len(values)) - 1])


def exact(value, n):
    """A number that was counted or measured on everything there is: no interval."""
    return Estimate(float(value), float(value), float(value), int(n))


def mean(values, weights=None, *, seed=1, level=0.95):
    """Weighted mean with its bootstrap interval.

    Parameters
    ----------
    values : array_like (n,)
    weights : array_like (n,), optional
    seed : int
        Of the bootstrap.
    level : float
        Coverage of the interval.

    Returns
    -------
    Estimate
        Infinitely wide from fewer than five values.
    """
    values = np.asarray(values, float)
    weights = np.ones(len(values)) if weights is None else np.asarray(weights, float)
    parts = Parts(partial(mean, seed=seed, level=level), (values, weights))
    if len(values) and not values.any():  # nothing changed: no matter how few they are
        return replace(exact(0, len(values)), parts=parts)

    def of(counts):
        return (counts @ (weights * values)) / (counts @ weights)

    effective = effective_number(weights)
    found = resampled(of, len(values), effective=effective, seed=seed, level=level)
    return replace(found, parts=parts)


def effective_number(weights):
    """How many of equal weight would say as much (Kish 1965).

    Parameters
    ----------
    weights : array (n,)
        None below 0.
    """
    return float(weights.sum() ** 2 / (weights @ weights)) if weights.any() else 0.0


def rms(values, *, seed=1, level=0.95):
    """Root mean square about zero with its bootstrap interval; see `mean`.

    Its error is a fraction of the true rms, not of the one that was found:
    ``rms / (1 +- fraction)``, else too small ones would seem too sure.
    """
    values = np.asarray(values, float)
    squares, parts = values**2, Parts(partial(rms, seed=seed, level=level), (values,))
    if len(squares) and not squares.any():
        return replace(exact(0, len(squares)), parts=parts)

    def of(counts):
        return np.sqrt((counts @ squares) / counts.sum(1))

    found = resampled(of, len(squares), seed=seed, level=level)
    if not 0 < found.value < found.high < math.inf:
        return replace(found, parts=parts)
    part = found.high / found.value - 1
    high = found.value / (1 - part) if part < 1 else math.inf
    return Estimate(found.value, found.value / (1 + part), high, found.n, parts)


def pooled(estimates):
    """The same number from all things of several images together.

    Numbers that carry their parts are made once more from all of them; the others are
    averaged, each by the square of its interval.

    Parameters
    ----------
    estimates : list of Estimate
        Of one quantity.

    Examples
    --------
    >>> from astroae.validation.statistics import mean, pooled
    >>> found = pooled([mean([1.0, 2.0]), mean([1.5, 2.5, 1.0, 2.0])])
    >>> found.n, round(found.value, 3), found.high < 3
    (6, 1.667, True)
    """
    if all(one.parts is not None for one in estimates):
        arrays = zip(*(one.parts.arrays for one in estimates))
        return estimates[0].parts.of(*map(np.concatenate, arrays))
    n = sum(one.n for one in estimates)
    known = [one for one in estimates if math.isfinite(one.high - one.low)]
    half = np.array([(one.high - one.low) / 2 for one in known])
    if not half.any():
        return Estimate(math.nan, -math.inf, math.inf, n)
    weights = np.maximum(half, half[half > 0].min()) ** -2.0
    value = float(weights @ [one.value for one in known] / weights.sum())
    half = float(weights.sum() ** -0.5)
    return Estimate(value, value - half, value + half, n)


def resampled(of, n, *, effective=None, seed=1, level=0.95):
    """Bootstrap interval of a statistic of ``n`` independent things.

    Normal interval from the spread of the resamples, widened as Student's t and
    sqrt(n / (n - 1)) ask for (Efron & Tibshirani 1993, ch. 12): percentiles of few
    values are too narrow.

    Parameters
    ----------
    of : callable
        ``of(counts)``, counts (draws, n) of float: how often each thing was drawn, once
        on average; gives the statistic of each draw.
    n : int
    effective : float, optional
        See `effective_number`; by default ``n``.
    seed, level
        As in `mean`.
    """
    effective = n if effective is None else effective
    if effective < FEWEST - 1e-6:
        value = float(of(np.ones((1, n)))[0]) if n else math.nan
        return Estimate(value, -math.inf, math.inf, n)
    value = float(of(np.ones((1, n)))[0])
    spread = float(np.std(of(_counts(n, seed)), ddof=1))
    half = _student(level, effective - 1) * spread * math.sqrt(effective / (effective - 1))
    return Estimate(value, value - half, value + half, n)


def net_change(lost, gained, n):
    """(gained - lost) / n of paired yes-or-no answers, with the interval.

    The variance is that of McNemar's test, with one imagined change each way
    (Agresti & Min 2005, Statist. Med. 24, 729): none observed is not none possible.  Where
    the interval leaves out 0, its nearer end is that of the score interval (Tango 1998,
    Statist. Med. 17, 891): fewer changes than were counted would also have scattered less.

    Parameters
    ----------
    lost, gained, n : int

    Examples
    --------
    >>> from astroae.validation.statistics import net_change
    >>> found = net_change(100, 0, 20000)
    >>> found.value, found.high < 0
    (-0.005, True)
    """
    parts = Parts(_net_change_of_all, tuple(np.array([one]) for one in (lost, gained, n)))
    if not n:
        return Estimate(math.nan, -math.inf, math.inf, 0, parts)
    value = (gained - lost) / n
    total, b, c = n + 2, lost + 0.5, gained + 0.5
    # What was gained may be more than what was there.
    variance = b + c - (b - c) ** 2 / max(total, b + c)
    half = _NORMAL * math.sqrt(variance) / total
    low, high, nearer = value - half, value + half, _nearer_end(lost, gained) / n
    if nearer > 0:
        low, high = (nearer, high) if gained > lost else (low, -nearer)
    return Estimate(value, float(low), float(high), int(n), parts)


def _net_change_of_all(lost, gained, n):
    return net_change(int(lost.sum()), int(gained.sum()), int(n.sum()))


def _nearer_end(lost, gained):
    """Smallest true net change, 0 or more, that the counts are not too far from."""
    net, every, fewer = abs(gained - lost), lost + gained, min(lost, gained)
    true = np.linspace(0, net, 10_000)
    variance = (every + np.sqrt((every - 2 * true) ** 2 + 8 * fewer * true)) / 2
    return float(true[np.argmax((net - true) ** 2 <= _NORMAL**2 * variance)])


@lru_cache(maxsize=4)
def _counts(n, seed):
    """How often each was drawn.  Of many, Poisson counts are as good, and much faster."""
    draws = max(100, min(_DRAWS, _COUNTS // n))
    rng = np.random.default_rng(seed)
    if n < _MANY:  # where Poisson counts may all be 0
        counts = rng.multinomial(n, np.full(n, 1 / n), size=draws)
    else:
        counts = rng.poisson(1, size=(draws, n))
    return counts.astype(np.float32)


def _student(level, freedom):
    """Quantile of Student's t, two-sided (scipy comes with photutils)."""
    from scipy.stats import t

    return float(t.ppf(0.5 + level / 2, freedom))
