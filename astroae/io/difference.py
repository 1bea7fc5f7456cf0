"""How two files differ in headers and decoded pixels, in the words of astropy's FITSDiff."""

import contextlib
import io
import tempfile
from pathlib import Path

from astropy.io import fits

from astroae.io.restore import restored
from astroae.io.spans import plain_source, quiet_headers, reading, scan
from astroae.io.whole import coded_hdus

__all__ = ["difference"]


def difference(first, second, *, atol=0.0, rtol=0.0, ignore_keywords=()):
    """Compare what two files hold once they are decompressed.

    Parameters
    ----------
    first, second : str or path-like
        FITS files, compressed by astroae or not.
    atol, rtol : float
        Tolerances of pixels and table values.
    ignore_keywords : sequence of str
        Keywords that may differ.

    Returns
    -------
    str
        A report; empty where there is no difference.

    Raises
    ------
    InputError, CorruptFileError
        A file cannot be read.
    """
    with quiet_headers(), _plain(first) as one, _plain(second) as two, reading(first):
        diff = fits.FITSDiff(
            str(one), str(two), atol=atol, rtol=rtol, ignore_keywords=list(ignore_keywords)
        )
        if diff.identical:
            return ""
        text = io.StringIO()
        diff.report(fileobj=text)
    # The temporary copies have names of their own.
    return text.getvalue().replace(str(one), str(first)).replace(str(two), str(second)).strip()


@contextlib.contextmanager
def _plain(path):
    """The file that decompressing gives, in a temporary place."""
    with (
        plain_source(path) as packed,
        tempfile.NamedTemporaryFile(prefix="astroae-", suffix=".fits") as plain,
    ):
        spans = scan(packed, path)
        for piece in restored(packed, path, spans, coded_hdus(packed, spans, path)):
            plain.write(piece)
        plain.flush()
        yield Path(plain.name)
