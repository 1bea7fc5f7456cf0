"""JPEG XL, lossless, modular mode; through imagecodecs (libjxl).

libjxl's interface takes integers of up to 16 bits.  Floats are not tried: it
codes them without loss, which answers another question.
"""

import numpy as np

from astroae.bench.rivals._protocol import missing_module


class JpegXL:
    exact = True

    def __init__(self, effort):
        self.name, self.effort = f"JPEG XL e{effort}", effort

    def missing(self):
        return missing_module("imagecodecs")

    def refuses(self, scene):
        return "more than 16 bits" if scene.bits > 16 else ""

    def encode(self, scene):
        import imagecodecs

        return imagecodecs.jpegxl_encode(scene.smallest(), lossless=True, effort=self.effort)

    def size(self, coded):
        return len(coded)

    def decode(self, coded, scene):
        import imagecodecs

        return imagecodecs.jpegxl_decode(coded).reshape(scene.levels.shape).astype(np.int64)


RIVALS = [JpegXL(3), JpegXL(7), JpegXL(9)]
