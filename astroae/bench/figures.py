"""Figures that show what compression did to an image.

`draw_comparison` is given arrays and numbers only, and writes one PNG.
"""

import numpy as np

from astroae.errors import MissingDependencyError

__all__ = ["draw_comparison"]

NIGHT, PANEL, INK, FAINT = "#0b0f1a", "#121829", "#e8ecf4", "#8b95ab"
ACCENT, WARM = "#6cc4f5", "#ffb454"
LONGEST = 1200  # pixels drawn along an axis; more would not be seen


def draw_comparison(
    path, original, decoded, bound, tiles, *, tile_shape, title, subtitle, bits, zoom=None
):
    """Original, decoded, residual against its bound, and bits per tile.

    Parameters
    ----------
    path : path-like
        PNG to write.
    original, decoded, bound : array of float, shape (ny, nx)
        Pixels before and after, and the largest error allowed; 0 where exact.
    tiles : array of float, shape (rows, columns)
        Bits per pixel of each tile.
    tile_shape : tuple of int
        (ny, nx) of a tile; those at the far edges are smaller.
    title, subtitle : str
        Above the panels.
    bits : tuple of float
        Bits per pixel of the original and of the compressed image.
    zoom : tuple of int, optional
        (y, x, half width) of the part that insets magnify.

    Raises
    ------
    MissingDependencyError
        matplotlib is not installed.
    """
    figure_of, style = _matplotlib()
    with style.context({"text.color": INK, "axes.labelcolor": FAINT, "font.size": 10}):
        figure = figure_of(figsize=(13, 13.4), facecolor=NIGHT)
        panels = _panels(figure)
        figure.text(0.035, 0.972, title, fontsize=20, weight="bold", va="center")
        figure.text(0.035, 0.946, subtitle, fontsize=11.5, color=FAINT, va="center")
        window = _stretch(original)
        _sky(panels[0], original, window, f"original · {bits[0]:.0f} bits per pixel", zoom)
        _sky(panels[1], decoded, window, f"decoded · {bits[1]:.2f} bits per pixel", zoom)
        _residual(figure, panels[2], original, decoded, bound)
        _tiles(figure, panels[3], tiles, tile_shape, original.shape)
        figure.savefig(path, dpi=110, facecolor=NIGHT)


def _matplotlib():
    try:
        from matplotlib import style
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as exc:
        raise MissingDependencyError(
            "matplotlib is needed to draw",
            where="figure",
            found=str(exc),
            hint="pip install astroae[demo]",
        ) from exc

    def figure_of(**options):
        # Not pyplot: no window, no state of the caller's is touched.
        figure = Figure(**options)
        FigureCanvasAgg(figure)
        return figure

    return figure_of, style


def _panels(figure):
    """Two by two, each with its place for a title."""
    width, height, left, bottom = 0.455, 0.44, 0.035, 0.02
    panels = []
    for row in (1, 0):
        for column in (0, 1):
            axes = figure.add_axes(
                (left + column * 0.48, bottom + row * 0.465, width, height - 0.02)
            )
            axes.set(xticks=[], yticks=[], facecolor=PANEL)
            for spine in axes.spines.values():
                spine.set_color("#2a3350")
            panels.append(axes)
    return panels


def _caption(axes, text):
    # Not set_title, which moves away from the colour bar.
    axes.annotate(text, (0, 1.018), xycoords="axes fraction", fontsize=12, color=INK)


def _stretch(image):
    """Sky, noise and top of the asinh scale that both images are drawn with."""
    finite = image[np.isfinite(image)]
    sky = np.median(finite)
    noise = 1.4826 * np.median(np.abs(finite - sky)) or np.std(finite) or 1.0
    return sky, noise, max(np.percentile(finite, 99.95) - sky, 10 * noise)


def _scaled(image, window):
    sky, noise, top = window
    values = np.arcsinh((image - sky) / (2 * noise))
    low, high = np.arcsinh(-1.0), np.arcsinh(top / (2 * noise))
    return np.clip((values - low) / (high - low), 0, 1)


