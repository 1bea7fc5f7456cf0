"""Outputs that appear whole or not at all.

What is written goes to a temporary file in the target's folder, is flushed to
the disk, and only then takes the target's name.  A process that is killed leaves
at most a hidden ``.NAME.*.part`` file, never half a file under the final name.
"""

import contextlib
import os
import secrets
import tempfile
from pathlib import Path

from astroae.errors import OutputError

__all__ = ["atomic_output", "check_target", "scratch_output"]


def check_target(target, source=None, overwrite=False):
    """Refuse a target that cannot be written, before any work is done.

    Parameters
    ----------
    target : str or path-like
        File to be written.
    source : str or path-like, optional
        Input, which the target must not be.
    overwrite : bool
        An existing file may be replaced.

    Returns
    -------
    pathlib.Path

    Raises
    ------
    OutputError
        The target exists, is the input, or its folder does not exist.
    """
    target = Path(target)
    if source is not None and target.exists() and target.samefile(source):
        raise OutputError(
            "output is the input itself",
            where=str(target),
            found="the input is never written to",
            hint="name another output",
        )
    if target.is_dir():
        raise OutputError(
            "output is a folder",
            where=str(target),
            found="a file name is needed",
            hint="add a file name to it",
        )
    if target.exists() and not overwrite:
        raise OutputError(
            "output exists",
            where=str(target),
            found=f"a file of {target.stat().st_size} bytes is there",
            hint="choose another name, or ask for overwriting (overwrite=True, --overwrite)",
        )
    if not target.parent.is_dir():
        raise OutputError(
            "output folder does not exist",
            where=str(target),
            found=f"no folder {target.parent}",
            hint="create it first, or name another",
        )
    return target


class _Writer:
    """A file whose failing writes are `OutputError`: reading may fail meanwhile too."""

    def __init__(self, stream, path, target):
        self._stream, self._path, self._target = stream, path, target

    def write(self, data):
        with writing(self._target):
            return self._stream.write(data)

    def flushed(self):
        """Path of the file, where all that was written can be read."""
        with writing(self._target):
            self._stream.flush()
        return self._path

    def patch(self, offset, old, new):
        """Put bytes in the place of ``old`` ones, which must stand there."""
        with writing(self._target):
            self._stream.seek(offset)
            if self._stream.read(len(old)) != old or len(old) != len(new):
                raise AssertionError(f"other bytes stand at {offset}")
            self._stream.seek(offset)
            self._stream.write(new)
            self._stream.seek(0, os.SEEK_END)


@contextlib.contextmanager
def writing(target):
    """Turn what the system says about writing ``target`` into `OutputError`."""
    try:
        yield
    except OSError as exc:
        raise OutputError(
            "output could not be written",
            where=str(target),
            found=exc.strerror or str(exc),
            hint="free some space or choose another folder; nothing was left under that name",
        ) from exc


@contextlib.contextmanager
def atomic_output(target, overwrite=False):
    """Open ``target`` for writing; it gets its name when the block ends well.

    Parameters
    ----------
    target : str or path-like
        File to be written.
    overwrite : bool
        An existing file may be replaced.

    Yields
    ------
    object with ``write(bytes)``, ``patch(offset, old, new)`` and ``flushed()``

    Raises
    ------
    OutputError
        The folder cannot be written, the disk is full, or the target exists.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> from astroae.io.atomic import atomic_output
    >>> target = pathlib.Path(tempfile.mkdtemp()) / "a.bin"
    >>> with atomic_output(target) as out:
    ...     _ = out.write(b"whole")
    >>> target.read_bytes()
    b'whole'
    """
    target = Path(target)
    part = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
    with writing(target):
        stream = open(part, "x+b")  # not tempfile: that makes files only their owner can read
    try:
        yield _Writer(stream, part, target)
        with writing(target):
            stream.flush()
            os.fsync(stream.fileno())
            stream.close()
        _rename(part, target, overwrite)
    except BaseException:
        with contextlib.suppress(OSError):  # a full disk fails here once more
            stream.close()
        part.unlink(missing_ok=True)
        raise


@contextlib.contextmanager
def scratch_output(target):
    """As `atomic_output`, for a file that goes away when the block ends."""
    with writing(target):
        stream = tempfile.NamedTemporaryFile(prefix="astroae-")
    with stream:
        yield _Writer(stream, Path(stream.name), target)


def _rename(part, target, overwrite):
    check_target(target, overwrite=overwrite)  # it may have appeared meanwhile
    with writing(target):
        os.replace(part, target)
        if os.name == "posix":
            folder = os.open(target.parent, os.O_RDONLY)
            try:
                os.fsync(folder)  # the name itself must reach the disk too
            finally:
                os.close(folder)
