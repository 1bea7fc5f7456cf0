"""What was promised of the pixels, and whether a decoded tile keeps it."""

import numpy as np

from astroae.codec.forms import Form, trunc
from astroae.core.pixels import within
from astroae.pixels import nulls
from astroae.pixels.grids import MARGIN
from astroae.settings import Bounded, Latent, Relative

#: Room for float64's rounding: a grid's steps are finer than the promised ones by this.
_ROUNDING = 2.0**-20


def keeps_promise(values, decoded, coded, row, context):
    """Whether the decoded tile is as promised; sets MAXERR, and SCALE of latents."""
    row["MAXERR"] = 0
    if _same_bits(values, decoded):
        return True
    if coded.form in (Form.QUANT, Form.STEP):
        step = _step(coded, context)
        half = step / 2 if coded.form is Form.QUANT else min(coded.parameter, step / 2)
        kept, error = _within(values, decoded, half, context.settings.mode, context.blank)
    elif coded.form in (Form.TRUNC, Form.LATENT):
        kept, error = _keeps_mode(values, decoded, coded, row, context)
    else:
        return False
    with np.errstate(over="ignore"):  # errors of 1e38 and more read as inf
        row["MAXERR"] = np.nextafter(np.float32(error), np.float32(np.inf))
    return kept


def _same_bits(values, decoded):
    bits = f"u{values.dtype.itemsize}"
    return bool((values.view(bits) == decoded.view(bits)).all())


def _within(values, decoded, half, mode, blank):
    """Whether all are within half a step, and the largest error."""
    if values.dtype.kind != "f" and mode.dither == 2 and _zeros_moved(values, decoded):
        return False, np.inf
    return within(values, decoded, half, blank=blank, keep_zeros=mode.dither == 2)


def _zeros_moved(values, decoded):
    found = nulls.special(values, zeros=True)
    return found is not None and (values[found] != decoded[found]).any()


def _keeps_mode(values, decoded, coded, row, context):
    """The same of modes whose bound is no step."""
    bits = f"u{values.dtype.itemsize}"
    ordinary = values.view(bits) != decoded.view(bits)
    found = nulls.special(values, context.blank)
    if found is not None and (ordinary & found).any():
        return False, np.inf
    if context.blank is not None and (decoded[ordinary] == context.blank).any():
        return False, np.inf
    wide = _wide(values[ordinary])
    error = _distance(values[ordinary], decoded[ordinary])
    if coded.form is Form.LATENT:
        row["SCALE"] = _as_step(error, values.size if found is None else (~found).sum())
        allowed = np.finfo(np.float32).max  # any, but no infinity
    else:
        old, new = values[ordinary], decoded[ordinary]
        allowed = relative_bound(context.settings.mode, wide)
        error = np.where((new != 0) & (np.signbit(new) == np.signbit(old)), error, np.inf)
    return bool((error <= allowed).all()), error.max()


def _as_step(error, count):
    """The step whose rounding has the same rms error."""
    return (12 * float((error.astype(np.float64) ** 2).sum()) / count) ** 0.5


def _step(coded, context):
    """Step of the tile: never a larger one than was asked for, whatever the form took."""
    scale = coded.scale / (1 - MARGIN)
    return scale if context.grid else min(scale, context.step)


def relative_bound(mode, values):
    """Largest error of each pixel in relative mode: a fraction of itself, and the ceiling."""
    allowed = mode.relative_error * np.abs(values)
    return allowed if mode.error_bound is None else np.minimum(allowed, mode.error_bound)


@np.errstate(over="ignore")  # errors of 1e38 and more read as inf
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


