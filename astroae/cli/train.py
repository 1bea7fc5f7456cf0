"""Train an autoencoder: RECIPE on DATA becomes one model file.

DATA is 'train' or 'measure' (the package's stamp lists), 'photographs', a FITS file, a
folder of FITS files or pictures, an idx file or a .npy array.  A training that was
stopped goes on from its last checkpoint with --resume."""

import json
import shlex
import sys
from pathlib import Path

from astroae.errors import MissingDependencyError, OutputError, SettingError

__all__ = ["HELP", "add_arguments", "run"]

HELP = "train an autoencoder recipe"


def add_arguments(parser):
    """Arguments of the verb."""
    parser.add_argument("recipe", help="dense784, hubble128, live224, multires or unet187")
    parser.add_argument("data", metavar="DATA", nargs="?", help="images to train on")
    parser.add_argument("-o", "--output", metavar="MODEL", help="model file (.safetensors)")
    parser.add_argument("--overwrite", action="store_true", help="replace MODEL if it exists")
    parser.add_argument("--data-dir", metavar="DIR", help="folder of a stamp list's images")
    parser.add_argument("--resume", action="store_true", help="go on from the last checkpoint")
    parser.add_argument("--checkpoint-dir", metavar="DIR", help="MODEL.checkpoints by default")
    parser.add_argument("--sweep", metavar="FILE", help="TOML file of networks to compare")
    changes = parser.add_argument_group("changes to the recipe")
    changes.add_argument("--epochs", type=int, metavar="N")
    changes.add_argument("--batch-size", type=int, metavar="N")
    changes.add_argument("--lr", type=float, metavar="X", help="learning rate")
    changes.add_argument("--seed", type=int, metavar="N")
    changes.add_argument("--channels", type=int, metavar="N", help="1 gray, 3 RGB (multires)")
    changes.add_argument("--side", type=int, metavar="N", help="stamps, where any size serves")
    changes.add_argument("--no-perceptual", action="store_true", help="leave the VGG term out")
    changes.add_argument("--vgg-weights", metavar="FILE|hub", help="VGG16 weights, or fetch them")
    how = parser.add_argument_group("how it runs")
    how.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda"))
    how.add_argument(
        "--precision", choices=("bf16-mixed", "32-true"), help="the recipe's by default"
    )
    how.add_argument("--threads", type=int, metavar="N")
    how.add_argument("--max-minutes", type=float, metavar="M", help="stop after so long")
    how.add_argument("--patience", type=int, metavar="N", help="epochs without gain, then stop")


def run(args):
    """Train, freeze and write."""
    try:
        import lightning  # noqa: F401
        import torch  # noqa: F401
    except ImportError as exc:
        raise MissingDependencyError(
            "training needs torch and lightning",
            where="astroae train",
            found=str(exc),
            hint="pip install astroae[train]",
        ) from exc
    if args.data is None:
        raise SettingError(
            "no images to train on",
            where="DATA",
            found="nothing was given",
            hint="for example: astroae train unet187 folder/ -o mine.safetensors",
        )
    return _sweep(args) if args.sweep else _train(args)


def _train(args):
    from astroae.cli._progress import ProgressBar
    from astroae.io.atomic import check_target
    from astroae.nets.store import save
    from astroae.train.job import train_model
    from astroae.train.loop import Training

    output = _output(args)
    log = output.with_suffix(".csv")
    for target in (output, log):
        check_target(target, overwrite=args.overwrite)
    folder = Path(args.checkpoint_dir or f"{output}.checkpoints")
    _check_checkpoints(folder, args.resume)
    with ProgressBar(output.name, args.quiet) as bar:
        training = Training(
            folder,
            args.device,
            args.precision,
            args.threads,
            args.max_minutes,
            args.patience,
            bar,
        )
        result = train_model(
            args.recipe,
            args.data,
            training,
            name=output.name.removesuffix(".safetensors"),
            data_dir=args.data_dir,
            options={} if args.channels is None else {"channels": args.channels},
            side=args.side,
            vgg_weights=args.vgg_weights,
            perceptual=not args.no_perceptual,
            command=shlex.join(["astroae", *sys.argv[1:]]),
            epochs=args.epochs,
            batch=args.batch_size,
            learning_rate=args.lr,
            seed=args.seed,
        )
    save(result.model, output)
    log.write_text(result.log.read_text())
    _report(args, output, log, result)
    return 0


def _output(args):
    if not args.output:
        raise SettingError(
            "nowhere to write the model",
            where="--output",
            found="nothing was given",
            hint="for example -o mine.safetensors",
        )
    output = Path(args.output)
    return (
        output
        if output.suffix == ".safetensors"
        else output.with_name(output.name + ".safetensors")
    )


def _check_checkpoints(folder, resume):
    there = (folder / "last.ckpt").exists()
    if there and not resume:
        raise OutputError(
            "a training was begun here",
            where=str(folder),
            found="it has a checkpoint",
            hint="go on with it by --resume, or remove the folder",
        )
    if resume and not there:
        raise OutputError(
            "no training to go on with",
            where=str(folder),
            found="no last.ckpt in it",
            hint="leave --resume out, or name the folder by --checkpoint-dir",
        )


def _report(args, output, log, result):
    last = result.card["training_log"]
    if args.json:
        print(
            json.dumps(
                {"model": str(output), "sha256": result.model.sha256, "log": str(log), **last}
            )
        )
    elif not args.quiet:
        size = output.stat().st_size
        print(
            f"{output}: {size} bytes, SHA-256 {result.model.sha256[:16]}\n"
            f"  {last['epoch']} epochs, {float(last['seconds']) / 60:.1f} min, "
            f"validation MSE {last['validation_mse']}; log {log}"
        )


def _sweep(args):
    from astroae.train.sweep import sweep

    folder = Path(args.output or "sweep")
    table = sweep(
        args.recipe, args.data, args.sweep, folder, data_dir=args.data_dir, threads=args.threads
    )
    if args.json:
        print(json.dumps([dict(zip(table.colnames, map(str, row))) for row in table]))
    elif not args.quiet:
        print("\n".join(table.pformat(max_lines=-1, max_width=-1)))
        print(f"table and plot in {folder}")
    return 0
