"""Sizes of astroae and of other coders on the same integers, in bits per pixel.

Counted are rows and heap of tables and whole files of other formats, never image
headers; nothing is dithered.  Averages are over instruments, of pictures of at
least 256 x 256 pixels; masks and what was lossy before are listed but not
averaged.  Integer images whose step would be 1 are counted as lossless.
"""

import json
from pathlib import Path

from astroae.cli._progress import ProgressBar

HELP = "compare sizes with other coders"


def add_arguments(parser):
    """FILES or a folder, settings, and where to write."""
    parser.add_argument("files", nargs="*", metavar="FILE", help="FITS files; by default --data")
    parser.add_argument("--data", default="../shared/data", metavar="DIR", help="folder of images")
    parser.add_argument("--group", default="measure", help="its sub-folder (default: measure)")
    parser.add_argument(
        "-q", type=float, nargs="+", default=[4.0, 1.0], help="quantisation levels (default: 4 1)"
    )
    parser.add_argument(
        "--lossless", action="store_true", help="integer images without loss, and nothing else"
    )
    parser.add_argument("--rivals", nargs="*", metavar="NAME", help="by default all that can run")
    parser.add_argument(
        "--sigma",
        choices=["image", "tile"],
        default="image",
        help="one step for the whole image (default), or astroae's own step per tile",
    )
    parser.add_argument("--noise", action="store_true", help="pure noise against its entropy")
    parser.add_argument("--csv", metavar="FILE", help="write all figures as CSV")
    parser.add_argument("--plot", metavar="FILE", help="write a plot (PNG, PDF, SVG)")
    parser.add_argument("--cache", metavar="FILE", help="keep the rivals' sizes here (JSON)")


def run(args):
    """Measure and print."""
    return _noise(args) if args.noise else _images(args)


def _noise(args):
    from astroae.bench.rate import noise_rates
    from astroae.bench.report import table

    rows = []
    for row in noise_rates():
        rows.append(row)
    if args.json:
        print(json.dumps(rows, indent=1))
    else:
        print(table(rows, list(rows[0])))
    return 0


def _images(args):
    from astroae.bench.rate import SizeCache, rows_to_dicts
    from astroae.bench.report import above_rice, headline, plot_rates, rate_table, table, write_csv
    from astroae.bench.rivals import choose

    rivals, missing = choose(args.rivals)
    cache = SizeCache(args.cache)
    rows = _measured(args, rivals, cache)
    cache.save()
    if args.csv:
        write_csv(args.csv, rows_to_dicts(rows))
    if args.plot:
        plot_rates(args.plot, rows)
    lines, grown = headline(rows, rivals), above_rice(rows)
    if args.json:
        document = {"rows": rows_to_dicts(rows), "summary": lines, "missing": missing}
        print(json.dumps(document | {"larger than RICE_1": grown}, indent=1))
        return 0
    print(rate_table(rows, rivals))
    if lines:
        print("\nMean over instruments of size ratios, astroae to rival")
        print(table(lines, list(lines[0])))
    print("\nMore than 1.01 x RICE_1: " + (", ".join(grown) or "none"))
    for name, reason in missing.items():
        print(f"left out: {name}, {reason}")
    return 0


def _measured(args, rivals, cache):
    from astroae.bench.images import find_files, load, read_sources
    from astroae.bench.rate import measure

    files = [Path(name) for name in args.files] or find_files(args.data, args.group)
    sources = read_sources(args.data)
    rows = []
    with ProgressBar("bench rate", args.quiet) as bar:
        for done, path in enumerate(files, 1):
            rows += measure(
                load(path, sources),
                rivals,
                levels=() if args.lossless else args.q,
                sigma=args.sigma,
                cache=cache,
            )
            bar(done, len(files))
    return rows
