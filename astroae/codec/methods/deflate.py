"""Integers byte-shuffled and deflated, as GZIP_2 does it."""

import zlib

import numpy as np

from astroae.codec.methods import raw
from astroae.pixels.levels import shuffle, unshuffle
from astroae.pixels.nulls import inflate

CODE = 2
NAME = "deflate"


def encode(k, valid, units, predictor, level=6):
    """See the package's protocol."""
    plain = raw.encode(k, valid, units, predictor)
    width = (len(plain) - 1) // k.size
    numbers = np.frombuffer(plain, f"<i{width}", offset=1)
    return plain[:1] + zlib.compress(shuffle(numbers), level)


def decode(data, shape, valid, units, predictor):
    """See the package's protocol."""
    if not data or data[0] > 3:
        raise ValueError("deflated integers have no valid type")
    width, n = 1 << data[0], int(np.prod(shape))
    numbers = unshuffle(inflate(data[1:], width * n), f"<i{width}")
    plain = data[:1] + numbers.tobytes()
    return raw.decode(plain, shape, valid, units, predictor)
