"""Change the size of an image and keep its flux: every pixel is cut up by area.

A new pixel takes from each old one the share of it that it covers.  Along one axis
the shares are a matrix whose columns sum to 1, so the sum over the image stays, when
it shrinks and when it grows; the two axes are done one after the other.
"""

from functools import lru_cache

import numpy as np

from astroae.errors import SettingError

__all__ = ["overlaps", "resize", "resize_levels"]


@lru_cache(maxsize=64)
def overlaps(old, new):
    """Share of each old pixel that falls into each new one, along an axis.

    Parameters
    ----------
    old, new : int
        Pixels before and after.

    Returns
    -------
    ndarray (new, old) of float64, read-only
        Columns sum to 1.

    Examples
    --------
    >>> from astroae.pixels.resize import overlaps
    >>> overlaps(4, 2)
    array([[1., 1., 0., 0.],
           [0., 0., 1., 1.]])
    """
    # In units of 1 / (old * new) of the axis all edges are whole numbers: no rounding.
    new_edges, old_edges = np.arange(new + 1) * old, np.arange(old + 1) * new
    start = np.maximum(new_edges[:-1, None], old_edges[:-1])
    stop = np.minimum(new_edges[1:, None], old_edges[1:])
    shares = np.maximum(stop - start, 0) / new
    shares.setflags(write=False)
    return shares


def resize(image, shape):
    """The image with another number of pixels and the same total flux.

    Parameters
    ----------
    image : array_like (..., y, x)
        Flux per pixel.  An undefined pixel makes its whole row and column undefined:
        fill it first.
    shape : tuple of int
        New (height, width).

    Returns
    -------
    ndarray (..., height, width) of float64
        Its sum is the image's, to rounding.

    Raises
    ------
    SettingError
        A side below 1, or an image without pixels.

    Examples
    --------
    >>> import numpy as np
    >>> from astroae.pixels.resize import resize
    >>> resize(np.ones((3, 3)), (2, 2))
    array([[2.25, 2.25],
           [2.25, 2.25]])
    """
    image = np.asarray(image, np.float64)
    height, width = (int(n) for n in shape)
    if image.ndim < 2 or 0 in image.shape[-2:] or min(height, width) < 1:
        raise SettingError(
            "an image cannot be resized",
            where="resize",
            found=f"from {image.shape} to ({height}, {width}); both need two sides above 0",
            hint="give an image with pixels, and a height and a width of 1 or more",
        )
    if image.shape[-2:] == (height, width):
        return image.copy()
    rows, columns = overlaps(image.shape[-2], height), overlaps(image.shape[-1], width)
    return rows @ image @ columns.T


def resize_levels(image, shape):
    """Like `resize`, for gray levels: brightness per unit of area, not flux per pixel.

    A white picture stays white.  Level times area of a pixel is its flux, so the flux
    is kept here too.

    Examples
    --------
    >>> import numpy as np
    >>> from astroae.pixels.resize import resize_levels
    >>> resize_levels(np.full((3, 3), 255), (2, 2))
    array([[255., 255.],
           [255., 255.]])
    """
    image = np.asarray(image)
    changed = resize(image, shape)
    old, new = image.shape[-2] * image.shape[-1], changed.shape[-2] * changed.shape[-1]
    return changed * (new / old)
