"""Integers <-> bytes with frozen tables: grouped range coding.

All symbols of a call are grouped by table, so that the range coder of
`constriction` is called once per table, not per pixel.  What the tables cannot
hold goes beside them: low bits of wide errors as uniform symbols, errors beyond a
table's reach as an escape and a variable-length number.
"""

import numpy as np
from constriction import stream

from astroae.entropy import tables
from astroae.varint import pack_numbers, unpack_numbers

_TABLE = np.arange(tables.CLASSES)
#: Low bits sent apart at each scale index, and the table index that is left.
SHIFT = np.where(_TABLE < tables.SCALES, 0, (_TABLE - tables.SCALES) // 4 + 1)
INNER = _TABLE - 4 * SHIFT


class Grouping:
    """Which pixels share a table, in the order in which they are coded.

    Parameters
    ----------
    scale, shape : int ndarray, flat
        Scale index (wide ones included) and shape of each pixel's errors.
    offset : int ndarray, flat
        Offset of the predicted mean from the nearest integer, -8 to 7 (in 1/16).
    """

    def __init__(self, scale, shape, offset):
        coarse = tables.coarse_offset(np.abs(offset), scale)
        self.flip = (offset < 0) & (coarse > 0)
        key = ((scale * tables.SHAPES + shape) * 9 + coarse).astype(np.int16)
        self.order = np.argsort(key, kind="stable")
        ordered = key[self.order]
        starts = np.flatnonzero(np.diff(ordered, prepend=-1))
        self.groups = []
        for start, stop in zip(starts, np.append(starts[1:], len(ordered))):
            rest, offset_index = divmod(int(ordered[start]), 9)
            scale_index, shape_index = divmod(rest, tables.SHAPES)
            table = (int(INNER[scale_index]), shape_index, offset_index)
            self.groups.append((int(start), int(stop), table, int(SHIFT[scale_index])))

    def into_order(self, errors):
        """Errors as they are coded: sorted by table, mirrored where the offset is."""
        return np.where(self.flip, -errors, errors)[self.order]

    def from_order(self, coded):
        """Inverse of `into_order`."""
        errors = np.empty_like(coded)
        errors[self.order] = coded
        return np.where(self.flip, -errors, errors)


class SymbolWriter:
    """Collects the errors of one tile; `finish` gives its bytes."""

    def __init__(self):
        self._coder = stream.queue.RangeEncoder()
        self._escapes = []

    def put(self, errors, grouping):
        """Code ``errors`` (int64, flat) with the tables of ``grouping``."""
        coded = grouping.into_order(errors)
        for start, stop, table, shift in grouping.groups:
            part = coded[start:stop]
            if shift:
                part = part + (1 << shift - 1)
                self._put_bits(part & (1 << shift) - 1, shift)
                part = part >> shift
            self._put_symbols(part, table)

    def _put_symbols(self, part, table):
        m = tables.reach(table[0])
        symbols = part + m
        if part.size and (part.min() < -m or part.max() > m):
            outside = (part < -m) | (part > m)
            symbols[outside] = 2 * m + 1
            self._escapes.append(part[outside])
        self._coder.encode(symbols.astype(np.int32), tables.model(*table))

    def _put_bits(self, values, n):
        while n > 0:
            now = min(n, 12)
            self._coder.encode((values & (1 << now) - 1).astype(np.int32), _uniform(now))
            values, n = values >> now, n - now

    def finish(self):
        """Escapes (their length first), then the range coder's words."""
        escapes = pack_numbers(np.concatenate(self._escapes) if self._escapes else [])
        words = self._coder.get_compressed().astype("<u4").tobytes()
        return pack_numbers([len(escapes)]) + escapes + words


class SymbolReader:
    """Reads back what `SymbolWriter` wrote."""

    def __init__(self, data):
        head, start = unpack_numbers(data, 0, count=1)
        stop = start + int(head[0])
        if head[0] < 0 or stop > len(data) or (len(data) - stop) % 4:
            raise ValueError("the coded symbols have no valid length")
        self._escapes, _ = unpack_numbers(data[start:stop], 0)
        self._next = 0
        self._coder = stream.queue.RangeDecoder(
            np.frombuffer(data, "<u4", offset=stop).astype(np.uint32)
        )

    def get(self, grouping):
        """The errors (int64, flat) of a phase."""
        coded = np.empty(len(grouping.order), np.int64)
        for start, stop, table, shift in grouping.groups:
            low = self._get_bits(stop - start, shift) if shift else 0
            part = self._get_symbols(stop - start, table)
            coded[start:stop] = (part << shift) + low - (1 << shift - 1) if shift else part
        return grouping.from_order(coded)

    def _get_symbols(self, n, table):
        m = tables.reach(table[0])
        symbols = self._coder.decode(tables.model(*table), n).astype(np.int64)
        part = symbols - m
        outside = np.flatnonzero(symbols == 2 * m + 1)
        if outside.size:
            taken = self._escapes[self._next : self._next + outside.size]
            if len(taken) < outside.size:
                raise ValueError("fewer escapes than the symbols ask for")
            self._next += outside.size
            part[outside] = taken
        return part

    def _get_bits(self, count, n):
        value, at = np.zeros(count, np.int64), 0
        while n > 0:
            now = min(n, 12)
            value |= self._coder.decode(_uniform(now), count).astype(np.int64) << at
            at, n = at + now, n - now
        return value

    def finish(self):
        """Check that nothing is left over."""
        if self._next != len(self._escapes):
            raise ValueError("more escapes than the symbols ask for")


_UNIFORM = {}


def _uniform(bits):
    if bits not in _UNIFORM:
        _UNIFORM[bits] = stream.model.Categorical(np.full(1 << bits, 0.5**bits), perfect=True)
    return _UNIFORM[bits]
