"""The compiled core: integer planes <-> bytes, symbols <-> bytes, kernels of pixels, in C.

A leaf: it knows arrays and nothing of the package.  ``FORMAT.rst`` describes the bytes,
`astroae.entropy.reference` decodes them in plain Python.
"""

from astroae.core.planes import CorruptPlaneError, decode_plane, encode_plane

__all__ = ["CorruptPlaneError", "decode_plane", "encode_plane"]
