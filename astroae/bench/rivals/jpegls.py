"""JPEG-LS, lossless, through imagecodecs (CharLS)."""

import numpy as np

from astroae.bench.rivals._protocol import missing_module


class JpegLS:
    name = "JPEG-LS"
    exact = True

    def missing(self):
        return missing_module("imagecodecs")

    def refuses(self, scene):
        return "more than 16 bits" if scene.bits > 16 else ""

    def encode(self, scene):
        import imagecodecs

        return imagecodecs.jpegls_encode(scene.smallest(), level=0)

    def size(self, coded):
        return len(coded)

    def decode(self, coded, scene):
        import imagecodecs

        return imagecodecs.jpegls_decode(coded).reshape(scene.levels.shape).astype(np.int64)


RIVALS = [JpegLS()]
