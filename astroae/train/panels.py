"""Figures of an evaluation: histograms, reconstructions, latents, the training's curve.

Every function gives a matplotlib figure, made without pyplot.
"""

import csv

import numpy as np

from astroae.errors import InputError, MissingDependencyError
from astroae.train.evaluate import METRICS, crossing_tensors, picture

__all__ = ["histograms", "latents", "reconstructions", "training_curve"]

_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00")  # Okabe & Ito
_BINS, _CHANNELS = 30, 16


def histograms(table, title):
    """Every measure in a panel, every account in a colour.

    Parameters
    ----------
    table : Table
        Of `astroae.train.evaluate.evaluate`.
    title : str

    Returns
    -------
    matplotlib.figure.Figure
    """
    metrics = [name for name in METRICS if name in table.colnames]
    metrics = [name for name in metrics if np.isfinite(table[name]).any()]
    figure = _figure(3.2 * max(len(metrics), 1), 3.2)
    for panel, metric in zip(_grid(figure, 1, len(metrics))[0], metrics, strict=False):
        values = np.asarray(table[metric], float)
        # An error spans decades, and so does its histogram.
        if metric == "mse" and (values > 0).any():
            values = np.log10(np.where(values > 0, values, np.nan))
        edges = np.histogram_bin_edges(values[np.isfinite(values)], _BINS)
        for name, colour in zip(dict.fromkeys(table["account"]), _colours()):
            part = values[(table["account"] == name) & np.isfinite(values)]
            panel.hist(part, edges, histtype="step", color=colour, label=str(name))
        panel.set(xlabel="log10 mse" if metric == "mse" else metric.replace("_", " "))
        panel.set(ylabel="stamps")
    figure.axes[0].legend(frameon=False, fontsize=7)
    figure.suptitle(title)
    return figure


def reconstructions(evaluation, indices, title):
    """Stamps beside what each account makes of them, and the differences.

    A stamp, its reconstructions and their residuals have one scale: black to white is
    the stamp's range (1st to 99.5th percentile), around zero for the residuals.

    Parameters
    ----------
    evaluation : astroae.train.evaluate.Evaluation
    indices : sequence of int
    title : str

    Returns
    -------
    matplotlib.figure.Figure
    """
    ways, stamps = list(evaluation.accounts), evaluation.stamps
    figure = _figure(2 * (1 + 2 * len(ways)), 2.1 * len(indices) + 0.5)
    panels = _grid(figure, len(indices), 1 + 2 * len(ways))
    for row, index in zip(panels, indices, strict=True):
        before = picture(stamps.images[index])
        low, high = _range(before)
        _show(row[0], (before - low) / (high - low), stamps)
        _name(row[0], stamps.origins[index])
        for i, way in enumerate(ways):
            after = picture(evaluation.accounts[way].images[index])
            _show(row[1 + 2 * i], (after - low) / (high - low), stamps)
            _show(row[2 + 2 * i], (after - before) / (high - low) + 0.5, stamps)
    for panel, name in zip(panels[0], _heads(ways), strict=True):
        panel.set_title(name, fontsize=9)
    figure.suptitle(title)
    return figure


def latents(model, stamps, indices, title):
    """What crosses from encoder to decoder, a row for each stamp.

    Vectors are bars; of maps the 16 channels that vary most are shown, each from its
    own smallest to its own largest value.

    Parameters
    ----------
    model : Model
    stamps : StampSet
    indices : sequence of int
    title : str

    Returns
    -------
    matplotlib.figure.Figure
    """
    names = model.network.crossing
    figure = _figure(2.2 * (1 + len(names)), 2.1 * len(indices) + 0.5)
    panels = _grid(figure, len(indices), 1 + len(names))
    for row, index in zip(panels, indices, strict=True):
        before = picture(stamps.images[index])
        low, high = _range(before)
        _show(row[0], (before - low) / (high - low), stamps)
        _name(row[0], stamps.origins[index])
        crossing = crossing_tensors(model, stamps.images[index])
        for panel, name in zip(row[1:], names, strict=True):
            _tensor(panel, crossing[name], _first_row(stamps))
    for panel, name in zip(panels[0][1:], names, strict=True):
        kind = "latent" if name in model.network.latents else "skip"
        shape = " x ".join(map(str, crossing[name].shape))
        panel.set_title(f"{kind} {name}\n{shape}", fontsize=8)
    figure.suptitle(title)
    return figure


