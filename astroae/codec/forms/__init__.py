"""Forms: what the integers of a tile stand for, one file each.

=======  ==========================================================  ========
form     integers                                                    exact
=======  ==========================================================  ========
BITS     the bits of each value                                      yes
INTEGER  values less the base                                        yes
LEVEL    place of each value in the image's list of levels           yes
DYADIC   floats in units of 2^p, all of them whole                   yes
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

import numpy as np

from astroae.codec.forms import (
    bits,
    dyadic,
    integer,
    latent,
    level,
    quant,
    source,
    split,
    step,
    trunc,
)
from astroae.codec.forms.base import Coded, Form, Layout, TileContext
from astroae.entropy.residual import Units
from astroae.pixels import nulls
from astroae.settings import Bounded, Latent, Relative

__all__ = ["Coded", "Form", "Layout", "TileContext", "choose", "layout", "restore"]

_MODULES = {
    Form.BITS: bits,
    Form.INTEGER: integer,
    Form.LEVEL: level,
    Form.DYADIC: dyadic,
    Form.SPLIT: split,
    Form.TRUNC: trunc,
    Form.QUANT: quant,
    Form.STEP: step,
    Form.SOURCE: source,
    Form.LATENT: latent,
}


def choose(values, context, integers=None):
    """Forms that serve a tile, best first; each is analysed when it is asked for.

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
        In latent mode the first one is of form LATENT, and the next the best exact one.
        The last one, of form BITS, always serves (a source always serves, too).
    """
    if integers is not None:
        yield source.analyze(values, integers, context)
        return
    preferred = _preferred(values.dtype, context)
    if isinstance(context.settings.mode, Latent):
        preferred = [latent, *preferred]
    for module in preferred:
        coded = module.analyze(values, context)
        if coded is not None:
            yield coded


def _preferred(dtype, context):
    mode = context.settings.mode
    if dtype.kind == "f":
        exact = [dyadic, level, split, bits]
        lossy = {Bounded: [quant], Relative: [trunc]}.get(type(mode), [])
    else:
        exact = [level, integer, bits]
        lossy = [step] if isinstance(mode, Bounded) else []
    if context.grid is not None and not context.grid[0]:
        return exact
    if (
        context.record.coarse and context.grid is None
    ):  # what the image itself leaves out is more than a step
        return exact[:-2] + lossy + exact[-2:]
    return lossy + exact


def layout(form, parameter, special, context):
    """What the decoder knows of a tile before its integers: mask and units."""
    plan = Layout(valid=None, units=Units())
    if special:
        plan.labels, plan.patterns = nulls.where_special(special, context.shape)
        plan.valid = plan.labels == 0
    if form is Form.QUANT:
        plan.units = quant.units(context)
    if form is Form.STEP:
        plan.units = step.units(context, parameter)
    if form is Form.SOURCE:
        source.lay_out(plan, context)
    return plan


def restore(k, plan, coded, context):
    """Stored values of a tile from its integers.

    Parameters
    ----------
    k : int64 ndarray (planes, y, x)
    plan : Layout
    coded : Coded
        Form, parameter, side, scale and zero as stored.
    context : TileContext
    """
    if plan.valid is not None:
        k = np.where(plan.valid, k, 0)
    values = np.ascontiguousarray(_MODULES[coded.form].restore(k, plan, coded, context))
    if plan.labels is not None and coded.form is not Form.SOURCE:
        nulls.unmask(values, plan.labels, plan.patterns)
    return values
