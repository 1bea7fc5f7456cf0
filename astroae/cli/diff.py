"""Compare two files, compressed or not: headers and decoded pixels.

A compressed file is compared as what decompressing gives, so a.fits and a.aae.fits
line up.  Exit code 1: they differ.  The checksums of an image that lost something differ, too:
leave them out with --ignore-keyword CHECKSUM --ignore-keyword DATASUM."""

from astroae.cli._many import run_many

__all__ = ["HELP", "add_arguments", "run"]

HELP = "compare headers and decoded pixels of two files"


def add_arguments(parser):
    """Arguments of the verb."""
    parser.add_argument("first", metavar="FILE", help="FITS file")
    parser.add_argument("second", metavar="OTHER", help="FITS file to compare it with")
    parser.add_argument("--atol", type=float, default=0.0, help="absolute tolerance of pixels")
    parser.add_argument("--rtol", type=float, default=0.0, help="relative tolerance of pixels")
    parser.add_argument(
        "--ignore-keyword", action="append", default=[], metavar="KEY", help="leave a keyword out"
    )


def run(args):
    """Compare two files: 0 the same, 1 different."""
    from astroae.io.difference import difference

    def job(path):
        text = difference(
            path,
            args.second,
            atol=args.atol,
            rtol=args.rtol,
            ignore_keywords=args.ignore_keyword,
        )
        report = {"file": str(path), "other": args.second, "same": not text, "differences": text}
        return report, int(bool(text))

    def show(report):
        same = f"{report['file']} and {report['other']}: headers and pixels are the same"
        return same if report["same"] else report["differences"]

    return run_many(args, [args.first], job, show)
