"""Packages of the extra ``validate``, asked for where they are needed."""

from functools import partial

from astroae import extras

__all__ = ["needed"]

needed = partial(extras.needed, extra="validate")
