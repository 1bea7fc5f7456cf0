"""Validate what other coders do to the same images: who keeps the science at which size.

Coders are astroae, fpack's quantisation with RICE_1 (dithered and not) and HCOMPRESS,
lossy JPEG XL, and a blur such as an autoencoder without residual makes.  Every image is
taken as float32.  Counts are images that pass / stay undetermined / fail.
"""

import json
from pathlib import Path

from astroae.cli._progress import ProgressBar

HELP = "validate other coders with the same tool"


def add_arguments(parser):
    """FILES or the twenty images of the documentation."""
    parser.add_argument("files", nargs="*", metavar="FILE", help="FITS files; by default --data")
    parser.add_argument("--data", default="../shared/data/measure", metavar="DIR", help="folder")
    parser.add_argument("--csv", metavar="FILE", help="write one line per image and coder")


def run(args):
    """Measure and print."""
    from astroae.bench.report import table, write_csv
    from astroae.bench.science import IMAGES, compare_coders, scene, totals

    files = args.files or [Path(args.data) / f"{name}.fits.gz" for name in IMAGES]
    with ProgressBar("bench science", args.quiet) as bar:
        rows = compare_coders([scene(path) for path in files], progress=bar)
    flat = [{**{k: v for k, v in row._asdict().items() if k != "sets"}, **row.sets} for row in rows]
    if args.csv:
        write_csv(args.csv, flat)
    sums = totals(rows)
    if args.json:
        print(json.dumps({"rows": flat, "totals": sums}, indent=1))
    else:
        print(table(sums, list(sums[0])))
    return 0