def training_curve(path):
    """Losses and validation error by epoch, from the log beside a model.

    Parameters
    ----------
    path : path-like
        CSV that ``astroae train`` wrote.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    InputError
        No such log in it.
    """
    try:
        with open(path, newline="") as file:
            rows = list(csv.DictReader(file))
        columns = {
            name: [float(row[name] or "nan") for row in rows]
            for name in ("epoch", "loss", "validation_loss", "validation_mse")
        }
    except (OSError, ValueError, KeyError, TypeError, csv.Error) as exc:
        raise InputError(
            "not readable as the log of a training",
            where=str(path),
            found=f"{type(exc).__name__}: {exc}",
            hint="remove it, or put the log there that astroae train wrote",
        ) from exc
    figure = _figure(8, 3.2)
    left, right = _grid(figure, 1, 2)[0]
    for name, colour in zip(("loss", "validation_loss"), _COLOURS):
        left.plot(columns["epoch"], columns[name], color=colour, label=name.replace("_", " "))
    left.legend(frameon=False, fontsize=8)
    right.semilogy(columns["epoch"], columns["validation_mse"], color=_COLOURS[1])
    left.set(xlabel="epoch", title="loss")
    right.set(xlabel="epoch", title="validation MSE")
    return figure


def _figure(width, height):
    try:
        from matplotlib.figure import Figure
    except ImportError as exc:
        raise MissingDependencyError(
            "figures need matplotlib",
            where="matplotlib",
            found=str(exc),
            hint="pip install astroae[train]",
        ) from exc
    return Figure(figsize=(width, height), layout="constrained")


def _grid(figure, rows, columns):
    return figure.subplots(rows, max(columns, 1), squeeze=False)


def _colours():
    while True:
        yield from _COLOURS


def _range(image):
    low, high = np.percentile(image, (1, 99.5))
    return (low, high) if high > low else (low - 0.5, low + 0.5)


def _first_row(stamps):
    """Of a photograph it is the top, of a FITS image the bottom."""
    return "upper" if stamps.source.pictures else "lower"


def _show(panel, gray, stamps):
    panel.imshow(np.clip(gray, 0, 1), cmap="gray", vmin=0, vmax=1, origin=_first_row(stamps))
    panel.set(xticks=[], yticks=[])


def _name(panel, origin):
    panel.set_ylabel(f"{origin.file.rpartition('/')[2][-24:]}\n{origin.x}, {origin.y}", fontsize=6)


def _heads(ways):
    return ["original"] + [head for way in ways for head in (way, f"{way}, residual")]


def _tensor(panel, tensor, origin):
    channels, height, width = tensor.shape
    if height * width == 1:
        panel.bar(np.arange(channels), tensor[:, 0, 0], width=1.0, color=_COLOURS[0])
        panel.tick_params(labelsize=6)
        return
    chosen = np.sort(np.argsort(-tensor.var((1, 2)), kind="stable")[:_CHANNELS])
    side = int(np.ceil(len(chosen) ** 0.5))
    rows = -(-len(chosen) // side)
    sheet = np.full((rows * (height + 1), side * (width + 1)), np.nan)
    for place, channel in enumerate(chosen):
        y, x = place // side * (height + 1), place % side * (width + 1)
        low, high = tensor[channel].min(), tensor[channel].max()
        sheet[y : y + height, x : x + width] = (tensor[channel] - low) / max(high - low, 1e-30)
    panel.imshow(sheet, cmap="gray", vmin=0, vmax=1, origin=origin)
    panel.set(xticks=[], yticks=[])