def _thin(image):
    """Every n-th pixel, so that a large image is drawn in the time of a small one."""
    step = max(1, -(-max(image.shape) // LONGEST))
    return image[::step, ::step]


def _sky(axes, image, window, caption, zoom):
    options = {"origin": "lower", "cmap": "inferno", "vmin": 0, "vmax": 1, "aspect": "equal"}
    axes.imshow(
        _thin(_scaled(image, window)), extent=_extent(image), interpolation="antialiased", **options
    )
    _caption(axes, caption)
    if zoom is None:
        return
    y, x, half = zoom
    rows = slice(max(y - half, 0), y + half)
    columns = slice(max(x - half, 0), x + half)
    inset = axes.inset_axes((0.64, 0.025, 0.335, 0.335))
    part = image[rows, columns]
    corner = (columns.start - 0.5, columns.start - 0.5 + part.shape[1])
    side = (rows.start - 0.5, rows.start - 0.5 + part.shape[0])
    inset.imshow(_scaled(part, window), extent=(*corner, *side), interpolation="nearest", **options)
    inset.set(xticks=[], yticks=[])
    for spine in inset.spines.values():
        spine.set(color=ACCENT, linewidth=1.5)
    axes.indicate_inset(bounds=(corner[0], side[0], np.ptp(corner), np.ptp(side)), edgecolor=ACCENT)


def _extent(image):
    return (-0.5, image.shape[1] - 0.5, -0.5, image.shape[0] - 0.5)


def _residual(figure, axes, original, decoded, bound):
    """Errors in units of the bound of each pixel."""
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = np.where(bound > 0, (decoded - original) / bound, 0.0)
    shown = axes.imshow(
        _thin(ratio),
        origin="lower",
        extent=_extent(original),
        cmap="berlin",
        vmin=-1,
        vmax=1,
        interpolation="antialiased",
    )
    _caption(axes, "decoded − original, in units of the bound")
    _colorbar(figure, axes, shown, [-1, 0, 1], ["−bound", "0", "+bound"])
    finite = ratio[np.isfinite(ratio)]
    inset = axes.inset_axes((0.025, 0.065, 0.44, 0.27), facecolor=(*_rgb(NIGHT), 0.9))
    inset.hist(finite.ravel(), bins=np.linspace(-1.25, 1.25, 126), color=ACCENT, linewidth=0)
    for side in (-1, 1):
        inset.axvline(side, ymax=0.83, color=WARM, linewidth=1.2, linestyle="--")
    inset.set(yticks=[], xlim=(-1.25, 1.25))
    inset.set_xticks([-1, 0, 1], ["−bound", "0", "+bound"], fontsize=9, color=INK)
    inset.tick_params(length=0)
    largest = np.abs(finite).max(initial=0.0)
    inset.set_ylim(top=1.3 * inset.get_ylim()[1])
    inset.annotate(
        f"largest error {largest:.3f} of the bound",
        (0.5, 0.9),
        xycoords="axes fraction",
        ha="center",
        fontsize=9.5,
        color=WARM,
    )
    for spine in inset.spines.values():
        spine.set_color("#2a3350")


def _rgb(colour):
    return tuple(int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))


def _tiles(figure, axes, tiles, tile_shape, shape):
    """Where the bits went; numbers where they fit."""
    low, high = float(tiles.min()), float(tiles.max())
    y, x = (
        np.minimum(np.arange(count + 1) * length, n) - 0.5
        for count, length, n in zip(tiles.shape, tile_shape, shape, strict=True)
    )
    shown = axes.pcolormesh(x, y, tiles, cmap="viridis")
    axes.set_aspect("equal")
    _caption(axes, "bits per pixel of each tile")
    if max(tiles.shape) <= 10:
        for row, column in np.ndindex(*tiles.shape):
            bright = (tiles[row, column] - low) > 0.6 * max(high - low, 1e-9)
            axes.text(
                (x[column] + x[column + 1]) / 2,
                (y[row] + y[row + 1]) / 2,
                f"{tiles[row, column]:.2f}",
                ha="center",
                va="center",
                color=NIGHT if bright else INK,
                fontsize=12,
            )
    ticks = [low, high] if high > low else [low]
    _colorbar(figure, axes, shown, ticks, [f"{t:.2f}" for t in ticks])


def _colorbar(figure, axes, shown, ticks, labels):
    """A thin bar in the line of the caption, so that all panels have one size."""
    bar = figure.colorbar(
        shown, cax=axes.inset_axes((0.66, 1.018, 0.32, 0.014)), orientation="horizontal"
    )
    bar.set_ticks(ticks, labels=labels)
    bar.outline.set_visible(False)
    bar.ax.xaxis.set_ticks_position("top")
    bar.ax.tick_params(length=0, pad=2, labelsize=9, colors=FAINT)
