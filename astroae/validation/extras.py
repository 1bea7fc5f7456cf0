"""Packages of the extra ``validate``, asked for where they are needed."""

from importlib import import_module

from astroae.errors import MissingDependencyError

__all__ = ["needed"]


def needed(module):
    """A module of an optional package.

    Parameters
    ----------
    module : str
        As ``import`` names it.

    Raises
    ------
    MissingDependencyError
        Naming the extra to install.
    """
    try:
        return import_module(module)
    except ImportError as exc:
        raise MissingDependencyError(
            f"{module.partition('.')[0]} is not installed",
            where="validate",
            found=str(exc),
            hint="pip install astroae[validate]",
        ) from exc
