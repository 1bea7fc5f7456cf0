"""Stamps as networks see them: image units <-> numbers from 0 to 1, flux kept.

`Normalisation` is the rule, the same for a whole model; `Scaling` is what one stamp
made of it, a few float64 numbers stored with the stamp.  `Normalisation.normalise`
and `Normalisation.restore` undo each other to rounding, and `restore` brings the sum
over the defined pixels back, whatever a network did in between.  It runs on the
decoder's side, so it uses operations only that IEEE 754 rounds in one way.
"""

from dataclasses import asdict, dataclass, fields

import numpy as np

from astroae.errors import SettingError, UnsupportedDataError
from astroae.pixels.elementary import ordered_sum, sinh
from astroae.pixels.noise import noise_sigma

__all__ = ["Normalisation", "Scaling", "fill_undefined", "undefined"]

KINDS = ("minmax", "fixed")
STRETCHES = ("linear", "asinh")
INPUTS = ("unit", "signed", "standard")
LARGEST = 1e300  # value or sum: what follows stays within float64
WIDEST = 1e15  # range in units of the noise


def undefined(values, mask=None):
    """Pixels that stand for no number: NaN, inf, and what ``mask`` says.

    Parameters
    ----------
    values : ndarray
    mask : bool ndarray, optional
        True where undefined (astropy's convention).

    Returns
    -------
    bool ndarray
    """
    found = ~np.isfinite(values)
    return found if mask is None else found | np.asarray(mask, bool)


def fill_undefined(values, mask=None):
    """Float64 copy with the median of the defined pixels where there is no number.

    Zeros where nothing is defined.

    Examples
    --------
    >>> import numpy as np
    >>> from astroae.pixels.stamps import fill_undefined
    >>> fill_undefined(np.array([1.0, np.nan, 3.0, 8.0]))
    array([1., 3., 3., 8.])
    """
    work = np.array(values, np.float64)
    bad = undefined(work, mask)
    if bad.any():
        with np.errstate(over="ignore"):  # infinite then, which `normalise` refuses
            work[bad] = np.median(work[~bad]) if not bad.all() else 0.0
    return work


def _from_dict(cls, values):
    unknown = set(values) - {field.name for field in fields(cls)}
    if unknown:
        raise SettingError(
            f"unknown key of a {cls.__name__.lower()}",
            where=", ".join(sorted(unknown)),
            found=f"known are {', '.join(field.name for field in fields(cls))}",
            hint="the model may come from a newer astroae",
        )
    try:
        return cls(**values)
    except TypeError as exc:
        raise SettingError(
            f"a {cls.__name__.lower()} is incomplete",
            where=", ".join(sorted(values)) or "nothing",
            found=str(exc),
            hint="the model may be damaged",
        ) from exc


