"""Pictures of the two images, of what differs, and of where it differs most."""

import numpy as np

from astroae.validation.extras import needed
from astroae.validation.report.svg import sheet

__all__ = ["detail", "original", "residual", "restored", "ruler", "tightest"]

_MOST = 360  # blocks along a side
_LEVELS = 64  # of gray: more is not seen, and costs bytes
_TILES = 48  # along the longer side of the map
_DETAIL = 96  # pixels
_BAD = "#c8963c"


def ruler(pair):
    """What changes are told in: the noise of every pixel where there is one.

    Parameters
    ----------
    pair : `~astroae.validation.pair.Pair`

    Returns
    -------
    scale : float or array (y, x)
        Above zero.
    label : str
    """
    scene = pair.original.scene if pair.role == "image" else None
    if scene is None or scene.no_noise:
        return 1.0, f"change ({pair.original.unit or 'unit of the image'})"
    return pair.original.sigma, "change (sigma)"


def original(pair):
    """Gray picture of the original."""
    return _gray(pair, np.where(pair.original.bad, 0, pair.original.data))


def restored(pair):
    """The same of the restored image, with the original's stretch."""
    return _gray(pair, np.where(pair.original.bad, 0, pair.original.data) + pair.change)


def residual(pair):
    """Restored less original."""
    scale, label = ruler(pair)
    shown = _blocks(pair.change / scale, pair.original.good & ~pair.lost)
    figure, axes = _frame(pair)
    _with_bar(figure, axes, _signed(axes, shown, _extent(pair)), label)
    return figure


def tightest(pair):
    """Largest change of every tile, over the bound, else in the ruler's unit."""
    part, label = _part(pair)
    step = max(1, -(-max(pair.original.shape) // _TILES))
    shown = _reduce(np.maximum, np.where(pair.original.good, part, -1), (step, step))
    figure, axes = _frame(pair)
    shown = np.where(shown < 0, np.nan, shown)
    image = axes.imshow(shown, cmap=_map("cividis"), vmin=0, **_extent(pair))
    _with_bar(figure, axes, image, label)
    return figure


def detail(pair):
    """Original, restored and residual pixel by pixel, where most has changed."""
    part, _ = _part(pair)
    y, x = np.unravel_index(np.argmax(part), part.shape)
    rows, columns = _window((y, x), part.shape)
    figure = sheet(2.0)
    scale, _ = ruler(pair)
    scale = np.broadcast_to(scale, pair.original.shape)[rows, columns]
    good = pair.original.good[rows, columns]
    before = np.where(good, pair.original.data[rows, columns], np.nan)
    after = before + pair.change[rows, columns]
    norm = _asinh(before)
    panels = figure.subplots(1, 3)
    for axes, shown, title in zip(panels, (before, after), ("original", "restored")):
        axes.imshow(shown, norm=norm, cmap=_map("gray"), origin="lower", interpolation="none")
        axes.set_title(title, fontsize=10)
    shown = np.where(good, pair.change[rows, columns] / scale, np.nan)
    _signed(panels[2], shown, {"origin": "lower", "interpolation": "none"})
    panels[2].set_title("residual", fontsize=10)
    for axes in panels:
        axes.set(xticks=[], yticks=[])
    figure.supxlabel(f"with pixel ({x}, {y}), counted from 0", fontsize=10)
    return figure


def _part(pair):
    """Change of every pixel over the bound, else in the ruler's unit; none at bad pixels."""
    if pair.bound is None:
        scale, label = ruler(pair)
        return np.abs(pair.change) / scale, f"largest {label}"
    bound = np.asarray(pair.bound, float)
    return np.abs(pair.change) / np.where(bound > 0, bound, np.inf), "part of the bound"


def _window(place, shape):
    """Rows and columns of the cut-out around a pixel."""
    starts = [
        int(np.clip(at - _DETAIL // 2, 0, max(0, side - _DETAIL))) for at, side in zip(place, shape)
    ]
    return [slice(start, min(side, start + _DETAIL)) for start, side in zip(starts, shape)]


def _gray(pair, data):
    figure, axes = _frame(pair)
    shown = _blocks(data, pair.original.good & ~pair.lost)
    image = axes.imshow(shown, norm=_stretch(pair), cmap=_map("gray"), **_extent(pair))
    unit = pair.original.unit
    _with_bar(figure, axes, image, str(unit) if unit else "unit of the image")
    return figure


def _signed(axes, shown, options):
    finite = np.abs(shown[np.isfinite(shown)])
    most = float(np.percentile(finite, 99.7)) if finite.size else 0.0
    most = most or float(finite.max(initial=0)) or 1.0
    return axes.imshow(shown, cmap=_map("RdBu_r"), vmin=-most, vmax=most, **options)


def _stretch(pair):
    original = pair.original
    return original.keep(
        "report.stretch",
        lambda: _asinh(_blocks(np.where(original.bad, 0, original.data), original.good)),
    )


def _asinh(shown):
    """Zscale's lower end, the 99.7th percentile as upper end, and asinh between."""
    values = shown[np.isfinite(shown)]
    if not values.size:
        values = np.zeros(1)
    visualization = needed("astropy.visualization")
    low, high = visualization.ZScaleInterval().get_limits(values)
    top = max(high, float(np.percentile(values, 99.7)))
    if not top > low:
        low, top = low - 0.5, low + 0.5
    stretch = visualization.AsinhStretch(float(np.clip((high - low) / (top - low), 0.02, 1)))
    # Neither clipped nor replaced: clipping makes bad pixels good ones.
    return visualization.ImageNormalize(vmin=low, vmax=top, stretch=stretch, invalid=None)


def _frame(pair):
    """A sheet as high as the image asks for."""
    ny, nx = pair.original.shape
    figure = sheet(float(np.clip(3.1 * ny / nx + 0.6, 1.8, 5.5)))
    axes = figure.add_subplot()
    axes.set(xlabel="x (pixels)", ylabel="y (pixels)")
    return figure, axes


def _extent(pair):
    ny, nx = pair.original.shape
    return {
        "origin": "lower",
        "extent": (-0.5, nx - 0.5, -0.5, ny - 0.5),
        "aspect": "equal" if 0.25 < ny / nx < 4 else "auto",
        "interpolation": "none",
    }


def _with_bar(figure, axes, image, label):
    bar = figure.colorbar(image, ax=axes, label=label, fraction=0.05, pad=0.02)
    ticks = np.asarray(image.norm.inverse(np.linspace(0, 1, 5)), float)
    bar.set_ticks(ticks, labels=[_tick(tick) for tick in ticks])
    bar.minorticks_off()


def _tick(value):
    return f"{value:.0f}" if 1000 <= abs(value) < 1e5 else f"{value:.3g}"


def _map(name):
    found = needed("matplotlib").colormaps[name].resampled(_LEVELS)
    return found.with_extremes(bad=_BAD)


def _blocks(values, good):
    """Means of the good pixels of blocks, so that no side has more than `_MOST`."""
    steps = [-(-side // _MOST) for side in values.shape]
    counts = _reduce(np.add, good.astype(np.float32), steps)
    sums = _reduce(np.add, np.where(good, values, 0), steps)
    return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)


def _reduce(operation, values, steps):
    for axis, step in enumerate(steps):
        starts = np.arange(0, values.shape[axis], step)
        values = operation.reduceat(values, starts, axis=axis)
    return values
