"""Move an image by a fraction of a pixel, as stacking pipelines do.

Interpolation mixes neighbours, so the noise that comes out is correlated: what
most coadds in archives look like to a compressor.
"""

import numpy as np

__all__ = ["shift_image"]

LOBES = 3  # Lanczos-3, the usual choice of stacking programs


def shift_image(image, dy, dx):
    """The image sampled at ``(y + dy, x + dx)``; its sources move by the opposite.

    Parameters
    ----------
    image : array of float, shape (ny, nx)
    dy, dx : float
        Pixels, from -0.5 to 0.5.

    Returns
    -------
    array of float, shape (ny, nx)

    Examples
    --------
    >>> import numpy as np
    >>> from astroae.simulate import shift_image
    >>> noise = np.random.default_rng(1).normal(size=(200, 200))
    >>> moved = shift_image(noise, 0.5, 0.5)
    >>> bool(np.mean(moved[:, 1:] * moved[:, :-1]) > 0.1)
    True
    """
    for name, value in (("dy", dy), ("dx", dx)):
        if not -0.5 <= value <= 0.5:
            raise ValueError(f"{name} must be from -0.5 to 0.5 pixels; got {value!r}")
    return _along(_along(image, dy, 0), dx, 1)


def _along(image, shift, axis):
    taps = np.arange(1 - LOBES, LOBES + 1)
    if shift < 0:
        taps = taps - 1
    offsets = taps - shift
    weights = np.sinc(offsets) * np.sinc(offsets / LOBES) * (np.abs(offsets) < LOBES)
    weights /= weights.sum()
    width = [(LOBES, LOBES) if a == axis else (0, 0) for a in range(image.ndim)]
    padded = np.pad(image, width, mode="symmetric")
    length = image.shape[axis]
    out = np.zeros(image.shape, np.result_type(image, np.float32))
    for tap, weight in zip(taps, weights, strict=True):
        part = [slice(None)] * image.ndim
        part[axis] = slice(LOBES + tap, LOBES + tap + length)
        out += weight.astype(out.dtype) * padded[tuple(part)]
    return out
