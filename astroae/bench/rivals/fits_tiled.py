"""The tile coders of the FITS standard, as CFITSIO's code in astropy does them.

Tiles are the standard's defaults: rows for RICE_1 and GZIP_2, 16 rows for
HCOMPRESS_1 (without loss, scale 0).  Levels of up to 16 bits are coded as 16-bit
integers, which is kinder to RICE than the 32 bits that CFITSIO gives quantised
floats.  Rows and heap count; the header does not, nor would the 16 bytes a row
of ZSCALE and ZZERO, since all levels share one step.
"""

import io

import numpy as np
from astropy.io import fits


class TiledFITS:
    exact = True

    def __init__(self, name):
        self.name = name

    def missing(self):
        return ""

    def refuses(self, scene):
        return "more than 31 bits" if scene.bits > 31 else ""

    def encode(self, scene):
        kind, base = (np.int16, 1 << 15) if scene.bits <= 16 else (np.int32, 0)
        stored = (scene.levels - base).astype(kind)
        options = {"hcomp_scale": 0} if self.name == "HCOMPRESS_1" else {}
        hdu = fits.CompImageHDU(stored, compression_type=self.name, **options)
        out = io.BytesIO()
        fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(out)
        return out.getvalue()

    def size(self, coded):
        with fits.open(io.BytesIO(coded), disable_image_compression=True) as hdus:
            header = hdus[1].header
            return header["NAXIS1"] * header["NAXIS2"] + header["PCOUNT"]

    def decode(self, coded, scene):
        base = 1 << 15 if scene.bits <= 16 else 0
        with fits.open(io.BytesIO(coded)) as hdus:
            return hdus[1].data.astype(np.int64) + base


RIVALS = [TiledFITS("RICE_1"), TiledFITS("HCOMPRESS_1"), TiledFITS("GZIP_2")]
