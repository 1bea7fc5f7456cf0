"""SExtractor's detections, fluxes and centroids beside those of validation."""

import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np
from astropy.io import fits
from astropy.stats import mad_std
from astropy.table import Table

from astroae.errors import MissingDependencyError
from astroae.validation.extras import needed
from astroae.validation.sources import BAD, EDGE, SATURATED, aperture_sums

__all__ = ["PROGRAM", "compare_sextractor", "run_sextractor"]

PROGRAM = "source-extractor"  # as Debian names SExtractor
_SEEN = 10.0  # aperture S/N from which both must find a source
_RADIUS = 1.25  # FWHM, of the apertures
_TIMEOUT = 120  # seconds

_PARAMETERS = """\
X_IMAGE
Y_IMAGE
XWIN_IMAGE
YWIN_IMAGE
FLUX_APER(1)
FLUXERR_APER(1)
FLAGS
"""
#: The filter that SExtractor is delivered with.
_FILTER = "CONV NORM\n1 2 1\n2 4 2\n1 2 1\n"


def run_sextractor(original, **settings):
    """SExtractor's catalogue of an image, its background and which pixels it gave to sources.

    Parameters
    ----------
    original : Original
    **settings
        Beside its own and the meshes of validation, as in its configuration file.

    Returns
    -------
    catalogue : `~astropy.table.Table`
        `_PARAMETERS`; places count from 1.
    background : array (y, x)
    segments : array of int (y, x)

    Raises
    ------
    MissingDependencyError
        It is not installed.
    """
    if shutil.which(PROGRAM) is None:
        raise MissingDependencyError(
            f"{PROGRAM} is not installed",
            where="bench agreement",
            hint="apt-get install source-extractor",
        )
    lines = [f"{key} {value}\n" for key, value in (_settings(original) | settings).items()]
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        fits.writeto(place / "image.fits", original.data.astype(np.float32))
        (place / "default.param").write_text(_PARAMETERS)
        (place / "default.conv").write_text(_FILTER)
        (place / "default.sex").write_text("".join(lines))
        words = [PROGRAM, "image.fits", "-c", "default.sex"]
        subprocess.run(words, cwd=place, check=True, capture_output=True, timeout=_TIMEOUT)
        maps = (fits.getdata(place / f"{name}.fits") for name in ("sky", "segments"))
        return Table.read(place / "out.fits", hdu=1), *maps


def _settings(original):
    return {
        "CATALOG_NAME": "out.fits",
        "CATALOG_TYPE": "FITS_1.0",
        "PARAMETERS_NAME": "default.param",
        "FILTER_NAME": "default.conv",
        "DETECT_THRESH": 1.5,
        "ANALYSIS_THRESH": 1.5,
        "BACK_SIZE": 64,
        "BACK_FILTERSIZE": 3,
        "PHOT_APERTURES": 2 * _RADIUS * original.fwhm,
        "GAIN": original.gain or 0,
        "SATUR_LEVEL": original.saturation or 1e20,
        "CHECKIMAGE_TYPE": "BACKGROUND,SEGMENTATION",
        "CHECKIMAGE_NAME": "sky.fits,segments.fits",
        "VERBOSE_TYPE": "QUIET",
    }


def compare_sextractor(original):
    """How many sources both find, and how their fluxes and centroids differ.

    Sources are those of an S/N of 10 in an aperture of 1.25 FWHM, neither at the edge nor
    saturated, and the same within one FWHM.  Fluxes are compared twice: as both programs
    give them, and after measuring here too at SExtractor's places (its apertures stand on
    isophotal centroids) and above SExtractor's background.

    Parameters
    ----------
    original : Original

    Returns
    -------
    dict
        ``{measure: (value, unit, n)}``.
    """
    catalogue, background, segments = run_sextractor(original)
    ours, theirs = original.sources, _columns(catalogue)
    clear = (ours.flux > _SEEN * ours.flux_err) & ((ours.flags & (BAD | SATURATED | EDGE)) == 0)
    seen = _clear(theirs, original)
    found, partner = _nearest(ours.x, ours.y, theirs["xwin"], theirs["ywin"], original.fwhm)
    known, back = _nearest(theirs["xwin"], theirs["ywin"], ours.x, ours.y, original.fwhm)
    missed = clear & ~found
    pixel = np.rint(ours.y[missed]).astype(int), np.rint(ours.x[missed]).astype(int)
    both = clear & found & (back[partner] == np.arange(len(ours)))
    mine, other = ours[both], {name: column[partner[both]] for name, column in theirs.items()}
    return (
        {
            "sources that SExtractor has too": (100 * found[clear].mean(), "%", clear.sum()),
            "those it lacks, within the isophote of another": (
                int((segments[pixel] > 0).sum()),
                "sources",
                missed.sum(),
            ),
            "SExtractor's sources that validation has too": (
                100 * known[seen].mean(),
                "%",
                seen.sum(),
            ),
        }
        | _fluxes(original, mine, other, background)
        | _centroids(original, mine, other)
    )


def _columns(catalogue):
    """SExtractor's columns as float64, places from 0."""
    names = {"x": "X_IMAGE", "y": "Y_IMAGE", "xwin": "XWIN_IMAGE", "ywin": "YWIN_IMAGE"}
    places = {ours: np.asarray(catalogue[name], float) - 1 for ours, name in names.items()}
    names = {"flux": "FLUX_APER", "error": "FLUXERR_APER", "flags": "FLAGS"}
    return places | {ours: np.asarray(catalogue[n], float).ravel() for ours, n in names.items()}


def _clear(theirs, original):
    """Which of SExtractor's sources are as bright as asked for, off the edge, unsaturated."""
    room, (ny, nx) = 2 * original.fwhm, original.shape
    x, y = theirs["xwin"], theirs["ywin"]
    inside = (x > room) & (y > room) & (x < nx - 1 - room) & (y < ny - 1 - room)
    whole = (theirs["flags"].astype(int) & (4 | 8)) == 0
    return inside & whole & (theirs["flux"] > _SEEN * theirs["error"])


def _nearest(x, y, other_x, other_y, reach):
    """Whether there is another one within reach, and which is the nearest."""
    distance, index = (
        needed("scipy.spatial")
        .cKDTree(np.column_stack([other_x, other_y]))
        .query(np.column_stack([x, y]))
    )
    return distance < reach, index


def _fluxes(original, mine, other, background):
    """Differences of the fluxes over their errors, as they are and with the same ruler."""
    signal = np.where(original.bad, 0, original.data - background)
    same = aperture_sums(signal, other["x"], other["y"], _RADIUS * original.fwhm)
    pulls = {
        "flux difference": (other["flux"] - mine.flux) / mine.flux_err,
        "flux difference, same places and background": (other["flux"] - same) / mine.flux_err,
    }
    return _spreads(pulls, "sigma")


def _centroids(original, mine, other):
    dx, dy = other["xwin"] - mine.x, other["ywin"] - mine.y
    # Of a Gaussian seen against noise.
    error = original.fwhm / 2.3548 * mine.flux_err / mine.flux
    return _spreads({"centroid along x": dx, "centroid along y": dy}, "pixel") | _spreads(
        {"centroid along x over its error": dx / error}, "sigma"
    )


def _spreads(values, unit):
    """Median and scatter, 1.4826 times the median absolute deviation."""
    found = {}
    for name, each in values.items():
        found[f"{name}, median"] = (float(np.median(each)), unit, len(each))
        found[f"{name}, scatter"] = (float(mad_std(each)), unit, len(each))
    return found
