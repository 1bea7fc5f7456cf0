"""Tables, CSV files and plots of what was measured."""

import csv
import math
from pathlib import Path

from astroae.bench.rate import summary
from astroae.errors import MissingDependencyError, OutputError

__all__ = ["headline", "plot_rates", "rate_table", "table", "write_csv"]

#: Rivals of the headline, and the ratio aimed at: setting -> rival -> at most.
TARGETS = {
    "q=4": {"RICE_1": 0.82, "JPEG XL e9": 1.02},
    "q=1": {"RICE_1": 0.72, "JPEG XL e9": 1.02},
    "lossless": {"RICE_1": 0.89, "JPEG XL e9": 1.02},
}
GROWN = 1.01  # nothing may be above this times RICE_1


def table(rows, columns):
    """Lines of a text table.

    Parameters
    ----------
    rows : list of dict
    columns : list of str
        Keys to show, in this order; numbers are set to the right.

    Returns
    -------
    str
    """
    cells = [[_cell(row.get(key, "")) for key in columns] for row in rows]
    widths = [max([len(key), *(len(line[i]) for line in cells)]) for i, key in enumerate(columns)]
    right = [any(isinstance(row.get(key), (int, float)) for row in rows) for key in columns]

    def line(texts):
        pairs = zip(texts, widths, right, strict=True)
        return "  ".join(t.rjust(w) if r else t.ljust(w) for t, w, r in pairs).rstrip()

    return "\n".join([line(columns), *(line(texts) for texts in cells)])


def _cell(value):
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return "-" if math.isnan(value) else f"{value:.4g}" if abs(value) < 1e6 else f"{value:.3e}"
    return str(value)


def rate_table(rows, rivals):
    """One line per image and setting: bits per pixel of every coder."""
    shown = [
        {
            "image": row.name,
            "type": row.dtype,
            "shape": "x".join(str(n) for n in row.shape),
            "setting": row.setting,
            "counts": row.counts,
            "astroae": row.astroae,
        }
        | row.rivals
        | {f"/{name}": row.ratio(name) for name in ("RICE_1", "JPEG XL e9") if name in rivals}
        for row in rows
    ]
    return table(shown, list(shown[0])) if shown else "nothing was measured"


def headline(rows, rivals):
    """Mean ratios against their targets, and the five worst images, as dicts."""
    lines = []
    for setting in dict.fromkeys(row.setting for row in rows):
        chosen = [row for row in rows if row.setting == setting]
        for rival in rivals:
            found = summary(chosen, rival)
            if not found["images"]:
                continue
            lines.append(
                {
                    "setting": setting,
                    "rival": rival,
                    "mean ratio": found["mean"],
                    "target": TARGETS.get(setting, {}).get(rival, math.nan),
                    "images": found["images"],
                    "instruments": found["instruments"],
                    "worst five": ", ".join(f"{n} {r:.3f}" for n, r in found["worst"]),
                }
            )
    return lines


def above_rice(rows):
    """Images that grew: name, setting and ratio of all above `GROWN` times RICE_1."""
    return [
        f"{row.name} {row.setting} {row.ratio('RICE_1'):.3f}"
        for row in rows
        if row.ratio("RICE_1") > GROWN
    ]


def write_csv(path, rows):
    """Write measured rows as CSV, one line each.

    Parameters
    ----------
    path : path-like
    rows : list of dict

    Raises
    ------
    OutputError
        The file cannot be written.
    """
    keys = list(dict.fromkeys(key for row in rows for key in row))
    try:
        with open(path, "w", newline="") as file:
            writer = csv.DictWriter(file, keys)
            writer.writeheader()
            writer.writerows(rows)
    except OSError as exc:
        raise OutputError("cannot write the table", where=str(path), found=str(exc)) from exc


def plot_rates(path, rows):
    """Bits per pixel of every coder over those of astroae, one panel per setting.

    Raises
    ------
    MissingDependencyError
        matplotlib is not installed.
    OutputError
        The file cannot be written.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as exc:
        raise MissingDependencyError(
            "matplotlib is needed to draw", where="plot", hint="pip install astroae[bench]"
        ) from exc
    settings = list(dict.fromkeys(row.setting for row in rows))
    figure = Figure(figsize=(5 * max(len(settings), 1), 5), layout="constrained")
    panels = figure.subplots(1, max(len(settings), 1), squeeze=False)[0]
    for panel, setting in zip(panels, settings, strict=False):
        _panel(panel, [row for row in rows if row.setting == setting], setting)
    try:
        figure.savefig(Path(path), dpi=120)
    except (OSError, ValueError) as exc:
        raise OutputError("cannot write the plot", where=str(path), found=str(exc)) from exc


def _panel(panel, rows, setting):
    for rival in dict.fromkeys(name for row in rows for name in row.rivals):
        pairs = [(row.astroae, row.rivals.get(rival, math.nan)) for row in rows]
        panel.plot(*zip(*pairs, strict=True), ".", label=rival, ms=5)
    top = max((row.astroae for row in rows), default=1) * 1.6
    panel.plot([0, top], [0, top], "-", color="0.6", lw=1)
    panel.set(
        xlim=(0, top / 1.5),
        ylim=(0, top),
        title=setting,
        xlabel="astroae (bits per pixel)",
        ylabel="others (bits per pixel): above the line is larger",
    )
    panel.legend(fontsize=7)
