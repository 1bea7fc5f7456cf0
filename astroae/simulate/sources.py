"""Stars and galaxies: drawn at random with known truth, and painted in electrons.

`draw` makes the table of truth, `paint` the image that it predicts: noiseless,
without sky, every pixel an integral.  The cost is linear in stamp pixels.
"""

from dataclasses import dataclass

import numpy as np
from astropy import units as u
from astropy.table import QTable

from .psf import integrate_pixels, pixel_nodes

__all__ = ["Population", "draw", "paint"]

BATCH = 2_000_000  # profile values at a time: 16 MB
CUT = 6.0  # effective radii at which a galaxy ends


@dataclass(frozen=True)
class Population:
    """How many sources of which kind.

    Parameters
    ----------
    stars, galaxies : int
        Counts; 0 and 0 is an empty field.
    faintest, brightest : float
        Fluxes in electrons, between which ``N(> f)`` falls as ``f ** -slope``.
    slope : float
        Slope of the counts.
    effective_radius : tuple of float
        Smallest and largest half-light radius of galaxies along their major
        axis, in pixels.
    sersic_index : tuple of float
        Smallest and largest index, 0.5 (Gaussian) to 6; 1 is a disk, 4 an
        elliptical.
    """

    stars: int = 300
    galaxies: int = 100
    faintest: float = 200.0
    brightest: float = 1e6
    slope: float = 0.7
    effective_radius: tuple[float, float] = (1.5, 8.0)
    sersic_index: tuple[float, float] = (0.7, 4.0)

    def __post_init__(self):
        if self.stars < 0 or self.galaxies < 0:
            raise ValueError(f"counts must be 0 or more; got {self.stars} and {self.galaxies}")
        if not 0 < self.faintest <= self.brightest < np.inf:
            raise ValueError(
                "fluxes must be finite and 0 < faintest <= brightest; "
                f"got {self.faintest} and {self.brightest}"
            )
        if not 0 < self.effective_radius[0] <= self.effective_radius[1]:
            raise ValueError(
                f"effective_radius must rise from above 0; got {self.effective_radius}"
            )
        if not 0.5 <= self.sersic_index[0] <= self.sersic_index[1] <= 6:
            raise ValueError(f"sersic_index must rise from 0.5 to 6; got {self.sersic_index}")


def draw(population, shape, rng):
    """The truth: one row per source, the brightest first.

    Parameters
    ----------
    population : Population
    shape : tuple of int
        Of the image, (ny, nx).
    rng : numpy.random.Generator

    Returns
    -------
    QTable
        ``x``, ``y`` (pixels from 0 in the middle of the first), ``flux``
        (electrons), ``kind`` (``star`` or ``galaxy``) and, of galaxies,
        ``r_eff`` (pixels), ``n``, ``axis_ratio`` and ``theta`` (from the x axis);
        stars have NaN there.
    """
    count = population.stars + population.galaxies
    low, high = (f**-population.slope for f in (population.faintest, population.brightest))
    flux = rng.uniform(high, low, count) ** (-1 / population.slope)
    galaxy = np.arange(count) >= population.stars
    shapes = {
        "r_eff": np.exp(rng.uniform(*np.log(population.effective_radius), count)),
        "n": rng.uniform(*population.sersic_index, count),
        "axis_ratio": rng.uniform(0.25, 1.0, count),
        "theta": rng.uniform(0, 180, count),
    }
    table = QTable()
    table["x"] = rng.uniform(-0.5, shape[1] - 0.5, count) * u.pix
    table["y"] = rng.uniform(-0.5, shape[0] - 0.5, count) * u.pix
    table["flux"] = flux * u.electron
    table["kind"] = np.where(galaxy, "galaxy", "star")
    for name, values in shapes.items():
        unit = {"r_eff": u.pix, "theta": u.deg}.get(name, u.dimensionless_unscaled)
        table[name] = np.where(galaxy, values, np.nan) * unit
    return table[np.argsort(-flux, kind="stable")]


