"""Sums and hyperbolic sines that come out the same on every machine.

What a decoder computes must not hang on the build of a library: the order in which
``np.sum`` adds and the last bit of ``np.sinh`` both do.  Here everything is made of
elementwise additions, multiplications and divisions of float64, in a fixed order,
which IEEE 754 rounds in one way only.
"""

import math

import numpy as np

__all__ = ["ordered_sum", "sinh"]

_LN2_HIGH = 0.6931471803691238  # ln 2 in two parts: the product of the first with a
_LN2_LOW = 1.9082149292705877e-10  # whole number below 2^20 is exact (Cody & Waite 1980)
_EXP = tuple(1 / math.factorial(n) for n in range(14))  # next term below 1e-17 at ln(2) / 2
_SINH = tuple(1 / math.factorial(n) for n in range(1, 20, 2))  # next below 2e-20 at 1


def ordered_sum(values):
    """Sum of all values, halving the list again and again.

    Parameters
    ----------
    values : array_like

    Returns
    -------
    float
        Off by at most log2(n) rounding errors of the sum of absolute values.

    Examples
    --------
    >>> from astroae.pixels.elementary import ordered_sum
    >>> ordered_sum([[1, 2, 3], [4, 5, 6]])
    21.0
    """
    work = np.array(values, np.float64).ravel()
    while work.size > 1:
        half = work.size // 2
        pairs = work[:half] + work[half : 2 * half]
        work = np.append(pairs, work[2 * half :])
    return float(work[0]) if work.size else 0.0


def sinh(x):
    """Hyperbolic sine of an array, to 1e-13 of its value up to \\|x\\| = 700.

    Taylor's series up to 1, and from an exponential beyond, whose argument is
    reduced by multiples of ln 2.

    Parameters
    ----------
    x : array_like

    Returns
    -------
    ndarray of float64
        Infinite where the result is beyond the largest float.

    Examples
    --------
    >>> from astroae.pixels.elementary import sinh
    >>> print(f"{sinh(1.5):.6f}")
    2.129279
    """
    x = np.asarray(x, np.float64)
    size = np.minimum(np.abs(x), 800.0)  # beyond 711 the result is infinite in any case
    inner = np.minimum(size, 1.0)
    small = inner * _polynomial(_SINH, inner * inner)
    with np.errstate(over="ignore", invalid="ignore"):  # invalid: the whole number nearest NaN
        large = _exp_half(size) - 0.25 / _exp_half(size)
    # The sign by a product: np.sign and NaN pass through as they should.
    return np.sign(x) * np.where(size <= 1, small, large)


def _exp_half(x):
    """exp(x) / 2 for x >= 0."""
    power = np.rint(x * (1 / (_LN2_HIGH + _LN2_LOW)))
    rest = (x - power * _LN2_HIGH) - power * _LN2_LOW
    return np.ldexp(_polynomial(_EXP, rest), power.astype(np.int32) - 1)


def _polynomial(coefficients, x):
    value = np.full_like(x, coefficients[-1])
    for coefficient in coefficients[-2::-1]:
        value = value * x + coefficient
    return value