def broken_promise(values, decoded, tile_row, settings, blank):
    """What a tile that was read back does not keep of its promise, or None.

    Judged from the pixels, the row as it stands in the file, and what was asked:
    nothing that the encoder found on its way is used.

    Parameters
    ----------
    values, decoded : ndarray
        Stored values of one tile, native byte order: as they were and as they came back.
    tile_row : structured scalar of TILE_DTYPE
    settings : Settings
        In stored units.
    blank : int or None
        Stored value of undefined pixels of an integer image.

    Returns
    -------
    str or None
        Names the worst pixel, by its place in the tile.

    Examples
    --------
    >>> import numpy as np
    >>> from astroae.codec.promise import broken_promise
    >>> from astroae.codec.tile import TILE_DTYPE
    >>> from astroae.settings import from_keywords
    >>> row, values = np.zeros((), TILE_DTYPE), np.arange(4)
    >>> broken_promise(values, values + 1, row, from_keywords(), None)
    'pixel (0,) was 0 and came back as 1, in a tile that is exact'
    """
    if (values.shape, values.dtype) != (decoded.shape, decoded.dtype):
        shapes = [f"{a.shape} of {a.dtype}" for a in (values, decoded)]
        return f"the tile was {shapes[0]} and came back as {shapes[1]}"
    mode, scale = settings.mode, float(tile_row["SCALE"])
    broken = _broken_step(scale, mode, values.dtype.kind)
    if broken:
        return broken
    values, decoded = np.ascontiguousarray(values), np.ascontiguousarray(decoded)
    if _evidently_kept(values, decoded, tile_row, mode, blank):
        return None
    bits = f"u{values.dtype.itemsize}"
    changed = values.view(bits) != decoded.view(bits)
    if scale and values.dtype.kind == "f":
        changed &= ~(np.isnan(values) & np.isnan(decoded))  # whatever their payloads
    if not changed.any():
        return None
    old, new = values[changed], decoded[changed]
    with np.errstate(all="ignore"):
        error = _distance(old, new)
        allowed = np.where(_may_change(old, new, mode, blank), _limit(old, new, scale, mode), -1)
        wrong = ~(error <= allowed)
    if wrong.any():
        worst = int(np.argmax(np.where(wrong, np.nan_to_num(error, nan=np.inf) - allowed, -np.inf)))
        place = tuple(int(n) for n in np.argwhere(changed)[worst])
        told = f"pixel {place} was {old[worst]!s} and came back as {new[worst]!s}"
        return told + _why(scale, mode, allowed[worst])
    if not error.max() <= tile_row["MAXERR"]:
        return f"MAXERR is {tile_row['MAXERR']!s} where the largest error is {error.max()!s}"
    return None


def _evidently_kept(values, decoded, tile_row, mode, blank):
    """Whether one look at each pixel is enough: all the same, or all within the bound."""
    if _same_bits(values, decoded):
        return True
    scale = float(tile_row["SCALE"])
    if not scale or not isinstance(mode, Bounded):
        return False
    kept, error = _within(values, decoded, _half_step(scale, values.dtype.kind), mode, blank)
    return kept and error <= float(tile_row["MAXERR"])


def _half_step(scale, kind):
    return scale / (1 - _ROUNDING) / 2 if kind == "f" else (scale - 1) / 2


def _broken_step(scale, mode, kind):
    """Whether a tile's SCALE may stand beside its mode."""
    if not 0 <= scale < np.inf:
        return f"SCALE is {scale}"
    if not scale or isinstance(mode, Latent):
        return None
    if not isinstance(mode, Bounded):
        return f"SCALE is {scale} where the mode is {mode.name}"
    bound = mode.error_bound
    most = _half_step(scale, kind)
    if bound is not None and not most <= np.nextafter(bound, np.inf):
        return f"SCALE is {scale} where the error bound is {bound}"
    return None


def _distance(a, b):
    """Absolute differences; those of integers exact, whatever their size."""
    if a.dtype.kind == "f":
        return np.abs(_wide(a) - _wide(b))
    return np.maximum(a, b).astype(np.uint64) - np.minimum(a, b).astype(np.uint64)


def _may_change(old, new, mode, blank):
    """Ordinary pixels that came back as ordinary ones."""
    if old.dtype.kind == "f":
        ordinary = np.isfinite(old) & np.isfinite(new)
    else:
        ordinary = np.ones(old.shape, bool) if blank is None else (old != blank) & (new != blank)
    if isinstance(mode, Relative):
        return ordinary & (old != 0) & (new != 0) & (np.signbit(old) == np.signbit(new))
    return ordinary & (old != 0) if getattr(mode, "dither", 0) == 2 else ordinary


def _limit(old, new, scale, mode):
    """Largest error allowed, of each pixel or of all."""
    if isinstance(mode, Latent):
        return np.inf
    if isinstance(mode, Relative) and old.dtype.kind == "f":
        allowed = mode.relative_error * np.abs(_wide(old))
        return allowed if mode.error_bound is None else np.minimum(allowed, mode.error_bound)
    if not scale:
        return -1
    half = _half_step(scale, old.dtype.kind)
    if old.dtype.kind != "f":
        return half
    largest = np.nextafter(np.finfo(new.dtype).max, new.dtype.type(0))  # beyond it spacing is inf
    ulp = _wide(np.spacing(np.minimum(np.abs(new), largest)))
    return half + ulp / 2


def _wide(values):
    return values.astype(np.float64 if values.dtype.itemsize == 4 else np.longdouble)


def _why(scale, mode, allowed):
    if allowed < 0:
        exact = not scale and not isinstance(mode, Relative)
        return ", in a tile that is exact" if exact else ", where it must not change"
    return f", where an error of {float(allowed)!s} is allowed"