@dataclass(frozen=True)
class Scaling:
    """How one stamp was normalised: enough to undo it.

    Parameters
    ----------
    zero : float
        Value that became 0.
    span : float
        Distance from it to the value that became 1, in image units, or in units of
        the stretch where ``noise`` is above 0; 0 for a constant stamp.
    flux : float
        Sum over the defined pixels.
    noise : float
        Standard deviation of the noise where the stretch needs it, else 0.
    """

    zero: float
    span: float
    flux: float
    noise: float = 0.0

    def to_dict(self):
        """Plain floats, by name."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values):
        """From what `to_dict` gave; an unknown key is a `SettingError`."""
        return _from_dict(cls, values)


@dataclass(frozen=True)
class Normalisation:
    """The rule by which stamps become numbers from 0 to 1.

    Parameters
    ----------
    kind : {"minmax", "fixed"}
        From each stamp's smallest to its largest defined pixel (of all channels
        together), or from ``low`` to ``high``, values beyond being clipped.
    low, high : float
        For ``"fixed"``; by default those of 8-bit pictures.
    stretch : {"linear", "asinh"}
        ``"asinh"`` takes the inverse hyperbolic sine of the distance from the
        smallest value, in units of ``softening`` times the stamp's noise
        (`astroae.pixels.noise.noise_sigma`): linear in the noise, logarithmic above
        (Lupton, Gunn & Szalay 1999, AJ 118, 1406).  A stamp without noise is scaled
        linearly.
    softening : float
    input : {"unit", "signed", "standard"}
        What the network sees of x in [0, 1]: x, 2 x - 1, or
        (x - ``mean``) / ``deviation``.  Its output is compared in [0, 1] always.
    mean, deviation : float
        Of the training set, for ``"standard"``.

    Raises
    ------
    SettingError
        A name that is not known, or a number out of range.

    Examples
    --------
    >>> import numpy as np
    >>> from astroae.pixels.stamps import Normalisation
    >>> rule = Normalisation("minmax")
    >>> x, scaling = rule.normalise(np.array([[10.0, 12.0], [14.0, np.nan]]))
    >>> x
    array([[0. , 0.5],
           [1. , 0.5]])
    >>> scaling
    Scaling(zero=10.0, span=4.0, flux=36.0, noise=0.0)
    >>> rule.restore(x, scaling, mask=[[False, False], [False, True]])
    array([[10., 12.],
           [14., 12.]])
    """

    kind: str = "minmax"
    stretch: str = "linear"
    low: float = 0.0
    high: float = 255.0
    softening: float = 3.0
    input: str = "unit"
    mean: float = 0.0
    deviation: float = 1.0

    def __post_init__(self):
        for key, known in (("kind", KINDS), ("stretch", STRETCHES), ("input", INPUTS)):
            if getattr(self, key) not in known:
                self._refuse(key, f"known are {', '.join(known)}")
        if not np.all(
            np.isfinite([self.low, self.high, self.softening, self.mean, self.deviation])
        ):
            self._refuse("low, high, softening, mean or deviation", "all must be finite")
        for key, good in (
            ("high", self.high > self.low),
            ("softening", self.softening > 0),
            ("deviation", self.deviation > 0),
        ):
            if not good:
                self._refuse(key, "high must be above low, softening and deviation above 0")

    def _refuse(self, key, rule):
        raise SettingError(
            "a normalisation cannot be used",
            where=key,
            found=f"got {getattr(self, key, 'a number that is not finite')!r}; {rule}",
            hint="see astroae.pixels.stamps.Normalisation",
        )

    def to_dict(self):
        """Plain values, by name, for a model's card."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values):
        """From what `to_dict` gave; an unknown key is a `SettingError`."""
        return _from_dict(cls, dict(values))

    def normalise(self, values, mask=None):
        """A stamp between 0 and 1, and how to undo it.

        Parameters
        ----------
        values : array_like (y, x) or (channel, y, x)
            Image units, of any real type.
        mask : bool array_like of the same shape, optional
            True where undefined; NaN and inf are undefined anyway.

        Returns
        -------
        x : ndarray of float64
            From 0 to 1; the median where undefined.
        scaling : Scaling

        Raises
        ------
        UnsupportedDataError
            A value or the sum is beyond 1e300.
        """
        work = np.asarray(values, np.float64)
        bad = undefined(work, mask)
        work = fill_undefined(work, bad)
        zero, top = self._range(work)
        with np.errstate(over="ignore"):
            flux = ordered_sum(np.where(bad, 0.0, work))
        if not max(abs(flux), abs(zero), abs(top)) < LARGEST:
            raise UnsupportedDataError(
                "values too large to be normalised",
                where="normalise",
                found=f"from {zero:.3g} to {top:.3g}, sum {flux:.3g}; allowed is {LARGEST:g}",
                hint="store the image in other units (BSCALE), or losslessly",
            )
        noise = self._noise(work, ~bad, top - zero)
        span = float(self._stretched(top - zero, noise))
        scaling = Scaling(float(zero), span, flux, noise)
        if span == 0:
            return np.zeros(work.shape), scaling
        return np.clip(self._stretched(work - zero, noise) / span, 0.0, 1.0), scaling

    def restore(self, y, scaling, mask=None):
        """Image units from what a network gave, the flux brought back.

        Parameters
        ----------
        y : array_like (y, x) or (channel, y, x)
            Values on the scale of `normalise`; may pass 0 and 1.
        scaling : Scaling
            From `normalise`.
        mask : bool array_like, optional
            Of all undefined pixels, those that were NaN or inf included.

        Returns
        -------
        ndarray of float64
            Its sum over the defined pixels is ``scaling.flux`` to 1e-12 of the sum of
            absolute values (which ``low`` may be one of).  Undefined pixels hold whatever the network gave.
        """
        y = np.asarray(y, np.float64)
        if scaling.noise > 0:
            values = scaling.zero + sinh(y * scaling.span) * (self.softening * scaling.noise)
        else:
            values = scaling.zero + y * scaling.span
        good = np.ones(y.shape, bool) if mask is None else ~np.asarray(mask, bool)
        count = int(good.sum())
        if not count:
            return values
        return values + (scaling.flux - ordered_sum(np.where(good, values, 0.0))) / count

    def network_input(self, x):
        """What the network sees of ``x`` in [0, 1]; of an array or a tensor."""
        if self.input == "signed":
            return x * 2.0 - 1.0
        if self.input == "standard":
            return (x - self.mean) / self.deviation
        return x

    def _range(self, work):
        if self.kind == "fixed":
            return self.low, self.high
        return (work.min(), work.max()) if work.size else (0.0, 0.0)

    def _noise(self, work, good, distance):
        """Noise that the stretch uses; 0 for none."""
        if self.stretch == "linear" or distance == 0:
            return 0.0
        noise = noise_sigma(work, good)
        # Noise below the rounding of float64 is none; the sine of its like would overflow.
        return noise if self.softening * noise * WIDEST > distance else 0.0

    def _stretched(self, distance, noise):
        """Distances from the zero point; the encoder's side only (np.arcsinh)."""
        if noise > 0:
            return np.arcsinh(np.maximum(distance, 0.0) / (self.softening * noise))
        return distance
