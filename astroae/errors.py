"""Every error astroae raises on purpose.

::

    AstroAEError                              exit code
    ├── ToleranceError        (ValueError)    1  compression changed more than it may
    ├── ReadBackError         (RuntimeError)  1  what was written does not come back as promised
    ├── SettingError          (ValueError)    2  a setting that cannot be used
    ├── InputError            (OSError)       3  input cannot be read, or is not FITS
    ├── UnsupportedDataError  (ValueError)    4  data that this mode does not take
    ├── CorruptFileError      (OSError)       5  a damaged compressed file
    ├── ModelError            (LookupError)   6  model missing or of another hash
    │   └── FormatVersionError                6  file written by a newer astroae
    ├── OutputError           (OSError)       7  output exists or cannot be written
    └── MissingDependencyError (ImportError)  8  an extra is not installed

A message has four parts: what failed, where, what was found against what is
allowed, and what to do next.
"""

__all__ = [
    "AstroAEError",
    "CorruptFileError",
    "FormatVersionError",
    "InputError",
    "MissingDependencyError",
    "ModelError",
    "OutputError",
    "ReadBackError",
    "SettingError",
    "ToleranceError",
    "UnsupportedDataError",
]


class AstroAEError(Exception):
    """Base of every error that astroae raises on purpose.

    Parameters
    ----------
    what : str
        What failed, in one sentence without its full stop.
    where : str, optional
        File, extension, tile, keyword or argument.
    found : str, optional
        What was found, against what is allowed.
    hint : str, optional
        What to do next.
    """

    exit_code = 1

    def __init__(self, what, *, where="", found="", hint=""):
        self.what, self.where, self.found, self.hint = what, where, found, hint
        super().__init__(what)

    def __str__(self):
        text = f"{self.where}: {self.what}" if self.where else self.what
        return ". ".join(part for part in (text, self.found, self.hint) if part)

    def __reduce__(self):
        # Keyword-only parts would be lost by the default, which replays `args`.
        return _rebuild, (type(self), self.what, self.where, self.found, self.hint)

    def at(self, where):
        """The same error, placed one level further out (``where: inner``)."""
        place = f"{where}, {self.where}" if self.where else where
        return type(self)(self.what, where=place, found=self.found, hint=self.hint)


def _rebuild(cls, what, where, found, hint):
    return cls(what, where=where, found=found, hint=hint)


class ToleranceError(AstroAEError, ValueError):
    """A certificate that fails: sources or pixels changed by more than the tolerances."""


class ReadBackError(AstroAEError, RuntimeError):
    """What was written does not come back as promised: a fault of astroae, and nothing is kept."""


class SettingError(AstroAEError, ValueError):
    """A setting that cannot be used: wrong type, wrong range, two modes at once."""

    exit_code = 2


class InputError(AstroAEError, OSError):
    """Input that cannot be read, is not FITS, or holds no image."""

    exit_code = 3


class UnsupportedDataError(AstroAEError, ValueError):
    """Data that the chosen mode does not take."""

    exit_code = 4


class CorruptFileError(AstroAEError, OSError):
    """A compressed file whose bytes are damaged or contradict each other."""

    exit_code = 5


class ModelError(AstroAEError, LookupError):
    """A model that is missing, or is not the one the file was written with."""

    exit_code = 6


class FormatVersionError(ModelError):
    """A file written in a newer format than this astroae knows."""


class OutputError(AstroAEError, OSError):
    """Output that exists already or cannot be written."""

    exit_code = 7


class MissingDependencyError(AstroAEError, ImportError):
    """An optional dependency is not installed."""

    exit_code = 8
