"""Where the sources of an image are, and how well each is seen."""

from dataclasses import dataclass, fields, replace

import numpy as np

from astroae.validation.extras import needed
from astroae.validation.stamps import centroids, cut, disk_any

__all__ = [
    "APERTURE",
    "BAD",
    "BLENDED",
    "EDGE",
    "SATURATED",
    "THRESHOLD",
    "Sources",
    "errors_of",
    "find_sources",
    "half_width",
    "nearest",
    "noise_at",
    "peaks",
]

#: Flags of a source; those up to EDGE keep it out of every statistic.
BAD, SATURATED, EDGE, BLENDED = 1, 2, 4, 8
THRESHOLD = 5.0  # sigma
APERTURE = 1.25  # FWHM: radius of the fluxes
_NEAR = 2.5  # FWHM to the next source, below which it is blended
_SHARP = 30  # percentile of the widths: galaxies are wider than the PSF
_PSF_STARS = 200


@dataclass(frozen=True)
class Sources:
    """Sources of an image, one entry each, the brightest first.

    Attributes
    ----------
    x, y : array (n,)
        Windowed centroids, pixels from 0.
    snr : array (n,)
        Of the matched filter.
    flux, flux_err : array (n,)
        In an aperture of 1.25 FWHM, in the image's unit, and its error: sky noise, and
        the source's own where the gain is known.
    mag : array (n,)
        With the zero point, else instrumental (-2.5 log10 flux); NaN where flux <= 0.
    flags : array of int (n,)
        Sum of BAD, SATURATED, EDGE, BLENDED.
    """

    x: np.ndarray
    y: np.ndarray
    snr: np.ndarray
    flux: np.ndarray
    flux_err: np.ndarray
    mag: np.ndarray
    flags: np.ndarray

    def __len__(self):
        return len(self.x)

    def __getitem__(self, chosen):
        return replace(self, **{f.name: getattr(self, f.name)[chosen] for f in fields(self)})

    @property
    def clean(self):
        """Those without bad or saturated pixels, off the edge."""
        return self[(self.flags & (BAD | SATURATED | EDGE)) == 0]

    @property
    def isolated(self):
        """Those of them without a neighbour."""
        return self[self.flags == 0]

    def stratified(self, most, seed=1):
        """At most so many, as evenly as may be over the magnitudes.

        Parameters
        ----------
        most : int
        seed : int
            Of the choice.
        """
        if len(self) <= most:
            return self
        rank = np.random.default_rng(seed).permutation(len(self))
        bins = np.digitize(self.snr, np.geomspace(5, 5000, 25))
        order = np.lexsort((rank, bins))
        place = np.empty(len(self), int)
        place[order] = np.arange(len(self)) - np.searchsorted(bins[order], bins[order])
        return self[np.sort(np.lexsort((rank, place))[:most])]


def peaks(significance, threshold, radius):
    """Local maxima above a threshold, the highest first.

    Parameters
    ----------
    significance : array (y, x)
    threshold : float
    radius : int
        No higher pixel within so many, along either axis.

    Returns
    -------
    x, y : array of int (n,)
    snr : array (n,)
    """
    size = 2 * radius + 1
    highest = needed("scipy.ndimage").maximum_filter(significance, size, mode="nearest")
    y, x = np.nonzero((significance == highest) & (significance > threshold))
    snr = significance[y, x]
    order = np.argsort(-snr, kind="stable")
    return x[order], y[order], snr[order].astype(float)


def find_sources(original):
    """Sources of at least 5 sigma in the matched-filtered image.

    Parameters
    ----------
    original : `~astroae.validation.original.Original`

    Returns
    -------
    Sources
    """
    if original.noise <= 0:
        return Sources(*(np.zeros(0) for _ in range(6)), flags=np.zeros(0, int))
    fwhm = original.fwhm
    px, py, snr = original.peaks
    x, y = centroids(original.signal, px, py, fwhm)
    lost = np.hypot(x - px, y - py) > fwhm
    x, y = np.where(lost, px, x), np.where(lost, py, y)
    radius = APERTURE * fwhm
    flux = aperture_sums(original.signal, x, y, radius)
    flags = _flags(original, x, y, radius)
    return Sources(
        x,
        y,
        snr,
        flux,
        flux_errors(original, x, y, radius, flux),
        magnitudes(original, flux),
        flags,
    )


