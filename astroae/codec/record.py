"""The image record: what belongs to the whole image, as checksummed bytes.

Predictors that tiles choose from, the list of levels of a sparse image, the grid of
an fpacked source.
"""

import zlib
from dataclasses import dataclass, field

import numpy as np

from astroae.codec.record_source import pack_source, unpack_source
from astroae.entropy.predictor import Predictor
from astroae.errors import CorruptFileError
from astroae.pixels.grids import SourceGrid
from astroae.pixels.levels import MOST_LEVELS
from astroae.pixels.nulls import inflate
from astroae.varint import pack_numbers, unpack_numbers

_MOST_BYTES = 1 << 28


@dataclass
class ImageRecord:
    """See the module.

    Attributes
    ----------
    predictors : list of Predictor
    levels : int64 ndarray, sorted, or None
    source : SourceGrid or None
    centre : float
        Value from which the integers of a source are counted.
    coarse : bool
        For the encoder only: the image's own levels lie further apart than the
        steps of its mode, so that exact forms are the smaller ones.
    """

    predictors: list = field(default_factory=list)
    levels: np.ndarray | None = None
    source: SourceGrid | None = None
    centre: float = 0.0
    coarse: bool = False

    def pack(self):
        """As bytes, the checksum last."""
        parts = [predictor.pack() for predictor in self.predictors]
        levels = b"" if self.levels is None else pack_numbers(_differences(self.levels))
        source = b"" if self.source is None else pack_source(self.source, self.centre)
        sizes = pack_numbers([len(parts), *map(len, parts), len(levels), len(source)])
        plain = sizes + b"".join(parts) + levels + source
        body = pack_numbers([len(plain)]) + zlib.compress(plain, 9)
        return body + zlib.crc32(body).to_bytes(4, "little")

    @classmethod
    def unpack(cls, data):
        """Inverse of `pack`.

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
            return cls._parse(data[:-4])
        except (ValueError, IndexError, OverflowError, TypeError) as exc:
            raise CorruptFileError(
                "the image record makes no sense", where="SHARED", found=str(exc)
            ) from exc

    @classmethod
    def _parse(cls, data):
        (size,), at = unpack_numbers(data, 0, count=1)
        if not 0 < size < _MOST_BYTES:
            raise ValueError(f"it claims {size} bytes")
        plain = inflate(data[at:], int(size))
        (count,), at = unpack_numbers(plain, 0, count=1)
        if not 0 <= count <= 64:
            raise ValueError(f"it claims {count} predictors")
        sizes, at = unpack_numbers(plain, at, count=int(count) + 2)
        if sizes.min() < 0 or sizes.sum() != len(plain) - at:
            raise ValueError("its parts do not add up")
        stops = at + np.cumsum(sizes)
        parts = [plain[stop - size : stop] for size, stop in zip(sizes, stops)]
        record = cls([Predictor.unpack(part) for part in parts[:-2]])
        if parts[-2]:
            # Modulo 2^64, like the differences: levels may lie anywhere in int64.
            levels = record.levels = np.cumsum(np.cumsum(unpack_numbers(parts[-2], 0)[0]))
            if not 0 < len(levels) <= MOST_LEVELS or (levels[1:] <= levels[:-1]).any():
                raise ValueError("its list of levels is not in order")
        if parts[-1]:
            record.source, record.centre = unpack_source(parts[-1])
        return record


def _differences(levels):
    """Second differences, modulo 2^64: the gaps of a list of levels are much alike."""
    return np.diff(np.diff(levels, prepend=0), prepend=0)
