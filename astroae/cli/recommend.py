"""Find the smallest setting for an image: levels are tried on it and validated.

Prints the command to compress with, then what was tried: what passes, what breaks a
tolerance, what could not be decided.  Undetermined is not passed.  Nothing is written."""

from astroae.cli._many import run_many
from astroae.cli._progress import ProgressBar

__all__ = ["HELP", "add_arguments", "run"]

HELP = "find the smallest setting that keeps an image within tolerances"


def add_arguments(parser):
    """Arguments of the verb."""
    parser.add_argument("files", nargs="+", metavar="FILE", help="FITS files")
    parser.add_argument("--hdu", metavar="N|NAME", help="one image only (default: all)")
    parser.add_argument(
        "--tolerance", default="default", metavar="NAME|FILE", help="tolerance set, or a TOML file"
    )
    parser.add_argument(
        "--lossy-integers",
        action="store_true",
        help="try to lose bits of integer images too, which stay lossless otherwise",
    )
    part = parser.add_mutually_exclusive_group()
    part.add_argument("--whole", action="store_true", help="try on whole images of any size")
    part.add_argument(
        "--sample",
        type=int,
        metavar="N",
        help="try on a part of N x N pixels (default: 2048 of images with more pixels than that)",
    )
    parser.add_argument("--threads", type=int, metavar="N", help="tiles coded at once")


def run(args):
    """Recommend for every file; the worst exit code."""
    import astroae
    from astroae.validation.tolerances import load_tolerances

    # A wrong tolerance set is one error, not one per file.
    tolerances = load_tolerances(args.tolerance)

    def job(path):
        with ProgressBar(path.name, args.quiet) as bar:
            found = astroae.recommend(
                path,
                hdu=args.hdu,
                tolerance=tolerances,
                lossy_integers=args.lossy_integers,
                whole=args.whole,
                sample=args.sample,
                threads=args.threads,
                progress=bar,
            )
        return {"file": str(path), **found.to_dict(), "summary": found.summary()}, 0

    return run_many(args, args.files, job, lambda report: report["summary"])
