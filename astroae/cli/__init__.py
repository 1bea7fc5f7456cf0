"""The program ``astroae VERB``: one file per verb, found in this folder.

A verb is a module of this folder whose name has no leading underscore.  It
holds:

``HELP``
    One line, for ``astroae --help``.
``add_arguments(parser)``
    Add the verb's own arguments to an `argparse.ArgumentParser`.
``run(args) -> int``
    Do it, and return an exit code.  ``args`` also holds ``json``, ``quiet`` and
    ``debug``, which every verb has.  An `~astroae.errors.AstroAEError` may be
    left to fly: the program prints its message on stderr and exits with its
    ``exit_code``.

Optional: ``VERB``, where the verb is not called as its file is.  Two modules
with one verb are an error.  A verb imports what is slow inside ``run``: all
modules of this folder are imported to print the help.  What several verbs share
is in modules with a leading underscore: `astroae.cli._many` (one job over many
files), `astroae.cli._progress` (the bar), `astroae.cli._names` (outputs).
"""

import importlib
import pkgutil

__all__ = ["find_verbs", "one_verb"]


def one_verb(name, package=__name__, path=__path__):
    """``{name: module}`` of the verb in the file of that name, or None.

    Running a verb needs no other verb's imports.
    """
    if name not in _files(path):
        return None
    module = importlib.import_module(f"{package}.{name}")
    return {name: module} if getattr(module, "VERB", name) == name else None


def _files(path):
    found = pkgutil.iter_modules([str(folder) for folder in path])
    return [info.name for info in found if not info.name.startswith("_") and not info.ispkg]


def find_verbs(package=__name__, path=__path__):
    """The modules that are verbs, by name.

    Parameters
    ----------
    package : str
        Package in which the folders lie.
    path : list of str
        Folders to look in.

    Returns
    -------
    dict of str to module

    Raises
    ------
    RuntimeError
        One verb in two modules.

    Examples
    --------
    >>> from astroae.cli import find_verbs
    >>> "compress" in find_verbs()
    True
    """
    verbs = {}
    for name in _files(path):
        module = importlib.import_module(f"{package}.{name}")
        verb = getattr(module, "VERB", name)
        if verb in verbs:
            raise RuntimeError(f"two modules call their verb {verb!r}: {verbs[verb]} and {module}")
        verbs[verb] = module
    return verbs
