"""Did the science survive?  Measure an original and its decoded version, and judge.

COMPRESSED may be a file of astroae or fpack, or the plain FITS file that any other
codec's output was written to.  HDUs are paired by EXTNAME and EXTVER, else by order
among those of the same shape.  Each metric passes where its whole 95 % interval lies
within its tolerance, fails where it lies outside, and is undetermined else.  A lost image
or table fails, and so does a header that says another place, unit, gain, exposure
time, zero point or time of the same pixels.

With --also further pairs of the same field are validated too, and light curves through
all of them.

Exit code 1: a tolerance is broken; with --strict also where one could not be decided."""

from astroae.cli._many import run_many
from astroae.cli._progress import ProgressBar

__all__ = ["HELP", "add_arguments", "run"]

HELP = "measure whether the science survived"


def add_arguments(parser):
    """Arguments of the verb."""
    parser.add_argument("original", metavar="ORIGINAL", help="FITS file before compression")
    parser.add_argument("compressed", metavar="COMPRESSED", help="compressed or restored file")
    parser.add_argument(
        "--also",
        nargs=2,
        action="append",
        default=[],
        metavar=("ORIGINAL", "COMPRESSED"),
        help="another pair of the same field",
    )
    parser.add_argument("--hdu", type=_hdu, metavar="N|NAME", help="only this HDU of the original")
    parser.add_argument(
        "--tolerance",
        default="default",
        metavar="NAME|FILE",
        help="default, photometry, weak-lensing, or a TOML file",
    )
    parser.add_argument(
        "--only", type=_names, metavar="METRIC,...", help="only these metrics (and headers)"
    )
    parser.add_argument(
        "--mask",
        type=_hdu,
        metavar="N|NAME",
        help="HDU of the original that is not 0 at bad pixels",
    )
    parser.add_argument("--html", metavar="FILE", help="write the report as one page")
    parser.add_argument("--overwrite", action="store_true", help="replace a page that exists")
    parser.add_argument("--strict", action="store_true", help="exit code 1 if undetermined, too")
    parser.add_argument(
        "--max-sources",
        type=int,
        default=5000,
        metavar="N",
        help="most sources for what is slow per source (default: 5000)",
    )
    parser.add_argument("--zero-point", type=float, metavar="Z", help="magnitude of one unit")
    parser.add_argument("--gain", type=float, metavar="G", help="electrons per unit")


def _hdu(text):
    return int(text) if text.isdigit() else text


def _names(text):
    return [name.strip() for name in text.split(",") if name.strip()]


def run(args):
    """Validate; 0 passed or undetermined, 1 a tolerance is broken."""
    import astroae
    from astroae.io.atomic import atomic_output, check_target

    pairs = [(args.original, args.compressed), *args.also]
    originals, restored = (list(files) for files in zip(*pairs))
    if args.html is not None:  # before minutes of work
        for file in originals + restored:
            check_target(args.html, file, args.overwrite)
    shown = {}

    def job(path):
        with ProgressBar(path.name, args.quiet) as bar:
            found = astroae.validate(
                originals if args.also else originals[0],
                restored if args.also else restored[0],
                hdu=args.hdu,
                tolerance=args.tolerance,
                only=args.only,
                mask=args.mask,
                zero_point=args.zero_point,
                gain=args.gain,
                max_sources=args.max_sources,
                figures=args.html is not None,
                progress=bar,
            )
        if args.html is not None:
            from astroae.validation.report import to_html

            with atomic_output(args.html, args.overwrite) as page:
                page.write(to_html(found).encode())
        shown["text"] = found.summary()
        bad = ("fail", "undetermined") if args.strict else ("fail",)
        return {"file": str(path), **found.to_dict()}, int(found.verdict in bad)

    return run_many(args, [args.compressed], job, lambda report: shown["text"])
