"""Take over files that ``fpack`` wrote, give them back, and compare.

Every file is fpacked (RICE and GZIP, default and ``-qz 4``), compressed, and given
back with ``decompress --fpack``: cards, scales, zero points and pixels must be the
same to CFITSIO and astropy.  Exit code 1 if anything is not.
"""

import json
from dataclasses import asdict
from pathlib import Path

from astroae.cli._progress import ProgressBar

HELP = "check and measure the take-over of fpacked files"

LEAST = 50_000  # bytes: of smaller files the headers are most


def add_arguments(parser):
    """FILES or a folder."""
    parser.add_argument("files", nargs="*", metavar="FILE", help="FITS files; by default --data")
    parser.add_argument("--data", default="../shared/data", metavar="DIR", help="folder of images")
    parser.add_argument("--group", default="", help="one of its sub-folders (default: all)")
    parser.add_argument("--variants", nargs="+", metavar="NAME", help="by default all")


def run(args):
    """Check and print; 1 where anything is not the same."""
    from astroae.bench.images import find_files
    from astroae.bench.report import table
    from astroae.bench.takeover import VARIANTS, check_takeovers

    files = [Path(name) for name in args.files] or find_files(args.data, args.group)
    variants = {name: VARIANTS[name] for name in args.variants or VARIANTS}
    with ProgressBar("bench takeover", args.quiet) as bar:
        found = check_takeovers(files, variants, bar)
    totals = _totals(found)
    rows = [asdict(f) | {"ratio": f.ratio, "problems": "; ".join(f.problems)} for f in found]
    if args.json:
        print(json.dumps({"rows": rows, "totals": totals}, indent=1))
    else:
        print(table(rows, list(rows[0])))
        print()
        print(table(totals, list(totals[0])))
    return int(any(f.problems for f in found))


def _totals(found):
    totals = []
    for variant, kind in sorted({(f.variant, f.kind) for f in found}):
        chosen = [f for f in found if (f.variant, f.kind) == (variant, kind)]
        large = [f.ratio for f in chosen if f.taken and f.fpacked >= LEAST]
        totals.append(
            {
                "variant": variant,
                "kind": kind,
                "files": len(chosen),
                "with problems": sum(bool(f.problems) for f in chosen),
                "files of 50 kB or more": len(large),
                "their mean size ratio": sum(large) / len(large) if large else float("nan"),
            }
        )
    return totals
