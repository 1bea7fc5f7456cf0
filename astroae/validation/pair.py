"""An original and one restored version of it: what every metric is handed."""

from functools import cached_property

import numpy as np

from astroae.errors import InputError
from astroae.validation.original import usable
from astroae.validation.sources import aperture_sums

__all__ = ["Pair", "check_shapes"]


class Pair:
    """Original and restored image, with what several metrics share.

    Parameters
    ----------
    original : `~astroae.validation.original.Original`
    restored : array (y, x)
        Physical values.
    bound : float or array (y, x), optional
        Largest error that was promised for every pixel, where one was.
    role : {"image", "exact", "relative"}
        Picture, mask, or weights and errors.
    codec : callable, optional
        ``codec(array) -> array``: compresses and restores another image of the same
        kind in the same way.

    Attributes
    ----------
    dtypes : (dtype, dtype)
        Of the values as they were given.

    Raises
    ------
    InputError
        Of another shape.
    """

    def __init__(self, original, restored, *, bound=None, role="image", codec=None):
        restored = np.asarray(restored)
        self.dtypes = original.dtype, restored.dtype.newbyteorder("=")
        restored = restored.astype(np.float64, copy=False)
        check_shapes(original.shape, restored.shape, original.name)
        self.original, self.restored = original, restored
        self.bound, self.role, self.codec = bound, role, codec

    @cached_property
    def difference(self):
        """Restored less original, 0 at the original's bad pixels; NaN where restored is."""
        return np.where(self.original.bad, 0.0, self.restored - self._plain)

    @property
    def _plain(self):
        return np.where(self.original.bad, 0.0, self.original.data)

    @cached_property
    def lost(self):
        """Good pixels of the original that are NaN, infinite or beyond measure in the restored."""
        return self.original.good & ~usable(self.restored)

    @cached_property
    def change(self):
        """`difference` with 0 for lost pixels: what sums are made of."""
        return np.where(self.lost, 0.0, self.difference)

    @property
    def pixels(self):
        """The restored image by itself, NaN where either image has no value."""
        return np.where(self.original.bad | self.lost, np.nan, self.restored)

    @cached_property
    def signal(self):
        """Restored image less the original's background; 0 at bad and lost pixels."""
        return self.original.signal + self.change

    @cached_property
    def significance(self):
        """Significance map of the restored image, by the original's ruler."""
        return self.original.significance(self._plain + self.change)

    def aperture_changes(self, sources, radius):
        """Restored less original flux of each source, in the image's unit.

        Parameters
        ----------
        sources : `~astroae.validation.sources.Sources`
        radius : float
            Pixels.
        """
        return aperture_sums(self.change, sources.x, sources.y, radius)


def check_shapes(original, restored, name):
    """Refuse two images of different shapes."""
    if restored != original:
        raise InputError(
            "the two images differ in shape",
            where=name or "restored",
            found=f"{restored}, expected {original}",
            hint="compare an image with its own restored version",
        )
