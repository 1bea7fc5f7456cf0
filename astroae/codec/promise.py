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
    found = nulls.special(values, context.blank, context.keeps_zeros)
    if found is not None and (ordinary & found).any():
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


def _errors(values, decoded, coded, context):
    """Absolute errors, and the largest allowed for each pixel."""
    if coded.form is Form.STEP:
        error = np.abs(decoded.astype(np.int64) - values.astype(np.int64))
        return error, coded.parameter
    wide = np.float64 if values.dtype.itemsize == 4 else np.longdouble
    error = np.abs(decoded.astype(wide) - values.astype(wide))
    if coded.form is Form.LATENT:
        return error, np.finfo(np.float32).max  # any, but no infinity
    if coded.form is Form.TRUNC:
        allowed = relative_bound(context.settings.mode, values.astype(wide))
        kept = (decoded != 0) & (np.signbit(decoded) == np.signbit(values))
        return np.where(kept, error, np.inf), allowed
    step = coded.scale / (1 - MARGIN)
    return error, step / 2 + np.abs(np.spacing(decoded)).astype(wide) / 2


def relative_bound(mode, values):
    """Largest error of each pixel in relative mode: a fraction of itself, and the ceiling."""
    allowed = mode.relative_error * np.abs(values)
    return allowed if mode.error_bound is None else np.minimum(allowed, mode.error_bound)


def quantisation_error(values, row, mode):
    """1-sigma error of each pixel: float32, in stored units."""
    error = np.zeros(values.shape, np.float32)
    if isinstance(mode, Relative) and values.dtype.kind == "f" and row["MAXERR"] > 0:
        kept, p = trunc.kept_bits(mode.relative_error), trunc.step_exponent(mode.error_bound)
        finite = np.isfinite(values)
        exponent = np.frexp(values[finite])[1] - 1 - kept
        step = np.ldexp(1.0, exponent if p is None else np.minimum(exponent, p))
        error[finite] = np.where(values[finite] != 0, step, 0) / 12**0.5
    elif isinstance(mode, (Bounded, Latent)) and row["SCALE"] > 0:
        error[np.isfinite(values)] = row["SCALE"] / 12**0.5
    return error
