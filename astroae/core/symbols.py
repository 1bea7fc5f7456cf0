"""Symbols of given frequencies as bytes, for coders that make tables of their own.

A table is its *edges*, uint32: symbol i has the places from ``edges[i]`` to
``edges[i + 1]``, out of 65 536 in all.  ``FORMAT.rst`` describes the bytes.
"""

import numpy as np

from astroae.core import _core

__all__ = ["Decoder", "Encoder"]

_ONE = 1 << 16  # all places
_BITS = 16  # of a raw number, at once


class Encoder:
    """Collects symbols; `finish` gives their bytes.

    Examples
    --------
    >>> import numpy as np
    >>> from astroae.core.symbols import Decoder, Encoder
    >>> edges = np.array([0, 60_000, 65_000, 65_536], np.uint32)
    >>> encoder = Encoder()
    >>> encoder.put(np.array([0, 0, 2, 0, 1]), edges)
    >>> encoder.put_bits(np.array([300, 5]), 9)
    >>> data = encoder.finish()
    >>> decoder = Decoder(data)
    >>> decoder.get(edges, 5), decoder.get_bits(9, 2)
    (array([0, 0, 2, 0, 1]), array([300,   5]))
    >>> decoder.finish()
    """

    def __init__(self):
        self._starts, self._sizes = [], []

    def put(self, symbols, edges):
        """Add symbols (integers, flat) of one table."""
        starts = edges[symbols]
        self._add(starts, edges[symbols + 1] - starts)

    def put_bits(self, values, n):
        """Add the lowest ``n`` bits of numbers, all equally likely; 16 at once, from below."""
        for at in range(0, n, _BITS):
            size = _ONE >> min(n - at, _BITS)
            self._add((values >> at) * size & _ONE - 1, np.full(len(values), size))

    def _add(self, starts, sizes):
        self._starts.append(starts.astype(np.uint16))
        self._sizes.append(sizes.astype(np.uint16))

    def finish(self):
        """The bytes; at least three."""
        nothing = np.empty(0, np.uint16)
        parts = (np.concatenate([nothing, *part]) for part in (self._starts, self._sizes))
        return _core.put_symbols(*parts)


class Decoder:
    """Reads back what `Encoder` wrote, if asked for the same in the same order.

    Bytes that no encoder wrote are a ValueError, at the latest from `finish`; until then
    they give symbols of the tables that are asked for.
    """

    def __init__(self, data):
        self._source = _core.SymbolSource(data)

    def get(self, edges, n):
        """``n`` symbols (int64) of one table."""
        out = np.empty(n, np.int64)
        self._source.take(edges, out)
        return out

    def get_bits(self, n, count):
        """``count`` numbers (int64) of ``n`` bits."""
        values, part = np.zeros(count, np.int64), np.empty(count, np.int64)
        for at in range(0, n, _BITS):
            self._source.take_raw(min(n - at, _BITS), part)
            values |= part << at
        return values

    def finish(self):
        """Check that the bytes are used up, and are those that were written."""
        if not self._source.finished():
            raise ValueError("the coded symbols are damaged")
