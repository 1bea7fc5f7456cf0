"""Check every promise on every image of FITS files: lossless, and bounded at q = 4 and q = 1.

Lossless is bit for bit; bounded keeps every finite pixel within half a step; NaN,
inf and BLANK survive; headers come back card for card and everything else byte for
byte; ``fitsverify`` (where installed) finds nothing new; plain astropy opens the
output as a table.  Exit code 1 if anything does not hold.
"""

import json
from dataclasses import asdict
from pathlib import Path

from astroae.cli._progress import ProgressBar

HELP = "check every promise on real images"


def add_arguments(parser):
    """FILES or a folder."""
    parser.add_argument("files", nargs="*", metavar="FILE", help="FITS files; by default --data")
    parser.add_argument("--data", default="../shared/data", metavar="DIR", help="folder of images")
    parser.add_argument("--group", default="", help="one of its sub-folders (default: all)")


def run(args):
    """Check and print; 1 where anything does not hold."""
    from astroae.bench.images import find_files
    from astroae.bench.outside import fitsverify_missing
    from astroae.bench.real import check_files
    from astroae.bench.report import table

    files = [Path(name) for name in args.files] or find_files(args.data, args.group)
    with ProgressBar("bench real", args.quiet) as bar:
        verdicts = check_files(files, progress=bar)
    totals = _totals(verdicts)
    if args.json:
        print(json.dumps({"rows": [asdict(v) for v in verdicts], "totals": totals}, indent=1))
    else:
        rows = [asdict(v) | {"problems": len(v.problems)} for v in verdicts]
        print(table(rows, list(rows[0])))
        print()
        for verdict in verdicts:
            for problem in verdict.problems:
                print(f"{verdict.file} {verdict.mode}: {problem}")
        print(table(totals, list(totals[0])))
        if fitsverify_missing():
            print(f"not checked: {fitsverify_missing()}")
    return int(any(v.problems for v in verdicts))


def _totals(verdicts):
    totals = []
    for mode in dict.fromkeys(v.mode for v in verdicts):
        chosen = [v for v in verdicts if v.mode == mode]
        totals.append(
            {
                "mode": mode,
                "files": len(chosen),
                "images": sum(v.images for v in chosen),
                "kept": sum(v.kept for v in chosen),
                "files with problems": sum(bool(v.problems) for v in chosen),
                "byte-identical files": sum(v.identical for v in chosen),
                "seconds": sum(v.seconds for v in chosen),
            }
        )
    return totals
