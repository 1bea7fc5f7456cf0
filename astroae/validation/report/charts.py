"""Charts of what changed: magnitudes, positions, spectrum and distribution of the residual."""

import numpy as np

from astroae.validation.report.pictures import ruler
from astroae.validation.report.svg import BLUE, GREEN, ORANGE, sheet
from astroae.validation.sources import APERTURE
from astroae.validation.stamps import centroids

__all__ = ["SMALLEST_SPECTRUM", "cloud", "histogram", "magnitude", "spectrum"]

#: Pixels of the shorter side, below which there is no spectrum to speak of.
SMALLEST_SPECTRUM = 32
_POINTS = 2000  # sources drawn
_PATCH = 512  # pixels of a piece of the spectrum
_PIECES = 3  # along each axis
_PIXELS = 4_000_000  # of the histogram
_MMAG = 2500 / np.log(10)


def magnitude(pair):
    """Change of the magnitudes, with the errors of the magnitudes themselves."""
    original = pair.original
    sources = _shown(original)
    sources = sources[(sources.flux > 0) & np.isfinite(sources.mag)]
    changed = pair.aperture_changes(sources, APERTURE * original.fwhm) / sources.flux
    change = -_MMAG * np.log(np.maximum(1 + changed, 1e-6))
    error = _MMAG * sources.flux_err / sources.flux
    figure = sheet(3.4)
    axes = figure.add_subplot()
    axes.scatter(sources.mag, change, s=6, color=BLUE, lw=0, rasterized=True, label="sources")
    mag, envelope = _running(sources.mag, error)
    axes.fill_between(mag, -envelope, envelope, color=ORANGE, alpha=0.15, lw=0)
    axes.plot(mag, envelope, color=ORANGE, lw=1.2, label="1 sigma of the flux itself")
    axes.plot(mag, -envelope, color=ORANGE, lw=1.2)
    axes.axhline(0, color="black", lw=0.6)
    axes.set_yscale("symlog", linthresh=_round(np.median(np.abs(change)), 1e-3))
    kind = "magnitude" if original.zero_point else "instrumental magnitude"
    axes.set(xlabel=kind, ylabel="restored - original (mmag)")
    figure.legend(
        *axes.get_legend_handles_labels(), loc="outside upper center", ncols=2, markerscale=2
    )
    return figure


def cloud(pair):
    """Shifts of the centroids, by signal to noise."""
    original = pair.original
    sources = _shown(original)
    before = centroids(original.signal, sources.x, sources.y, original.fwhm)
    after = centroids(pair.signal, sources.x, sources.y, original.fwhm)
    dx, dy = (a - b for a, b in zip(after, before))
    most = _round(1.2 * np.percentile(np.hypot(dx, dy), 98), 1e-6)
    figure = sheet(4.4)
    axes = figure.add_subplot()
    groups = (0, 20, "s", ORANGE), (20, 100, "o", BLUE), (100, np.inf, "^", GREEN)
    for low, high, marker, colour in groups:
        chosen = (sources.snr >= low) & (sources.snr < high)
        label = f"S/N {low} to {high}" if np.isfinite(high) else f"S/N above {low}"
        label = label.replace("0 to 20", "below 20") if not low else label
        style = {"marker": marker, "color": colour, "alpha": 0.7, "lw": 0, "rasterized": True}
        axes.scatter(dx[chosen], dy[chosen], s=9, label=label, **style)
    axes.axhline(0, color="black", lw=0.5)
    axes.axvline(0, color="black", lw=0.5)
    outside = int(((np.abs(dx) > most) | (np.abs(dy) > most)).sum())
    scale = f"; 1 px = {original.pixel_mas:.4g} mas" if original.pixel_mas else ""
    axes.set(xlim=(-most, most), ylim=(-most, most), aspect="equal", ylabel="dy (pixels)")
    axes.set_xlabel(f"dx (pixels{scale})")
    axes.locator_params(nbins=5)
    if outside:
        axes.set_title(f"{outside} of {len(dx)} lie outside the frame", fontsize=9)
    figure.legend(
        *axes.get_legend_handles_labels(), loc="outside upper center", ncols=3, markerscale=2
    )
    return figure


