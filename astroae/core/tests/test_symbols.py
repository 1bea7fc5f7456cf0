"""Symbols: what goes in comes out, from core and reference alike; other bytes are refused."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from astroae.core import _core
from astroae.core.symbols import Decoder, Encoder
from astroae.entropy import reference


def edges_of(weights):
    """Edges of a table with frequencies like these weights, each at least 1."""
    weights = np.asarray(weights, float)
    inner = np.floor(np.cumsum(weights) / weights.sum() * (65536 - len(weights))).astype(int)
    edges = np.append(0, inner + np.arange(1, len(weights) + 1))
    edges[-1] = 65536
    return edges.astype(np.uint32)


def draw(rng, edges, n):
    return np.searchsorted(edges, rng.integers(0, 65536, n), side="right") - 1


def encode(puts):
    encoder = Encoder()
    for table, values in puts:
        put = encoder.put_bits if isinstance(table, int) else encoder.put
        put(values, table)
    return encoder.finish()


def get(decoder, table, n, plain=False):
    if isinstance(table, int):
        return decoder.get_bits(table, n)
    return decoder.get(np.diff(table.astype(int)).tolist() if plain else table, n)


def decode(data, puts):
    """By the core and by the reference, which must agree also on what is damaged."""
    core, plain, same = None, None, True
    try:
        core, plain = Decoder(data), reference.Symbols(data)
    except ValueError:
        with pytest.raises(reference.Corrupt):
            reference.Symbols(data)
        return None
    found = []
    for table, values in puts:
        found.append(get(core, table, len(values)))
        same &= found[-1].tolist() == list(get(plain, table, len(values), plain=True))
    assert same
    try:
        plain.finish()
    except reference.Corrupt:
        with pytest.raises(ValueError, match="damaged"):
            core.finish()
        return None
    core.finish()
    return found


def check(puts):
    data = encode(puts)
    for back, (_, values) in zip(decode(data, puts), puts):
        assert np.array_equal(back, values)
    return data


def many(seed=0, n=300):
    """Skewed, flat, rare and raw ones."""
    rng = np.random.default_rng(seed)
    tables = [edges_of(w) for w in ([1e6, 1], np.ones(243), np.exp(-np.arange(40)), [0, 0, 1])]
    puts = [(table, draw(rng, table, n)) for table in tables]
    puts.append((tables[0], np.ones(9, int)))  # each of a frequency of 1
    return puts + [(bits, rng.integers(0, 1 << bits, n // 5)) for bits in (1, 13, 16, 17, 40)]


def test_core_and_reference_agree():
    check(many())


@given(
    st.lists(
        st.tuples(
            st.lists(st.integers(0, 1000), min_size=2, max_size=20).filter(any),
            st.lists(st.integers(0, 2**40), max_size=12),
        ),
        max_size=5,
    )
)
def test_any_symbols_come_back(parts):
    check([(edges_of(w), np.array(v, int) % len(w)) for w, v in parts])


@given(st.integers(1, 62), st.lists(st.integers(0, 2**62 - 1)))
def test_any_bits_come_back(n, values):
    check([(n, np.array(values, int) % (1 << n))])


def test_nothing_takes_three_bytes():
    assert len(check([])) == len(check([(5, np.empty(0, int))])) == 3


@pytest.mark.parametrize("share", [0.5, 0.99, 0.9999])
def test_symbols_cost_their_entropy(share):
    edges = edges_of([share, 1 - share])
    symbols = draw(np.random.default_rng(1), edges, 200_000)
    bits = (16 - np.log2(np.diff(edges.astype(float))))[symbols].sum()
    encoder = Encoder()
    encoder.put(symbols, edges)
    assert len(encoder.finish()) * 8 < 1.0002 * bits + 24


def test_what_was_cut_off_or_added_is_told():
    puts = many(2, 60)
    data = encode(puts)
    for n in range(len(data)):
        assert decode(data[:n], puts) is None
    for more in (b"\0", b"\1", b"\0\1\0\0"):
        assert decode(data + more, puts) is None
        assert decode(more + data, puts) is None
    assert decode(data, puts[:-1]) is None
    assert decode(data, [*puts, puts[-1]]) is None


def test_mutated_bytes_end_alike_in_core_and_reference():
    """Refused, or other symbols: there is one list of bytes for each list of symbols."""
    rng = np.random.default_rng(3)
    puts = many(3, 40)
    data = encode(puts)
    refused = 0
    for _ in range(300):
        bad = bytearray(data)
        bad[rng.integers(len(bad))] ^= 1 << rng.integers(8)
        found = decode(bytes(bad), puts)
        refused += found is None
        assert found is None or encode((t, v) for (t, _), v in zip(puts, found)) == bad
    assert 100 < refused < 300


def test_tables_that_are_none():
    source = _core.SymbolSource(encode([]))
    for edges in ([0, 65535], [1, 65536], [65536], []):
        with pytest.raises(ValueError, match="edges"):
            source.take(np.array(edges, np.uint32), np.empty(1, np.int64))
    for bits in (0, 17, -1):
        with pytest.raises(ValueError, match="16 bits"):
            source.take_raw(bits, np.empty(1, np.int64))


def test_symbols_without_an_interval():
    for start, freq in ((0, 0), (65535, 2)):
        with pytest.raises(ValueError, match="frequency"):
            _core.put_symbols(np.array([start], np.uint16), np.array([freq], np.uint16))
    with pytest.raises(ValueError, match="fit"):
        _core.put_symbols(np.zeros(2, np.uint16), np.ones(1, np.uint16))
