"""Figures of results: embedding, traversal, maps, neighbours.

Every function is given results and makes a matplotlib figure, without pyplot: no
window, and no state of the caller's is touched.
"""

import numpy as np

from astroae.explore.drawing import COLOURS, MARKERS, Window, bare, new_figure, show, thumbnail

__all__ = ["plot_embedding", "plot_maps", "plot_neighbours", "plot_traversal"]


def plot_embedding(places, about, stamps, *, title, cells=14):
    """Where the stamps lie: thumbnails, and a point for each by file.

    Parameters
    ----------
    places : ndarray (N, 2)
    about : dict
        From `astroae.explore.embedding.embed`.
    stamps : astroae.explore.stamps.Stamps
    title : str
    cells : int
        Along an axis; the stamp nearest to the middle of a cell is shown.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, style = new_figure(13.2, 6.9)
    with style:
        left, right = figure.subplots(1, 2, gridspec_kw={"width_ratios": (1, 1)})
        low, high = places.min(0), places.max(0)
        size = np.maximum(high - low, 1e-12) / cells
        for index, cell in _one_per_cell(places, low, size, cells):
            x, y = low + cell * size
            extent = (
                x + 0.03 * size[0],
                x + 0.97 * size[0],
                y + 0.03 * size[1],
                y + 0.97 * size[1],
            )
            show(left, thumbnail(stamps.values[index]), extent)
        _points(right, places, stamps.table["file"])
        for axes in (left, right):
            axes.set(
                xlim=(low[0] - size[0] / 2, high[0] + size[0] / 2),
                ylim=(low[1] - size[1] / 2, high[1] + size[1] / 2),
            )
            _label_axes(axes, about)
        figure.suptitle(title, x=0.055, ha="left", fontsize=12)
        figure.subplots_adjust(0.055, 0.075, 0.985, 0.925, wspace=0.15)
    return figure


def _one_per_cell(places, low, size, cells):
    """Pairs of a row and its cell (column, row): the nearest to the middle of each."""
    where = (places - low) / size
    cell = np.clip(np.floor(where), 0, cells - 1)
    off_middle = np.hypot(*(where - cell - 0.5).T)
    chosen = {}
    for index in np.argsort(-off_middle, kind="stable"):  # the nearest is written last
        chosen[tuple(cell[index])] = int(index)
    return [(index, np.array(place)) for place, index in chosen.items()]


def _label_axes(axes, about):
    if about["method"] == "pca":
        x, y = (f"component {i + 1} ({share:.1%})" for i, share in enumerate(about["explained"]))
        axes.set(xlabel=x, ylabel=y)
    else:
        axes.set(xlabel="t-SNE, arbitrary units", ylabel="", xticks=[], yticks=[])


def _points(axes, places, files):
    names = list(dict.fromkeys(files))
    if len(names) > len(COLOURS):
        axes.scatter(*places.T, s=9, c=COLOURS[0], linewidths=0, alpha=0.7)
        axes.set_title(f"{len(places)} stamps of {len(names)} files", loc="left", fontsize=9)
        return
    for name, colour, marker in zip(names, COLOURS, MARKERS):
        mine = np.asarray(files) == name
        label = str(name).rpartition("/")[2]
        axes.scatter(
            *places[mine].T, s=16, c=colour, marker=marker, linewidths=0, alpha=0.75, label=label
        )
    axes.legend(frameon=False, fontsize=8, loc="upper left", bbox_to_anchor=(0, 1.065), ncols=3)


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
    """The image, and a map for each latent.

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
    rows = -(-(len(maps.names) + 1) // columns)
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
        for axes, name, values in zip(grid[1:], maps.names, maps.values):
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


def _large(image, most=800):
    """Every n-th pixel of an image that has more than are drawn."""
    step = max(1, -(-max(image.shape) // most))
    return Window.of(image).gray(image[::step, ::step])


def plot_neighbours(stamps, table, *, title, most=12):
    """A row for each stamp, followed by its neighbours, nearest first.

    Parameters
    ----------
    stamps : astroae.explore.stamps.Stamps
    table : astropy.table.Table
        From `astroae.explore.neighbours.neighbours`.
    title : str
    most : int
        Rows; evenly spaced ones where there are more.

    Returns
    -------
    matplotlib.figure.Figure
    """
    count = int(table["rank"].max())
    whole = np.arange(len(table) // count)
    shown = whole[np.unique(np.linspace(0, len(whole) - 1, min(most, len(whole))).astype(int))]
    figure, style = new_figure(1.25 * (count + 1) + 0.2, 1.35 * len(shown) + 0.8)
    with style:
        grid = figure.subplots(len(shown), count + 1, squeeze=False)
        for line, row in zip(grid, shown):
            part = table[row * count : (row + 1) * count]
            _labelled(line[0], stamps, part["stamp"][0], f"stamp {part['stamp'][0]}")
            for axes, entry in zip(line[1:], part):
                text = f"{entry['neighbour']}, distance {entry['distance']:.2f}"
                _labelled(axes, stamps, entry["neighbour"], text)
        height = figure.get_size_inches()[1]
        figure.suptitle(title, x=0.02, y=1 - 0.2 / height, ha="left", fontsize=11)
        figure.subplots_adjust(
            0.02, 0.12 / height, 0.98, 1 - 0.7 / height, wspace=0.06, hspace=0.22
        )
    return figure


def _labelled(axes, stamps, index, text):
    bare(axes)
    show(axes, thumbnail(stamps.values[index]))
    axes.set_title(text, fontsize=8, pad=2, loc="left")
