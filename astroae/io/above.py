"""What rooms above this one offer to it, by name.

Compressing may end with a measurement (a certificate) or begin with one (the right
quantize_level).  The code that measures stands above `astroae.io` and needs optional
packages; ``astroae/__init__.py``, which knows all rooms, says here where it is, and it is
imported when it is asked for.
"""

from importlib import import_module

__all__ = ["ask", "at", "offer"]

_PLACES = {}


def offer(name, place):
    """Say where a function is: ``"package.module:function"``."""
    _PLACES[name] = place


def ask(name):
    """The function of that name."""
    return at(_PLACES[name])


def at(place):
    """The function at ``"package.module:function"``."""
    module, _, function = place.partition(":")
    return getattr(import_module(module), function)
