"""What is kept of a frozen file: hashes of its bytes, of its pixels, of the file it gives back."""

import hashlib
import re
import zlib

import numpy as np
from astropy.io import fits

import astroae
from astroae.codec.forms import Form
from astroae.io.spans import scan
from astroae.io.whole import coded_hdus
from astroae.varint import unpack_numbers

__all__ = ["comparable", "describe", "machine", "sha256"]

_CREATOR = re.compile(rb"(AECREATR= ).{70}")


def sha256(content):
    """SHA-256 of bytes, hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def comparable(content):
    """A file without the version of the program that wrote it."""
    return _CREATOR.sub(rb"\1" + b" " * 70, content)


def describe(path, folder):
    """Hashes and contents of a compressed file.

    Parameters
    ----------
    path : pathlib.Path
    folder : pathlib.Path
        For the file that it gives back.
    """
    hdus = coded_hdus(path, scan(path), path)
    back = folder / "back.fits"
    fpack = any(hdu.was_fpacked for hdu in hdus.values())
    astroae.decompress(path, back, fpack=fpack, overwrite=True)
    content = path.read_bytes()
    return {
        "bytes": len(content),
        "sha256": sha256(content),
        "decompressed": sha256(back.read_bytes()),
        "images": {f"{i} {hdu.span.name}": _image(path, i, hdu) for i, hdu in hdus.items()},
    }


def _image(path, index, hdu):
    with fits.open(path, do_not_scale_image_data=True) as hdus:
        pixels = np.array(hdus[index].data)
    encoded = hdu.encoded
    forms = {Form(int(unpack_numbers(s, 0, count=1)[0][0])).name for s in encoded.streams}
    return {
        "type": pixels.dtype.str[1:],
        "shape": list(pixels.shape),
        "mode": hdu.structure.settings.mode.name,
        "forms": sorted(forms),
        "methods": sorted(set(encoded.tile_methods)),
        "pixels": sha256(pixels.astype(pixels.dtype.newbyteorder(">")).tobytes()),
    }


def machine():
    """A hash of what an encoder's choices may hang on: deflate, and floating-point libraries.

    Decoding hangs on neither.  Another zlib packs to other bytes, and another BLAS or
    vector unit may round a weight to the other side.
    """
    noise = np.random.PCG64(1).random_raw(4096)
    packed = [zlib.compress((noise % 7).astype("u1").tobytes(), level) for level in (1, 6, 9)]
    x = (noise % 1000 + 1).astype(float).reshape(64, 64)
    gram = x @ x.T + 1e6 * np.eye(64)
    found = [np.linalg.solve(gram, x[0]), np.log2(x), np.exp2(-x / 100), x.std(0), x.sum(0), gram]
    return sha256(b"".join(packed) + b"".join(part.tobytes() for part in found))
