"""Coders of scientific floats with an absolute bound: SZ3 and ZFP, through imagecodecs.

They get the pixels in units of the step and the bound 0.5, so they promise what
the others promise.  There is nothing for them to do where the image is coded as
its integers.
"""

import numpy as np

from astroae.bench.rivals._protocol import missing_module


class BoundedFloats:
    exact = False
    bound = 0.5

    def __init__(self, name, encode, decode):
        self.name, self._encode, self._decode = name, encode, decode

    def missing(self):
        return missing_module("imagecodecs")

    def refuses(self, scene):
        return "coded as its integers" if scene.scaled is None else ""

    def encode(self, scene):
        import imagecodecs

        return bytes(self._encode(imagecodecs, np.ascontiguousarray(scene.scaled), self.bound))

    def size(self, coded):
        return len(coded)

    def decode(self, coded, scene):
        import imagecodecs

        return np.asarray(self._decode(imagecodecs, coded, scene.scaled))


RIVALS = [
    BoundedFloats(
        "SZ3",
        lambda codecs, data, bound: codecs.sz3_encode(data, mode="abs", abs=bound),
        lambda codecs, coded, like: codecs.sz3_decode(coded, like.shape, like.dtype),
    ),
    BoundedFloats(
        "ZFP",
        lambda codecs, data, bound: codecs.zfp_encode(data, bound, mode="a"),
        lambda codecs, coded, like: codecs.zfp_decode(coded),
    ),
]
