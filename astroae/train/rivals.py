"""Pictures through other coders, at given bytes or to given likeness.

Each coder gives bytes for a picture in [0, 1] and a knob; bytes are counted less those
of a constant picture of 8 x 8 pixels, container and tables, so that no header weighs on
small stamps.  Through imagecodecs, but for the codec of this package.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from astroae.errors import MissingDependencyError

__all__ = ["CODERS", "Coded", "at_bytes", "at_likeness"]

_BLOCK = 8  # pixels
_TRIALS = 9  # of the knob: 1 in 500 of its range


@dataclass(frozen=True)
class Coded:
    """A picture that was coded and decoded: float32 array in [0, 1], and its bytes."""

    image: np.ndarray
    bytes: int


class _Jpeg:
    """8 bits; quality 1 to 100."""

    name = "JPEG"
    finest, coarsest = 100.0, 1.0
    bits = 8

    def encode(self, levels, knob):
        return _imagecodecs().jpeg8_encode(levels, level=round(knob))

    def decode(self, data):
        return _imagecodecs().jpeg8_decode(data)


class _Jpeg2000(_Jpeg):
    """Irreversible wavelet of the coder, by PSNR in dB."""

    name = "JPEG 2000"
    finest, coarsest = 90.0, 12.0
    bits = 16

    def encode(self, levels, knob):
        return _imagecodecs().jpeg2k_encode(levels, level=knob, reversible=False, codecformat="j2k")

    def decode(self, data):
        return _imagecodecs().jpeg2k_decode(data)


class _JpegXL(_Jpeg):
    """Distance in just noticeable differences, effort 7."""

    name = "JPEG XL"
    finest, coarsest = 0.02, 25.0
    bits = 16

    def encode(self, levels, knob):
        return _imagecodecs().jpegxl_encode(levels, distance=float(knob), lossless=False, effort=7)

    def decode(self, data):
        return _imagecodecs().jpegxl_decode(data)


class _Codec:
    """This package, ``error_bound`` without dither; bytes of the streams and the record."""

    name = "astroae"
    finest, coarsest = 2e-5, 0.5

    def code(self, picture, knob):
        from astroae.codec.image import decode_image, encode_image
        from astroae.settings import from_keywords

        planes = np.ascontiguousarray(np.moveaxis(picture, -1, 0) if picture.ndim == 3 else picture)
        settings = from_keywords(error_bound=float(knob), dither=0)
        encoded = encode_image(planes.astype(np.float32), settings, threads=1)
        size = sum(len(encoded.streams[i]) for i in range(len(encoded.tiles))) + len(encoded.shared)
        image = np.clip(decode_image(encoded, threads=1), 0, 1)
        return Coded(np.moveaxis(image, 0, -1) if picture.ndim == 3 else image, size)


def _code(coder, picture, knob):
    if hasattr(coder, "code"):
        return coder.code(picture, knob)
    top = (1 << coder.bits) - 1
    levels = np.rint(np.clip(picture, 0, 1) * top)
    levels = np.ascontiguousarray(levels, f"u{coder.bits // 8}")
    data = coder.encode(levels, knob)
    image = np.asarray(coder.decode(data)).reshape(levels.shape).astype(np.float32) / top
    return Coded(image, max(len(data) - _header(coder, picture.shape[2:]), 0))


@lru_cache(maxsize=16)
def _header(coder, channels):
    """Bytes of container and tables: of one constant block at the coarsest setting.

    Not of a constant picture of the stamp's own size: in JPEG each block of it costs six
    bits, which are the picture's, 430 bytes for a stamp of 187 x 187.
    """
    levels = np.full((_BLOCK, _BLOCK, *channels), 1 << coder.bits - 1, f"u{coder.bits // 8}")
    return len(coder.encode(levels, coder.coarsest))


CODERS = {coder.name: coder for coder in (_Jpeg(), _Jpeg2000(), _JpegXL(), _Codec())}


def at_bytes(name, picture, most):
    """The best that a coder does within so many bytes.

    Parameters
    ----------
    name : str
        Of `CODERS`.
    picture : ndarray (y, x) or (y, x, 3)
        In [0, 1].
    most : int

    Returns
    -------
    Coded or None
        None where even its coarsest setting takes more.
    """
    return _search(CODERS[name], picture, lambda coded: coded.bytes <= most, finest=True)


def at_likeness(name, picture, enough):
    """The fewest bytes with which a coder is good enough.

    Parameters
    ----------
    name : str
    picture : ndarray (y, x) or (y, x, 3)
    enough : callable
        Of the decoded picture; true up to some setting and false beyond.

    Returns
    -------
    Coded or None
        None where its finest setting does not reach it.
    """
    return _search(CODERS[name], picture, lambda coded: enough(coded.image), finest=False)


def _search(coder, picture, good, finest):
    """Bisect the knob, by its logarithm; the last good setting seen from the good end."""
    ends = np.log([coder.finest, coder.coarsest])
    inside, outside = ends[::-1] if finest else ends
    best = _code(coder, picture, np.exp(inside))
    if not good(best):
        return None
    for _ in range(_TRIALS):
        middle = (inside + outside) / 2
        coded = _code(coder, picture, np.exp(middle))
        if good(coded):
            inside, best = middle, coded
        else:
            outside = middle
    return best


def _imagecodecs():
    try:
        import imagecodecs
    except ImportError as exc:
        raise MissingDependencyError(
            "other coders are reached through imagecodecs",
            where="imagecodecs",
            found=str(exc),
            hint="pip install astroae[train]",
        ) from exc
    return imagecodecs
