"""The BINTABLE behind an `AEImageHDU`: bytes of a file, or a table about to be written."""

import threading

import numpy as np
from astropy.io.fits.hdu.base import DELAYED, _ValidHDU
from astropy.io.fits.hdu.compressed.compbintable import _CompBinTableHDU

from astroae.container.rows import read_layout, unpack
from astroae.errors import CorruptFileError
from astroae.io.models import model_finder

__all__ = ["AETable"]

CHUNK = 2880 * 512

# astropy seeks and reads in two steps on one file object, which threads would tear apart.
_READ_LOCK = threading.Lock()


class AETable(_CompBinTableHDU):
    """Table whose bytes astropy writes, and never interprets.

    ``packed`` is None while the bytes are those of the open file; astropy then
    copies them as they are.
    """

    packed = None

    def __init__(self, header, packed=None):
        super().__init__(data=DELAYED, header=header)
        self.packed = packed

    @classmethod
    def match_header(cls, header):
        return False

    @property
    def data(self):
        return self.packed

    @property
    def _data_loaded(self):
        return self.packed is not None

    @property
    def _has_data(self):
        return self.packed is not None

    def encoded(self, structure):
        """The `EncodedImage` of this table, streams read when asked for."""
        layout = read_layout(self._header)

        def read_heap(offset, n):
            return self._read(layout.heap_start + offset, n)

        find = model_finder(self._read_file, str(getattr(self._file, "name", None) or ""))
        return unpack(structure, layout, self._read(0, layout.rows_size), read_heap, find)

    def _read_file(self, start, n):
        """Bytes from anywhere in the file; fewer where it ends."""
        size = len(self._buffer) if self._buffer is not None else getattr(self._file, "size", 0)
        if size:
            n = max(0, min(n, size - start))
        try:
            return self._read(start - self._data_offset, n)
        except CorruptFileError:  # past the end of a file whose size is not known
            return b""

    def _read(self, offset, n):
        """``n`` bytes from ``offset`` of the data unit."""
        if not n:
            return b""
        start = self._data_offset + offset
        self._check_end(start + n)
        try:
            with _READ_LOCK:
                raw = self._get_raw_data(n, np.uint8, start)
                found = None if raw is None else raw.tobytes()
        except TypeError:  # astropy's array over too short a buffer
            found = None
        if found is None or len(found) != n:
            raise _truncated(f"bytes {start} to {start + n} cannot be read")
        return found

    def _check_end(self, end):
        """Refuse to read past the file before memory is taken for it."""
        if self._buffer is not None:
            size = len(self._buffer)
        else:
            size = getattr(self._file, "size", 0)  # 0: unknown, as in a .gz
        if size and end > size:
            raise _truncated(f"the table needs {end} bytes, the file has {size}")

    def _prewriteto(self, inplace=False):
        # Not the table's own, which rewrites T* cards from columns.
        return _ValidHDU._prewriteto(self, inplace=inplace)

    def _writedata_internal(self, fileobj):
        size = 0
        for piece in self.packed.pieces:
            if piece:
                fileobj.write(piece)
                size += len(piece)
        return size

    def _calculate_datasum(self):
        if self.packed is None:
            return _ValidHDU._calculate_datasum(self)
        total = 0
        for block in _blocks(self.packed.pieces):
            total = self._compute_checksum(np.frombuffer(block, np.uint8), total)
        return total


def _blocks(pieces):
    """The same bytes in chunks of whole FITS blocks, the last one padded."""
    buffer = bytearray()
    for piece in pieces:
        buffer += piece
        if len(buffer) >= CHUNK:
            whole = len(buffer) // 2880 * 2880
            yield bytes(buffer[:whole])
            del buffer[:whole]
    if buffer:
        yield bytes(buffer) + bytes(-len(buffer) % 2880)


def _truncated(found):
    return CorruptFileError(
        "the file ends too early",
        where="tile table",
        found=found,
        hint="it was cut short: restore it from a copy",
    )
