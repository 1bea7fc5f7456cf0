"""``hdu.section``: parts of a compressed image, only the tiles decoded that they touch."""

import math

import numpy as np
from astropy.io.fits.hdu.compressed import CompImageSection
from astropy.utils.shapes import simplify_basic_index

__all__ = ["AESection"]

#: A block that was decoded is kept for the next request up to this size.
MAX_KEPT_BYTES = 2**26


class AESection(CompImageSection):
    """Basic numpy indexing on a compressed image, without loading all of it.

    It is a section to astropy, so that `~astropy.nddata.Cutout2D` takes it as it is.

    Values are physical ones, as in ``hdu.data``.  A request is widened to whole
    tiles, and the widened block is kept: reading an image row by row decodes
    each tile once.

    Parameters
    ----------
    hdu : AEImageHDU

    Examples
    --------
    >>> import numpy as np
    >>> from astroae.io.hdu import AEImageHDU
    >>> from astropy.io import fits
    >>> hdu = AEImageHDU.from_hdu(fits.ImageHDU(np.arange(12.0).reshape(3, 4)))
    >>> hdu.section[1, 1:3].tolist()
    [5.0, 6.0]
    """

    def __init__(self, hdu):
        self._hdu = hdu

    @property
    def shape(self):
        return self._hdu.shape

    @property
    def ndim(self):
        return len(self._hdu.shape)

    @property
    def dtype(self):
        return self._hdu._physical_dtype()

    def __getitem__(self, index):
        if self._hdu._data_loaded or not math.prod(self.shape) or not self.shape:
            return self._hdu.data[index]
        if index is Ellipsis:
            return self._hdu.decode()
        region, picks = _region(simplify_basic_index(index, shape=self.shape), self.shape)
        # The copy keeps scaling, which works in place, off the kept block.
        stored = np.array(self._stored(region)[picks])
        return self._hdu._to_physical(stored)

    def _stored(self, region):
        """Stored values of a region; slices of step 1 with start <= stop."""
        hdu = self._hdu
        encoded = hdu.encoded
        block = tuple(
            slice(r.start // t * t, min(-(-r.stop // t) * t, n))
            for r, t, n in zip(region, encoded.grid.tile_shape, encoded.shape, strict=True)
        )
        size = math.prod(b.stop - b.start for b in block) * encoded.dtype.itemsize
        if any(r.stop <= r.start for r in region) or size > MAX_KEPT_BYTES:
            return hdu._decode(region)
        kept_of, kept_block, kept = hdu._kept
        if kept_of is not encoded or not _contains(kept_block, region):
            kept_block, kept = block, hdu._decode(block)
            hdu._kept = (encoded, kept_block, kept)
        return kept[
            tuple(
                slice(r.start - b.start, r.stop - b.start)
                for r, b in zip(region, kept_block, strict=True)
            )
        ]


def _contains(block, region):
    return all(b.start <= r.start and r.stop <= b.stop for b, r in zip(block, region, strict=True))


def _region(index, shape):
    """Basic index -> the region it lies in, and the same index within that region."""
    region, picks = [], []
    for item, n in zip(index, shape, strict=True):
        if not isinstance(item, slice):
            region.append(slice(int(item), int(item) + 1))
            picks.append(0)
            continue
        chosen = range(*item.indices(n))
        if not len(chosen):
            region.append(slice(0, 0))
            picks.append(slice(0, 0))
            continue
        low, high = min(chosen[0], chosen[-1]), max(chosen[0], chosen[-1])
        region.append(slice(low, high + 1))
        picks.append(slice(None, None, chosen.step))
    return tuple(region), tuple(picks)
