"""What was promised of pixels, checked without the codec's own code.

Steps are read from the compressed file as the plain table that it is; whether a
step is as small as was asked for is judged by this module's own noise estimate.
"""

import io
import itertools

import numpy as np
from astropy.io import fits

__all__ = ["broken_promises", "table_of_tiles", "tile_noise", "tile_slices"]

#: A step may exceed noise / q by this much: the encoder measures float32 images in float32.
NOISE_SLACK = 1e-3
#: Factors of the median absolute difference of 2nd, 3rd and 5th order to a standard deviation.
_DIFFERENCES = (
    ((1, 0, -1), 1.0483579),
    ((-1, 0, 2, 0, -1), 0.6052697),
    ((1, 0, -4, 0, 6, 0, -4, 0, 1), 0.1772048),
)


def table_of_tiles(content, index):
    """Rows and header of a compressed image, by plain astropy.

    Parameters
    ----------
    content : bytes
        Of the compressed file.
    index : int
        Number of the HDU in it.
    """
    with fits.open(io.BytesIO(content), disable_image_compression=True) as hdus:
        hdu = hdus[index]
        names = ("METHOD", "SCALE", "MAXERR")
        return {name: np.array(hdu.data[name]) for name in names}, hdu.header.copy()


def tile_slices(header):
    """Slices of every tile in C order, from AENAXISn and AETILEn."""
    axes = range(header["AENAXIS"], 0, -1)
    shape = [header[f"AENAXIS{i}"] for i in axes]
    tile = [header[f"AETILE{i}"] for i in axes]
    spans = [
        [slice(a, min(a + t, n)) for a in range(0, n, t)] for n, t in zip(shape, tile, strict=True)
    ]
    return itertools.product(*spans)


def tile_noise(values):
    """Noise along x: the smallest of three medians of differences; 0 where there is none.

    Undefined pixels are left out with every difference that meets them.
    """
    found = []
    for weights, factor in _DIFFERENCES:
        n = values.shape[-1] - len(weights) + 1
        if n < 1:
            continue
        parts = [w * values[..., i : i + n] for i, w in enumerate(weights) if w]
        size = np.abs(sum(parts))
        size = size[np.isfinite(size)]
        found.append((_upper_median(size) or _upper_median(size[size > 0])) * factor)
    return min((sigma for sigma in found if sigma > 0), default=0.0)


def _upper_median(values):
    return float(np.sort(values)[values.size // 2]) if values.size else 0.0


def broken_promises(original, decoded, blank, rows, header):
    """What does not hold of one image.

    Parameters
    ----------
    original, decoded : ndarray
        Stored values, before BSCALE and BZERO.
    blank : int or None
    rows, header
        From `table_of_tiles`.

    Returns
    -------
    list of str
        Empty where everything holds.
    """
    if original.shape != decoded.shape or original.dtype != decoded.dtype:
        return [f"shape or type: {original.shape} {original.dtype}, got {decoded.shape}"]
    mode = header["AEMODE"]
    if mode == "lossless":
        return [] if original.tobytes() == decoded.tobytes() else ["lossless, but bits differ"]
    defined = _defined(original, blank)
    problems = []
    if not np.array_equal(_bits(original)[~defined], _bits(decoded)[~defined]):
        problems.append("an undefined pixel (NaN, inf, BLANK) changed")
    if not _defined(decoded, blank)[defined].all():
        problems.append("a pixel with a value became undefined")
    if problems:
        return problems
    if mode == "relative":
        return _relative(original[defined], decoded[defined], header["AERELERR"])
    return _bounded(original, decoded, defined, rows, header)


def _defined(values, blank):
    if values.dtype.kind == "f":
        return np.isfinite(values)
    return np.ones(values.shape, bool) if blank is None else values != blank


def _bits(values):
    return np.ascontiguousarray(values).view(f"u{values.dtype.itemsize}")


def _relative(original, decoded, bound):
    wide = np.float64 if original.dtype.kind == "f" else np.int64
    original, decoded = original.astype(wide), decoded.astype(wide)
    problems = []
    if (np.sign(original) != np.sign(decoded)).any():
        problems.append("a zero or a sign was not kept")
    allowed = bound * np.abs(original) * (1 + 1e-6)
    over = np.abs(decoded - original) > allowed
    return problems + ([f"{over.sum()} pixels beyond the relative bound"] if over.any() else [])


def _bounded(original, decoded, defined, rows, header):
    whole = original.dtype.kind != "f"
    beyond, coarse = 0, 0
    for place, scale in zip(tile_slices(header), rows["SCALE"], strict=True):
        good = defined[place]
        a, b = original[place], decoded[place]
        beyond += _beyond(a[good], b[good], scale, whole)
        coarse += scale > 0 and scale > _allowed_step(a, good, header, whole)
    problems = [f"{beyond} pixels beyond half a step"] if beyond else []
    return problems + ([f"{coarse} tiles with a step above what was asked"] if coarse else [])


def _beyond(original, decoded, scale, whole):
    """Number of pixels further off than half a step, plus half an ulp of the decoded value."""
    if scale == 0:
        return int((_bits(original) != _bits(decoded)).sum())
    if whole:
        wide = original.astype(object) if original.dtype.itemsize == 8 else original.astype("i8")
        error = np.abs(decoded.astype(wide.dtype) - wide)
        return int((error > (int(scale) - 1) // 2).sum())
    # float64 holds the difference of two float32 exactly enough, that of two float64 not always.
    wide = np.longdouble if original.dtype.itemsize == 8 else np.float64
    error = np.abs(decoded.astype(wide) - original.astype(wide))
    allowed = scale / 2 + np.spacing(np.abs(decoded)).astype(wide) / 2
    return int((error > allowed).sum())


def _allowed_step(values, good, header, whole):
    """The promised bound as a step: 2 E, and for integers 2 floor(E) + 1."""
    if "AEERRBND" in header:
        bound = header["AEERRBND"] / abs(header.get("AEBSCALE", 1.0))
    else:
        noise = tile_noise(np.where(good, values, np.nan).astype(float))
        bound = noise / header["AEQLEVEL"] / 2 * (1 + NOISE_SLACK)
    return 2 * np.floor(bound) + 1 if whole else 2 * bound
