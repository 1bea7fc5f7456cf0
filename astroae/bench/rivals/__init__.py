"""Other coders, one file each, behind one small protocol.

A rival is a module of this folder whose name has no leading underscore, with a
list ``RIVALS`` of objects of the protocol `~astroae.bench.rivals._protocol.Rival`.
Two rivals of one name are an error.
"""

import importlib
import pkgutil

from astroae.bench.rivals._protocol import Rival, Scene
from astroae.errors import SettingError

__all__ = ["Rival", "Scene", "choose", "find_rivals"]


def find_rivals(package=__name__, path=__path__):
    """All rivals by name, those that cannot run here included.

    Parameters
    ----------
    package : str
        Package in which the folders lie.
    path : list of str
        Folders to look in.

    Returns
    -------
    dict of str to Rival

    Raises
    ------
    RuntimeError
        One name in two places.

    Examples
    --------
    >>> from astroae.bench.rivals import find_rivals
    >>> "RICE_1" in find_rivals()
    True
    """
    rivals = {}
    for found in pkgutil.iter_modules(list(path)):
        if found.name.startswith("_") or found.ispkg:
            continue
        for rival in importlib.import_module(f"{package}.{found.name}").RIVALS:
            if rival.name in rivals:
                raise RuntimeError(f"two rivals are called {rival.name!r}: the second in {found}")
            rivals[rival.name] = rival
    return rivals


def choose(names=None):
    """Rivals of these names that can run here, and why the others cannot.

    Parameters
    ----------
    names : list of str, optional
        By default all.

    Returns
    -------
    chosen : dict of str to Rival
    missing : dict of str to str
        Name and what is missing.

    Raises
    ------
    SettingError
        A name that no rival has.
    """
    known = find_rivals()
    for name in names or ():
        if name not in known:
            raise SettingError(
                "no such rival",
                where="rivals",
                found=f"got {name!r}, known are {', '.join(sorted(known))}",
                hint="choose among those, or leave the option out for all",
            )
    chosen, missing = {}, {}
    for name in names or known:
        reason = known[name].missing()
        if reason:
            missing[name] = reason
        else:
            chosen[name] = known[name]
    return chosen, missing
