"""The tables of docs/autoencoders.rst: ``python -m astroae.train.report MODEL... -o DIR``.

Every model is measured on stamps that no training saw; beside it stand other coders at
its bytes.  All is on [0, 1], as the network sees the stamps; the fluxes are in image
units, after latent mode as a file holds it.
"""

import argparse
from dataclasses import dataclass

import numpy as np
from astropy.table import Table

from astroae.nets.store import find
from astroae.train.accounting import account
from astroae.train.data import View, load_data
from astroae.train.flux import flux_differences
from astroae.train.recipes import get_recipe
from astroae.train.rivals import CODERS, at_bytes, at_likeness
from astroae.validation.images import ms_ssim, mse, psnr, ssim

__all__ = ["PUBLISHED", "compare", "likeness", "worth"]

#: What the page of unet187's project reports, and its own test log.
PUBLISHED = {"mse": 5.4e-5, "ssim": 0.9868, "ms_ssim": 0.9982}
_MEASURES = {"mse": mse, "ssim": ssim, "ms_ssim": ms_ssim}


@dataclass(frozen=True)
class Row:
    """One line of a table: a name, images, and their bytes where these are counted."""

    name: str
    images: list
    bytes: np.ndarray | None = None


def likeness(before, row):
    """Median, mean and mean of the worst tenth of MSE, SSIM and MS-SSIM.

    Parameters
    ----------
    before : list of ndarray (C, H, W)
    row : Row

    Returns
    -------
    dict
    """
    pixels = np.prod(before[0].shape[-2:])
    out = {"what": row.name}
    out["bytes"] = "not counted" if row.bytes is None else f"{np.median(row.bytes):.0f}"
    out["bits/px"] = "" if row.bytes is None else f"{8 * np.mean(row.bytes) / pixels:.3f}"
    for name, measure in _MEASURES.items():
        values = [measure(_plane(a), _plane(b)) for a, b in zip(before, row.images, strict=True)]
        if None in values:
            out |= {f"{name} {part}": "not defined" for part in ("median", "mean", "worst tenth")}
            continue
        worst = np.sort(values)[:: -1 if name == "mse" else 1][: max(len(values) // 10, 1)]
        for part, value in (
            ("median", np.median(values)),
            ("mean", np.mean(values)),
            ("worst tenth", np.mean(worst)),
        ):
            out[f"{name} {part}"] = f"{value:.2e}" if name == "mse" else f"{value:.4f}"
    return out


def worth(model, stamps):
    """What unet187's published figures are worth: three accounts and simpler things.

    Parameters
    ----------
    model : Model
    stamps : StampSet

    Returns
    -------
    Table
    """
    before = list(stamps.images)
    rows = []
    for way in ("free", "coded", "cut"):
        found = account(model, stamps, way)
        rows.append(Row(f"{model.name}, skips {way}", found.images, found.bytes))
    rows.append(Row("2 x 2 binning", [_binned(x) for x in before]))
    rows.append(Row("3 x 3 box blur", [_blurred(x) for x in before]))
    for name in CODERS:
        rows.append(_as_good(name, before))
    return Table([likeness(before, row) for row in rows])


def _as_good(name, before):
    """A coder at the published figures, stamp by stamp."""

    def enough(x):
        return lambda y: (
            mse(x, y) <= PUBLISHED["mse"]
            and ssim(x, y) >= PUBLISHED["ssim"]
            and (ms_ssim(x, y) or 1) >= PUBLISHED["ms_ssim"]
        )

    images, sizes, missed = [], [], 0
    for stamp in before:
        x = _plane(stamp)
        coded = at_likeness(name, x, enough(x))
        missed += coded is None
        images.append(stamp if coded is None else _stamp(coded.image))
        sizes.append(4 * x.size if coded is None else coded.bytes)
    return Row(
        f"{name}, as good as published" + (f" ({missed} fail)" * bool(missed)),
        images,
        np.array(sizes),
    )


def compare(model, data, every=1, data_dir=None):
    """A model on stamps it never saw, beside other coders at its bytes.

    Parameters
    ----------
    model : Model
    data : str
        See `astroae.train.data.load_data`.
    every : int
        Take one stamp in so many: the searches of the rivals take seconds.
    data_dir : path-like, optional

    Returns
    -------
    list of dict
        One for each account.
    """
    recipe = get_recipe(model.recipe["name"])
    stamps = load_data(data, View.of(recipe, model.network), data_dir=data_dir)
    stamps = stamps.subset(range(0, len(stamps), every))
    rows = []
    for way in ("free", "cut", "coded") if model.network.skips else ("free", "coded"):
        found = account(model, stamps, way)
        row = {"model": model.name, "tested on": f"{data} ({len(stamps)})", "account": way}
        row |= _quality("", stamps.images, found.images)
        row["bytes"] = "" if found.bytes is None else f"{np.median(found.bytes):.0f}"
        for name in CODERS:
            row[f"{name} PSNR"] = ""
            if found.bytes is not None:
                row[f"{name} PSNR"] = _rival(name, stamps.images, found.bytes)
        rows.append(row)
    return rows


def _quality(prefix, before, after):
    pairs = [(_plane(a), _plane(b)) for a, b in zip(before, after, strict=True)]
    scales = [ms_ssim(*pair) for pair in pairs]
    return {
        f"{prefix}PSNR": f"{np.median([psnr(*pair) for pair in pairs]):.2f}",
        f"{prefix}SSIM": f"{np.median([ssim(*pair) for pair in pairs]):.4f}",
        f"{prefix}MS-SSIM": "not defined" if None in scales else f"{np.median(scales):.4f}",
    }


def _rival(name, before, sizes):
    """Median PSNR of a coder at each stamp's bytes, and how often it cannot go so low.

    A stamp where it cannot counts as its worst: else the median were one of the easy ones.
    """
    found = [at_bytes(name, _plane(x), int(n)) for x, n in zip(before, sizes, strict=True)]
    pairs = zip(before, found, strict=True)
    values = [-np.inf if c is None else psnr(_plane(x), c.image) for x, c in pairs]
    failed = sum(c is None for c in found)
    if 2 * failed >= len(found):
        return f"cannot ({failed} fail)"
    return f"{np.median(values):.2f}" + f" ({failed} fail)" * bool(failed)


def _plane(stamp):
    return np.asarray(stamp[0] if len(stamp) == 1 else np.moveaxis(stamp, 0, -1))


def _stamp(image):
    return image[None] if image.ndim == 2 else np.moveaxis(image, -1, 0)


def _binned(x):
    """Means of 2 x 2 pixels, repeated; an odd last row or column stays with itself."""
    padded = np.pad(x, ((0, 0), (0, x.shape[1] % 2), (0, x.shape[2] % 2)), mode="edge")
    c, h, w = padded.shape
    means = padded.reshape(c, h // 2, 2, w // 2, 2).mean((2, 4))
    return means.repeat(2, 1).repeat(2, 2)[:, : x.shape[1], : x.shape[2]]


def _blurred(x):
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1)), mode="reflect")
    return np.lib.stride_tricks.sliding_window_view(padded, (3, 3), (1, 2)).mean((-2, -1))


