"""What touches each pixel, compiled: noise, quantising, dither, comparing.

`astroae.core.tests.twins` has the same in numpy, operation for operation: the same bits.
"""

import numpy as np

from astroae.core import _core

#: From medians of absolute differences to deviations, by order of difference.
NOISE_FACTORS = _core.NOISE_FACTORS


def noise_sigma(values, good=None):
    """Noise of a tile as `astroae.pixels.noise.noise_sigma` describes it.

    Parameters
    ----------
    values : ndarray (..., x)
        float32, and integers of 16 bits and less; other types are measured as float64.
    good : bool ndarray of the same shape, optional
    """
    values = np.asarray(values)
    narrow = values.dtype.kind in "iu" and values.dtype.itemsize <= 2  # exact as float32
    real = np.float32 if narrow else _real(values.dtype)
    flat = np.ascontiguousarray(values, real).reshape(-1)
    if not flat.size:
        return 0.0
    mask = None
    if good is not None:
        mask = np.ascontiguousarray(np.broadcast_to(good, values.shape), bool)
        mask = mask.reshape(-1).view(np.uint8)
    return _core.noise(flat, mask, values.shape[-1])


def quantize(values, scale, zero, dither=None, dtype=np.int64):
    """Integers of floats on a grid; None where one is no number or beyond the type.

    Parameters
    ----------
    values : ndarray of float
    scale, zero : float
    dither : float64 ndarray of the same shape, optional
    dtype : numpy.int64 or numpy.int32
        int32 takes half the time.
    """
    flat = np.ascontiguousarray(values, _real(values.dtype)).reshape(-1)
    k = np.empty(values.shape, dtype)
    return k if _core.quantize(flat, _flat(dither), scale, zero, k.reshape(-1)) else None


def dequantize(k, scale, zero, dither, dtype):
    """Floats that integers stand for, as `astroae.pixels.grids.dequantize` describes it."""
    values = np.empty(k.shape, _real(np.dtype(dtype).newbyteorder("=")))
    flat = np.ascontiguousarray(k, np.int32 if k.dtype == np.int32 else np.int64).reshape(-1)
    _core.dequantize(flat, _flat(dither), _flat(scale), _flat(zero), values.reshape(-1))
    return values.astype(dtype, copy=False)


def within(values, decoded, half, *, blank=None, keep_zeros=False):
    """Whether decoded pixels are within a bound of what they were, and the largest error.

    Parameters
    ----------
    values, decoded : ndarray of one shape and type
        Of a type that FITS has, native byte order.
    half : float
        Largest error; of floats half an ulp of the decoded value is allowed on top.
    blank : int, optional
        Integer that may neither change nor come up.
    keep_zeros : bool
        Whether a float that was zero must be the same zero.

    Returns
    -------
    kept : bool
        False too where a NaN or an infinity changed, came up or went.
    largest : float or int
        Among pixels that changed; of no meaning where not ``kept``.
    """
    flat = [np.ascontiguousarray(a).reshape(-1) for a in (values, decoded)]
    if values.dtype.kind == "f":
        return _core.within(*flat, half, keep_zeros)
    return _core.within_integers(*flat, int(half), blank is not None, blank or 0)


def _real(dtype):
    return np.float32 if dtype == np.float32 else np.float64


def _flat(numbers):
    return None if numbers is None else np.ascontiguousarray(numbers, np.float64).reshape(-1)
