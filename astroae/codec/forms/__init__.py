"""Forms: what the integers of a tile stand for, one file each.

=======  ==========================================================  ========
form     integers                                                    exact
=======  ==========================================================  ========
BITS     the bits of each value, sorted alike                        yes
INTEGER  integers as they are                                        yes
SPLIT    floats in units of 2^p, with the bits below beside them     yes
TRUNC    floats with fewer mantissa bits                             relative
QUANT    floats on a FITS grid, dithered or not                      step / 2
STEP     integers on an odd step, dithered or not                    step / 2
SOURCE   integers of an fpacked source, as they were                 yes
LATENT   none: a network's latents stand beside them                 no bound
=======  ==========================================================  ========

A form module is an inverse pair::

    analyze(values, context) -> Coded, or None where the form does not serve
    restore(k, plan, coded, context) -> values

with ``values`` (planes, y, x) in the image's stored type.  ``restore`` raises
ValueError on numbers that cannot belong to the tile.
"""

import zlib

import numpy as np

from astroae.codec.forms import (
    bits,
    integer,
    latent,
    quant,
    source,
    split,
    step,
    trunc,
)
from astroae.codec.forms.base import Coded, Form, Layout, TileContext
from astroae.pixels import nulls
from astroae.pixels.levels import shuffle
from astroae.settings import Bounded, Latent, Relative

__all__ = ["Coded", "Form", "Layout", "TileContext", "choose", "layout", "restore"]

_MODULES = {
    Form.BITS: bits,
    Form.INTEGER: integer,
    Form.SPLIT: split,
    Form.TRUNC: trunc,
    Form.QUANT: quant,
    Form.STEP: step,
    Form.SOURCE: source,
    Form.LATENT: latent,
}


_REPEATED = 0.2
_JUDGED = 1 << 11  # pixels
_SPLIT_BITS = 4.5  # what the upper part of a split float costs on noise, about


def choose(values, context, integers=None):
    """Forms that serve a tile; each is analysed when it is asked for.

    Parameters
    ----------
    values : ndarray (planes, y, x)
        Stored values, native byte order, contiguous.
    context : TileContext
    integers : int32 ndarray of the same shape, optional
        Stored integers of a source taken over.

    Yields
    ------
    Coded
        Those that might give the smallest stream: of the lossy form, which comes first,
        and of exact ones.  Where none of them keeps what it promises, BITS does.
    """
    if integers is not None:
        yield source.analyze(values, integers, context)
        return
    module = _lossy(values.dtype, context)
    coded = None if module is None else module.analyze(values, context)
    if coded is not None:
        yield coded
    bounded = coded is not None and module is not latent
    if not bounded or _repeats(values) or context.record.levels is not None:
        yield from _exact(values, context)


def _lossy(dtype, context):
    """Module of the mode's own form; None where only exact ones may serve."""
    mode = context.settings.mode
    if isinstance(mode, Latent):
        return latent
    if context.grid is not None and not context.grid[0]:
        return None
    if isinstance(mode, Bounded):
        return quant if dtype.kind == "f" else step
    return trunc if isinstance(mode, Relative) and dtype.kind == "f" else None


def _repeats(values):
    """Whether so many pixels equal the one before that exact values may cost less than steps."""
    alike = values[..., 1:] == values[..., :-1]
    return not alike.size or bool(alike.mean() > _REPEATED)


def _exact(values, context):
    """Exact forms, the more promising first."""
    if values.dtype.kind != "f":
        yield integer.analyze(values, context)
        return
    coded = split.analyze(values, context)
    if coded is not None:
        yield coded
    if coded is None or context.record.levels is not None or _bits_may_win(values, coded):
        yield bits.analyze(values, context)


def _bits_may_win(values, coded):
    """Whether coding the bits may beat splitting floats, judged by a part of them deflated."""
    first = max(values.size - _JUDGED, 0) // 2
    part = values.reshape(-1)[first : first + _JUDGED]
    bits = 8 * len(zlib.compress(shuffle(part), 1)) / part.size
    return bits < 8 * len(coded.side) / values.size + _SPLIT_BITS


def layout(coded, special, context):
    """What the decoder knows of a tile before its integers: mask, grid, levels."""
    plan = Layout()
    if special:
        plan.labels, plan.patterns = nulls.where_special(special, context.shape)
        plan.valid = plan.labels == 0
    if coded.form in (Form.BITS, Form.INTEGER):
        plan.levels = context.record.levels
    elif coded.form is Form.QUANT and coded.fine:
        plan.grid = quant.grid_of(context)
    elif coded.form is Form.STEP and coded.fine:
        plan.grid = step.grid_of(coded.parameter, context)
    elif coded.form is Form.SOURCE:
        source.lay_out(plan, context)
    return plan


def restore(k, plan, coded, context):
    """Stored values of a tile from its integers.

    Parameters
    ----------
    k : int32 or int64 ndarray (planes, y, x)
    plan : Layout
    coded : Coded
        Form, parameter, side, scale and zero as stored.
    context : TileContext
    """
    values = np.ascontiguousarray(_MODULES[coded.form].restore(k, plan, coded, context))
    if plan.labels is not None and coded.form is not Form.SOURCE:
        nulls.unmask(values, plan.labels, plan.patterns)
    return values
