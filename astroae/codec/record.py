"""The image record: what belongs to the whole image, as checksummed bytes.

The list of levels of a sparse image, the grid of an fpacked source.
"""

import zlib
from dataclasses import dataclass

import numpy as np

from astroae.codec.record_source import pack_source, unpack_source
from astroae.errors import CorruptFileError
from astroae.pixels.grids import SourceGrid
from astroae.pixels.levels import MOST_LEVELS
from astroae.pixels.nulls import inflate
from astroae.varint import pack_numbers, unpack_numbers

#: A hostile record of a kilobyte would fill the memory: so much takes the list of levels ...
_MOST_LISTED = 10 * MOST_LEVELS
#: ... and a source, at most, beside 32 bytes for each of its tiles.
_MOST_BESIDE = 1 << 16


@dataclass
class ImageRecord:
    """See the module.

    Attributes
    ----------
    levels : int64 ndarray, sorted, or None
        Of floats: as integers that sort alike (`astroae.pixels.levels.ordered`).
    source : SourceGrid or None
    centre : float
        Value from which the integers of a source are counted.
    """

    levels: np.ndarray | None = None
    source: SourceGrid | None = None
    centre: float = 0.0

    def pack(self):
        """As bytes, the checksum last."""
        levels = b"" if self.levels is None else pack_numbers(_differences(self.levels))
        source = b"" if self.source is None else pack_source(self.source, self.centre)
        plain = pack_numbers([len(levels), len(source)]) + levels + source
        body = pack_numbers([len(plain)]) + zlib.compress(plain, 9)
        return body + zlib.crc32(body).to_bytes(4, "little")

    @classmethod
    def unpack(cls, data, pixels=1 << 28):
        """Inverse of `pack`.

        Parameters
        ----------
        data : bytes
        pixels : int
            Of the image: its source has no more tiles.

        Raises
        ------
        CorruptFileError
            If the checksum or the contents are wrong.
        """
        data = bytes(data)
        if len(data) < 6 or zlib.crc32(data[:-4]) != int.from_bytes(data[-4:], "little"):
            raise CorruptFileError(
                "the image record is damaged",
                where="SHARED",
                found="its checksum does not fit its bytes",
                hint="its copy in the last row may be whole; else the file must be restored",
            )
        try:
            return cls._parse(data[:-4], pixels)
        except (ValueError, IndexError, OverflowError, TypeError) as exc:
            raise CorruptFileError(
                "the image record makes no sense", where="SHARED", found=str(exc)
            ) from exc

    @classmethod
    def _parse(cls, data, pixels):
        (size,), at = unpack_numbers(data, 0, count=1)
        if not 0 < size <= _MOST_LISTED + _MOST_BESIDE + 32 * pixels:
            raise ValueError(f"it claims {size} bytes")
        plain = inflate(data[at:], int(size))
        (listed, grid), at = unpack_numbers(plain, 0, count=2)
        if min(listed, grid) < 0 or listed + grid != len(plain) - at or listed > _MOST_LISTED:
            raise ValueError("its parts do not add up")
        record, stop = cls(), at + int(listed)
        if listed:
            # Modulo 2^64, like the differences: levels may lie anywhere in int64.
            numbers = unpack_numbers(plain[at:stop], 0)[0]
            levels = record.levels = np.cumsum(np.cumsum(numbers))
            if not 0 < len(levels) <= MOST_LEVELS or (levels[1:] <= levels[:-1]).any():
                raise ValueError("its list of levels is not in order")
        if grid:
            record.source, record.centre = unpack_source(plain[stop:], pixels)
        return record


def _differences(levels):
    """Second differences, modulo 2^64: the gaps of a list of levels are much alike."""
    return np.diff(np.diff(levels, prepend=0), prepend=0)
