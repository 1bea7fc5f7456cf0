"""What touches each pixel, compiled: noise, quantising, dither.

The same operations in the same order as in `astroae.pixels`, so the same bits.
"""

import numpy as np

from astroae.core import _core


def noise_sigma(values, good=None):
    """Noise of a tile as `astroae.pixels.noise.noise_sigma` has it.

    Parameters
    ----------
    values : ndarray (..., x)
        float32; other types are measured as float64.
    good : bool ndarray of the same shape, optional
    """
    values = np.asarray(values)
    kind = np.float32 if values.dtype == np.float32 else np.float64
    flat = np.ascontiguousarray(values, kind).reshape(-1)
    if not flat.size:
        return 0.0
    mask = None
    if good is not None:
        mask = np.ascontiguousarray(np.broadcast_to(good, values.shape)).reshape(-1).view(np.uint8)
    return _core.noise(flat, mask, values.shape[-1])


def quantize(values, scale, zero, dither=None):
    """int64 of floats on a grid, as `astroae.pixels.grids.quantize`; None beyond 2^53."""
    values = np.ascontiguousarray(values)
    k = np.empty(values.size, np.int64)
    good = _core.quantize(values.reshape(-1), _dither(dither), scale, zero, k)
    return k.reshape(values.shape) if good else None


def dequantize(k, scale, zero, dither, dtype):
    """Floats that integers stand for, as `astroae.pixels.grids.dequantize`."""
    k = np.ascontiguousarray(k, np.int64)
    values = np.empty(k.size, dtype)
    _core.dequantize(k.reshape(-1), _dither(dither), scale, zero, values)
    return values.reshape(k.shape)


def _dither(dither):
    return None if dither is None else np.ascontiguousarray(dither, np.float32).reshape(-1)
