"""Speed beside fitsio and fpack, cost per HDU and of opening a large file, memory of a large
image, and what validating and certifying one of half its side cost.

All in one run on one machine: ratios mean more than seconds.
"""

import json
from dataclasses import asdict

HELP = "measure speed beside fitsio and fpack, and memory"

_PARTS = ("arrays", "files", "programs", "small", "opening", "large", "proof")


def add_arguments(parser):
    """Which part, and how large."""
    parser.add_argument("--part", nargs="+", choices=_PARTS, default=_PARTS, help="by default all")
    parser.add_argument(
        "--largest",
        type=int,
        default=8192,
        help="pixels of large; half of it for proof, twice for opening",
    )


def run(args):
    """Measure and print."""
    from astroae.bench import race
    from astroae.bench.report import table
    from astroae.bench.speed import large_image

    found = {}
    for part in (race.arrays, race.files, race.programs):
        if part.__name__ in args.part:
            found[part.__name__] = [_row(lap) for lap in part()]
    if "small" in args.part:
        found["small"] = list(race.small_images())
    if "opening" in args.part:
        found["opening"] = list(race.opening(2 * args.largest))
    if "large" in args.part:
        found["large"] = list(large_image(args.largest))
    if "proof" in args.part:
        from astroae.bench.proof import proof_times

        found["proof"] = proof_times(args.largest // 2)
    if args.json:
        print(json.dumps(found, indent=1))
        return 0
    for name, rows in found.items():
        print(name)
        print(table(rows, list(rows[0])), end="\n\n")
    return 0


def _row(lap):
    """Throughput in Mpx/s, and how many times that of the rival."""
    row = asdict(lap)
    return {
        "job": row["job"],
        "astroae [Mpx/s]": row["speed"],
        "rival": row["rival"] or None,
        "rival [Mpx/s]": row["rival_speed"] or None,
        "ratio": lap.ratio,
    }
