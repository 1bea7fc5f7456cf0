"""Integers <-> bytes with frozen tables, by the core's rANS.

All symbols of a call are grouped by table, so that the core is called once per table,
not per number.  What the tables cannot hold goes beside them: low bits of wide errors
as raw bits, errors beyond a table's reach as an escape and a variable-length number.
"""

import numpy as np

from astroae.core.symbols import Decoder, Encoder
from astroae.entropy import tables
from astroae.varint import pack_numbers, unpack_numbers

_TABLE = np.arange(tables.CLASSES)
#: Low bits sent apart at each scale index, and the table index that is left.
SHIFT = np.where(_TABLE < tables.SCALES, 0, (_TABLE - tables.SCALES) // 4 + 1)
INNER = _TABLE - 4 * SHIFT
_MARK = b"\0"  # escapes follow; no list of symbols begins like this


class Grouping:
    """Which errors share a table, in the order in which they are coded.

    Parameters
    ----------
    scale, shape : int ndarray, flat
        Scale index (wide ones included) and shape of each error's table.
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
    """Collects the errors of one image; `finish` gives its bytes."""

    def __init__(self):
        self._coder = Encoder()
        self._escapes = []

    def put(self, errors, grouping):
        """Code ``errors`` (int64, flat) with the tables of ``grouping``."""
        coded = grouping.into_order(errors)
        for start, stop, table, shift in grouping.groups:
            part = coded[start:stop]
            if shift:
                part = part + (1 << shift - 1)
                self._coder.put_bits(part, shift)
                part = part >> shift
            self._put_symbols(part, table)

    def _put_symbols(self, part, table):
        m = tables.reach(table[0])
        symbols = part + m
        if part.size and (part.min() < -m or part.max() > m):
            outside = (part < -m) | (part > m)
            symbols[outside] = 2 * m + 1
            self._escapes.append(part[outside])
        self._coder.put(symbols, tables.edges(*table))

    def finish(self):
        """The symbols; if there are escapes, a mark, their length and they come first."""
        symbols = self._coder.finish()
        if not self._escapes:
            return symbols
        escapes = pack_numbers(np.concatenate(self._escapes))
        return _MARK + pack_numbers([len(escapes)]) + escapes + symbols


class SymbolReader:
    """Reads back what `SymbolWriter` wrote."""

    def __init__(self, data):
        self._escapes, self._next = (), 0
        if data[:1] == _MARK:
            (size,), start = unpack_numbers(data, 1, count=1)
            if not 0 < size <= len(data) - start:
                raise ValueError("the escapes have no valid length")
            stop = start + int(size)
            self._escapes, _ = unpack_numbers(data[start:stop], 0)
            data = data[stop:]
        self._coder = Decoder(data)

    def get(self, grouping):
        """The errors (int64, flat) that were put with this grouping."""
        coded = np.empty(len(grouping.order), np.int64)
        for start, stop, table, shift in grouping.groups:
            low = self._coder.get_bits(shift, stop - start) if shift else 0
            part = self._get_symbols(stop - start, table)
            coded[start:stop] = (part << shift) + low - (1 << shift - 1) if shift else part
        return grouping.from_order(coded)

    def _get_symbols(self, n, table):
        m = tables.reach(table[0])
        symbols = self._coder.get(tables.edges(*table), n)
        part = symbols - m
        outside = np.flatnonzero(symbols == 2 * m + 1)
        if outside.size:
            taken = self._escapes[self._next : self._next + outside.size]
            if len(taken) < outside.size:
                raise ValueError("fewer escapes than the symbols ask for")
            self._next += outside.size
            part[outside] = taken
        return part

    def finish(self):
        """Check that nothing is left over."""
        if self._next != len(self._escapes):
            raise ValueError("more escapes than the symbols ask for")
        self._coder.finish()
