"""Plant faults in simulated fields, and see whether validation finds them.

At q = 16 and q = 4, in fields of one kind and with one tolerance set: 1 mmag, 0.02
pixels, a correlated residual, a clipped star, a negative weight, and 0.5 % of the faint
sources gone in ten pooled fields.  Clean fields count false alarms.  Exit code 1 where a
fault is found in fewer than 19 of 20 seeds, or more than 1 % of clean fields fail.
"""

import json
import os

from astroae.cli._progress import ProgressBar

HELP = "plant faults, and count false alarms"


def add_arguments(parser):
    """How many of each."""
    parser.add_argument("--clean", type=int, default=200, metavar="N", help="clean fields")
    parser.add_argument("--faults", type=int, default=20, metavar="N", help="seeds of each fault")
    parser.add_argument("--losses", type=int, default=20, metavar="N", help="pools of ten fields")
    parser.add_argument("--only", nargs="+", metavar="METRIC", help="metrics of clean fields")
    parser.add_argument("--processes", type=int, default=os.cpu_count(), metavar="N")
    parser.add_argument("--csv", metavar="FILE", help="write one line per trial")


def run(args):
    """Measure and print."""
    from astroae.bench.faults import run_trials, summary
    from astroae.bench.report import table, write_csv

    with ProgressBar("bench faults", args.quiet) as bar:
        rows = run_trials(
            args.clean,
            args.faults,
            args.losses,
            only=args.only,
            processes=args.processes,
            progress=bar,
        )
    if args.csv:
        write_csv(args.csv, [row._asdict() for row in rows])
    sums = summary(rows)
    if args.json:
        print(json.dumps({"rows": [row._asdict() for row in rows], "totals": sums}, indent=1))
    else:
        print(table(sums, list(sums[0])))
    return int(any(not line["as wanted"] for line in sums))
