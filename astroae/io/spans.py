"""A FITS file as a row of byte spans, one per HDU, without astropy touching a byte.

In goes a file, plain or gzip/bzip2/xz; out come the spans of its HDUs: where the
header, the data and the padding lie.  Nothing is parsed beyond what the spans
need, so what is copied by span is copied byte for byte.
"""

import bz2
import contextlib
import gzip
import hashlib
import lzma
import tempfile
import warnings
import zlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from astropy.io import fits
from astropy.utils.exceptions import AstropyWarning

from astroae.container.keywords import MARK
from astroae.container.lazy import LazyHeader
from astroae.errors import AstroAEError, CorruptFileError, InputError

__all__ = ["Span", "chunks", "plain_source", "quiet_headers", "scan", "sha256_of", "tail"]

BLOCK = 2880
CHUNK = 1 << 22
MAX_HEADER_BLOCKS = 10_000  # 28 MB of cards: no header is longer, a file without END may be
OPENERS = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ": lzma.open}


@dataclass(frozen=True)
class Span:
    """Where one HDU lies.

    Parameters
    ----------
    index : int
        Number of the HDU, 0 for the primary.
    header : astropy.io.fits.Header
        As it stands, nothing fixed.
    start, data, data_end, end : int
        Bytes from the file's begin: header, data, end of data, end of padding.
        ``end`` is the file's size where the last padding is missing.
    """

    index: int
    header: fits.Header
    start: int
    data: int
    data_end: int
    end: int

    @cached_property
    def name(self):
        """EXTNAME, else what astropy calls a tile-compressed image; empty for any other."""
        tiled = self.header.get("ZIMAGE") is True or "AEFPK1" in self.header
        try:
            name = str(self.header.get("EXTNAME", "")).strip()
        except fits.VerifyError:
            name = ""  # none that can be read
        return name or ("COMPRESSED_IMAGE" if tiled else "")

    @property
    def label(self):
        """The extension as messages name it."""
        return f"extension {self.index}" + (f" ({self.name})" if self.name else "")

    @cached_property
    def is_image(self):
        """A plain image array with pixels, whatever its size."""
        header = self.header
        kind = str(header.get("XTENSION", "IMAGE")).strip()
        if kind != "IMAGE" or header.get("GROUPS") is True or self.data_end == self.data:
            return False
        return header.get("PCOUNT", 0) == 0 and header.get("GCOUNT", 1) == 1

    @property
    def size(self):
        """Bytes of the whole HDU."""
        return self.end - self.start


@contextlib.contextmanager
def plain_source(path):
    """The file itself, or a temporary plain copy of a gzip, bzip2 or xz file.

    Yields
    ------
    pathlib.Path
        A file that can be mapped into memory.

    Raises
    ------
    InputError
        It cannot be read, or its compression is damaged.
    """
    path = Path(path)
    with reading(path), open(path, "rb") as stream:
        magic = stream.read(6)
    opener = next((o for m, o in OPENERS.items() if magic.startswith(m)), None)
    if opener is None:
        yield path
        return
    with tempfile.NamedTemporaryFile(prefix="astroae-", suffix=".fits") as plain:
        with reading(path), opener(path) as packed:
            while chunk := packed.read(CHUNK):
                plain.write(chunk)
        plain.flush()
        yield Path(plain.name)