def aperture_sums(image, x, y, radius):
    """Sums within circles, with exact overlaps: photutils.

    Parameters
    ----------
    image : array (y, x)
        Without NaN.
    x, y : array (n,)
    radius : float
        Pixels.
    """
    if not len(x):
        return np.zeros(0)
    aperture = needed("photutils.aperture").CircularAperture(np.column_stack([x, y]), radius)
    return np.asarray(aperture.do_photometry(image)[0], float)


def flux_errors(original, x, y, radius, flux):
    """Errors of aperture sums: sky noise, and the source's photons where the gain is known."""
    return errors_of(original, np.pi * radius**2 * noise_at(original, x, y) ** 2, flux)


def noise_at(original, x, y):
    """Noise of the pixel nearest to each place."""
    return original.sigma[nearest(original.shape, x, y)]


def nearest(shape, x, y):
    """Row and column of the pixel nearest to each place."""
    places = zip((y, x), shape)
    return tuple(np.clip(np.rint(at).astype(int), 0, length - 1) for at, length in places)


def pixel_errors(original):
    """Errors of the pixels: sky noise, and a source's photons where the gain is known."""
    return errors_of(original, original.sigma**2, original.signal)


def errors_of(original, variance, flux):
    """Errors from the sky's variance, and the photons' where the gain is known."""
    if original.gain:
        variance = variance + np.maximum(flux, 0) / original.gain
    return np.sqrt(variance)


def magnitudes(original, flux):
    """Magnitudes with the zero point, if there is one, else instrumental ones."""
    with np.errstate(divide="ignore", invalid="ignore"):
        mag = np.where(flux > 0, -2.5 * np.log10(np.where(flux > 0, flux, 1)), np.nan)
    return mag + (original.zero_point or 0.0)


def _flags(original, x, y, radius):
    ny, nx = original.shape
    flags = np.zeros(len(x), int)
    flags[disk_any(original.bad, x, y, radius)] |= BAD
    flags[disk_any(original.saturated, x, y, radius)] |= SATURATED
    room = 2 * original.fwhm
    flags[(x < room) | (y < room) | (x > nx - 1 - room) | (y > ny - 1 - room)] |= EDGE
    if len(x) > 1:
        tree = needed("scipy.spatial").cKDTree(np.column_stack([x, y]))
        nearest = tree.query(np.column_stack([x, y]), k=2)[0][:, 1]
        flags[nearest < _NEAR * original.fwhm] |= BLENDED
    return flags


def half_width(original, x, y, snr, default):
    """FWHM from the areas above half of the peaks, 30th percentile of the bright sources.

    Parameters
    ----------
    original : Original
    x, y : array of int (n,)
        Peaks, the brightest first.
    snr : array (n,)
    default : float
        Where fewer than 3 sources serve.

    Returns
    -------
    float
        Pixels, 1 to 15.
    """
    spoilt = disk_any(original.bad | original.saturated, x, y, 3.0)
    x, y = x[~spoilt][:_PSF_STARS], y[~spoilt][:_PSF_STARS]
    if len(x) < 3:
        return default
    stamps = cut(original.signal, x, y, 10)
    peak = stamps[:, 9:12, 9:12].max((1, 2))
    above = stamps > peak[:, None, None] / 2
    label = needed("scipy.ndimage").label
    widths = []
    for one in above:
        labels, _ = label(one)
        area = (labels == labels[10, 10]).sum() if labels[10, 10] else 0
        widths.append(2 * np.sqrt(area / np.pi))
    widths = np.array(widths)[np.array(widths) > 0]
    return float(np.clip(np.percentile(widths, _SHARP), 1.0, 15.0)) if len(widths) > 2 else default
