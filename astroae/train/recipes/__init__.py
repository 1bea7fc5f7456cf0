"""Recipes: five autoencoders as frozen data, one file each, found in this folder.

A recipe module holds one object, ``RECIPE``.
"""

from astroae.errors import SettingError
from astroae.train.recipes._recipe import Recipe, find_recipes

__all__ = ["Recipe", "find_recipes", "get_recipe"]


def get_recipe(name):
    """The recipe called ``name``.

    Raises
    ------
    SettingError
        Naming those that there are.

    Examples
    --------
    >>> from astroae.train.recipes import get_recipe
    >>> get_recipe("dense784").network().shapes()["z"]
    (32, 1, 1)
    """
    recipes = find_recipes()
    if name not in recipes:
        raise SettingError(
            "no such recipe",
            where="recipe",
            found=f"got {name!r}, there are {', '.join(sorted(recipes))}",
            hint="see `astroae train --help`",
        )
    return recipes[name]
