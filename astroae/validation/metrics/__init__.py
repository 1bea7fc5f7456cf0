"""What is measured of an image before and after: one file each.

A metric module holds::

    NAME        = "aperture"            the first half of its quantities' names
    TITLE       = "Aperture photometry"
    THINGS      = "meshes"              of what more would decide; "sources" without it
    QUANTITIES  = (Quantity("bias", "mmag", "within", "..."), ...)

    measure(pair) -> dict: for every quantity a Measured or a Skipped

``pair`` is an `~astroae.validation.pair.Pair`.  The tolerance of ``aperture.bias`` and its
source stand in the tolerance set (`astroae.validation.tolerances`), under that name.  Other
packages add metrics through the entry point group ``astroae.metrics``: each names such
a module.  A metric that does not apply says why, never nothing.
"""

from dataclasses import dataclass, field
from functools import lru_cache
from importlib import import_module
from importlib.metadata import entry_points
from pkgutil import iter_modules

from astroae.validation.statistics import Estimate, Limit, Parts

__all__ = ["Bin", "Measured", "Quantity", "Skipped", "metrics"]


@dataclass(frozen=True)
class Quantity:
    """One number of a metric.

    Parameters
    ----------
    name : str
        Second half of its name.
    unit : str
        ``""`` for a pure number.
    direction : {"within", "at most", "at least"}
        What the tolerance means.
    title : str
        What it is, in a line.
    """

    name: str
    unit: str
    direction: str
    title: str

    def limit(self, value):
        """`~astroae.validation.statistics.Limit` of this quantity."""
        return Limit(value, self.direction)


@dataclass(frozen=True)
class Bin:
    """The same number for part of the sources.

    Parameters
    ----------
    label : str
        Such as ``"18 to 19 mag"``.
    estimate : Estimate
    """

    label: str
    estimate: Estimate


@dataclass(frozen=True)
class Measured:
    """What came out.

    Parameters
    ----------
    estimate : Estimate
        On which the verdict is passed.
    bins : tuple of Bin
        The same by magnitude.
    joint : bool
        The verdict is that of the worst bin, not of the estimate.
    note : str
        What a reader should know of how it was measured.
    parts : Parts, optional
        What it was made of, where bins are joint.
    """

    estimate: Estimate
    bins: tuple = ()
    joint: bool = False
    note: str = ""
    parts: Parts | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True)
class Skipped:
    """Not measured, and why."""

    reason: str


@lru_cache(maxsize=1)
def metrics():
    """All metrics by name, in the order of their names.

    Raises
    ------
    RuntimeError
        If two modules claim one name.

    Examples
    --------
    >>> from astroae.validation.metrics import metrics
    >>> metrics()["pixels"].TITLE
    'Pixels'
    """
    modules = [
        import_module(f"{__name__}.{info.name}")
        for info in iter_modules(__path__)
        if not info.ispkg
    ]
    modules += [entry.load() for entry in entry_points(group="astroae.metrics")]
    found = {}
    for module in modules:
        if module.NAME in found:
            raise RuntimeError(f"{module} and {found[module.NAME]} are both named {module.NAME!r}")
        found[module.NAME] = module
    return dict(sorted(found.items()))
