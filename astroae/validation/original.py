"""An image before compression, and what is measured of it once.

However many restored versions follow, background, noise, PSF and sources are those of
the original: both images are measured with the same ruler, and the differences are
those of compression alone.
"""

from functools import cached_property

import numpy as np
from astropy import units as u
from astropy.stats import mad_std
from astropy.wcs import WCS

from astroae.io.spans import quiet_headers
from astroae.pixels.noise import noise_sigma
from astroae.validation.about import (
    GAINS,
    SATURATIONS,
    ZERO_POINTS,
    asked_unit,
    check_numbers,
    number_of,
    unit_of,
)
from astroae.validation.extras import needed
from astroae.validation.scene import describe
from astroae.validation.sky import measure_sky
from astroae.validation.sources import THRESHOLD, find_sources, half_width, peaks
from astroae.validation.stamps import FWHM

__all__ = ["Original", "usable"]
__doctest_requires__ = {"Original": ["photutils"]}

_FIRST_FWHM = 2.5
_LARGEST = 1e140
_SUM_OF_SQUARES = 4 * np.pi  # of a Gaussian of unit sum and width s: 1 / (this s^2)


class Original:
    """Original image with its measurements, each made when first asked for.

    Parameters
    ----------
    data : array (y, x)
        Physical values; NaN and inf are bad pixels.
    mask : array of bool (y, x), optional
        True: bad.
    header : `~astropy.io.fits.Header`, optional
        For WCS, BUNIT, gain, saturation and zero point.
    wcs : `~astropy.wcs.WCS`, optional
        By default from the header.
    unit : `~astropy.units.Unit`, optional
        By default BUNIT.
    zero_point, gain, saturation : float, optional
        By default from the header, where they are; electrons per unit of the image.
    name : str
        For messages and reports.
    max_sources : int
        Most sources for what is slow per source.

    Raises
    ------
    SettingError
        No unit, a gain that is not above 0, or another number that makes no sense.

    Examples
    --------
    >>> from astroae.simulate import FieldSettings, make_field
    >>> from astroae.validation.original import Original
    >>> field = make_field(FieldSettings(shape=(256, 256)))
    >>> original = Original(field.image, header=field.header)
    >>> 15 < original.noise < 22, len(original.sources) > 50
    (True, True)
    """

    def __init__(
        self,
        data,
        *,
        mask=None,
        header=None,
        wcs=None,
        unit=None,
        zero_point=None,
        gain=None,
        saturation=None,
        name="",
        max_sources=5000,
    ):
        check_numbers(zero_point, gain, saturation, max_sources)
        self.data = np.asarray(data, np.float64)
        self.dtype = np.asarray(data).dtype
        self.header = {} if header is None else header
        self.name, self.max_sources = name, max_sources
        self.unit = unit_of(self.header) if unit is None else asked_unit(unit)
        self.zero_point = number_of(self.header, ZERO_POINTS) if zero_point is None else zero_point
        self.saturation = number_of(self.header, SATURATIONS) if saturation is None else saturation
        self.gain = self._gain() if gain is None else gain
        self.bad = ~usable(self.data)
        if mask is not None:
            self.bad |= np.asarray(mask, bool)
        self.good = ~self.bad
        self._wcs, self._kept = wcs, {}

    def keep(self, key, measure):
        """What ``measure()`` gave when it was first asked for under this key.

        For metrics: what belongs to the original alone is measured once.
        """
        if key not in self._kept:
            self._kept[key] = measure()
        return self._kept[key]

    @property
    def shape(self):
        """(ny, nx)."""
        return self.data.shape

    @property
    def pixels(self):
        """The data with NaN for bad pixels: what the image says by itself."""
        return np.where(self.bad, np.nan, self.data)

    def _gain(self):
        """Electrons per unit; None where the header does not say."""
        if self.unit in (u.electron, u.photon):
            return 1.0
        if self.unit == u.ct:  # of a CCD: a unit of its converter
            return number_of(self.header, GAINS) or 1.0
        return number_of(self.header, GAINS) if self.unit in (u.adu, u.DN) else None

    @cached_property
    def wcs(self):
        """A celestial WCS, or None: then nothing is told in mas."""
        found = self._wcs
        if found is None:
            try:
                with quiet_headers():
                    found = WCS(self.header, naxis=2) if len(self.header) else None
            except Exception:  # wcslib refuses headers in many ways; all mean: no WCS
                return None
        return found if found is not None and found.has_celestial else None

    @cached_property
    def pixel_mas(self):
        """Side of a pixel in milliarcseconds, or None without a celestial WCS."""
        if self.wcs is None:
            return None
        area = np.abs(np.linalg.det(self.wcs.celestial.pixel_scale_matrix))
        return float(np.sqrt(area) * 3.6e6) if np.isfinite(area) and area > 0 else None

    # ---- sky and noise ---------------------------------------------------------------

    @cached_property
    def saturated(self):
        """Pixels at or above the saturation level."""
        if self.saturation is None:
            return np.zeros(self.shape, bool)
        return np.where(self.bad, -np.inf, self.data) >= self.saturation

    @cached_property
    def is_counts(self):
        """Few photons a pixel: whole numbers from 0, half of them below 20."""
        values = self.data[self.good]
        return bool(
            values.size
            and values.min() >= 0
            and np.median(values) < 20
            and np.array_equal(values, np.rint(values))
            and values.max() > max(1, values.min())
        )

    @cached_property
    def sky(self):
        """`~astroae.validation.sky.Sky` of the original."""
        return measure_sky(self.data, self.bad, counts=self.is_counts)

    @property
    def level(self):
        """Background of every pixel."""
        return self.sky.level

    @cached_property
    def sigma(self):
        """Noise of every pixel, above zero; or zeros where the image has none.

        Never above what its pixels' differences show, twice over: structure is not noise.
        """
        found = self.sky.sigma.copy()
        typical = float(np.median(found[self.good])) if self.good.any() else 0.0
        found[(found <= 0) | ~np.isfinite(found)] = typical
        if not self.is_counts:
            small = noise_sigma(self.data, self.good)
            if small > 0 and typical > 8 * small:
                found[:] = small  # nothing but structure: solar disks, maps of the whole sky
        return found

    @cached_property
    def noise(self):
        """Median noise; 0 where there is none to measure against."""
        return float(np.median(self.sigma[self.good])) if self.good.any() else 0.0

    @cached_property
    def signal(self):
        """Image less background; 0 at bad pixels."""
        return np.where(self.bad, 0.0, self.data - self.level)

    # ---- sources ---------------------------------------------------------------------

    def significance(self, data, fwhm=None):
        """Signal over noise of a point source at every pixel: Gaussian matched filter.

        Parameters
        ----------
        data : array (y, x)
            This image or a restored one; background and noise are the original's.
        fwhm : float, optional
            Of the filter; by default the PSF's.

        Returns
        -------
        array of float32 (y, x)
            Irwin 1985, MNRAS 214, 575.
        """
        signal = data - self.level
        if fwhm is not None:
            return self._filtered(signal, fwhm) * _peak_of(fwhm)
        return self._filtered(signal, self.fwhm) * _peak_of(self.fwhm) / self._correlation

    def _filtered(self, signal, fwhm):
        scaled = np.where(self.bad, 0, signal / self.sigma).astype(np.float32)
        return needed("scipy.ndimage").gaussian_filter(scaled, fwhm / FWHM, mode="nearest")

    @cached_property
    def _matched(self):
        """The original through the filter of its own PSF."""
        return self._filtered(self.signal, self.fwhm)

    @cached_property
    def _correlation(self):
        """How much wider than white noise's the noise of the filtered image is."""
        step = max(1, int(np.sqrt(self._matched.size / 1e6)))
        spread = mad_std(self._matched[::step, ::step][self.good[::step, ::step]])
        return np.float32(max(1.0, spread * np.sqrt(_SUM_OF_SQUARES) * self.psf_sigma))

    @cached_property
    def fwhm(self):
        """FWHM of the PSF in pixels, from the sharpest well-seen sources."""
        first = self.significance(self.data, _FIRST_FWHM)
        x, y, snr = peaks(first, 20.0, 2)
        return half_width(self, x, y, snr, default=_FIRST_FWHM)

    @property
    def psf_sigma(self):
        """Sigma of a Gaussian of the PSF's FWHM."""
        return self.fwhm / FWHM

    @property
    def peak_radius(self):
        """Pixels within which two peaks are one."""
        return max(1, round(self.fwhm / 2))

    @cached_property
    def detected(self):
        """Significance map of the original."""
        return self._matched * _peak_of(self.fwhm) / self._correlation

    @cached_property
    def peaks(self):
        """x, y and significance of the peaks of at least 5 sigma."""
        return peaks(self.detected, THRESHOLD, self.peak_radius)

    @cached_property
    def sources(self):
        """`~astroae.validation.sources.Sources` of at least 5 sigma, all of them."""
        return find_sources(self)

    @cached_property
    def sample(self):
        """At most ``max_sources`` of them, stratified by magnitude, for what is slow."""
        return self.sources.stratified(self.max_sources)

    @cached_property
    def scene(self):
        """What kind of image it is: `~astroae.validation.scene.Scene`."""
        return describe(self)


def _peak_of(fwhm):
    """What makes the filter's output a signal-to-noise ratio on white noise."""
    return np.float32(np.sqrt(_SUM_OF_SQUARES) * (fwhm / FWHM))


def usable(values):
    """Which pixels can be measured: finite, and the square of no sum of them overflows.

    Parameters
    ----------
    values : array of float64
    """
    return np.abs(values) < _LARGEST
