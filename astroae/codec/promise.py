"""What was promised of the pixels, and whether a decoded tile keeps it."""

import numpy as np

from astroae.codec.forms import Form, trunc
from astroae.pixels import nulls
from astroae.pixels.grids import MARGIN
from astroae.settings import Bounded, Latent, Relative


def keeps_promise(values, decoded, coded, row, context):
    """Whether the decoded tile is as promised; sets MAXERR, and SCALE of latents."""
    bits = f"u{values.dtype.itemsize}"
    same = values.view(bits) == decoded.view(bits)
    row["MAXERR"] = 0
    if same.all():
        return True
    if coded.form not in (Form.QUANT, Form.STEP, Form.TRUNC, Form.LATENT):
        return False
    ordinary = ~same
    found = nulls.special(values, context.blank, _keeps_zeros(context))
    if found is not None and (ordinary & found).any():
        return False
    if context.blank is not None and (decoded[ordinary] == context.blank).any():
        return False
    error, bound = _errors(values[ordinary], decoded[ordinary], coded, context)
    if coded.form is Form.LATENT:
        row["SCALE"] = _as_step(error, values.size if found is None else (~found).sum())
    # Errors of 1e38 and more read as inf.
    row["MAXERR"] = np.nextafter(np.float32(error.max()), np.float32(np.inf))
    return bool((error <= bound).all())


def _as_step(error, count):
    """The step whose rounding has the same rms error."""
    return (12 * float((error.astype(np.float64) ** 2).sum()) / count) ** 0.5


def _keeps_zeros(context):
    return getattr(context.settings.mode, "dither", 0) == 2


def _step(coded, context):
    """Step of the tile: never a larger one than was asked for, whatever the form took."""
    scale = coded.scale / (1 - MARGIN)
    return scale if context.grid else min(scale, context.step)


def _errors(values, decoded, coded, context):
    """Absolute errors, and the largest allowed for each pixel."""
    if coded.form is Form.STEP:
        # Differences of int64 need all bits of uint64.
        larger, smaller = np.maximum(decoded, values), np.minimum(decoded, values)
        error = larger.astype(np.uint64) - smaller.astype(np.uint64)
        return error, int(min(coded.parameter, _step(coded, context) / 2))
    wide = np.float64 if values.dtype.itemsize == 4 else np.longdouble
    error = np.abs(decoded.astype(wide) - values.astype(wide))
    if coded.form is Form.LATENT:
        return error, np.finfo(np.float32).max  # any, but no infinity
    if coded.form is Form.TRUNC:
        allowed = context.settings.mode.relative_error * np.abs(values.astype(wide))
        kept = (decoded != 0) & (np.signbit(decoded) == np.signbit(values))
        return np.where(kept, error, np.inf), allowed
    return error, _step(coded, context) / 2 + np.abs(np.spacing(decoded)).astype(wide) / 2


def quantisation_error(values, row, mode):
    """1-sigma error of each pixel: float32, in stored units."""
    error = np.zeros(values.shape, np.float32)
    if isinstance(mode, Relative) and values.dtype.kind == "f" and row["MAXERR"] > 0:
        kept = trunc.kept_bits(mode.relative_error)
        finite = np.isfinite(values)
        exponent = np.frexp(values[finite])[1] - 1
        error[finite] = np.where(values[finite] != 0, np.ldexp(1.0, exponent - kept), 0) / 12**0.5
    elif isinstance(mode, (Bounded, Latent)) and row["SCALE"] > 0:
        error[np.isfinite(values)] = row["SCALE"] / 12**0.5
    return error
