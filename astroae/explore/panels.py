"""Figures of one image: traversal, maps, denoising.

Like those of `astroae.explore.plots`: results in, a matplotlib figure out.
"""

import warnings

import numpy as np

from astroae.explore.drawing import Window, bare, new_figure, show

__all__ = ["plot_denoised", "plot_maps", "plot_traversal"]

DRAWN = 800  # pixels along an axis; more would not be seen
MAPS = 15  # of latents in a figure; the FITS file has all


def plot_traversal(traversal, *, title, window=None):
    """A row for each latent, a column for each step; the stamp itself at the left.

    Parameters
    ----------
    traversal : astroae.explore.traversal.Traversal
    title : str
    window : Window, optional
        By default that of the stamp.

    Returns
    -------
    matplotlib.figure.Figure
    """
    window = window or Window.of(traversal.stamp)
    rows, columns = traversal.images.shape[:2]
    figure, style = new_figure(1.15 * (columns + 1) + 1.1, 1.15 * rows + 0.85)
    with style:
        # Between the stamp and the decoded images a narrow column for the names.
        ratios = {"width_ratios": (1, 0.8, *(1,) * columns)}
        grid = figure.subplots(rows, columns + 2, squeeze=False, gridspec_kw=ratios)
        for axes in grid.ravel():
            bare(axes)
        for axes in (*grid[:, 1], *grid[1:, 0]):
            axes.set_axis_off()
        for line, name, images in zip(grid, traversal.names, traversal.images):
            line[1].text(0.94, 0.5, name, ha="right", va="center", transform=line[1].transAxes)
            for axes, image in zip(line[2:], images):
                show(axes, window.gray(image))
        show(grid[0, 0], window.gray(traversal.stamp))
        grid[0, 0].set_title("stamp", fontsize=9)
        signed = traversal.steps[0] < 0
        for axes, step in zip(grid[0, 2:], traversal.steps, strict=True):
            axes.set_title(f"{step:+.3g} σ" if signed and step else f"{step:.2g}", fontsize=9)
        _place(figure, title)
    return figure


def _place(figure, title):
    height = figure.get_size_inches()[1]
    figure.suptitle(title, x=0.02, y=1 - 0.2 / height, ha="left", fontsize=11)
    figure.subplots_adjust(0.02, 0.08 / height, 0.98, 1 - 0.68 / height, wspace=0.06, hspace=0.06)


def plot_maps(maps, *, title, columns=4):
    """The image, and a map for each latent, at most 15: those with most structure.

    Structure is how much nearer neighbours are to each other than any two places.

    Parameters
    ----------
    maps : astroae.explore.maps.LatentMaps
    title : str
    columns : int
        Panels in a row.

    Returns
    -------
    matplotlib.figure.Figure
    """
    image = maps.plane.values
    chosen = sorted(np.argsort(-_structure(maps.values), kind="stable")[:MAPS])
    rows = -(-(len(chosen) + 1) // columns)
    panel = 2.7
    height = panel * np.clip(image.shape[0] / image.shape[1], 0.4, 1.6)
    figure, style = new_figure(columns * panel, rows * (height + 0.3) + 0.6)
    with style:
        grid = figure.subplots(rows, columns, squeeze=False).ravel()
        for axes in grid:
            bare(axes)
            axes.set_visible(False)
        limits = {"xlim": (-0.5, image.shape[1] - 0.5), "ylim": (-0.5, image.shape[0] - 0.5)}
        _panel(grid[0], "image", limits)
        show(grid[0], _large(image), (*limits["xlim"], *limits["ylim"]))
        y, x = (first - maps.stride / 2 for first in maps.first)
        for axes, k in zip(grid[1:], chosen):
            name, values = maps.names[k], maps.values[k]
            low, high = _limits(values)
            _panel(axes, f"{name}: {low:.3g} to {high:.3g}", limits)
            extent = (x, x + values.shape[1] * maps.stride, y, y + values.shape[0] * maps.stride)
            axes.imshow(
                values,
                cmap="cividis",
                origin="lower",
                extent=extent,
                aspect="auto",
                vmin=low,
                vmax=high,
            )
            axes.set(**limits)
        tall = figure.get_size_inches()[1]
        figure.suptitle(title, x=0.015, y=1 - 0.17 / tall, ha="left", fontsize=11)
        figure.subplots_adjust(0.01, 0.01, 0.99, 1 - 0.65 / tall, wspace=0.05, hspace=0.3 / height)
    return figure


def _structure(values):
    """1 - (mean squared step between neighbours) / (twice the variance), of each map."""
    with np.errstate(invalid="ignore", divide="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # maps of NaN only
        steps = [np.diff(values, axis=axis).reshape(len(values), -1) for axis in (1, 2)]
        found = 1 - np.nanmean(np.concatenate(steps, 1) ** 2, 1) / (2 * np.nanvar(values, (1, 2)))
    return np.nan_to_num(found, nan=-1.0, posinf=-1.0, neginf=-1.0)


def _panel(axes, name, limits):
    axes.set_visible(True)
    axes.set_title(name, loc="left", fontsize=9, pad=3)
    axes.set(**limits)


def _limits(values):
    """All but the most extreme hundredth, so that one stamp does not hide the rest."""
    good = values[np.isfinite(values)]
    if not good.size:
        return 0.0, 1.0
    low, high = np.percentile(good, [1, 99])
    return low, high if high > low else low + 1


def _large(image):
    """Every n-th pixel of an image that has more than are drawn."""
    step = max(1, -(-max(image.shape) // DRAWN))
    return Window.of(image).gray(image[::step, ::step])


def plot_denoised(before, after, *, title):
    """An image, the same without its noise, and what was taken, in one stretch.

    Parameters
    ----------
    before, after : ndarray (y, x)
    title : str

    Returns
    -------
    matplotlib.figure.Figure
    """
    step = max(1, -(-max(before.shape) // DRAWN))
    window = Window.of(before)
    shape = np.clip(before.shape[0] / before.shape[1], 0.3, 2.0)
    figure, style = new_figure(13, 4.25 * shape + 0.75)
    with style:
        sky = window.sky if window.noise > 0 else 0.0
        images = {"image": before, "denoised": after, "image - denoised": before - after + sky}
        for axes, (name, image) in zip(figure.subplots(1, 3), images.items()):
            bare(axes)
            axes.set_title(name, loc="left", fontsize=9, pad=3)
            show(axes, window.gray(image[::step, ::step]))
        height = figure.get_size_inches()[1]
        figure.suptitle(title, x=0.01, y=1 - 0.18 / height, ha="left", fontsize=11)
        figure.subplots_adjust(0.01, 0.01, 0.99, 1 - 0.6 / height, wspace=0.03)
    return figure
