"""What a damaged file may do, and what it did."""

import io
import signal
import tempfile
import traceback
import warnings
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from astropy.io import fits

import astroae
from astroae.errors import AstroAEError

SECONDS = 10  # a case of milliseconds that takes longer hangs

#: What astropy itself raises where the structure of the FITS file is broken, and
#: where it does; counted only where astropy's code raised it, not ours.
ASTROPY_ERRORS = {
    OSError: "no SIMPLE card, a header without END, a file cut short, a wrong extension",
    fits.VerifyError: "a card that cannot be read as a value",
    ValueError: "a card of bytes that are not ASCII, a bad TFORM, an axis that is no number",
    TypeError: "a structural card that holds another type",
    OverflowError: "a size or offset beyond 63 bits, met when it seeks the next HDU",
    KeyError: "a structural card that is missing, or stands in another place",
    IndexError: "a header without the cards that its NAXIS or TFIELDS announce",
    AttributeError: "a column or header without what its structural cards announce",
}


class Finding(AssertionError):
    """A damaged file did what it must not."""


class Hang(BaseException):
    """A case ran out of time.  No `Exception`: nothing on the way may swallow it."""


@contextmanager
def time_limit(seconds=SECONDS):
    """Raise `Hang` in the main thread after so many seconds."""

    def stop(*_):
        raise Hang

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def judge(content, seed, way):
    """Read a damaged file and say what came of it.

    Parameters
    ----------
    content : bytes
    seed : Seed
        What it was made from.
    way : callable
        One of `WAYS`: reads the bytes, gives the stored pixels or None.

    Returns
    -------
    str
        ``"right"``, ``"no image"``, ``"astroae: CLASS"`` or ``"astropy: CLASS"``.

    Raises
    ------
    Finding
        Wrong pixels, another exception, or a hang.
    """
    try:
        with time_limit(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            pixels = way(content)
    except Hang:
        raise Finding(f"more than {SECONDS} s") from None
    except AstroAEError as exc:
        return f"astroae: {type(exc).__name__}"
    except Exception as exc:
        return _own_error_of_astropy(exc)
    if pixels is None:
        return "no image"
    # Sizes in the header are the reader's: a lie there must not pass as an image.
    if pixels.shape != seed.pixels.shape or pixels.dtype != seed.pixels.dtype:
        raise Finding(f"pixels of {pixels.shape} {pixels.dtype}")
    if pixels.tobytes() != seed.pixels.tobytes():
        raise Finding("wrong pixels")
    return "right"


def _own_error_of_astropy(exc):
    kind = next((kind for kind in ASTROPY_ERRORS if isinstance(exc, kind)), None)
    places = [
        frame.filename.replace("\\", "/")
        for frame in traceback.extract_tb(exc.__traceback__)
        if "/astroae/" in frame.filename or "/astropy/" in frame.filename
    ]
    if kind is None or "/astropy/" not in places[-1]:
        raise Finding(f"{type(exc).__name__}: {exc}") from exc
    return f"astropy: {kind.__name__}"


def read_hdu(content):
    """As astropy's users do: open, headers, data, a cut-out of the data."""
    found = None
    with fits.open(io.BytesIO(content), do_not_scale_image_data=True) as hdus:
        for hdu in hdus:
            hdu.header.get("OBJECT")
            if isinstance(hdu, astroae.AEImageHDU) and hdu.shape:
                part = hdu.section[(slice(0, 2),) * len(hdu.shape)]
                found = np.asarray(hdu.data)
                if not np.array_equal(part, found[(slice(0, 2),) * found.ndim], equal_nan=True):
                    raise Finding("the section is not the part of the data")
    return found


def read_file(content):
    """As the program does: verify, decompress, and read what that gives."""
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "a.aae.fits", Path(folder) / "a.fits"
        source.write_bytes(content)
        report = astroae.verify(source)
        astroae.decompress(source, target)
        if not report.ok:
            if not report.damages:
                raise Finding("verify does not say what is damaged")
            # What an fpacked original had beside its pixels matters on the way to it only.
            astroae.decompress(source, target, fpack=True, overwrite=True)
            raise Finding("verify found damage where decompress did not")
        with fits.open(target, do_not_scale_image_data=True, memmap=False) as hdus:
            # A table that is no longer marked as an image stays one.
            images = [h.data for h in hdus if _is_plain_image(h)]
    if not images:
        return None
    return images[0].astype(images[0].dtype.newbyteorder("="))


def _is_plain_image(hdu):
    return type(hdu) in (fits.PrimaryHDU, fits.ImageHDU) and hdu.data is not None


WAYS = {"hdu": read_hdu, "file": read_file}
