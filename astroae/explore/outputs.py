"""Results on disk: tables, figures and FITS files, each whole or not there at all."""

import io
from pathlib import Path

from astroae.errors import OutputError
from astroae.io.atomic import atomic_output, check_target

__all__ = ["Outputs"]


class Outputs:
    """A folder that results go to.

    Parameters
    ----------
    folder : path-like
        Made where it is missing.
    names : iterable of str
        What will be written, so that an output in the way is told before any work.
    overwrite : bool
        Files that exist may be replaced.

    Attributes
    ----------
    written : list of pathlib.Path
        In the order of writing.

    Raises
    ------
    OutputError
        The folder cannot be made, or one of the files exists.

    Examples
    --------
    >>> import tempfile
    >>> from astropy.table import Table
    >>> from astroae.explore.outputs import Outputs
    >>> out = Outputs(tempfile.mkdtemp(), ["a.ecsv"])
    >>> out.table("a.ecsv", Table({"x": [1.5]})).name
    'a.ecsv'
    """

    def __init__(self, folder, names=(), overwrite=False):
        self._folder, self._overwrite, self.written = Path(folder), overwrite, []
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as exc:
            raise OutputError(
                "the output folder cannot be made",
                where=str(folder),
                found=exc.strerror or str(exc),
                hint="name another folder (-o)",
            ) from exc
        for name in names:
            check_target(self._folder / name, overwrite=overwrite)

    def table(self, name, table):
        """Write a table as ECSV."""
        text = io.StringIO()
        table.write(text, format="ascii.ecsv")
        return self._write(name, text.getvalue().encode())

    def fits(self, name, hdus):
        """Write a list of HDUs."""
        data = io.BytesIO()
        hdus.writeto(data, checksum=True)
        return self._write(name, data.getvalue())

    def figure(self, name, figure):
        """Write a matplotlib figure, as the ending of the name says."""
        data = io.BytesIO()
        figure.savefig(data, format=Path(name).suffix[1:], dpi=130)
        return self._write(name, data.getvalue())

    def _write(self, name, data):
        path = self._folder / name
        check_target(path, overwrite=self._overwrite)
        with atomic_output(path, overwrite=self._overwrite) as out:
            out.write(data)
        self.written.append(path)
        return path
