"""Flips, rotations by 90 degrees and cut-outs: no pixel is interpolated."""

import numpy as np

from astroae.errors import SettingError

__all__ = ["cut", "turn"]


def turn(image, which):
    """One of the eight symmetries of a square.

    Parameters
    ----------
    image : ndarray (..., y, x)
        Where it is not square, the quarter turns become half turns, so that stamps of
        a batch keep their shape.
    which : int
        0 to 7: bits 0 and 1 count quarter turns, bit 2 flips left and right.

    Returns
    -------
    ndarray, contiguous

    Examples
    --------
    >>> import numpy as np
    >>> from astroae.train.data.augment import turn
    >>> turn(np.array([[1, 2], [3, 4]]), 5)
    array([[4, 2],
           [3, 1]])
    """
    quarters = which & 3
    if image.shape[-1] != image.shape[-2]:
        quarters = 2 * (quarters & 1)
    turned = np.rot90(image, quarters, axes=(-2, -1))
    return np.ascontiguousarray(turned[..., ::-1] if which & 4 else turned)


def cut(image, side, number):
    """A square cut-out at a place that a number picks.

    Parameters
    ----------
    image : ndarray (..., y, x)
    side : int
    number : int
        Any, 0 or above; best one with many random bits.

    Raises
    ------
    SettingError
        The image is smaller than ``side``.

    Examples
    --------
    >>> import numpy as np
    >>> from astroae.train.data.augment import cut
    >>> cut(np.arange(12).reshape(3, 4), 2, 5)
    array([[ 6,  7],
           [10, 11]])
    """
    rows, columns = image.shape[-2] - side + 1, image.shape[-1] - side + 1
    if min(rows, columns) < 1:
        raise SettingError(
            "a cut-out is larger than its image",
            where="crop",
            found=f"{side} pixels a side of {image.shape[-2]} x {image.shape[-1]}",
            hint="train on larger images, or with a smaller crop",
        )
    y, x = number // columns % rows, number % columns
    return image[..., y : y + side, x : x + side]
