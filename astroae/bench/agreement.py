"""What validation measures, beside what other people's programs find on the same images.

Aperture sums beside ``sep``'s, SSIM and MS-SSIM beside a plain reading of their papers,
detections, fluxes and centroids beside SExtractor's.
"""

from pathlib import Path

import numpy as np

from astroae.bench.images import load
from astroae.bench.sextractor import compare_sextractor
from astroae.errors import MissingDependencyError
from astroae.simulate import FieldSettings, Population, make_field
from astroae.validation import images
from astroae.validation.original import Original
from astroae.validation.sources import aperture_sums, flux_errors

__all__ = [
    "agreement",
    "compare_sep",
    "compare_ssim",
    "plain_ms_ssim",
    "plain_ssim",
    "real",
    "simulated",
    "two_pictures",
]

_REAL = ("eso-emmi_galaxies", "cfht-megacam_test_r")  # a raw CCD field, and a coadd
_RADII = (0.75, 1.25, 2.0)  # FWHM
_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)  # Wang et al. 2003, fine to coarse


def simulated():
    """Two simulated fields, calibrated and crowded, by name."""
    settings = {
        "calibrated": FieldSettings(
            shape=(768, 768), population=Population(stars=500, galaxies=150), seed=3
        ),
        "crowded": FieldSettings(
            shape=(512, 512), population=Population(stars=2500, galaxies=0), seed=4
        ),
    }
    fields = {f"simulated, {name}": make_field(one) for name, one in settings.items()}
    return {name: Original(f.image, header=f.header, name=name) for name, f in fields.items()}


def real(folder):
    """The real images, by name; those that are not there are left out.

    Parameters
    ----------
    folder : path-like
        With the sub-folder ``measure``.
    """
    files = (Path(folder) / "measure" / f"{name}.fits.gz" for name in _REAL)
    plates = [load(file) for file in files if file.is_file()]
    return {p.name: Original(p.data.astype(np.float32), name=p.name) for p in plates}


def agreement(folder):
    """Every comparison, as rows of a table.

    Parameters
    ----------
    folder : path-like
        Of the real images.

    Returns
    -------
    list of dict
        ``field``, ``with`` (whose figures they are compared to), ``measure``, ``n``,
        ``value`` and ``unit``.

    Raises
    ------
    MissingDependencyError
        ``sep`` or SExtractor is not installed.
    """
    fields = simulated() | real(folder)
    rows = compare_ssim()
    for name, original in fields.items():
        rows += _rows(name, "sep", compare_sep(original))
    for name, original in fields.items():
        rows += _rows(name, "SExtractor", compare_sextractor(original))
    return rows


def _rows(name, other, figures):
    """Lines of the table from ``{measure: (value, unit, n)}``."""
    return [
        {
            "field": name,
            "with": other,
            "measure": key,
            "n": int(n),
            "value": float(f"{value:.4g}"),
            "unit": unit,
        }
        for key, (value, unit, n) in figures.items()
    ]


# ---- sep -----------------------------------------------------------------------------


def compare_sep(original):
    """Largest difference of aperture sums from ``sep.sum_circle``'s, exact overlaps.

    Parameters
    ----------
    original : Original

    Returns
    -------
    dict
        ``{measure: (value, unit, n)}``; relative to the larger of the sum itself and
        the error of the aperture: a sum may be zero by chance.
    """
    try:
        import sep
    except ImportError as exc:
        raise MissingDependencyError(
            "sep is not installed", where="bench agreement", hint="pip install astroae[bench]"
        ) from exc
    sources = original.sources.clean
    found = {}
    for factor in _RADII:
        radius = factor * original.fwhm
        ours = aperture_sums(original.signal, sources.x, sources.y, radius)
        theirs, _, _ = sep.sum_circle(original.signal, sources.x, sources.y, radius, subpix=0)
        scale = np.maximum(
            np.abs(theirs), flux_errors(original, sources.x, sources.y, radius, ours)
        )
        worst = float(np.max(np.abs(ours - theirs) / scale))
        found[f"aperture sums, {factor} FWHM: largest difference"] = (worst, "", len(sources))
    return found


# ---- likeness ------------------------------------------------------------------------


def two_pictures():
    """Two pictures in [0, 1], (192, 176): waves with noise, and the same with more noise."""
    y, x = np.mgrid[:192, :176] / 192
    rng = np.random.default_rng(3)
    before = 0.5 + 0.3 * np.sin(9 * x) * np.cos(7 * y) + rng.normal(0, 0.02, x.shape)
    return before, before + rng.normal(0, 0.05, x.shape)


def compare_ssim():
    """SSIM and MS-SSIM of `two_pictures` less those of `plain_ssim` and `plain_ms_ssim`."""
    before, after = two_pictures()
    figures = {}
    for name, plain in (("ssim", plain_ssim), ("ms_ssim", plain_ms_ssim)):
        value, expected = images.MEASURES[name](before, after), plain(before, after)
        figures[name] = (value, "", before.size)
        figures[f"{name}: difference"] = (abs(value - expected), "", before.size)
    return _rows("waves and noise on [0, 1]", "the paper's formula", figures)


def plain_ssim(x, y):
    """SSIM, Wang et al. 2004 (IEEE TIP 13, 600), eq. 13: mean over all whole windows."""
    return float(np.mean(np.prod(_terms(x, y), axis=0)))


def plain_ms_ssim(x, y):
    """MS-SSIM, Wang, Simoncelli & Bovik 2003, eq. 7: five scales, each a 2 x 2 mean."""
    value = 1.0
    for level, weight in enumerate(_WEIGHTS):
        luminance, structure = _terms(x, y)
        if level == len(_WEIGHTS) - 1:
            structure = structure * luminance
        value *= np.mean(structure) ** weight
        x, y = _halved(x), _halved(y)
    return float(value)


def _terms(x, y):
    """Luminance, and contrast with structure, of every 11 x 11 window; data range 1."""
    mean_x, mean_y = _windowed(x), _windowed(y)
    var_x, var_y = _windowed(x * x) - mean_x**2, _windowed(y * y) - mean_y**2
    both = _windowed(x * y) - mean_x * mean_y
    luminance = (2 * mean_x * mean_y + 0.01**2) / (mean_x**2 + mean_y**2 + 0.01**2)
    return luminance, (2 * both + 0.03**2) / (var_x + var_y + 0.03**2)


def _windowed(image):
    """Gaussian means, 1.5 pixels wide, of the windows that lie within the image."""
    weight = np.exp(-(np.arange(-5, 6) ** 2) / (2 * 1.5**2))
    weight /= weight.sum()
    rows = np.lib.stride_tricks.sliding_window_view(image, 11, 0) @ weight
    return np.lib.stride_tricks.sliding_window_view(rows, 11, 1) @ weight


def _halved(image):
    """Means of 2 x 2 pixels; an odd side is led by a row of zeros, as pytorch-msssim does."""
    image = np.pad(image, [(side % 2, side % 2) for side in image.shape])
    image = image[: image.shape[0] // 2 * 2, : image.shape[1] // 2 * 2]
    return image.reshape(image.shape[0] // 2, 2, -1, 2).mean((1, 3))
