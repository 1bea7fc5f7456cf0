"""Give back the FITS files that were compressed: a.aae.fits becomes a.fits.

With --fpack the images become tile-compressed ones of the FITS standard, a.fits.fz,
with the very integers that an fpacked original had."""

import sys

from astroae.cli._many import run_many
from astroae.cli._names import (
    Outputs,
    add_output_arguments,
    restored_name,
)
from astroae.cli._progress import ProgressBar
from astroae.errors import CorruptFileError

__all__ = ["HELP", "add_arguments", "run"]

HELP = "give back the FITS files that were compressed"


def add_arguments(parser):
    """Arguments of the verb."""
    parser.add_argument("files", nargs="+", metavar="FILE", help="files that astroae wrote")
    parser.add_argument("--fpack", action="store_true", help="write tile-compressed .fits.fz")
    parser.add_argument(
        "--keep-going",
        action="store_true",
        help="give what is whole of a damaged file, with NaN, BLANK or 0 in place of damaged "
        "tiles; the exit code is 5 all the same",
    )
    parser.add_argument("--threads", type=int, metavar="N", help="tiles decoded at once")
    add_output_arguments(parser)


def run(args):
    """Decompress every file; the worst exit code."""
    import astroae

    outputs = Outputs(args, lambda path: restored_name(path, args.fpack))

    def job(path):
        target = outputs.of(path)
        with ProgressBar(path.name, args.quiet) as bar:
            result = astroae.decompress(
                path,
                target,
                fpack=args.fpack,
                on_corrupt="blank" if args.keep_going else "raise",
                overwrite=args.overwrite,
                threads=args.threads,
                progress=bar,
            )
        for damage in result.damages:
            print(f"astroae decompress: {damage}", file=sys.stderr)
        code = CorruptFileError.exit_code if result.damages else int(bool(result.changed))
        return {"file": str(path), **result.to_dict()}, code

    return run_many(args, args.files, job, _text)


def _text(report):
    notes = [
        f"extension {hdu['index']} {hdu['name']}".rstrip() + f": {hdu['note']}"
        for hdu in report["hdus"]
        if hdu["note"]
    ]
    return "\n  ".join(
        [f"{report['source']} -> {report['target']}: {report['original_bytes']} bytes", *notes]
    )