def paint(truth, shape, psf, level):
    """The image that the truth predicts.

    Parameters
    ----------
    truth : QTable
        As `draw` gives it.
    shape : tuple of int
        (ny, nx).
    psf : GaussianPSF, MoffatPSF or AiryPSF
    level : float
        Electrons per pixel below which the wings of a source may be cut.

    Returns
    -------
    array of float64
        Electrons per pixel.
    """
    image = np.zeros(shape)
    stars = truth[truth["kind"] == "star"]
    radii = psf.radius(stars["flux"].value, level)
    for radius in np.unique(radii):
        _add(image, stars[radii == radius], int(radius), psf.fwhm, _star_stamps(psf))
    galaxies = truth[truth["kind"] == "galaxy"]
    if len(galaxies):
        image += _galaxy_layer(galaxies, shape, psf, level)
    return image


def _star_stamps(psf):
    return lambda rows, dy, dx, radius: psf.stamps(dy, dx, radius)


def _galaxy_layer(galaxies, shape, psf, level):
    """Galaxies as the sky has them, then through the atmosphere, in one convolution."""
    reach = int(psf.radius(galaxies["flux"].value.max() / 10, level))
    layer = np.zeros([n + 2 * reach for n in shape])
    radii = 2 ** np.ceil(np.log2(CUT * galaxies["r_eff"].value)).astype(int)
    for radius in np.unique(radii):
        _add(layer, galaxies[radii == radius], int(radius), 2.0, _sersic_stamps, pad=reach)
    kernel = psf.stamps([0.0], [0.0], reach)[0]
    return _convolve(layer, kernel / kernel.sum())[reach:-reach, reach:-reach]


def _sersic_stamps(rows, dy, dx, radius):
    """Sersic galaxies of unit flux within `CUT` effective radii."""
    nodes, weights = pixel_nodes(radius, 2.0)
    y = (nodes - dy[:, None])[:, :, None]  # (galaxy, node, 1)
    x = (nodes - dx[:, None])[:, None, :]
    cos, sin = (f(rows["theta"].to_value(u.rad))[:, None, None] for f in (np.cos, np.sin))
    n, q, r_eff = (np.asarray(rows[k])[:, None, None] for k in ("n", "axis_ratio", "r_eff"))
    distance = np.hypot(x * cos + y * sin, (y * cos - x * sin) / q) / r_eff
    b = 2 * n - 1 / 3 + 4 / (405 * n) + 46 / (25515 * n**2)  # Ciotti & Bertin 1999
    values = np.where(distance < CUT, np.exp(-b * distance ** (1 / n)), 0.0)
    stamps = integrate_pixels(values, weights)
    return stamps / stamps.sum(axis=(1, 2), keepdims=True)


def _add(image, rows, radius, scale, stamps_of, pad=0):
    """Add the stamps of ``rows``, in batches, clipped at the edges."""
    per_source = len(pixel_nodes(radius, scale)[0]) ** 2
    step = max(1, BATCH // per_source)
    reach = np.arange(-radius, radius + 1)
    for start in range(0, len(rows), step):
        batch = rows[start : start + step]
        x, y = batch["x"].value + pad, batch["y"].value + pad
        row, column = np.rint(y).astype(int), np.rint(x).astype(int)
        stamps = stamps_of(batch, y - row, x - column, radius)
        stamps *= batch["flux"].value[:, None, None]
        yy = (row[:, None] + reach)[:, :, None]
        xx = (column[:, None] + reach)[:, None, :]
        inside = (yy >= 0) & (yy < image.shape[0]) & (xx >= 0) & (xx < image.shape[1])
        flat = (yy * image.shape[1] + xx)[inside]
        np.add.at(image.reshape(-1), flat, stamps[inside])


def _convolve(image, kernel):
    """Periodic convolution: the margin of ``image`` is as wide as the kernel."""
    padded = np.zeros_like(image)
    padded[: kernel.shape[0], : kernel.shape[1]] = kernel
    padded = np.roll(padded, [-(n // 2) for n in kernel.shape], axis=(0, 1))
    product = np.fft.rfft2(image)
    product *= np.fft.rfft2(padded)
    return np.maximum(np.fft.irfft2(product, image.shape), 0.0)
