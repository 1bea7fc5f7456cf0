"""Drawing sheets, and how they become SVG that fits a light and a dark page."""

import base64
import io
import re

from astroae.validation.extras import needed

__all__ = ["BLUE", "GREEN", "ORANGE", "sheet", "to_svg"]

#: Readable on white and on black alike.
BLUE, ORANGE, GREEN = "#2f80c9", "#cf6a1a", "#3f9142"
_WIDTH = 4.6  # inches: on a phone the letters are still 10 pixels high
_STYLE = {
    "svg.fonttype": "none",
    "font.size": 10,
    "axes.grid": False,
    "axes.linewidth": 0.7,
    "legend.frameon": False,
    "legend.fontsize": 9,
}
_EMBEDDED = re.compile(r"(?<=data:image/png;base64,)[^\"]+")
_FIRST_LINES = re.compile(r"^.*?(?=<svg)|<metadata>.*?</metadata>|<style.*?</style>", re.DOTALL)
_UNUSED = re.compile(r' id="(?:figure|axes|patch|text|line2d|xtick|ytick|matplotlib)[^"]*"')


def sheet(height=3.0):
    """An empty figure, without pyplot.

    Parameters
    ----------
    height : float
        Inches.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure = needed("matplotlib.figure").Figure(figsize=(_WIDTH, height), layout="constrained")
    needed("matplotlib.backends.backend_agg").FigureCanvasAgg(figure)
    return figure


def to_svg(draw, name):
    """What a function draws on a sheet, as SVG in the colour of the text around it.

    Parameters
    ----------
    draw : callable
        ``draw() -> Figure``.
    name : str
        Keeps the marks of several figures of one page apart.

    Returns
    -------
    bytes
        One ``<svg>`` element in UTF-8; black has become ``currentColor``.
    """
    out = io.BytesIO()
    with needed("matplotlib").rc_context({**_STYLE, "svg.hashsalt": name}):
        # "tight": the layout does not always leave room for the labels of an image.
        draw().savefig(
            out,
            format="svg",
            transparent=True,
            dpi=150,
            bbox_inches="tight",
            pad_inches=0.03,
            metadata={"Date": None},
        )
    text = _FIRST_LINES.sub("", out.getvalue().decode())
    text = _UNUSED.sub("", text).replace("#000000", "currentColor")
    text = text.replace("<svg ", '<svg fill="currentColor" ', 1)
    return _EMBEDDED.sub(_smaller, text).encode()


def _smaller(match):
    """Pictures of at most 256 colours with a palette: a third of the bytes."""
    image = needed("PIL.Image")
    picture = image.open(io.BytesIO(base64.b64decode(match[0])))
    colours = picture.getcolors(256)
    if colours is None or any(colour[-1] != 255 for _, colour in colours):
        return match[0]
    out = io.BytesIO()
    picture.convert("RGB").quantize(len(colours), dither=0).save(out, "png", optimize=True)
    return base64.b64encode(out.getvalue()).decode()
