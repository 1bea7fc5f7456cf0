"""JPEG 2000, lossless (reversible 5/3 wavelet), through imagecodecs (OpenJPEG)."""

import numpy as np

from astroae.bench.rivals._protocol import missing_module

MAX_BITS = 26  # what OpenJPEG's 32-bit wavelet leaves


class Jpeg2000:
    name = "JPEG 2000"
    exact = True

    def missing(self):
        return missing_module("imagecodecs")

    def refuses(self, scene):
        return f"more than {MAX_BITS} bits" if scene.bits > MAX_BITS else ""

    def encode(self, scene):
        import imagecodecs

        height, width = scene.levels.shape
        return imagecodecs.jpeg2k_encode(
            scene.smallest(),
            level=0,
            reversible=True,
            codecformat="j2k",
            bitspersample=scene.bits,
            # Halving an axis below one pixel is refused by OpenJPEG.
            resolutions=min(6, max(1, min(height, width).bit_length())),
        )

    def size(self, coded):
        return len(coded)

    def decode(self, coded, scene):
        import imagecodecs

        return imagecodecs.jpeg2k_decode(coded).reshape(scene.levels.shape).astype(np.int64)


RIVALS = [Jpeg2000()]
