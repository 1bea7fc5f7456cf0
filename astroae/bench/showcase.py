"""One image before and after: sizes, errors, photometry, bits per tile.

What the demo prints and draws; a compressed file is read here as any script
reads it, with `astropy.io.fits` after ``import astroae``.
"""

import gzip
import io
import warnings

import numpy as np
from astropy.io import fits

import astroae  # noqa: F401  (registers the HDU with astropy.io.fits)
from astroae.errors import InputError

__all__ = [
    "FirstImage",
    "compare_pixels",
    "compare_sources",
    "read_back",
    "rival_sizes",
    "tile_bits",
]


class FirstImage:
    """The first image of a file with at least two axes.

    Parameters
    ----------
    path : path-like

    Attributes
    ----------
    index, bitpix : int
        Number of its HDU, and BITPIX.
    stored, data : array
        All pixels, as stored and in physical units.
    pixels : array of float64, shape (ny, nx)
        The first plane: what is measured and drawn.
    raw : bytes
        Of its HDU.
    header_bytes : int
        How many of them are the header.

    Raises
    ------
    InputError
        Not FITS, or no such image.
    """

    def __init__(self, path):
        try:
            with fits.open(path, do_not_scale_image_data=True) as hdul:
                found = next((i for i, hdu in enumerate(hdul) if _has_plane(hdu)), None)
                count = len(hdul)
                if found is not None:
                    self._take(hdul[found])
        except OSError as exc:
            raise InputError("cannot be read as FITS", where=str(path), found=str(exc)) from exc
        if found is None:
            raise InputError(
                "no image to show",
                where=str(path),
                found=f"{count} HDUs, none an image of two axes or more",
                hint="give a file with an image",
            )
        self.index = found
        self.data = fits.getdata(path, found)
        self.pixels = _plane(self.data)

    def _take(self, hdu):
        self.bitpix, self.stored = hdu.header["BITPIX"], hdu.data
        info = hdu.fileinfo()
        info["file"].seek(info["hdrLoc"])
        self.raw = info["file"].read(info["datLoc"] + info["datSpan"] - info["hdrLoc"])
        self.header_bytes = info["datLoc"] - info["hdrLoc"]

    @property
    def bytes(self):
        """Size of its HDU."""
        return len(self.raw)


def _has_plane(hdu):
    return hdu.is_image and len(hdu.shape) >= 2 and min(hdu.shape) > 0


def _plane(data):
    return np.array(data.reshape(-1, *data.shape[-2:])[0], np.float64)


def rival_sizes(image, quantize_level=None):
    """Bytes of the image's HDU by codecs of the FITS standard and, lossless, gzip.

    Parameters
    ----------
    image : FirstImage
    quantize_level : float, optional
        Lossless by default.  Integers are not quantised by the standard.

    Returns
    -------
    dict of str to int
    """
    if quantize_level is None:
        codec = "RICE_1" if image.bitpix in (8, 16, 32) else "GZIP_2"
        sizes = {"gzip": len(gzip.compress(image.raw, 6))}
        return sizes | {codec: _tiled_size(image, codec, 0, -1)}
    return {} if image.bitpix > 0 else {"RICE_1": _tiled_size(image, "RICE_1", quantize_level, 1)}


def _tiled_size(image, codec, level, method):
    """Header as it is, and the table of tiles."""
    hdu = fits.CompImageHDU(
        image.stored, compression_type=codec, quantize_level=level, quantize_method=method
    )
    buffer = io.BytesIO()
    fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(buffer)
    buffer.seek(0)
    with fits.open(buffer, disable_image_compression=True) as hdul:
        return image.header_bytes + hdul[1].fileinfo()["datSpan"]


