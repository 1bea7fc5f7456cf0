"""Masks of bad pixels, where somebody asked for one."""

import numpy as np

from astroae.errors import InputError

__all__ = ["bad_pixels"]


def bad_pixels(mask, image, key, images, notes):
    """Bad pixels of a plane: the image's own, and those of the mask that was asked for.

    Parameters
    ----------
    mask : array of bool, int or str
        Not 0: bad.  Or the HDU that says so.
    image : `~astroae.validation.pairing.Image`
    key : tuple of int or Ellipsis
        Of the plane.
    images : list of Image
        Of the same file.
    notes : list of str
        Is told where an HDU does not fit this image.

    Returns
    -------
    array of bool (y, x) or None

    Raises
    ------
    InputError
        An array that does not fit, or no such HDU.
    """
    own = image.masked(key)
    named = isinstance(mask, (int, str))
    values = _of_hdu(mask, image, images) if named else mask
    asked = image.plane_of(values, key)
    if asked is None and not named:
        raise InputError(
            "the mask is of another shape",
            where=f"mask of {image.label}",
            found=f"{np.shape(values)}, the image is {image.shape}",
            hint="give a mask of the image's shape, or choose one image with hdu",
        )
    if asked is None:
        notes.append(f"{image.label}: the mask {mask} is of another shape, not used")
        return own
    return asked if own is None else asked | own


def _of_hdu(mask, image, images):
    called = [each for each in images if each.is_called(mask)]
    if not called:
        raise InputError(
            "no such mask in the original",
            where=f"{image.file}, mask",
            found=f"got {mask!r}, there are {', '.join(each.label for each in images)}",
            hint="give the EXTNAME or the number of an image HDU",
        )
    same = [each for each in called if each.version == image.version]
    return (same or called)[0].all_pixels()
