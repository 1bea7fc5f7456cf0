"""Tables hold every figure of an image, and lies in them are found before they cost memory."""

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from astropy.io import fits
from astropy.io.fits import Header
from hypothesis import given
from hypothesis import strategies as st

from astroae.codec.image import decode_image, encode_image
from astroae.container import rows
from astroae.container.rows import HeapStreams, pack, read_layout, unpack
from astroae.container.structure import Structure
from astroae.errors import CorruptFileError
from astroae.settings import Settings, from_keywords

DTYPES = ["u1", "i2", "i4", "i8", "f4", "f8"]


def an_image(shape=(40, 50), dtype="i2", **keywords):
    rng = np.random.default_rng(1)
    data = rng.normal(100, 10, shape).astype(dtype)
    return data, encode_image(data, from_keywords(tile_shape=(16,) * len(shape), **keywords))


def structure_of(encoded):
    return Structure(encoded.shape, encoded.dtype, encoded.tile_shape, encoded.settings)


class Table:
    """A packed image as bytes, which a test may damage before it is read."""

    def __init__(self, encoded):
        packed = pack(encoded)
        self.header = Header.fromstring("".join(packed.cards))
        self.data = bytearray(b"".join(packed.pieces))
        self.structure = structure_of(encoded)

    def rows(self):
        layout = read_layout(self.header)
        return np.frombuffer(self.data, layout.dtype, layout.n_rows)

    def read(self):
        layout = read_layout(self.header)

        def read_heap(offset, n):
            start = layout.heap_start + offset
            return bytes(self.data[start : start + n])

        return unpack(self.structure, layout, bytes(self.data[: layout.rows_size]), read_heap)


def check_same(found, encoded):
    for name in ("shape", "dtype", "tile_shape", "settings", "blank", "shared"):
        assert getattr(found, name) == getattr(encoded, name), name
    assert found.tiles.tobytes() == encoded.tiles.tobytes()
    assert list(found.streams) == [bytes(stream) for stream in encoded.streams]


@pytest.mark.parametrize("dtype", DTYPES)
def test_round_trip(dtype):
    data, encoded = an_image(dtype=dtype)
    found = Table(encoded).read()
    check_same(found, encoded)
    np.testing.assert_array_equal(decode_image(found), data)


@pytest.mark.parametrize("shape", [(7,), (40, 50), (3, 20, 20), (2, 2, 9, 9), (1, 2, 1, 5, 5)])
def test_round_trip_of_any_number_of_axes(shape):
    data, encoded = an_image(shape, "f4", error_bound=0.25)
    check_same(Table(encoded).read(), encoded)


@given(st.binary(max_size=50), st.lists(st.binary(max_size=20), min_size=4, max_size=4))
def test_any_record_and_streams_round_trip(record, streams):
    _, encoded = an_image((32, 32))
    encoded = replace(encoded, shared=record, streams=streams)
    check_same(Table(encoded).read(), encoded)


def test_no_pixels():
    packed = pack(None)
    header = Header.fromstring("".join(packed.cards))
    assert (header["NAXIS2"], header["PCOUNT"]) == (0, 0)
    nothing = Structure((), np.dtype("u1"), (), Settings())
    assert unpack(nothing, read_layout(header), b"", None) is None


def test_plain_astropy_reads_the_columns():
    _, encoded = an_image()
    packed = pack(encoded)
    text = "".join(packed.cards).encode()
    block = (text + b"END").ljust(-(-(len(text) + 3) // 2880) * 2880)
    data = b"".join(packed.pieces)
    table = fits.BinTableHDU.fromstring(block + data.ljust(-(-len(data) // 2880) * 2880, b"\0"))
    table._uint = True
    assert table.columns.names[:3] == ["STREAM", "METHOD", "CRC_S"]
    np.testing.assert_array_equal(table.data["CRC_S"], encoded.tiles["CRC_S"])
    np.testing.assert_array_equal(table.data["SIGMA"], encoded.tiles["SIGMA"])
    assert table.data["STREAM"][3].tobytes() == bytes(encoded.streams[3])


def test_heap_above_two_gigabytes_takes_wide_descriptors(monkeypatch):
    monkeypatch.setattr(rows, "MAX_NARROW_HEAP", 100)
    _, encoded = an_image()
    table = Table(encoded)
    assert table.header["TFORM1"].startswith("1QB(")
    check_same(table.read(), encoded)


def test_record_is_read_from_its_copy():
    _, encoded = an_image()
    encoded = replace(encoded, shared=b"the record of the image")
    table = Table(encoded)
    at = table.data.index(b"the record")
    table.data[at] ^= 1
    assert table.read().shared == encoded.shared
    at = table.data.index(b"the record")
    table.data[at] ^= 1
    with pytest.raises(CorruptFileError, match="record"):
        table.read()


@pytest.mark.parametrize("n, offset", [(-1, 0), (5, -3), (2**31 - 1, 0), (1, 2**31 - 1)])
def test_stream_outside_the_heap_names_its_tile(n, offset):
    _, encoded = an_image()
    table = Table(encoded)
    table.rows()["STREAM"][2] = n, offset
    found = table.read()
    assert found.streams[1] == bytes(encoded.streams[1])
    with pytest.raises(CorruptFileError, match="tile 2"):
        found.streams[2]


def test_wide_descriptor_that_would_overflow():
    with pytest.raises(CorruptFileError):
        HeapStreams(np.array([[2**63 - 1, 2**63 - 1]]), 100, None)[0]


@pytest.mark.parametrize(
    "keyword, value",
    [
        ("NAXIS2", 10**12),
        ("NAXIS2", 3),
        ("NAXIS2", -1),
        ("NAXIS1", 56),
        ("NAXIS1", "x"),
        ("PCOUNT", -5),
        ("THEAP", 1),
        ("THEAP", 10**12),
        ("TFIELDS", 10),
        ("TFIELDS", 10**9),
        ("TFORM1", "1PE(3)"),
        ("TFORM2", "1J"),
        ("TFORM5", "D D"),
        ("TFORM11", "99999999999A"),
        ("TTYPE3", "NONE"),
        ("TTYPE3", "CRC_P"),
    ],
)
def test_hostile_table(keyword, value):
    _, encoded = an_image()
    table = Table(encoded)
    table.header[keyword] = value
    tracemalloc.start()
    with pytest.raises(CorruptFileError):
        table.read()
    assert tracemalloc.get_traced_memory()[1] < 1e6
    tracemalloc.stop()


def test_unknown_column_is_passed_over():
    """A file may hold columns of its own, as LATENT will be."""
    _, encoded = an_image()
    packed = pack(encoded)
    wide = np.dtype(packed.rows.dtype.descr + [("LATENT", ">f4", 8)])
    table = np.zeros(len(packed.rows), wide)
    for name in packed.rows.dtype.names:
        table[name] = packed.rows[name]
    header = Header.fromstring("".join(packed.cards))
    header["NAXIS1"], header["TFIELDS"] = wide.itemsize, header["TFIELDS"] + 1
    header["TTYPE12"], header["TFORM12"] = "LATENT", "8E"
    layout = read_layout(header)
    heap = b"".join(packed.heap)
    found = unpack(structure_of(encoded), layout, table.tobytes(), lambda o, n: heap[o : o + n])
    check_same(found, encoded)
