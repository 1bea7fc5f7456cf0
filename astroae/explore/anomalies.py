"""Oddities of stamps and images: what neither noise nor stars nor galaxies explain.

Ordinary sources are fitted one after the other (`astroae.explore.ordinary`).  At each
step the whitened residual is correlated with shapes of several scales and orientations:
rings, discs, arcs, segments, lines across the stamp, columns.  A shape gains what it
explains more than the best ordinary source near it: the difference of their squared
S/N, that is of chi-square.  The largest gain of each family is compared with those of
ordinary stamps, and the least probable family is the score.  An autoencoder or
principal components can stand in for the fit (`astroae.explore.explain`).
"""

from dataclasses import dataclass

import numpy as np
from astropy import units as u
from astropy.table import QTable

from astroae.errors import UnsupportedDataError
from astroae.explore.explain import Reconstruction
from astroae.explore.extras import needed
from astroae.explore.ordinary import Ordinary
from astroae.explore.planes import Plane
from astroae.explore.shapes import shape_kernels, shape_lines
from astroae.explore.sky import measure_fwhm, measure_sky
from astroae.explore.stamps import LEAST_DEFINED, starts
from astroae.nets import store
from astroae.simulate import MoffatPSF

__doctest_requires__ = {"find_anomalies": ["scipy"]}
__all__ = ["FAMILIES", "Calibration", "Found", "find_anomalies", "measure", "measure_all"]

FAMILIES = ("ring", "disc", "arc", "segment", "line", "column")
NEAR = 25  # px, box within which an ordinary source competes with a shape
FLOOR = 3.5  # S/N that some ordinary source reaches in any noise
TAIL = 0.1  # of ordinary stamps, whose mean excess gives the tail of the others
FEWEST = 20  # ordinary stamps
APART = 8.0  # px; what is nearer to a better one is the same


@dataclass(frozen=True)
class Found:
    """What the shapes found in one stamp, by family.

    Attributes
    ----------
    gain : ndarray (6,)
        Chi-square that the best shape explains beyond the best ordinary source, at any
        step of the fit.
    response : ndarray (6,)
        Largest S/N of a shape in the last residual.
    place : ndarray (6, 2)
        (y, x) in the stamp where the gain is.
    """

    gain: np.ndarray
    response: np.ndarray
    place: np.ndarray


def measure(explanation, psf, stamp, bad=None):
    """Gains of the shapes in one stamp.

    Parameters
    ----------
    explanation : Ordinary, Components or Reconstruction
    psf : MoffatPSF, GaussianPSF or AiryPSF
    stamp : ndarray (side, side)
        In units of the noise.
    bad : bool ndarray, optional

    Returns
    -------
    Found
    """
    gain, place = np.full(len(FAMILIES), -np.inf), np.zeros((len(FAMILIES), 2))
    for whitened, ordinary in explanation.steps(stamp, bad):
        response, gains, places = _look(whitened, np.maximum(ordinary, FLOOR), psf)
        better = gains > gain
        gain[better], place[better] = gains[better], places[better]
    return Found(gain, response, place)


def _look(whitened, ordinary, psf):
    """Responses, gains and places of all families in one residual."""
    side = len(whitened)
    near = needed("scipy.ndimage").maximum_filter(ordinary, NEAR) ** 2
    response, gain, place = [], [], []
    for kernels in shape_kernels(psf, side).values():
        best = np.maximum(kernels.correlate(whitened).max(0), 0)
        at = np.unravel_index(np.argmax(best**2 - near), best.shape)
        response.append(best.max())
        gain.append(best[at] ** 2 - near[at])
        place.append(at)
    lines = shape_lines(psf.fwhm, side)
    along, down = lines.respond(whitened), whitened.sum(0) / np.sqrt(side)
    for values, middle in ((along, lines.middles), (down, None)):
        best = int(np.argmax(values))
        response.append(values[best])
        gain.append(max(values[best], 0) ** 2 - ordinary.max() ** 2)
        place.append(((side - 1) / 2, best) if middle is None else middle[best])
    return np.array(response), np.array(gain), np.array(place, float)


def measure_all(explanation, psf, stamps, bad=None, progress=None):
    """`measure` of many stamps: list of `Found`."""
    found = []
    for i, stamp in enumerate(stamps):
        found.append(measure(explanation, psf, stamp, None if bad is None else bad[i]))
        if progress is not None:
            progress(i + 1, len(stamps))
    return found


