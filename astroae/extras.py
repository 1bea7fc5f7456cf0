"""Packages of the optional extras, asked for where they are needed."""

from importlib import import_module

from astroae.errors import MissingDependencyError

__all__ = ["needed"]


def needed(module, extra):
    """A module of an optional package.

    Parameters
    ----------
    module : str
        As ``import`` names it.
    extra : str
        Of ``pip install astroae[...]``.

    Raises
    ------
    MissingDependencyError
        Naming the extra to install.

    Examples
    --------
    >>> from astroae.extras import needed
    >>> needed("json", "validate").dumps([1])
    '[1]'
    """
    try:
        return import_module(module)
    except ImportError as exc:
        raise MissingDependencyError(
            f"{module.partition('.')[0]} is not installed",
            where=extra,
            found=str(exc),
            hint=f"pip install astroae[{extra}]",
        ) from exc
