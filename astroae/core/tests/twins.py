"""The compiled kernels once more in numpy, slowly: the same operations in the same order."""

import numpy as np

__all__ = ["dequantize", "noise_sigma", "quantize", "within"]

#: (offsets, weights, factor) of each order of difference.
_ORDERS = (
    ((0, 2), (1, -1), 1.0483579),
    ((0, 2, 4), (-1, 2, -1), 0.6052697),
    ((0, 2, 4, 6, 8), (1, -4, 6, -4, 1), 0.1772048),
)


def noise_sigma(values, good=None):
    """As `astroae.pixels.noise.noise_sigma`."""
    values = np.asarray(values)
    work = values.astype(np.float32 if values.dtype == np.float32 else np.float64)
    if good is not None:
        work[~good] = np.nan
    found = [_median_difference(work, *order) for order in _ORDERS]
    found = [sigma for sigma in found if sigma > 0]
    return min(found, default=0.0)


def _median_difference(work, offsets, weights, factor):
    n = work.shape[-1] - offsets[-1]
    if n < 1:
        return 0.0
    parts = [work[..., o : o + n] for o in offsets]
    with np.errstate(all="ignore"):
        difference = sum(w * part for w, part in zip(weights, parts))
        difference = np.abs(difference)[np.isfinite(difference)]
    if not difference.size:
        return 0.0
    middle = _median(difference)
    if middle == 0:  # flat background: let the pixels that vary speak, as CFITSIO does
        varying = difference[difference > 0]
        middle = _median(varying) if varying.size else 0.0
    return float(middle) * factor


def _median(values):
    half = len(values) // 2
    return np.partition(values, half)[half]


def quantize(values, scale, zero, dither=None):
    """As `astroae.pixels.grids.quantize`."""
    with np.errstate(all="ignore"):
        k = (values.astype(np.float64) - zero) / scale
        k = np.rint(k) if dither is None else np.floor(k + dither)
    return k.astype(np.int64) if ((k >= -(2.0**63)) & (k < 2.0**63)).all() else None


def dequantize(k, scale, zero, dither, dtype):
    """As `astroae.pixels.grids.dequantize`."""
    k = k.astype(np.float64)
    with np.errstate(all="ignore"):
        if dither is not None:
            k = k - dither + 0.5
        return (k * scale + zero).astype(dtype)


def within(values, decoded, half, *, blank=None, keep_zeros=False):
    """As `astroae.core.pixels.within`."""
    bits = f"u{values.dtype.itemsize}"
    changed = values.view(bits) != decoded.view(bits)
    old, new = values[changed], decoded[changed]
    if values.dtype.kind != "f":
        error = [abs(int(a) - int(b)) for a, b in zip(old, new)]
        blanked = blank is not None and ((old == blank) | (new == blank)).any()
        return max(error, default=0) <= int(half) and not blanked, max(error, default=0)
    wide = np.float64 if values.dtype == np.float32 else np.longdouble
    inner = np.nextafter(np.finfo(values.dtype).max, values.dtype.type(0))
    with np.errstate(all="ignore"):
        error = np.abs(old.astype(wide) - new.astype(wide))
        allowed = wide(half) + np.spacing(np.minimum(np.abs(new), inner)).astype(wide) / 2
        kept = np.isfinite(old) & np.isfinite(new) & (error <= allowed)
        kept &= (old != 0) | np.array(not keep_zeros)
    return bool(kept.all()), float(error.max(initial=0))
