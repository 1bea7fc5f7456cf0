"""The image record comes back bit for bit, whatever the grid of a source holds."""

import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from astroae.codec.record import ImageRecord
from astroae.errors import CorruptFileError
from astroae.pixels.grids import SourceGrid
from astroae.pixels.noise import FACTORS
from astroae.varint import pack_numbers

FIELDS = ("scale", "zero", "exact")


def grid_of(scale, zero, exact=None):
    scale, zero = np.array(scale, float), np.array(zero, float)
    exact = np.zeros(len(scale), bool) if exact is None else np.array(exact)
    return SourceGrid((1, 70), scale, zero, exact, 1, 77, -2147483647)


def check(grid, centre=0.0):
    """Of scales and zeros every bit, whatever the formula that made them."""
    found = ImageRecord.unpack(ImageRecord(None, grid, centre).pack())
    for name in FIELDS:
        assert getattr(found.source, name).tobytes() == getattr(grid, name).tobytes(), name
    assert found.source == grid or np.isnan(grid.scale).any() or np.isnan(grid.zero).any()
    assert found.centre == centre


def usual(n, seed):
    """Scales and zeros as CFITSIO makes them."""
    rng = np.random.default_rng(seed)
    scale = rng.random(n).astype("f4").astype(float) * np.array(FACTORS)[rng.integers(0, 3, n)] / 4
    return scale, rng.integers(-(2**31), 2**31, n) * scale


@pytest.mark.parametrize("seed", range(3))
def test_grids_of_cfitsio(seed):
    check(grid_of(*usual(50, seed)), 12.5)


@pytest.mark.parametrize("ulps", [1, -1])
@pytest.mark.parametrize("name", ["scale", "zero"])
def test_one_tile_that_is_an_ulp_beside_the_formula(name, ulps):
    for place in (0, 7, 49):
        parts = dict(zip(("scale", "zero"), usual(50, 4)))
        parts[name].view("i8")[place] += ulps
        check(grid_of(**parts))


doubles = st.floats(width=64)


@given(
    st.lists(st.tuples(doubles, doubles, st.booleans()), min_size=1, max_size=20), st.integers(0, 9)
)
def test_any_grid(tiles, seed):
    scale, zero, exact = (np.array(column) for column in zip(*tiles))
    check(grid_of(scale, zero, exact))
    among = usual(30, seed)  # a few odd ones among those of the formula
    scale, zero = np.append(among[0], scale), np.append(among[1], zero)
    check(grid_of(scale, zero, np.append(np.ones(30, bool), exact)))


@given(st.sets(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=60))
def test_any_levels(levels):
    listed = np.array(sorted(levels), np.int64)
    assert np.array_equal(ImageRecord.unpack(ImageRecord(levels=listed).pack()).levels, listed)


def sealed(plain):
    body = pack_numbers([len(plain)]) + zlib.compress(plain, 9)
    return body + zlib.crc32(body).to_bytes(4, "little")


def test_a_small_record_does_not_fill_the_memory():
    """Deflated twice over, a kilobyte is a gigabyte: nothing is unpacked beyond what may be."""
    levels = pack_numbers([10**7, 0]) + b"\2" * 10**7
    with pytest.raises(CorruptFileError, match="claims 10000"):
        ImageRecord.unpack(sealed(levels), 10_000)
    levels = pack_numbers([10**6, 0]) + b"\2" * 10**6
    with pytest.raises(CorruptFileError, match="do not add up"):
        ImageRecord.unpack(sealed(levels), 10**6)
    tiles = ImageRecord(None, grid_of(np.ones(5000), np.zeros(5000))).pack()
    assert len(ImageRecord.unpack(tiles, 5000).source.scale) == 5000
    with pytest.raises(CorruptFileError, match="out of range"):
        ImageRecord.unpack(tiles, 4999)