def spectrum(pair):
    """Power of the residual against spatial frequency, over that of white noise."""
    scale, _ = ruler(pair)
    pieces = _pieces(pair.change / scale, pair.original.good)
    frequency, power, count = _radial(pieces)
    half = 1.96 / np.sqrt(count)  # power of a mode is exponential: spread as large as its mean
    figure = sheet(3.0)
    axes = figure.add_subplot()
    axes.fill_between(frequency, 1 - half, 1 + half, color=ORANGE, alpha=0.2, lw=0)
    axes.axhline(1, color=ORANGE, lw=1.2, label="white noise, and where 95 % of it lies")
    axes.plot(frequency, power, color=BLUE, lw=1.4, label="residual")
    low, high = min(0.5, power.min() * 0.8), max(2.0, power.max() * 1.2)
    axes.set(xlim=(0, 0.5), ylim=(max(low, 1e-3), high), yscale="log")
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_formatter("{x:.1g}" if high / low < 30 else "")
    axes.set(xlabel="spatial frequency (cycles per pixel)", ylabel="power / white")
    figure.legend(*axes.get_legend_handles_labels(), loc="outside upper center", ncols=2)
    return figure


def histogram(pair):
    """How often each error occurs, against the bound where one was promised."""
    if pair.bound is None:
        scale, label = ruler(pair)
    else:
        bound = np.asarray(pair.bound, float)
        scale, label = np.where(bound > 0, bound, np.nan), "error / bound"
    errors = (pair.change / scale)[pair.original.good & ~pair.lost]
    errors = errors[np.isfinite(errors)]
    most = float(np.abs(errors).max(initial=0)) or 1.0
    edge = max(1.1, 1.05 * most) if pair.bound is not None else 1.05 * most
    drawn = errors[:: max(1, errors.size // _PIXELS)]
    counts, edges = np.histogram(drawn, bins=121, range=(-edge, edge))
    figure = sheet(3.0)
    axes = figure.add_subplot()
    axes.stairs(counts / max(1, drawn.size), edges, color=BLUE, lw=1.2, label="pixels")
    if pair.bound is not None:
        for side, name in ((-1, None), (1, "the bound")):
            axes.axvline(side, color=ORANGE, lw=1.4, ls="--", label=name)
    axes.set(yscale="log", xlabel=label, ylabel="part of the pixels", xlim=(-edge, edge))
    axes.set_ylim(bottom=0.5 / max(1, drawn.size))
    axes.set_title(f"largest: {most:.4g}", fontsize=9)
    figure.legend(*axes.get_legend_handles_labels(), loc="outside upper center", ncols=2)
    return figure


def _shown(original):
    return original.sample.clean.stratified(_POINTS)


def _running(x, y):
    """Median of ``y`` in up to 24 slices of ``x`` of equal number, out to the ends."""
    order = np.argsort(x)
    slices = np.array_split(order, int(np.clip(len(x) // 10, 2, 24)))
    slices = [one for one in slices if len(one)]
    middle, median = (np.array([np.median(v[one]) for one in slices]) for v in (x, y))
    ends = [x.min(), *middle, x.max()]
    return np.array(ends), np.concatenate([median[:1], median, median[-1:]])


def _round(value, least):
    """One digit, and never 0."""
    return float(f"{max(float(value), least):.0e}")


def _pieces(values, good):
    """Power spectra of squares spread over the image, of those without many bad pixels."""
    side = min(_PATCH, *values.shape)
    window = np.hanning(side)[:, None] * np.hanning(side)
    found = []
    for y in _starts(values.shape[0], side):
        for x in _starts(values.shape[1], side):
            place = np.s_[y : y + side, x : x + side]
            found.append((good[place].mean(), values[place]))
    best = max(part for part, _ in found)
    chosen = [piece for part, piece in found if part > 0.9 * best]
    return np.mean([np.abs(np.fft.fft2(p * window)) ** 2 for p in chosen], 0), len(chosen)


def _starts(length, side):
    count = min(_PIECES, length // side)
    return np.unique(np.linspace(0, length - side, count).astype(int))


def _radial(pieces):
    """Mean power in rings, one where the spectrum is flat, and the modes behind each."""
    power, number = pieces
    side = len(power)
    axis = np.fft.fftfreq(side)
    radius = np.hypot(axis[:, None], axis)
    rings = int(np.clip(side // 4, 8, 40))
    index = np.minimum((radius * 2 * rings).astype(int), rings)
    sums = np.bincount(index.ravel(), power.ravel(), rings + 1)[:rings]
    count = np.bincount(index.ravel(), minlength=rings + 1)[:rings]
    mean = sums / count
    whole = power.mean() or 1.0
    # Real images: half of the modes are the others' mirror images; the window joins about
    # 1.9 neighbours along each axis (the squared sum of Hann's fourth powers).
    modes = count * number / 2 / 1.94**2
    return (np.arange(rings) + 0.5) / (2 * rings), mean / whole, np.maximum(modes, 0.5)
