"""A field of sky with known truth: sources, sky, detector and WCS in one call."""

from dataclasses import dataclass, field

import numpy as np
from astropy import units as u
from astropy.io import fits
from astropy.table import QTable
from astropy.wcs import WCS

from .detector import Detector, calibrate, expose, find_defects
from .psf import AiryPSF, GaussianPSF, MoffatPSF
from .resample import shift_image
from .sources import Population, draw, paint

__all__ = ["Field", "FieldSettings", "make_field"]

PRODUCTS = {"raw": u.adu, "calibrated": u.electron, "coadd": u.electron}


@dataclass(frozen=True)
class FieldSettings:
    """All that decides a field; the same settings give the same pixels.

    Parameters
    ----------
    shape : tuple of int
        (ny, nx).
    psf : GaussianPSF, MoffatPSF or AiryPSF
    population : Population
        What is in the field.
    detector : Detector
    sky : float
        Electrons per pixel at the centre.
    sky_gradient : float
        Change of the sky from the bottom to the top, as a fraction.
    product : {"raw", "calibrated", "coadd"}
        uint16 ADU, float32 electrons, or those moved by ``shift`` with
        interpolation, whose noise is correlated.
    shift : tuple of float
        (dy, dx) of a coadd, in pixels.
    pixel_scale : float
        Arc seconds per pixel.
    center : tuple of float
        Right ascension and declination of the middle, in degrees.
    rotation : float
        Degrees, from north to east.
    seed : int
        Of every random number.
    """

    shape: tuple[int, int] = (1024, 1024)
    psf: GaussianPSF | MoffatPSF | AiryPSF = field(default_factory=MoffatPSF)
    population: Population = field(default_factory=Population)
    detector: Detector = field(default_factory=Detector)
    sky: float = 300.0
    sky_gradient: float = 0.05
    product: str = "calibrated"
    shift: tuple[float, float] = (0.4, -0.3)
    pixel_scale: float = 0.4
    center: tuple[float, float] = (150.1, 2.2)
    rotation: float = 0.0
    seed: int = 1

    def __post_init__(self):
        if len(self.shape) != 2 or min(self.shape) < 1:
            raise ValueError(f"shape must be two numbers above 0; got {self.shape!r}")
        if self.product not in PRODUCTS:
            raise ValueError(f"product must be one of {', '.join(PRODUCTS)}; got {self.product!r}")
        if not (self.sky >= 0 and abs(self.sky_gradient) < 2 and self.pixel_scale > 0):
            raise ValueError(
                "sky must be 0 or more, sky_gradient between -2 and 2, pixel_scale above 0; "
                f"got {self.sky!r}, {self.sky_gradient!r} and {self.pixel_scale!r}"
            )


@dataclass(frozen=True)
class Field:
    """An image and what is true of it.

    Attributes
    ----------
    image : array, shape (ny, nx)
        uint16 (raw) or float32, in ``unit``.
    unit : astropy.units.Unit
        ADU or electron.
    expected : array of float32, shape (ny, nx)
        What sky and sources predict without noise and detector, in electrons.
    mask : array of bool, shape (ny, nx)
        True at bad columns, cosmic rays and saturated pixels.
    truth : QTable
        One row per source, the brightest first; see `make_field`.
    settings : FieldSettings
    header : astropy.io.fits.Header
        WCS, unit, gain, read noise and seed.
    """

    image: np.ndarray
    unit: u.UnitBase
    expected: np.ndarray
    mask: np.ndarray
    truth: QTable
    settings: FieldSettings
    header: fits.Header

    @property
    def psf(self):
        """The PSF of the settings."""
        return self.settings.psf

    def to_hdu(self):
        """The image as a `~astropy.io.fits.PrimaryHDU`."""
        return fits.PrimaryHDU(self.image, self.header)


def make_field(settings=None):
    """Simulate a field.

    Parameters
    ----------
    settings : FieldSettings, optional

    Returns
    -------
    Field
        Its ``truth`` has ``x`` and ``y`` (pixels from 0), ``ra`` and ``dec``,
        ``flux`` (electrons, through a flat of 1), ``kind`` and, of galaxies,
        ``r_eff``, ``n``, ``axis_ratio`` and ``theta``.

    Raises
    ------
    ValueError
        A setting out of its range.

    Examples
    --------
    >>> from astroae.simulate import FieldSettings, GaussianPSF, make_field
    >>> field = make_field(FieldSettings(shape=(128, 128), psf=GaussianPSF(1.6), seed=7))
    >>> field.image.dtype, field.unit, len(field.truth)
    (dtype('float32'), Unit("electron"), 400)
    """
    settings = settings or FieldSettings()
    rng = np.random.default_rng(settings.seed)
    shape, detector = settings.shape, settings.detector
    truth = draw(settings.population, shape, rng)
    noise = np.sqrt(settings.sky + detector.read_noise**2 + 1)
    ramp = np.linspace(-0.5, 0.5, shape[0])[:, None]
    expected = paint(truth, shape, settings.psf, level=0.05 * noise)
    expected += settings.sky * (1 + settings.sky_gradient * ramp)
    defects = find_defects(detector, shape, rng)
    image, mask = expose(expected, detector, defects, rng)
    if settings.product != "raw":
        image = calibrate(image, detector, defects)
    if settings.product == "coadd":
        image, expected, mask = _coadd(image, expected, mask, truth, settings.shift)
    header = _header(settings)
    sky = WCS(header).pixel_to_world_values(truth["x"].value, truth["y"].value)
    for name, values in zip(("ra", "dec"), sky, strict=True):
        truth[name] = values * u.deg
    unit = PRODUCTS[settings.product]
    return Field(image, unit, expected.astype(np.float32), mask, truth, settings, header)


def _coadd(image, expected, mask, truth, shift):
    """Image, prediction, mask and truth, all moved by ``shift``."""
    touched = shift_image(mask.astype(np.float32), *shift) != 0
    truth["y"] -= shift[0] * u.pix
    truth["x"] -= shift[1] * u.pix
    return shift_image(image, *shift), shift_image(expected, *shift), touched


def _header(settings):
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = "RA---TAN", "DEC--TAN"
    wcs.wcs.cunit = "deg", "deg"
    wcs.wcs.crval = settings.center
    wcs.wcs.crpix = (settings.shape[1] + 1) / 2, (settings.shape[0] + 1) / 2
    angle, scale = np.radians(settings.rotation), settings.pixel_scale / 3600
    cos, sin = np.cos(angle) * scale, np.sin(angle) * scale
    wcs.wcs.cd = [[-cos, sin], [sin, cos]]
    header = wcs.to_header()
    header["BUNIT"] = PRODUCTS[settings.product].to_string()
    header["GAIN"] = settings.detector.gain, "electrons per ADU"
    header["RDNOISE"] = settings.detector.read_noise, "electrons"
    header["SATURATE"] = settings.detector.full_well, "electrons"
    header["SEED"] = settings.seed, "of astroae.simulate"
    return header