@contextlib.contextmanager
def quiet_headers():
    """Without astropy's warnings of odd cards: they are carried along as they are."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AstropyWarning)
        yield


@contextlib.contextmanager
def reading(path):
    """Turn what fails in reading ``path`` into `InputError`."""
    try:
        yield
    except AstroAEError:
        raise
    except (OSError, EOFError, zlib.error, lzma.LZMAError) as exc:
        raise InputError(
            "input could not be read",
            where=str(path),
            found=getattr(exc, "strerror", None) or str(exc),
            hint="check that the file is there, whole and readable",
        ) from exc


def scan(path, where=None, damages=None):
    """The HDUs of a plain FITS file, and where its last one ends.

    Parameters
    ----------
    path : path-like
        A file that is not compressed.
    where : str, optional
        Its name in messages.
    damages : list, optional
        An extension that is cut short is told here, not raised, and left out.

    Returns
    -------
    list of Span

    Raises
    ------
    InputError
        Not FITS, a broken header, or a file that is cut short.
    CorruptFileError
        A file that is cut short within a compressed image.
    """
    where = str(path if where is None else where)
    spans = []
    with reading(where), open(path, "rb") as stream:
        total = stream.seek(0, 2)
        start = 0
        while start < total:
            try:
                raw = _header_block(stream, start, where, len(spans))
                if raw is None:
                    break
                spans.append(_span(raw, len(spans), start, total, where))
            except (CorruptFileError, InputError) as exc:
                if damages is None or not spans:
                    raise
                damages.append(exc)
                break
            start = spans[-1].end
    return spans


def _header_block(stream, start, where, index):
    """Raw header at ``start``; None where only a tail of other bytes follows."""
    stream.seek(start)
    head = stream.read(BLOCK)
    wanted = b"SIMPLE  =" if index == 0 else b"XTENSION="
    if not head.startswith(wanted):
        if index:
            return None
        raise InputError(
            "not a FITS file",
            where=where,
            found=f"it begins with {head[:8]!r}, a FITS file with b'SIMPLE  '",
            hint="give a FITS file",
        )
    raw = bytearray(head)
    while not _has_end(raw[-BLOCK:]):
        head = stream.read(BLOCK)
        if len(head) < BLOCK or len(raw) >= MAX_HEADER_BLOCKS * BLOCK:
            raise InputError(
                "header has no END card",
                where=f"{where}, extension {index}",
                found=f"searched {len(raw)} bytes up to the end of the file",
                hint="the file is cut short or damaged; get it again",
            )
        raw += head
    return bytes(raw)


def _has_end(block):
    return any(block[i : i + 80].rstrip() == b"END" for i in range(0, len(block), 80))


def _span(raw, index, start, total, where):
    data = start + len(raw)
    try:
        with quiet_headers():
            header = LazyHeader.of(raw)
            size = int(header.data_size)
    except (KeyError, TypeError, ValueError, fits.VerifyError) as exc:
        raise InputError(
            "header cannot be understood",
            where=f"{where}, extension {index}",
            found=str(exc),
            hint="check the file with fitsverify",
        ) from exc
    if size < 0 or data + size > total:
        # What astroae wrote is damaged; of other files only the reading fails.
        wrong = CorruptFileError if header.get(MARK) is True else InputError
        raise wrong(
            "file is cut short",
            where=f"{where}, extension {index}",
            found=f"the header announces {size} bytes of data, {total - data} are there",
            hint="get the file again",
        )
    end = data + size + -size % BLOCK
    return Span(index, header, start, data, data + size, min(end, total))


def chunks(path, start=0, stop=None):
    """Bytes of a file from ``start`` to ``stop``, a few MB at a time."""
    with reading(path), open(path, "rb") as stream:
        stream.seek(start)
        left = None if stop is None else stop - start
        while left is None or left > 0:
            chunk = stream.read(CHUNK if left is None else min(CHUNK, left))
            if not chunk:
                return
            left = None if left is None else left - len(chunk)
            yield chunk


def tail(path, spans):
    """Bytes behind the last HDU; none where an HDU begins there that is cut short."""
    for i, chunk in enumerate(chunks(path, spans[-1].end)):
        if i == 0 and chunk.startswith(b"XTENSION="):
            return
        yield chunk


def sha256_of(path):
    """SHA-256 of a file's bytes, hexadecimal."""
    digest = hashlib.sha256()
    for chunk in chunks(path):
        digest.update(chunk)
    return digest.hexdigest()
