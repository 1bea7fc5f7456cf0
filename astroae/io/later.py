"""What is to be done as soon as a module is imported, and not before.

Readers are registered for classes of `astropy.nddata` and `astropy.table`, which take
longer to import than all of astroae; only a program that imports them can use these.
"""

import importlib.util
import sys
import threading

__all__ = ["when_imported"]


def when_imported(name, then):
    """Call ``then()`` once a module is there: now, or when somebody imports it.

    Parameters
    ----------
    name : str
    then : callable

    Examples
    --------
    >>> from astroae.io.later import when_imported
    >>> when_imported("sys", lambda: print("here"))
    here
    """
    if name in sys.modules:
        then()
    else:
        sys.meta_path.insert(0, _Awaited(name, then))


class _Awaited:
    """Finder of one module, which leaves the finding to the others.

    It stays until the module is there: whoever looks for a module need not import it.
    """

    def __init__(self, name, then):
        self._name, self._then = name, then
        self._asked = set()  # threads that are looking for it

    def find_spec(self, name, path=None, target=None):
        thread = threading.get_ident()
        if name != self._name or thread in self._asked:
            return None
        self._asked.add(thread)
        try:
            spec = importlib.util.find_spec(name)
        finally:
            self._asked.discard(thread)
        if spec is not None and spec.loader is not None:
            self._tell_of(spec.loader)
        return spec

    def _tell_of(self, loader):
        execute = loader.exec_module

        def execute_and_tell(module):
            execute(module)
            if self in sys.meta_path:
                sys.meta_path.remove(self)
                self._then()

        loader.exec_module = execute_and_tell
