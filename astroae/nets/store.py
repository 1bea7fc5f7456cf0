"""Where models lie: shipped ones, the user's own, those of other packages.

Looked through in this order: the folder ``astroae/nets/shipped``; the user's folder
(`user_folder`); entry points ``astroae.models``, each of which is the path of a file,
or a function that gives one.  Nothing is fetched from anywhere.
"""

import os
import tempfile
from functools import lru_cache
from importlib.metadata import entry_points
from pathlib import Path

from astroae.errors import ModelError, OutputError
from astroae.nets.modelfile import LARGEST_FILE, pack, unpack

__all__ = ["find", "load", "names", "save", "store", "user_folder"]

_SHIPPED = Path(__file__).with_name("shipped")
_SUFFIX = ".safetensors"


def user_folder():
    """``ASTROAE_MODEL_DIR``, or ``astroae/models`` in the user's cache folder."""
    named = os.environ.get("ASTROAE_MODEL_DIR")
    if named:
        return Path(named)
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "astroae" / "models"


def load(path):
    """Read a model file.

    Parameters
    ----------
    path : path-like

    Returns
    -------
    astroae.nets.modelfile.Model
        The same object while the file stays as it is.

    Raises
    ------
    ModelError
        The file is missing, too large, damaged, or holds a network that cannot run.
    """
    path = Path(path)
    try:
        status = path.stat()
        if status.st_size > LARGEST_FILE:
            raise ModelError(
                "the file is too large for a model",
                where=str(path),
                found=f"{status.st_size} bytes; at most {LARGEST_FILE} are read",
                hint="give a file that astroae train wrote",
            )
        return _read(path, status.st_mtime_ns, status.st_size)
    except OSError as exc:
        raise ModelError(
            "a model file cannot be read",
            where=str(path),
            found=str(exc.strerror or exc),
            hint="give a file that astroae train wrote, or the name of a known model",
        ) from exc


@lru_cache(maxsize=8)
def _read(path, modified, size):
    """The model in a file; the other arguments tell one state of it from the next."""
    return unpack(path.read_bytes(), str(path))


def save(model, path):
    """Write a model file, whole or not at all; one that exists is replaced.

    Parameters
    ----------
    model : astroae.nets.modelfile.Model
    path : path-like

    Returns
    -------
    pathlib.Path

    Raises
    ------
    OutputError
    """
    path, data = Path(path), pack(model)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:80]}.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.chmod(name, 0o644)
            os.replace(name, path)
        except BaseException:
            os.unlink(name)
            raise
    except OSError as exc:
        raise OutputError(
            "a model cannot be written",
            where=str(path),
            found=str(exc.strerror or exc),
            hint="give another folder (-o), or set ASTROAE_MODEL_DIR",
        ) from exc
    return path


def store(model):
    """Put a model into the user's folder, under its SHA-256; its path."""
    path = user_folder() / f"{model.sha256}{_SUFFIX}"
    return path if path.is_file() else save(model, path)


def find(wanted):
    """A model by name, path or SHA-256.

    Parameters
    ----------
    wanted : Model, str or path-like
        A name is that of the file or of the model in it.

    Returns
    -------
    astroae.nets.modelfile.Model

    Raises
    ------
    ModelError
        There is none, or more than one of that name.
    """
    if not isinstance(wanted, str | os.PathLike):
        return wanted
    if Path(wanted).suffix == _SUFFIX or os.sep in os.fspath(wanted):
        return load(wanted)
    wanted = os.fspath(wanted)
    found = {}
    for path in _paths(wanted):
        model = _try(path)
        if model is not None and wanted in (path.stem, model.name, model.sha256):
            found[model.sha256] = model
            if wanted == model.sha256:
                break
    if len(found) == 1:
        return found.popitem()[1]
    if found:
        raise ModelError(
            "several models have this name",
            where=wanted,
            found=f"SHA-256 {', '.join(found)}",
            hint="name one of them by its SHA-256, or by its path",
        )
    raise ModelError(
        "no such model",
        where=wanted,
        found=f"known are {', '.join(names()) or 'none'}; looked in {_SHIPPED.name}, "
        f"{user_folder()} and the entry points astroae.models",
        hint="give the path of a model file, or put it into ASTROAE_MODEL_DIR",
    )


def names():
    """Names of all models that `find` knows, sorted."""
    return sorted({model.name for model in map(_try, _paths("")) if model is not None})


def _try(path):
    """A model, or None where the file is none: a stray file must not hide the others."""
    try:
        return load(path)
    except ModelError:
        return None


def _paths(wanted):
    """Files that may hold models, those named ``wanted`` first."""
    paths = [*_SHIPPED.glob(f"*{_SUFFIX}"), *user_folder().glob(f"*{_SUFFIX}"), *_plugged()]
    return sorted(paths, key=lambda path: (path.stem != wanted, str(path)))


def _plugged():
    for point in entry_points(group="astroae.models"):
        given = point.load()
        yield Path(given() if callable(given) else given)
