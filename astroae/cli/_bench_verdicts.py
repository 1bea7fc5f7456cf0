"""Compress real images with -q 4 --certify, validate them, and write the table of verdicts.

By default the twenty images of ``astroae bench science`` and those that ship with the
tests.
"""

import json
from pathlib import Path

from astroae.cli._progress import ProgressBar

HELP = "the verdict of every quantity on real images"


def add_arguments(parser):
    """FILES or the images of the documentation."""
    parser.add_argument("files", nargs="*", metavar="FILE", help="FITS files; by default --data")
    parser.add_argument("--data", default="../shared/data/measure", metavar="DIR", help="folder")
    parser.add_argument("--pages", metavar="DIR", help="write an HTML report of every image here")
    parser.add_argument("--csv", metavar="FILE", help="write the table")


def run(args):
    """Measure and print."""
    import astroae
    from astroae.bench.report import table, write_csv
    from astroae.bench.science import IMAGES
    from astroae.bench.verdicts import verdicts_of

    shipped = sorted((Path(astroae.__file__).parent / "tests" / "data").glob("*.fits.gz"))
    files = args.files or [*shipped, *(Path(args.data) / f"{name}.fits.gz" for name in IMAGES)]
    rows = []
    with ProgressBar("bench verdicts", args.quiet) as bar:
        for done, path in enumerate(files, 1):
            rows += verdicts_of(path, args.pages)
            bar(done, len(files))
    if args.csv:
        write_csv(args.csv, rows)
    if args.json:
        print(json.dumps(rows, indent=1))
    else:
        print(
            table([_line(row) for row in rows], ["image", "hdu", "kinds", "overall", "not passed"])
        )
    return 0


def _line(row):
    named = [f"{key}: {value}" for key, value in row.items() if value in ("fail", "undetermined")]
    wanted = [text for text in named if not text.startswith(("overall", "certificate"))]
    return row | {"not passed": ", ".join(wanted)}
