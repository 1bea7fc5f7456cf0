"""Likeness against bytes: ``python -m astroae.train.curves MODEL --data DATA -o FILE.csv``.

The model at several latent steps; JPEG, JPEG 2000 and JPEG XL at the same bytes, stamp
by stamp.  A figure is drawn beside the table.
"""

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
from astropy.table import Table

from astroae.nets.store import find
from astroae.train.accounting import account
from astroae.train.data import View, load_data
from astroae.train.recipes import get_recipe
from astroae.train.rivals import CODERS, at_bytes
from astroae.validation.images import MEASURES

__all__ = ["curves", "draw"]

STEPS = (0.25, 0.5, 1.0, 2.0, 4.0)
_COLUMNS = ("psnr", "ssim", "blockiness", "edge_error", "texture_error")
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9")  # Okabe & Ito


def curves(model, stamps, steps=STEPS):
    """Medians of every measure, per coder and latent step.

    Parameters
    ----------
    model : Model
    stamps : StampSet
    steps : sequence of float

    Returns
    -------
    Table
        ``failed``: stamps that the coder cannot bring down to these bytes; they count as
        the worst in the medians, and not in ``bits/px``.
    """
    rows, pixels = [], np.prod(np.shape(stamps.images[0])[-2:])
    for step in steps:
        own = account(model, stamps, "coded", step)
        pictures = [_picture(x) for x in stamps.images]
        rows.append(
            _row(model.name, step, pictures, [_picture(y) for y in own.images], own.bytes, pixels)
        )
        for name in CODERS:
            if name == "astroae":
                continue  # a bound on each pixel: another question
            found = [at_bytes(name, x, int(n)) for x, n in zip(pictures, own.bytes, strict=True)]
            after = [None if c is None else c.image for c in found]
            sizes = np.array([0 if c is None else c.bytes for c in found])
            rows.append(_row(name, step, pictures, after, sizes, pixels))
    return Table(rows)


def _row(name, step, before, after, sizes, pixels):
    kept = [i for i, image in enumerate(after) if image is not None]
    row = {"coder": name, "latent step": step, "failed": len(before) - len(kept)}
    row["bits/px"] = round(8 * float(np.mean(sizes[kept])) / pixels, 4) if kept else np.nan
    for measure in _COLUMNS:
        row[measure] = _median(measure, before, after)
    return row


def _median(measure, before, after):
    """Over the stamps; one that cannot be had counts as the worst; NaN where half cannot."""
    worst = -np.inf if measure in ("psnr", "ssim") else np.inf
    pairs = zip(before, after, strict=True)
    values = [worst if y is None else MEASURES[measure](x, y) for x, y in pairs]
    most_fail = 2 * sum(y is None for y in after) >= len(after)
    return np.nan if most_fail else round(float(np.nanmedian(values)), 4)


def _picture(stamp):
    return np.asarray(stamp[0] if len(stamp) == 1 else np.moveaxis(stamp, 0, -1))


def draw(table, path, title):
    """One panel a measure, one line a coder.

    Parameters
    ----------
    table : Table
        Of `curves`.
    path : path-like
    title : str
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(14, 3.4), layout="constrained")
    axes = figure.subplots(1, len(_COLUMNS))
    for axis, measure in zip(axes, _COLUMNS, strict=True):
        for name, colour in zip(dict.fromkeys(table["coder"]), _COLOURS):
            line = table[table["coder"] == name]
            axis.plot(line["bits/px"], line[measure], "o-", ms=4, color=colour, label=name)
        axis.set(xscale="log", xlabel="bits per pixel", title=measure.replace("_", " "))
    axes[0].legend(frameon=False, fontsize=8)
    figure.suptitle(title)
    figure.savefig(path, dpi=110)


def main():
    """See the module."""
    parser = argparse.ArgumentParser(prog="python -m astroae.train.curves", description=__doc__)
    parser.add_argument("model")
    parser.add_argument("--data", default="measure")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="one stamp in N")
    parser.add_argument("--side", type=int, metavar="N", help="of cut-outs of pictures")
    parser.add_argument("--data-dir")
    parser.add_argument("-o", "--output", required=True, help="CSV; the figure stands beside it")
    args = parser.parse_args()
    model = find(args.model)
    view = View.of(get_recipe(model.recipe["name"]), model.network)
    view = replace(view, side=args.side or view.side)
    stamps = load_data(args.data, view, data_dir=args.data_dir)
    table = curves(model, stamps.subset(range(0, len(stamps), args.every)))
    print("\n".join(table.pformat(max_lines=-1, max_width=-1)))
    table.write(args.output, format="ascii.csv", overwrite=True)
    draw(table, Path(args.output).with_suffix(".png"), f"{model.name} on {args.data}")


if __name__ == "__main__":
    main()
