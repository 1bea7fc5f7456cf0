"""Which figures a report has, how each is read, and why one is missing."""

import math
from dataclasses import dataclass

from astroae.validation.report import charts, pictures
from astroae.validation.report.svg import to_svg

__all__ = ["FIGURES", "Caption", "absent", "draw"]
__doctest_requires__ = {"draw": ["photutils", "matplotlib"]}

_OF_SOURCES = ("magnitude", "cloud")
_OF_PLANES = ("original", "restored", "residual", "detail", "tightest", "histogram")
_OF_BOTH = ("original", "restored")


@dataclass(frozen=True)
class Caption:
    """Words that go with a figure.

    Attributes
    ----------
    title : str
    alt : str
        For those who do not see it.
    text : str
        How to read it.
    """

    title: str
    alt: str
    text: str


FIGURES = {
    "original": Caption(
        "Original",
        "Gray picture of the original image.",
        "Asinh stretch from zscale's lower limit. An image of more than 360 pixels a side is "
        "shown as means of blocks. Amber: bad pixels.",
    ),
    "restored": Caption(
        "Restored",
        "Gray picture of the restored image with the same stretch.",
        "With the original's stretch: any difference to the eye is one in the data.",
    ),
    "residual": Caption(
        "Residual",
        "Picture of restored minus original, red above zero and blue below.",
        "Restored less original, in the same blocks. It should look like even noise: sources, "
        "stripes or tile borders that show through are structure that compression left. "
        "Means of blocks are smaller than single pixels.",
    ),
    "detail": Caption(
        "Pixel by pixel, where most has changed",
        "Three small cut-outs of original, restored and residual, side by side.",
        "96 pixels around the pixel that changed most, at full resolution and with a stretch of "
        "their own: the worst of this image.",
    ),
    "magnitude": Caption(
        "Magnitude difference",
        "Scatter of magnitude changes against magnitude, with a band of the flux's own error.",
        "Every point is a source, in an aperture of 1.25 FWHM; at most 2000 are drawn. Points "
        "far inside the band: the measurement's own error hides the change. A trend with "
        "magnitude would be a bias. The scale is linear about zero and logarithmic beyond.",
    ),
    "cloud": Caption(
        "Astrometric cloud",
        "Scatter of the changes of the centroids in x and y.",
        "Restored less original centroid of every source; at most 2000 are drawn. The cloud "
        "should sit on the cross; one that is off it is a shift of the image. Faint sources "
        "scatter more, as their positions are less certain anyway.",
    ),
    "spectrum": Caption(
        "Power spectrum of the residual",
        "Line of the residual's power against spatial frequency, beside that of white noise.",
        "On the line at 1: errors of neighbouring pixels know nothing of each other, and "
        "average out in an aperture. Above it on the left: they are alike over many pixels, "
        "and add up in fluxes and backgrounds.",
    ),
    "histogram": Caption(
        "Errors of the pixels",
        "Histogram of the errors of the pixels, with lines at the promised bound if any.",
        "Logarithmic. Where a bound was promised nothing lies beyond the dashed lines. Even "
        "quantisation gives a flat top that ends at the bound.",
    ),
    "tightest": Caption(
        "Where it is tightest",
        "Map of the largest change in each tile.",
        "Largest change of every tile, over the promised bound, or else over the noise. Bright "
        "tiles are nearest to their limit; even brightness means that all of the frame was "
        "treated alike.",
    ),
}


def draw(pair, validation):
    """All figures that make sense for an image.

    Parameters
    ----------
    pair : `~astroae.validation.pair.Pair`
    validation : `~astroae.validation.result.ImageValidation`
        What was found; its facts decide what is drawn.

    Returns
    -------
    dict of str to bytes
        SVG by name, in the order of `FIGURES`: text in ``currentColor``, no script, nothing
        to load.

    Raises
    ------
    MissingDependencyError
        Without matplotlib.

    Examples
    --------
    >>> from astroae.simulate import FieldSettings, make_field
    >>> from astroae.validation.measure import validate_pair
    >>> from astroae.validation.original import Original
    >>> from astroae.validation.pair import Pair
    >>> from astroae.validation.report.figures import draw
    >>> field = make_field(FieldSettings(shape=(256, 256)))
    >>> pair = Pair(Original(field.image, header=field.header), field.image + 1)
    >>> draw(pair, validate_pair(pair, only=["pixels"]))["original"][:5]
    b'<svg '
    """
    makers = {**vars(charts), **vars(pictures)}
    same = not (pair.change.any() or pair.lost.any())
    return {
        name: to_svg(lambda make=makers[name]: make(pair), f"{validation.name} {name}")
        for name in FIGURES
        if not absent(name, validation.facts, same)
    }


def absent(name, facts, same=True):
    """Why a figure is not there; empty where nothing speaks against it.

    Parameters
    ----------
    name : str
        Key of `FIGURES`.
    facts : dict
        See `~astroae.validation.measure.facts`.
    same : bool
        Nothing differs between the two images.  A report that misses a figure for no other
        reason misses it for this one.
    """
    shape, kinds = facts.get("shape", (1, 1)), facts.get("kinds", ())
    if math.prod(shape) <= facts.get("bad_pixels", 0):
        return "no pixel of the image is good"
    if ("mask" in kinds or "weights or errors" in kinds) and name not in _OF_PLANES:
        return f"{' and '.join(kinds)}: a plane without sources or noise of its own"
    if name in _OF_SOURCES and facts.get("why_no_sources"):
        return facts["why_no_sources"]
    if name == "spectrum" and min(shape) < charts.SMALLEST_SPECTRUM:
        return f"a side of the image is shorter than {charts.SMALLEST_SPECTRUM} pixels"
    return "nothing differs between the two images" if same and name not in _OF_BOTH else ""
