"""One map per latent over a large image, on its own WCS."""

from dataclasses import dataclass

import numpy as np
from astropy.io import fits
from astropy.wcs import Sip

from astroae.errors import UnsupportedDataError
from astroae.explore.coding import channel_names, encode, latent_vector, model_cards
from astroae.explore.stamps import LEAST_DEFINED, starts

__all__ = ["LatentMaps", "grid_wcs", "latent_maps"]


@dataclass(frozen=True)
class LatentMaps:
    """Latents of overlapping or adjoining stamps of one image.

    Attributes
    ----------
    values : ndarray (K, rows, columns) of float64
        NaN where less than half of a stamp is defined, or it is constant.
    names : list of str
        Of the latents.
    first : tuple of float
        (y, x) of the middle of the first stamp, in pixels from 0.
    side, stride : int
    plane : astroae.explore.stamps.Plane
    """

    values: np.ndarray
    names: list
    first: tuple
    side: int
    stride: int
    plane: object

    @property
    def wcs(self):
        """Of the maps, or None."""
        if self.plane.wcs is None:
            return None
        return grid_wcs(self.plane.wcs, self.first, self.stride)

    def to_hdus(self, model):
        """One image HDU per latent.

        Parameters
        ----------
        model : astroae.nets.modelfile.Model

        Returns
        -------
        astropy.io.fits.HDUList
            The primary HDU says of which file and model.
        """
        primary = fits.PrimaryHDU()
        primary.header["ORIGFILE"] = self.plane.file.rpartition("/")[2][-60:], "image"
        primary.header["ORIGHDU"] = self.plane.hdu, "its HDU, counted from 0"
        primary.header["ORIGPLAN"] = self.plane.plane, "its plane, counted from 0"
        primary.header.update(model_cards(model))
        primary.header["TILESIDE"] = self.side, "[pix] side of a stamp"
        primary.header["STRIDE"] = self.stride, "[pix] from stamp to stamp"
        header = fits.Header() if self.wcs is None else self.wcs.to_header(relax=True)
        images = [
            fits.ImageHDU(values.astype(np.float32), header, name=name.upper())
            for name, values in zip(self.names, self.values, strict=True)
        ]
        return fits.HDUList([primary, *images])


def latent_maps(model, plane, *, side=None, stride=None, progress=None):
    """Latents of stamps all over an image.

    Parameters
    ----------
    model : astroae.nets.modelfile.Model
    plane : astroae.explore.stamps.Plane
    side : int, optional
        Of the stamps; by default the model's, or 64.
    stride : int, optional
        From stamp to stamp; by default half a side.
    progress : callable, optional
        Called with (done, total).

    Returns
    -------
    LatentMaps

    Raises
    ------
    UnsupportedDataError
        An image smaller than a stamp.
    """
    side = side or model.network.side or 64
    stride = stride or max(1, side // 2)
    if min(plane.values.shape) < side:
        raise UnsupportedDataError(
            "no maps of an image smaller than a stamp",
            where=f"{plane.file}[{plane.hdu}]",
            found=f"{' x '.join(map(str, plane.values.shape))} pixels, stamps of {side}",
            hint="ask for smaller stamps (--side)",
        )
    tops, lefts = (starts(n, side, stride) for n in plane.values.shape)
    names = channel_names(model)
    values = np.full((len(names), len(tops), len(lefts)), np.nan)
    for done, (row, column) in enumerate(np.ndindex(values.shape[1:]), 1):
        top, left = tops[row], lefts[column]
        stamp = plane.values[top : top + side, left : left + side]
        good = np.isfinite(stamp)
        if good.mean() >= LEAST_DEFINED and np.ptp(stamp[good]) > 0:
            values[:, row, column] = latent_vector(model, encode(model, stamp).crossing)
        if progress is not None:
            progress(done, values[0].size)
    first = tuple(float(start[0] + (side - 1) / 2) for start in (tops, lefts))
    return LatentMaps(values, names, first, side, stride, plane)


def grid_wcs(wcs, first, stride):
    """WCS of every ``stride``-th pixel of an image.

    Parameters
    ----------
    wcs : astropy.wcs.WCS
        Of two axes.
    first : tuple of float
        (y, x) of the first in pixels from 0.
    stride : int

    Returns
    -------
    astropy.wcs.WCS
        The same sky at the same places, SIP distortion included.  Distortion by lookup
        tables, rarely more than a pixel, is left out.

    Examples
    --------
    >>> from astropy.wcs import WCS
    >>> from astroae.explore.maps import grid_wcs
    >>> wcs = WCS(naxis=2)
    >>> grid_wcs(wcs, first=(4.5, 4.5), stride=10).wcs_pix2world(2, 0, 0)
    [array(25.5), array(5.5)]
    """
    grid = wcs.deepcopy()
    offset = np.array(first[::-1]) + 1  # pixel 1 of the grid, as FITS counts
    grid.wcs.crpix = (wcs.wcs.crpix - offset) / stride + 1
    if wcs.wcs.has_cd():
        grid.wcs.cd = wcs.wcs.cd * stride
    else:
        grid.wcs.cdelt = wcs.wcs.cdelt * stride
    grid.sip = _scaled_sip(wcs.sip, stride, grid.wcs.crpix)
    grid.cpdis1 = grid.cpdis2 = grid.det2im1 = grid.det2im2 = None
    grid.wcs.set()
    return grid


def _scaled_sip(sip, stride, crpix):
    """Distortions are polynomials of pixels, in pixels: u^p v^q scales by stride^(p+q-1)."""
    if sip is None:
        return None

    def scaled(matrix):
        if matrix is None:
            return None
        power = np.add.outer(*(np.arange(n) for n in matrix.shape)) - 1.0
        return matrix * stride**power

    return Sip(*(scaled(matrix) for matrix in (sip.a, sip.b, sip.ap, sip.bp)), crpix)
