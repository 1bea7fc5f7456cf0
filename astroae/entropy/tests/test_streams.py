"""Tables and coded streams against slow, obvious twins."""

from math import erfc, sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from astroae import varint
from astroae.entropy import coder, phases, reference, tables


def grouping(n, rng, scales=(0, 60)):
    return coder.Grouping(
        rng.integers(*scales, n), rng.integers(0, tables.SHAPES, n), rng.integers(-8, 8, n)
    )


def test_the_reference_reads_what_was_written():
    rng = np.random.default_rng(1)
    groups = grouping(900, rng)
    scale = groups.into_order(np.zeros(900)) + 2
    errors = np.rint(rng.standard_t(2, 900) * scale).astype(np.int64)
    writer = coder.SymbolWriter()
    writer.put(errors, groups)
    data = writer.finish()
    assert data[0] == 0
    (size,), start = varint.unpack_numbers(data, 1, count=1)
    escapes = list(varint.unpack_numbers(data[start : start + size], 0)[0])
    twin, coded = reference.Symbols(data[start + size :]), []
    for first, last, table, shift in groups.groups:
        m, n = tables.reach(table[0]), last - first
        low = twin.get_bits(shift, n)
        for symbol, bits in zip(twin.get(tables.counts(*table).tolist(), n), low):
            part = escapes.pop(0) if symbol == 2 * m + 1 else symbol - m
            coded.append((part << shift) + bits - (1 << shift >> 1))
    twin.finish()
    assert not escapes
    assert np.array_equal(groups.from_order(np.array(coded)), errors)


def test_without_escapes_there_are_symbols_alone():
    groups = coder.Grouping(np.full(9, 12), np.full(9, 2), np.zeros(9, np.int64))
    writer = coder.SymbolWriter()
    writer.put(np.array([0, 0, 1, 0, -1, 0, 0, 0, 0]), groups)
    assert len(writer.finish()) <= 4


@pytest.mark.parametrize("size", [b"\0", b"\1", b"\x7e"])
def test_escapes_of_no_valid_length(size):
    with pytest.raises(ValueError, match="escapes"):
        coder.SymbolReader(b"\0" + size + b"\2\1\0\0")


def test_escapes_that_no_symbol_asks_for():
    reader = coder.SymbolReader(b"\0\2\2\1\0\0")
    with pytest.raises(ValueError, match="more escapes"):
        reader.finish()


@pytest.mark.parametrize(("scale", "offset"), [(4, 3), (18, 8), (25, 4), (36, 0)])
def test_counts_are_the_distribution(scale, offset):
    """Gaussian shape: cells of the error function."""
    m, sigma = tables.reach(scale), 2 ** (scale / 4 - 5)
    edges = (np.arange(-m, m + 2) - 0.5 - offset / 16) / sigma
    tails = np.array([erfc(z / sqrt(2)) / 2 for z in edges])
    wanted = (tails[:-1] - tails[1:]) * 65536
    assert np.abs(tables.counts(scale, 0, offset)[:-1] - wanted).max() < 2 + 0.005 * wanted.max()


def test_every_table_is_complete():
    for scale in range(tables.SCALES):
        for shape in range(tables.SHAPES):
            for offset in range(9):
                counts = tables.counts(scale, shape, offset)
                assert counts.min() >= 1
                assert counts.sum() == 65536


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(-(2**63), 2**63 - 1)))
def test_varints_come_back(values):
    data = varint.pack_numbers(values)
    assert varint.unpack_numbers(data, 0)[0].tolist() == values
    if data:
        with pytest.raises(ValueError, match="cut off"):
            varint.unpack_numbers(data[:-1] + b"\x80", 0)


@pytest.mark.parametrize("seed", range(3))
def test_symbols_of_all_scales_come_back(seed):
    rng = np.random.default_rng(seed)
    scale = rng.integers(0, tables.CLASSES - 20, 4000)
    groups = coder.Grouping(scale, rng.integers(0, 5, 4000), rng.integers(-8, 8, 4000))
    errors = np.rint(rng.standard_t(2, 4000) * 2.0 ** (scale / 4 - 5)).astype(np.int64)
    writer = coder.SymbolWriter()
    writer.put(errors, groups)
    reader = coder.SymbolReader(writer.finish())
    assert np.array_equal(reader.get(groups), errors)
    reader.finish()


def test_neighbours_are_those_of_the_map():
    """Inside a map, each pair is v(y + dy, x + dx) + v(y - dy, x - dx)."""
    values = np.arange(32 * 32, dtype=float).reshape(1, 32, 32) ** 1.5 // 1
    for phase in phases.walk(values, np.zeros_like(values)):
        if phase.slot > 2:
            continue
        support = phases.SUPPORT[phase.slot]
        sums = phase.neighbours(support).reshape(len(support), *phase.shape)
        py, px = phases.PHASES[phase.number]
        for row, (dy, dx) in zip(sums, support):
            for i, j in ((6, 6), (7, 9)):
                y, x = 2 * i + py, 2 * j + px
                assert row[0, i, j] == values[0, y + dy, x + dx] + values[0, y - dy, x - dx]


def test_neighbours_that_stored_contexts_count_on():
    assert [len(support) for support in phases.SUPPORT] == [12, 22, 22, 6, 8, 14, 2, 6, 8, 2, 6, 8]


def test_symbols_that_were_cut_off():
    rng = np.random.default_rng(4)
    groups = grouping(60, rng, (0, 30))
    writer = coder.SymbolWriter()
    writer.put(rng.integers(-1, 2, 60), groups)
    data = writer.finish()
    for n in range(len(data)):
        with pytest.raises(ValueError, match="symbols"):
            reader = coder.SymbolReader(data[:n])
            reader.get(groups)
            reader.finish()
