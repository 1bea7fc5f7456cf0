"""What all figures of stamps share: one stretch, one look, no pyplot.

Stamps are drawn by asinh in units of their own noise; colours are told apart by the
colour-blind too.
"""

from dataclasses import dataclass

import numpy as np

from astroae.explore.extras import needed
from astroae.pixels.noise import noise_sigma
from astroae.pixels.resize import resize_levels
from astroae.pixels.stamps import undefined

__all__ = [
    "COLOURS",
    "FAINT",
    "INK",
    "MARKERS",
    "Window",
    "bare",
    "new_figure",
    "show",
    "thumbnail",
]

#: Okabe & Ito (2008); black and the yellow that is lost on white are left out.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00")
MARKERS = "os^Dv*"
INK, FAINT = "#222222", "#8a8a8a"
SIDE = 96  # pixels of a thumbnail that are drawn at most
_STYLE = {
    "font.size": 9,
    "axes.edgecolor": FAINT,
    "axes.labelcolor": INK,
    "xtick.color": FAINT,
    "ytick.color": FAINT,
    "text.color": INK,
}


@dataclass(frozen=True)
class Window:
    """How an image becomes gray: asinh of the distance from the sky, in noise.

    Parameters
    ----------
    sky, noise, top : float
        Values; ``noise`` 0 is linear from ``sky`` to ``top``.
    """

    sky: float
    noise: float
    top: float

    @classmethod
    def of(cls, image):
        """From the image itself: median, noise, brightest of a thousand pixels."""
        good = image[np.isfinite(image)]
        if not good.size:
            return cls(0.0, 0.0, 1.0)
        sky, top = float(np.median(good)), float(np.percentile(good, 99.9))
        noise = noise_sigma(np.where(np.isfinite(image), image, sky), np.isfinite(image))
        if not noise > 0:
            low = float(good.min())
            return cls(low, 0.0, max(float(good.max()), np.nextafter(low, np.inf)))
        return cls(sky, noise, max(top, sky + 6 * noise))

    def gray(self, image):
        """Values from 0 to 1; undefined pixels are NaN."""
        distance = np.where(undefined(image), np.nan, image) - self.sky
        if self.noise > 0:
            distance = np.arcsinh(distance / (2 * self.noise))
            low = np.arcsinh(-1.0)
            high = np.arcsinh((self.top - self.sky) / (2 * self.noise))
        else:
            low, high = 0.0, self.top - self.sky
        return np.clip((distance - low) / (high - low), 0, 1)


def new_figure(width, height):
    """An empty figure, and the style to draw it in (a context)."""
    style = needed("matplotlib.style")
    canvas = needed("matplotlib.backends.backend_agg").FigureCanvasAgg
    with style.context(_STYLE):
        figure = needed("matplotlib.figure").Figure(figsize=(width, height), facecolor="white")
    canvas(figure)
    return figure, style.context(_STYLE)


def thumbnail(image):
    """Gray levels of a stamp, made smaller where it has more pixels than are drawn."""
    gray = Window.of(image).gray(image)
    shape = tuple(min(n, SIDE) for n in gray.shape)
    if shape == gray.shape:
        return gray
    return resize_levels(np.where(np.isfinite(gray), gray, 0.0), shape)


def show(axes, gray, extent=None, **options):
    """Draw gray levels from 0 to 1."""
    axes.imshow(
        gray, cmap="gray", vmin=0, vmax=1, origin="lower", extent=extent, aspect="auto", **options
    )


def bare(axes):
    """Take ticks and frame away."""
    axes.set(xticks=[], yticks=[], facecolor="#f2f2f2")
    for spine in axes.spines.values():
        spine.set_visible(False)
