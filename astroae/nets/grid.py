"""Latents and skips as whole numbers: a step and a mean for each channel."""

import math
from dataclasses import dataclass

import numpy as np

from astroae.errors import ModelError

__all__ = ["LatentGrid", "quarter_octaves"]

_MOST = 1 << 31  # whole numbers that a file may hold
_ONE_STEP = 20  # class of errors whose standard deviation is one step
_MOST_CLASS = 96
_HALF_POWER = math.sqrt(0.5)


@dataclass(frozen=True, eq=False)
class LatentGrid:
    """How one crossing tensor becomes whole numbers, per channel.

    Parameters
    ----------
    step : float64 ndarray (C,)
        Width of a quantisation step.
    scale : float64 ndarray (C,)
        Standard deviation of the channel over the training samples.
    mean : float64 ndarray (C,)
        Their mean, which becomes 0; what "skips cut" puts in place of a skip.
    context : int32 ndarray (n,)
        Numbers that predict values from their neighbours, for
        `astroae.entropy.latents`; none: its own.

    Examples
    --------
    >>> import numpy as np
    >>> from astroae.nets.grid import LatentGrid
    >>> grid = LatentGrid(np.array([0.5]), np.array([2.0]), np.array([10.0]))
    >>> q = grid.quantise(np.full((1, 1, 2), 11.3))
    >>> q
    array([[[3, 3]]])
    >>> grid.restore(q)
    array([[[11.5, 11.5]]])
    >>> grid.classes()
    array([28])
    """

    step: np.ndarray
    scale: np.ndarray
    mean: np.ndarray
    context: np.ndarray = None

    def __post_init__(self):
        if self.context is None:
            object.__setattr__(self, "context", np.empty(0, np.int32))

    def check(self, name, channels):
        """Refuse numbers that cannot be.

        Parameters
        ----------
        name : str
            Of the tensor, for messages.
        channels : int

        Raises
        ------
        ModelError
        """
        parts = {key: getattr(self, key) for key in ("step", "scale", "mean")}
        good = all(
            part.shape == (channels,) and part.dtype == np.float64 and np.isfinite(part).all()
            for part in parts.values()
        )
        good = good and self.step.min() > 0 and self.scale.min() >= 0
        if not good or self.context.dtype != np.int32 or self.context.ndim != 1:
            raise ModelError(
                "the quantisation of a model's latents cannot be used",
                where=name,
                found=", ".join(f"{key} {part.dtype} {part.shape}" for key, part in parts.items())
                + f"; needed are finite float64 ({channels},), steps above 0",
                hint="freeze it again, or get the model file from where it was published",
            )

    def quantise(self, values, step=1.0):
        """Whole numbers of one tensor.

        Parameters
        ----------
        values : ndarray (..., C, h, w)
        step : float
            Times the model's own steps.

        Returns
        -------
        int64 ndarray of the same shape
        """
        whole = np.rint((values - _columns(self.mean)) / _columns(self.step * step))
        return np.clip(whole, -_MOST, _MOST).astype(np.int64)

    def restore(self, whole, step=1.0):
        """Inverse of `quantise`, but for its rounding: float64, elementwise and exact."""
        return whole * _columns(self.step * step) + _columns(self.mean)

    def cut(self, shape):
        """A tensor (C, h, w) that carries nothing: the mean of each channel."""
        return np.broadcast_to(_columns(self.mean), shape).copy()

    def classes(self, step=1.0):
        """Expected size of the whole numbers of each channel, for the entropy coder.

        Returns
        -------
        int64 ndarray (C,)
            In quarter octaves; 20 is a standard deviation of one step.
        """
        ratio = self.scale / (self.step * step)
        found = [quarter_octaves(r) if r > 0 else -_ONE_STEP for r in ratio.tolist()]
        return np.clip(np.array(found) + _ONE_STEP, 0, _MOST_CLASS)


def _columns(values):
    return values[:, None, None]


def quarter_octaves(ratio):
    """4 log2 of a positive float, rounded; without a library's logarithm.

    Examples
    --------
    >>> from astroae.nets.grid import quarter_octaves
    >>> quarter_octaves(2.0), quarter_octaves(0.5), quarter_octaves(1.1)
    (4, -4, 1)
    """
    mantissa, exponent = math.frexp(ratio)
    square = mantissa * mantissa
    mantissa, quarters = math.frexp(square * square)
    return 4 * exponent + quarters - (mantissa < _HALF_POWER)
