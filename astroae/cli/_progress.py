"""A progress bar on stderr, on a terminal only."""

import shutil
import sys
import time

__all__ = ["ProgressBar"]

REDRAW = 0.1  # seconds between two drawings: a bar must not cost time


class ProgressBar:
    """Call it with ``(done, total)``; nothing is drawn unless stderr is a terminal.

    Parameters
    ----------
    label : str
        What is being done, in front of the bar.
    quiet : bool
        Draw nothing at all.
    stream : file, optional
        By default stderr.

    Examples
    --------
    >>> with ProgressBar("a.fits", quiet=True) as bar:
    ...     bar(1, 10)
    """

    def __init__(self, label, quiet=False, stream=None):
        self._stream = sys.stderr if stream is None else stream
        self._label = label
        self._shown = not quiet and self._stream.isatty()
        self._started = self._drawn = time.monotonic()
        self._width = 0

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        if self._width:
            self._stream.write("\r" + " " * self._width + "\r")
            self._stream.flush()

    def __call__(self, done, total):
        now = time.monotonic()
        if not self._shown or (now - self._drawn < REDRAW and done < total):
            return
        self._drawn = now
        line = self._line(done / max(total, 1), now - self._started)
        self._stream.write("\r" + line)
        self._stream.flush()
        self._width = len(line)

    def _line(self, part, seconds):
        columns = shutil.get_terminal_size().columns
        left = seconds / part - seconds if part else 0.0
        tail = f" {part:4.0%} {left:5.0f} s left"
        label = self._label[-max(columns - len(tail) - 14, 8) :]
        room = max(columns - len(label) - len(tail) - 4, 4)
        filled = round(room * part)
        return f"{label} [{'#' * filled}{'.' * (room - filled)}]{tail}"
