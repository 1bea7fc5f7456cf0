"""What the integers of one tile can be coded with: one file each.

A method module has ``CODE`` (stored in the METHOD column), ``NAME``, and::

    encode(k, valid, units, predictor) -> bytes, or None if it does not serve
    decode(data, shape, valid, units, predictor) -> int64 ndarray

``k`` are int64 (planes, y, x); the other arguments are those of
`astroae.entropy.residual.encode`.  ``decode`` raises ValueError on bytes that
cannot be right.
"""

from functools import lru_cache
from importlib import import_module
from pkgutil import iter_modules


@lru_cache(maxsize=1)
def methods():
    """Methods by code.

    Raises
    ------
    RuntimeError
        If two files claim one code.
    """
    found = {}
    for info in iter_modules(__path__):
        if info.ispkg:
            continue
        module = import_module(f"{__name__}.{info.name}")
        if module.CODE in found or module.NAME in {m.NAME for m in found.values()}:
            raise RuntimeError(f"{module.__name__} claims a method that {found} has already")
        found[module.CODE] = module
    return found