def read_back(path):
    """First plane and its bound, read as any script reads them.

    Returns
    -------
    pixels, bound : array of float64, shape (ny, nx)
        The bound is the largest error allowed, half a step; 0 where exact.
    """
    with fits.open(path) as hdul:
        hdu = next(hdu for hdu in hdul if _has_plane(hdu))
        # A uniform error up to half a step has a standard deviation of that over sqrt(3).
        bound = hdu.error_map * np.sqrt(3) if _is_coded(hdu) else np.zeros(hdu.shape)
        return _plane(hdu.data), _plane(bound)


def _is_coded(hdu):
    """False for an image that was kept as it was, since it would not get smaller."""
    return isinstance(hdu, astroae.AEImageHDU)


def compare_pixels(before, after, bound):
    """What happened to the pixels.

    Returns
    -------
    dict
        ``pixels`` and how many ``changed``; the ``largest`` error, and the largest
        ``over_bound``: at most 1 where the promise holds.
    """
    finite = np.isfinite(before)
    error = np.abs(after - before)[finite]
    # Half a unit in the last place is what storing the result costs at the very least.
    allowed = bound[finite] + np.spacing(np.abs(before[finite]).astype(np.float32))
    same = (before == after) | (np.isnan(before) & np.isnan(after))
    return {
        "pixels": before.size,
        "changed": int(before.size - same.sum()),
        "largest": float(error.max(initial=0)),
        "over_bound": float((error / allowed).max(initial=0)),
    }


def compare_sources(before, after):
    """Aperture photometry of all sources found before, the brightest first.

    Returns
    -------
    dict or None
        ``x``, ``y``, fluxes ``before`` and ``after``, the aperture's ``radius`` and
        the ``error`` that background noise alone gives a flux.  None: no sources.
    """
    from astropy.stats import sigma_clipped_stats
    from photutils.aperture import ApertureStats, CircularAnnulus, CircularAperture
    from photutils.segmentation import SourceCatalog, detect_sources

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # "no sources": said below, in our words
        filled = np.where(np.isfinite(before), before, np.nanmedian(before))
        _, sky, noise = sigma_clipped_stats(filled)
        found = detect_sources(filled - sky, 5 * noise, 7)
        if found is None:
            return None
        catalog = SourceCatalog(filled - sky, found)
        positions = np.transpose([catalog.x_centroid, catalog.y_centroid])
        radius = float(np.clip(2.5 * np.median(catalog.semimajor_axis.value), 2.5, 12))
        aperture = CircularAperture(positions, radius)
        ring = CircularAnnulus(positions, 2 * radius, 3 * radius)
        fluxes = []
        for image in (filled, np.where(np.isfinite(after), after, filled)):
            # Sources are masked, not clipped: clipping would jump from pixel to pixel.
            local = ApertureStats(image, ring, mask=found.data > 0).mean
            local = np.where(np.isfinite(local), local, sky)
            fluxes.append(aperture.do_photometry(image)[0] - local * aperture.area)
    order = np.argsort(-fluxes[0])
    table = {"x": positions[:, 0], "y": positions[:, 1], "before": fluxes[0], "after": fluxes[1]}
    return {
        "radius": radius,
        "error": float(noise * np.sqrt(aperture.area)),
        **{name: column[order] for name, column in table.items()},
    }


def tile_bits(path):
    """Bits per pixel of the first plane's tiles.

    Returns
    -------
    bits : array of float, shape (rows, columns)
    tile_shape : tuple of int
    """
    with fits.open(path) as hdul:
        hdu = next(hdu for hdu in hdul if _has_plane(hdu))
        if not _is_coded(hdu):
            return np.full((1, 1), float(abs(hdu.header["BITPIX"]))), hdu.shape[-2:]
        grid, streams = hdu.encoded.grid, hdu.encoded.streams
        tile_shape = hdu.tile_shape[-2:]
        rows, columns = (-(-n // t) for n, t in zip(hdu.shape[-2:], tile_shape, strict=True))
        bits = [8 * len(streams[i]) / np.prod(grid.tile_shape_of(i)) for i in range(rows * columns)]
        return np.reshape(bits, (rows, columns)), tile_shape
