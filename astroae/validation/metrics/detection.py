"""Which sources are found before and after: lost ones, new ones, and peaks of noise.

Both significance maps are made with the original's noise, background and PSF.  A source is
lost where it is above the threshold before and clearly below it after; clearly, because a
source within the change's own noise of the threshold comes and goes by chance and says
nothing.  What small changes do to those is `injection.completeness`.
"""

import numpy as np

from astroae.validation.metrics import Measured, Quantity, Skipped
from astroae.validation.sources import APERTURE, THRESHOLD, peaks
from astroae.validation.stamps import cut, disk_any
from astroae.validation.statistics import Estimate, exact, net_change

__all__ = ["completeness", "counts"]

NAME = "detection"
TITLE = "Detection"
QUANTITIES = (
    Quantity("completeness", "%", "within", "net change of peaks of S/N 3 to 10"),
    Quantity("vanished", "sources", "at most", "sources of S/N 7.5 that fell below 5"),
    Quantity("appeared", "sources", "at most", "sources of S/N 7.5 that were below 5"),
    Quantity("false", "%", "within", "net change of negative peaks of 4 sigma, of the sources"),
)
_FAINT = (3.0, 10.0)  # sigma: brighter sources would only hide the loss of faint ones
_CLEAR = 7.5
_NEGATIVE = 4.0
_MARGIN = 0.25  # sigma; 3.5 times the change of a significance at q = 4
_ENOUGH = 2000  # sources: if none changes, their interval is +- 0.1 %


def measure(pair):
    """See `QUANTITIES`."""
    why = _why_not(pair.original)
    if why:
        return {q.name: Skipped(why) for q in QUANTITIES}
    found = _Matches(pair)
    sources = int(np.sum(found.before >= THRESHOLD))
    return {
        "completeness": _completeness(found),
        "vanished": Measured(exact(found.vanished, np.sum(found.before >= _CLEAR))),
        "appeared": Measured(exact(found.appeared, np.sum(found.after >= _CLEAR))),
        "false": _net(*_negative(pair), sources, f"{sources} sources", "detection.appeared"),
    }


def counts(pair):
    """Peaks of S/N 3 to 10 lost and gained, to be added up over images.

    Parameters
    ----------
    pair : `~astroae.validation.pair.Pair`

    Returns
    -------
    lost, gained, n : int
        ``n`` were there before.  Zeros where sources make no sense.
    """
    return (0, 0, 0) if _why_not(pair.original) else _Matches(pair).faint()


def completeness(lost, gained, n):
    """Net change of completeness in per cent: `~astroae.validation.statistics.net_change`.

    Parameters
    ----------
    lost, gained, n : int

    Returns
    -------
    `~astroae.validation.statistics.Estimate`

    Examples
    --------
    >>> from astroae.validation.metrics.detection import completeness
    >>> completeness(100, 0, 20000).value
    -0.5
    """
    return _percent(net_change(lost, gained, n))


def _percent(found):
    ends = 100 * found.value, 100 * found.low, 100 * found.high
    return Estimate(*ends, found.n, found.parts.then(_percent))


def _why_not(original):
    """Reason; an image without sources is measured, for none should appear."""
    scene = original.scene
    return "" if "empty" in scene.kinds else scene.no_sources


class _Matches:
    """Peaks of either image, and how high the other one is there."""

    def __init__(self, pair):
        original = pair.original
        x, y, self.before = original.keep("detection", lambda: _peaks(original, original.detected))
        self.still = _height(pair.significance, x, y, original)
        x, y, self.after = _peaks(original, pair.significance)
        self.already = _height(original.detected, x, y, original)

    def faint(self, margin=_MARGIN):
        """(lost, gained, n) of S/N 3 to 10."""
        before, after = self.before < _FAINT[1], self.after < _FAINT[1]
        lost = np.sum(self.still[before] < _FAINT[0] - margin)
        gained = np.sum(self.already[after] < _FAINT[0] - margin)
        return int(lost), int(gained), int(before.sum())

    @property
    def vanished(self):
        """Clear sources that are not found any more."""
        return np.sum((self.before >= _CLEAR) & (self.still < THRESHOLD))

    @property
    def appeared(self):
        """Clear sources that were not found before."""
        return np.sum((self.after >= _CLEAR) & (self.already < THRESHOLD))


def _completeness(found):
    lost, gained, n = found.faint()
    sharp = found.faint(margin=0)
    note = (
        f"lost {lost}, gained {gained}: by more than {_MARGIN} sigma past the threshold; "
        f"at the threshold itself lost {sharp[0]}, gained {sharp[1]}"
    )
    return _net(lost, gained, n, f"{n} peaks of S/N 3 to 10", "injection.completeness", note)


def _net(lost, gained, n, what, instead, note=""):
    """Skipped where there are too few to say, and nothing stands out even so."""
    found = completeness(lost, gained, n)
    if n < _ENOUGH and not abs(found.value) > found.high - found.low:
        return Skipped(f"{what}, {_ENOUGH} would decide; {instead} stands in")
    return Measured(found, note=note)


def _negative(pair):
    """Peaks of the negative image lost and gained: peaks of noise."""
    original = pair.original
    before, after = -original.detected, -pair.significance

    def first():
        return _peaks(original, before, _NEGATIVE)

    x, y, _ = original.keep("detection.negative", first)
    lost = _height(after, x, y, original) < _NEGATIVE - _MARGIN
    x, y, _ = _peaks(original, after, _NEGATIVE)
    gained = _height(before, x, y, original) < _NEGATIVE - _MARGIN
    return int(lost.sum()), int(gained.sum())


def _peaks(original, significance, threshold=_FAINT[0]):
    """Those off the edge, without bad or saturated pixels."""
    x, y, snr = peaks(significance, threshold, original.peak_radius)
    ny, nx = original.shape
    room = 2 * original.fwhm
    inside = (x >= room) & (y >= room) & (x <= nx - 1 - room) & (y <= ny - 1 - room)
    spoilt = disk_any(original.bad | original.saturated, x, y, APERTURE * original.fwhm)
    usable = inside & ~spoilt
    return x[usable], y[usable], snr[usable]


def _height(significance, x, y, original):
    """Highest significance around each place."""
    if not len(x):
        return np.zeros(0)
    return cut(significance, x, y, original.peak_radius).max((1, 2))
