"""Measure an autoencoder: MODEL on the stamps of DATA.

DATA is what `astroae train` takes; take images that the training did not see
('measure', 'photographs-kept').  A model with skip connections has three accounts:
skips free (as such networks are published), cut (the latent only) and coded (everything
that a file holds, counted in bytes).  A folder of originals with their JPEG versions is
measured beside them, at their bytes."""

import json
import math
from pathlib import Path

from astroae.cli._many import say

__all__ = ["HELP", "add_arguments", "run"]

HELP = "measure an autoencoder on images"

_TABLES = ("metrics.ecsv", "summary.ecsv")
_FIGURES = ("histograms.png", "reconstructions.png", "latents.png")
_CURVE = "training.png"


def add_arguments(parser):
    """Arguments of the verb."""
    parser.add_argument("model", metavar="MODEL", help="name, SHA-256 or path of a model")
    parser.add_argument("data", metavar="DATA", help="images to measure on")
    parser.add_argument("--data-dir", metavar="DIR", help="folder of a stamp list's images")
    parser.add_argument("--hdu", type=int, help="of FITS files (default: the first image)")
    parser.add_argument("--plane", type=int, help="of a cube (default: the middle one)")
    parser.add_argument("--side", type=int, metavar="N", help="of stamps, where any size serves")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="one stamp in N")
    parser.add_argument("--metrics", metavar="A,B,...", help="all by default")
    parser.add_argument("--latent-step", type=float, default=1.0, metavar="S")
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda"))
    parser.add_argument("--batch-size", type=int, default=8, metavar="N")
    parser.add_argument("--save", metavar="DIR", help="folder for tables and figures")
    parser.add_argument("--panels", type=int, default=8, metavar="N", help="stamps in a figure")
    parser.add_argument(
        "--fits",
        choices=("free", "cut", "coded"),
        nargs="?",
        const="coded",
        help="also save decoded and residual images, of one account (default coded)",
    )
    parser.add_argument("--overwrite", action="store_true", help="replace outputs that exist")


def run(args):
    """Evaluate, tell, save."""
    _check(args)
    from astroae.cli._progress import ProgressBar
    from astroae.nets.store import find
    from astroae.train.data import load_data
    from astroae.train.evaluate import METRICS, check_metrics, evaluate, summarise, view_of

    metrics = METRICS if args.metrics is None else tuple(args.metrics.split(","))
    check_metrics(metrics)
    model = find(args.model)
    outputs = _outputs(args, model) if args.save else None
    view = view_of(model, args.side)
    stamps = load_data(args.data, view, data_dir=args.data_dir, hdu=args.hdu, plane=args.plane)
    stamps = stamps.subset(range(0, len(stamps), args.every))
    how = {"metrics": metrics, "device": _device(args.device), "batch": args.batch_size}
    with ProgressBar(model.name, args.quiet or args.json) as bar:
        found = evaluate(model, stamps, latent_step=args.latent_step, progress=bar, **how)
    table = _with_jpeg(model, found, how)
    summary = summarise(table)
    if outputs is not None:
        _save(args, outputs, model, found, table, summary)
    _tell(args, model, summary, outputs)
    return 0


def _check(args):
    from astroae.errors import MissingDependencyError, SettingError

    for module in ("torch", "skimage", "pytorch_msssim", *(("matplotlib",) if args.save else ())):
        try:
            __import__(module)
        except ImportError as exc:
            raise MissingDependencyError(
                f"evaluation needs {module}",
                where="astroae evaluate",
                found=str(exc),
                hint="pip install astroae[train]",
            ) from exc
    for name in ("every", "batch_size", "panels", "side", "latent_step"):
        value = getattr(args, name)
        if value is not None and not (value > 0 and math.isfinite(value)):
            option = f"--{name.replace('_', '-')}"
            raise SettingError("too small", where=option, found=f"got {value}", hint="leave it out")
    if args.fits and not args.save:
        raise SettingError(
            "nowhere to write images", where="--fits", found="no --save", hint="add --save DIR"
        )


def _device(name):
    """Of torch, by the name that was asked for."""
    import torch

    from astroae.errors import SettingError

    there = torch.cuda.is_available()
    if name == "cuda" and not there:
        raise SettingError(
            "no such device", where="--device", found="torch sees no GPU", hint="use --device cpu"
        )
    return "cuda" if there and name != "cpu" else "cpu"


