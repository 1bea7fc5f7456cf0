"""pytest plugin: puts `AEImageHDU` where astropy's own tests expect one of its classes.

Loaded with ``-p astroae.tests.upstream_proxy`` in the subprocess of `test_upstream`;
the environment variable names the class that is replaced.
"""

import os

from astropy.io import fits

from astroae.io.hdu import AEImageHDU

VARIABLE = "ASTROAE_UPSTREAM_CLASS"
#: Keywords of CompImageHDU that choose among CFITSIO's codecs.
OF_CFITSIO = ("compression_type", "hcomp_scale", "hcomp_smooth", "quantize_level")
OF_CFITSIO += ("quantize_method", "dither_seed", "bintable")


class _Proxy(type):
    """Calls give a lossless AEImageHDU; objects of the replaced class still count."""

    def __call__(cls, *args, **keywords):
        kept = {k: v for k, v in keywords.items() if k not in OF_CFITSIO}
        if not kept.get("tile_shape", True):
            del kept["tile_shape"]
        return AEImageHDU(*args, **kept)

    def __instancecheck__(cls, hdu):
        return isinstance(hdu, cls.replaced)


def pytest_configure(config):
    name = os.environ[VARIABLE]
    setattr(fits, name, _Proxy(name, (AEImageHDU,), {"replaced": getattr(fits, name)}))
