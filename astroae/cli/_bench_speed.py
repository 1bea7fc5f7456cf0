"""Throughput beside fpack and JPEG XL, cost per pixel, cost per HDU and of opening a large
file, memory of a large image, and what validating and certifying one of half its side cost.

All in one run on one machine: ratios mean more than seconds.  Floats at q = 4.
"""

import json
from dataclasses import asdict

HELP = "measure throughput, cost per pixel and memory"

_PARTS = ("throughput", "scaling", "hdus", "opening", "large", "proof")


def add_arguments(parser):
    """Which part, and how large."""
    parser.add_argument("--part", nargs="+", choices=_PARTS, default=_PARTS, help="by default all")
    parser.add_argument("--side", type=int, default=2048, help="pixels, for throughput")
    parser.add_argument(
        "--largest",
        type=int,
        default=8192,
        help="pixels, for the others; half of it for proof, twice for opening",
    )
    parser.add_argument("--hdus", type=int, default=200, help="images of 64 x 64 in one file")
    parser.add_argument("--runs", type=int, default=2, help="the best of so many counts")


def run(args):
    """Measure and print."""
    from astroae.bench.report import table
    from astroae.bench.speed import large_image, opening, scaling, small_images, throughput

    found = {}
    if "throughput" in args.part:
        found["throughput"] = _with_ratios([asdict(s) for s in throughput(args.side, args.runs)])
    if "scaling" in args.part:
        sides = [args.largest // n for n in (8, 4, 2, 1)]
        found["scaling"] = list(scaling(sides, args.runs))
    if "hdus" in args.part:
        found["hdus"] = list(small_images(args.hdus, runs=args.runs))
    if "opening" in args.part:
        found["opening"] = list(opening(2 * args.largest, runs=args.runs))
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
    for column in ("compress [ns/px]", "decompress [ns/px]") if "scaling" in found else ():
        costs = [row[column] for row in found["scaling"]]
        mean = sum(costs) / len(costs)
        worst = max(abs(cost / mean - 1) for cost in costs)
        print(f"{column}: within {worst:.0%} of the mean of {mean:.0f}")
    return 0


def _with_ratios(rows):
    """Throughput in Mpx/s, and how many times faster the first coder is."""
    first = rows[0]
    return [
        {
            "coder": row["coder"],
            "compress [Mpx/s]": row["compress"],
            "decompress [Mpx/s]": row["decompress"],
            "bits/px": row["bits"],
            "astroae is faster by, compress": first["compress"] / row["compress"],
            "decompress": first["decompress"] / row["decompress"],
        }
        for row in rows
    ]
