"""What integers are coded with: the smaller wins, and bytes that no encoder wrote are refused."""

import bz2

import numpy as np
import pytest

from astroae.codec import methods
from astroae.codec.image import decode_image, encode_image
from astroae.settings import from_keywords

CHAIN = np.array([7, 3000, 7, 120, 7, 41, 7, 2999, 7, 500, 7, 41, 7, 120])


def chains(shape=(1, 64, 128), seed=1):
    """Values tell what follows, but for one in thirty; some need the one before too."""
    rng, size = np.random.default_rng(seed), np.prod(shape)
    place = np.cumsum(np.where(rng.random(size) < 1 / 30, rng.integers(1, 5, size), 1))
    return CHAIN[place % len(CHAIN)].reshape(shape)


def decode(made, shape, levels=None):
    return methods.decode(made[0], made[1], shape, None, None, levels, np.int64)


@pytest.mark.parametrize("levels", [None, np.array([-4, 7, 41, 120, 500, 2999, 3000, 2**40])])
def test_chains_are_sorted(levels):
    k = chains()
    made = methods.encode(k, None, None, levels)
    assert made[0] == methods.BZIP2
    assert np.array_equal(decode(made, k.shape, levels), k)
    encoded = encode_image(k[0].astype("i4"), from_keywords())
    assert set(encoded.tile_methods) == {"bzip2"}
    assert np.array_equal(decode_image(encoded), k[0])


def test_masked_pixels_count_nothing():
    k, valid = chains(), np.ones((1, 64, 128), bool)
    valid[0, 3, 5:9] = False
    made = methods.encode(np.where(valid, k, 10**9), valid, None)
    assert made[0] == methods.BZIP2
    assert np.array_equal(decode(made, k.shape)[valid], k[valid])


@pytest.mark.parametrize("sigma", [0.4, 0.7, 1, 3, 50])
def test_noise_is_not(sigma):
    k = np.rint(np.random.default_rng(2).normal(0, sigma, (1, 128, 128))).astype(np.int32)
    assert methods.encode(k, None, None)[0] == methods.CORE


def test_bytes_that_make_no_sense():
    k = chains()
    number, data = methods.encode(k, None, None)
    short, rest = data[:-3], data + b"x"
    longer = data[:1] + bz2.compress(bytes(3 * k.size))
    for bad in (b"", b"\x08", data[:1], short, rest, longer, bytes([data[0] + 4]) + data[1:]):
        with pytest.raises(ValueError, match="sorted|unpacked|levels"):
            decode((number, bad), k.shape)
    with pytest.raises(ValueError, match="METHOD 3"):
        decode((3, data), k.shape)
    listed = methods.encode(k, None, None, np.unique(k))[1]
    with pytest.raises(ValueError, match="levels"):
        decode((number, listed), k.shape, np.unique(k)[:-1])