def _outputs(args, model):
    """The folder; whatever is in the way is told before any work."""
    from astroae.errors import SettingError
    from astroae.explore.outputs import Outputs

    names = [*_TABLES, *_FIGURES, *([_CURVE] if _log(args) else [])]
    if args.fits == "cut" and not model.network.skips:
        raise SettingError(
            "no such account",
            where="--fits",
            found=f"{model.name} has no skips to cut",
            hint="use free or coded",
        )
    return Outputs(args.save, names, args.overwrite)


def _log(args):
    """The training's log beside a model that was given by path, or None."""
    path = Path(args.model).with_suffix(".csv")
    return path if Path(args.model).suffix == ".safetensors" and path.is_file() else None


def _with_jpeg(model, found, how):
    from astropy.table import vstack

    from astroae.train.evaluate import beside_jpeg

    versions = beside_jpeg(model, found.stamps, **how)
    return found.table if versions is None else vstack([found.table, versions])


def _save(args, outputs, model, found, table, summary):
    import numpy as np

    from astroae.train.panels import histograms, latents, reconstructions, training_curve

    title = f"{model.name} on {Path(args.data).name}, {len(found.stamps)} stamps"
    count = min(args.panels, len(found.stamps))
    chosen = [int(i) for i in np.linspace(0, len(found.stamps) - 1, count).round()]
    outputs.table("metrics.ecsv", table)
    outputs.table("summary.ecsv", summary)
    outputs.figure("histograms.png", histograms(found.table, title))
    outputs.figure("reconstructions.png", reconstructions(found, chosen, title))
    outputs.figure("latents.png", latents(model, found.stamps, chosen, title))
    if _log(args):
        outputs.figure(_CURVE, training_curve(_log(args)))
    if args.fits:
        _save_images(outputs, found, args.fits)


def _save_images(outputs, found, way):
    """One FITS file a stamp, in the image's units: what came back, and it less the original."""
    import numpy as np
    from astropy.io import fits

    stamps = found.stamps
    for i, image in enumerate(found.accounts[way].images):
        after = stamps.restore(i, image)
        before = stamps.restore(i, stamps.images[i])
        origin = stamps.origins[i]
        header = fits.Header(
            [
                ("SRCFILE", origin.file, "image that the stamp is of"),
                ("SRCHDU", origin.hdu, "its HDU"),
                ("SRCPLANE", origin.plane, "its plane"),
                ("SRCX", origin.x, "first column, from 0"),
                ("SRCY", origin.y, "first row, from 0"),
                ("SRCNX", origin.width, "columns before resizing"),
                ("SRCNY", origin.height, "rows before resizing"),
                ("ACCOUNT", way, "what crossed: free, cut or coded"),
            ]
        )
        if stamps.masks[i] is not None:
            after[stamps.masks[i]] = np.nan
        planes = [x[0] if len(x) == 1 else x for x in (after, after - before)]
        hdus = [
            fits.PrimaryHDU(header=header),
            fits.ImageHDU(planes[0].astype("f4"), name="DECODED"),
            fits.ImageHDU(planes[1].astype("f4"), name="RESIDUAL"),
        ]
        outputs.fits(f"stamp_{i:04d}.fits", fits.HDUList(hdus))


def _tell(args, model, summary, outputs):
    written = [] if outputs is None else [str(path) for path in outputs.written]
    if args.json:
        rows = [dict(zip(summary.colnames, map(_plain, row), strict=True)) for row in summary]
        about = {"model": model.name, "sha256": model.sha256, "data": args.data}
        print(json.dumps(about | {"summary": rows, "files": written}, indent=1))
        return
    say(args, _text(summary))
    if written:
        say(args, f"{len(written)} files in {args.save}")


def _plain(value):
    """For JSON, which knows neither NaN nor infinity."""
    value = value.item() if hasattr(value, "item") else value
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _text(summary):
    lines = []
    for name in dict.fromkeys(summary["account"]):
        part = summary[summary["account"] == name]
        size, rate, count = (part[key][0] for key in ("bytes", "bits_per_px", "stamps"))
        bytes_ = (
            "bytes not counted"
            if math.isnan(size)
            else f"{size:.0f} bytes in the median, {rate:.3f} bits/px"
        )
        lines += [f"{name}: {count} stamps, {bytes_}"]
        lines += [f"  {'':14}{'median':>12}{'mean':>12}{'worst tenth':>12}"]
        lines += [f"  {row['metric']:14}{_numbers(row)}" for row in part]
    return "\n".join(lines)


def _numbers(row):
    form = ".3e" if row["metric"] == "mse" else ".4f"
    values = [row[key] for key in ("median", "mean", "worst_tenth")]
    if any(map(math.isnan, values)):
        return " not defined for every stamp"
    return "".join(f"{value:12{form}}" for value in values)
