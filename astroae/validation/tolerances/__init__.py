"""Tolerance sets: what every quantity may be, and who says so.

A set is a TOML file of this folder, or one of the user's::

    name = "mine"
    based_on = "default"        # the rest is taken from there

    [aperture.bias]
    limit = 0.2
    source = "our survey's paper, section 3"
    # off = true                # this quantity gets no verdict
"""

import hashlib
import tomllib
from dataclasses import dataclass
from pathlib import Path

from astroae.errors import SettingError

__all__ = ["Tolerance", "Tolerances", "load_tolerances", "measures", "tolerance_names"]

_FOLDER = Path(__file__).parent
_MOST = 1e300


@dataclass(frozen=True)
class Tolerance:
    """What one quantity may be.

    Parameters
    ----------
    limit : float
        In the quantity's unit.
    source : str
        Where the number is from.
    """

    limit: float
    source: str


@dataclass(frozen=True)
class Tolerances:
    """A tolerance set.

    Parameters
    ----------
    name : str
    sha256 : str
        Of its file.
    limits : dict of str to Tolerance
        By full name of the quantity, ``"aperture.bias"``.
    """

    name: str
    sha256: str
    limits: dict

    def get(self, name):
        """Tolerance of a quantity, or None."""
        return self.limits.get(name)


def measures():
    """All that has quantities: the metrics, and what measures headers, files and series."""
    from astroae.validation import headers, series, whole
    from astroae.validation.metrics import metrics

    return (*metrics().values(), headers, whole, series)


def tolerance_names():
    """Names of the sets that come with the package.

    Examples
    --------
    >>> from astroae.validation.tolerances import tolerance_names
    >>> tolerance_names()
    ['default', 'photometry', 'weak-lensing']
    """
    return sorted(path.stem for path in _FOLDER.glob("*.toml"))


def load_tolerances(name="default"):
    """A tolerance set.

    Parameters
    ----------
    name : str, path-like or Tolerances
        One of `tolerance_names`, or a TOML file.

    Raises
    ------
    SettingError
        No such set, or a file that is none.

    Examples
    --------
    >>> from astroae.validation.tolerances import load_tolerances
    >>> load_tolerances("default").get("aperture.bias").limit
    0.5
    """
    return name if isinstance(name, Tolerances) else _loaded(name, Path(), ())


def _loaded(name, folder, above):
    """The set of that name, or of a file; ``above``: the files that are based on it."""
    path = _FOLDER / f"{name}.toml"
    if not path.is_file():
        path = folder / name
    if not path.is_file():
        raise SettingError(
            "no such tolerance set",
            where=str(above[-1]) if above else "tolerance",
            found=f"got {str(name)!r}, known are {', '.join(tolerance_names())}",
            hint="or give the name of a TOML file",
        )
    if path.resolve() in above:
        raise _wrong(path, "based on itself")
    try:
        raw = path.read_bytes()
        values = tomllib.loads(raw.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as exc:
        raise _wrong(path, str(exc)) from exc
    return _parsed(values, path, hashlib.sha256(raw).hexdigest(), above)


def _parsed(values, path, sha256, above):
    label = _text(values.pop("name", path.stem), "name", path)
    limits = {}
    if "based_on" in values:
        base = _text(values.pop("based_on"), "based_on", path)
        limits = dict(_loaded(base, path.parent, (*above, path.resolve())).limits)
    known = _known()
    for metric, quantities in values.items():
        if not isinstance(quantities, dict):
            raise _wrong(path, f"{metric} = {quantities!r} outside of any table")
        for quantity, entry in quantities.items():
            full = f"{metric}.{quantity}"
            if full not in known:
                raise _wrong(path, f"[{full}]: no such quantity; known are {', '.join(known)}")
            if not isinstance(entry, dict):
                raise _wrong(path, f"[{metric}] {quantity} = {entry!r}, expected a table")
            limits[full] = _tolerance(entry, full, path)
    return Tolerances(label, sha256, {full: one for full, one in limits.items() if one})


def _tolerance(entry, full, path):
    """A tolerance, or None where it is off."""
    unknown = set(entry) - {"limit", "source", "off"}
    if unknown:
        raise _wrong(path, f"[{full}]: unknown key {sorted(unknown)[0]!r}")
    if entry.get("off") is True:
        return None
    limit = entry.get("limit")
    if isinstance(limit, bool) or not isinstance(limit, (int, float)) or not 0 <= limit <= _MOST:
        raise _wrong(path, f"[{full}] limit = {limit!r}, expected a number of 0 or more")
    return Tolerance(float(limit), _text(entry.get("source", path.name), f"[{full}] source", path))


def _text(value, key, path):
    if not isinstance(value, str):
        raise _wrong(path, f"{key} = {value!r}, expected text in quotes")
    return value


def _known():
    return sorted(f"{m.NAME}.{quantity.name}" for m in measures() for quantity in m.QUANTITIES)


def _wrong(path, found):
    return SettingError(
        "not a tolerance set",
        where=str(path),
        found=found,
        hint="see `astroae validate --help` and the validation page of the documentation",
    )
