"""The dither and the FITS formula against astropy's own, which is CFITSIO's."""

import numpy as np
import pytest
from astropy.io.fits.hdu.compressed._quantization import Quantize

from astroae.pixels.dither import COUNT, dither_values, sequence
from astroae.pixels.grids import ZERO_MARKER, dequantize


def test_sequence_ends_as_the_standard_says():
    # FITS standard 4.0, appendix I: the 10 000th seed is 1043618065.
    assert len(sequence()) == COUNT
    assert sequence()[-1] == np.float32(1_043_618_065 / 2_147_483_647)


def slowly(tile, seed, n):
    """CFITSIO's loop, pixel by pixel."""
    start = (tile + seed - 1) % COUNT
    place, values = int(sequence()[start] * 500), []
    for _ in range(n):
        values.append(sequence()[place])
        place += 1
        if place == COUNT:
            start = (start + 1) % COUNT
            place = int(sequence()[start] * 500)
    return np.array(values)


@pytest.mark.parametrize(
    ("tile", "seed", "n"), [(0, 1, 5), (3, 9_999, 25_000), (12_345, 10_000, 10_000)]
)
def test_values_are_those_of_a_loop(tile, seed, n):
    assert np.array_equal(dither_values(tile, seed, n), slowly(tile, seed, n))


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("method", [1, 2])
def test_formula_is_astropys(dtype, method):
    k = np.random.default_rng(1).integers(-10_000, 10_000, 30_000).astype(np.int32)
    tile, seed, scale, zero = 7, 4_321, 0.37, 812.5
    theirs = Quantize(
        row=tile + seed, dither_method=method, quantize_level=4, bitpix=-8 * int(dtype[1])
    ).decode_quantized(k, scale, zero)
    ours = dequantize(k, scale, zero, dither_values(tile, seed, k.size).astype(float), dtype)
    # A fused multiply-add, where the C compiler chose one, may move the last bit.
    off = np.abs(ours - np.asarray(theirs)) / np.spacing(np.abs(ours))
    assert off.max() <= 1
    assert (off > 0).mean() < 0.01


def test_zero_marker_is_the_standards():
    zeros = np.full(10, ZERO_MARKER, np.int32)
    quantize = Quantize(row=1, dither_method=2, quantize_level=4, bitpix=-32)
    assert not np.asarray(quantize.decode_quantized(zeros, 0.5, 3.0)).any()