class Calibration:
    """How rare a value is among ordinary stamps.

    Parameters
    ----------
    values : ndarray (n, k)
        Of ordinary stamps, ``k`` quantities each; a few odd ones among them do no harm.

    Raises
    ------
    UnsupportedDataError
        Fewer than 20 stamps.

    Examples
    --------
    >>> import numpy as np
    >>> from astroae.explore.anomalies import Calibration
    >>> seen = Calibration(np.random.default_rng(1).exponential(1.0, (1000, 1)))
    >>> [f"{value:.0f}" for value in seen.rarity(np.array([[2.3], [9.2]]))[:, 0]]
    ['1', '4']
    """

    def __init__(self, values):
        if len(values) < FEWEST:
            raise UnsupportedDataError(
                "too few stamps to tell what is ordinary",
                where="anomalies",
                found=f"{len(values)}; at least {FEWEST} are needed",
                hint="give a larger image, smaller stamps or a smaller stride",
            )
        self._sorted = np.sort(values, axis=0)

    def rarity(self, values):
        """-log10 of the part of ordinary stamps that reach a value: ndarray (m, k).

        Beyond the highest tenth the part falls exponentially, at that tenth's pace.
        """
        count = len(self._sorted)
        first = int((1 - TAIL) * count)
        out = np.empty(np.shape(values))
        for k, ordinary in enumerate(self._sorted.T):
            edge = ordinary[first]
            pace = max((ordinary[first:] - edge).mean(), 1e-9)
            below = np.searchsorted(ordinary, values[:, k])
            out[:, k] = -np.log10(np.maximum(1 - below / (count + 1), TAIL))
            beyond = np.maximum(values[:, k] - edge, 0)
            out[:, k] += np.where(beyond > 0, beyond / pace * np.log10(np.e), 0.0)
        return out


def find_anomalies(
    image,
    *,
    model=None,
    mask=None,
    side=64,
    stride=None,
    fwhm=None,
    electrons=np.inf,
    progress=None,
):
    """Stamps of an image by how odd they are.

    What is ordinary is learned from the image itself, so it should hold some hundred
    stamps of which most are ordinary.

    Parameters
    ----------
    image : astroae.explore.planes.Plane or array_like (y, x)
        Any unit; NaN and inf are undefined.
    model : str, path-like or astroae.nets.modelfile.Model, optional
        An autoencoder whose residual is looked at, in place of fitted sources.
    mask : bool array_like (y, x), optional
        True where undefined too: known cosmic rays, saturated stars.
    side, stride : int
        Of the stamps, in pixels; by default they stand side by side.
    fwhm : float, optional
        Of the PSF in pixels; by default measured on the image's stars.
    electrons : float
        That one sigma of the background noise is; by default the noise of the sources'
        own light is not counted.
    progress : callable, optional
        Called with (done, total).

    Returns
    -------
    QTable
        The oddest first: ``score`` (-log10 of the part of the image's stamps that are as
        odd in the family), ``family``, ``snr`` (square root of the chi-square gained; 0
        where a source explains as much), ``x`` and ``y`` (pixels from 0) and, with a
        celestial WCS, ``ra`` and ``dec`` of the oddity; ``stamp_x`` and ``stamp_y`` of
        the first pixel of its stamp.

    Raises
    ------
    UnsupportedDataError
        Fewer than 20 stamps with half of their pixels defined, or no noise.
    ModelError
        No such model.

    Examples
    --------
    >>> from astroae.explore.anomalies import find_anomalies
    >>> from astroae.simulate import faint_settings, make_field
    >>> image = make_field(faint_settings(4, shape=(320, 320))).image
    >>> image[128:192, 100] += 40.0
    >>> table = find_anomalies(image)
    >>> str(table["family"][0]), float(table["x"][0].value), int(table["stamp_y"][0].value)
    ('column', 100.0, 128)
    """
    plane = image if isinstance(image, Plane) else None
    values = np.asarray(image.values if plane else image, np.float64)
    sky = measure_sky(values, mask)
    scaled = sky.normalise(values)
    psf = MoffatPSF(fwhm or measure_fwhm(scaled))
    side = min(side, *values.shape)
    corners = [
        (top, left)
        for top in starts(values.shape[0], side, stride or side)
        for left in starts(values.shape[1], side, stride or side)
        if 1 - sky.bad[top : top + side, left : left + side].mean() >= LEAST_DEFINED
    ]
    if model is None:
        explanation = Ordinary(psf, side, electrons)
    else:
        explanation = Reconstruction(store.find(model), psf, side, electrons)
    stamps, bad = (
        [whole[top : top + side, left : left + side] for top, left in corners]
        for whole in (scaled, sky.bad)
    )
    found = measure_all(explanation, psf, stamps, bad, progress)
    gains = np.array([f.gain for f in found]).reshape(-1, len(FAMILIES))
    return _ranked(Calibration(gains).rarity(gains), found, corners, plane)


def _ranked(rarity, found, corners, plane):
    which = np.argmax(rarity, 1)
    score = rarity.max(1)
    place = np.array([f.place[k] for f, k in zip(found, which)]) + np.array(corners)
    gain = np.array([f.gain[k] for f, k in zip(found, which)])
    kept = []
    for i in np.argsort(-score, kind="stable"):
        if all(np.hypot(*(place[i] - place[j])) > APART for j in kept):
            kept.append(i)
    table = QTable()
    table["score"] = score[kept]
    table["family"] = np.array(FAMILIES)[which[kept]]
    table["snr"] = np.sqrt(np.maximum(gain[kept], 0))
    table["x"], table["y"] = place[kept, 1] * u.pix, place[kept, 0] * u.pix
    if plane is not None and plane.wcs is not None:
        sky = plane.wcs.all_pix2world(place[kept, 1], place[kept, 0], 0)
        table["ra"], table["dec"] = (sky[k] * u.deg for k in (plane.wcs.wcs.lng, plane.wcs.wcs.lat))
    table["stamp_x"] = np.array(corners)[kept, 1] * u.pix
    table["stamp_y"] = np.array(corners)[kept, 0] * u.pix
    return table
