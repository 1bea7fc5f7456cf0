"""Figures of many stamps: embedding, neighbours, oddities.

Every function is given results and makes a matplotlib figure, without pyplot: no
window, and no state of the caller's is touched.
"""

import numpy as np

from astroae.explore.drawing import COLOURS, MARKERS, bare, new_figure, show, thumbnail
from astroae.explore.stamps import stamp_at

__all__ = [
    "plot_anomalies",
    "plot_embedding",
    "plot_neighbours",
]


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
        label = str(name).rpartition("/")[2].partition(".fit")[0][:24]
        axes.scatter(
            *places[mine].T, s=16, c=colour, marker=marker, linewidths=0, alpha=0.75, label=label
        )
    axes.legend(frameon=False, fontsize=8, loc="upper left", bbox_to_anchor=(0, 1.065), ncols=3)


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


def plot_anomalies(plane, table, side, *, title, columns=8):
    """Stamps around oddities, the oddest first, each with its family and score.

    Parameters
    ----------
    plane : astroae.explore.stamps.Plane
    table : astropy.table.QTable
        From `astroae.explore.anomalies.find_anomalies`.
    side : int
        Of the stamps.
    title : str
    columns : int

    Returns
    -------
    matplotlib.figure.Figure
    """
    rows = -(-len(table) // columns)
    figure, style = new_figure(1.4 * columns + 0.2, 1.55 * rows + 0.7)
    with style:
        grid = figure.subplots(rows, columns, squeeze=False).ravel()
        for axes in grid:
            axes.set_axis_off()
        for axes, row in zip(grid, table):
            place = (float(getattr(row[name], "value", row[name])) for name in ("x", "y"))
            show(axes, thumbnail(stamp_at(plane, side, *place)))
            text = f"{row['family']}, score {row['score']:.1f}"
            axes.set_title(text, fontsize=8, pad=2, loc="left")
        height = figure.get_size_inches()[1]
        figure.suptitle(title, x=0.015, y=1 - 0.2 / height, ha="left", fontsize=11)
        figure.subplots_adjust(
            0.015, 0.08 / height, 0.985, 1 - 0.65 / height, wspace=0.06, hspace=0.2
        )
    return figure