def fluxes(model, data, every=1, data_dir=None):
    """Total and aperture fluxes of stamps after latent mode, per account, in sigma.

    Parameters
    ----------
    model : Model
    data : str
    every : int
    data_dir : path-like, optional

    Returns
    -------
    list of dict
    """
    recipe = get_recipe(model.recipe["name"])
    stamps = load_data(data, View.of(recipe, model.network), data_dir=data_dir)
    chosen = [stamps.stamp(i).values for i in range(0, len(stamps), every)]
    ways = ("coded", "cut") if model.network.skips else ("coded",)
    return [
        {"model": model.name, "account": way} | flux_differences(model, chosen, way) for way in ways
    ]


def main():
    """See the module."""
    parser = argparse.ArgumentParser(prog="python -m astroae.train.report", description=__doc__)
    parser.add_argument("models", nargs="+", help="names or files")
    parser.add_argument("--table", choices=("worth", "compare", "fluxes"), default="compare")
    parser.add_argument("--data", nargs="+", default=["measure"], help="stamps to test on")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="one stamp in N")
    parser.add_argument("--data-dir")
    parser.add_argument("-o", "--output", required=True, help="CSV")
    args = parser.parse_args()
    rows = []
    for model in map(find, args.models):
        for data in args.data:
            rows += _rows(args, model, data)
    table = Table(rows)
    print("\n".join(table.pformat(max_lines=-1, max_width=-1)))
    table.write(args.output, format="ascii.csv", overwrite=True)


def _rows(args, model, data):
    if args.table == "compare":
        return compare(model, data, args.every, args.data_dir)
    if args.table == "fluxes":
        return fluxes(model, data, args.every, args.data_dir)
    recipe = get_recipe(model.recipe["name"])
    stamps = load_data(data, View.of(recipe, model.network), data_dir=args.data_dir)
    return worth(model, stamps.subset(range(0, len(stamps), args.every)))


if __name__ == "__main__":
    main()
