"""Compare what validation measures with other people's programs, on the same images.

Aperture sums with ``sep``, SSIM and MS-SSIM with the formulas of their papers,
detections, fluxes and centroids with SExtractor (Debian's ``source-extractor``), on two
simulated and two real fields.
"""

import json

HELP = "compare validation's figures with sep's and SExtractor's"


def add_arguments(parser):
    """Folder and output."""
    parser.add_argument("--data", default="../shared/data", metavar="DIR", help="folder of images")
    parser.add_argument("-o", "--csv", metavar="FILE", help="write one line per figure")


def run(args):
    """Measure and print."""
    from astroae.bench.agreement import agreement
    from astroae.bench.report import table, write_csv

    rows = agreement(args.data)
    if args.csv:
        write_csv(args.csv, rows)
    if args.json:
        print(json.dumps({"rows": rows}, indent=1))
    else:
        print(table(rows, list(rows[0])))
    return 0
