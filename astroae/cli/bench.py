"""Measure: sizes, speed, and whether every promise holds on real images.

``astroae bench rate`` compares sizes with other coders on the same integers,
``astroae bench speed`` throughput and memory; ``astroae bench real`` checks every
promise on every image of a folder, ``astroae bench takeover`` on files that
``fpack`` wrote.  ``astroae bench science`` validates other coders,
``astroae bench verdicts`` real images, ``astroae bench faults`` the
validation itself, and ``astroae bench agreement`` compares it with other programs.
"""

import argparse

from astroae.cli import (
    _bench_agreement,
    _bench_faults,
    _bench_rate,
    _bench_real,
    _bench_science,
    _bench_speed,
    _bench_takeover,
    _bench_verdicts,
)

HELP = "measure sizes and speed beside other coders, and check the promises"

_ACTIONS = {
    "rate": _bench_rate,
    "speed": _bench_speed,
    "real": _bench_real,
    "takeover": _bench_takeover,
    "science": _bench_science,
    "faults": _bench_faults,
    "verdicts": _bench_verdicts,
    "agreement": _bench_agreement,
}


def add_arguments(parser):
    """The measurements, each with options of its own."""
    # The common options may stand behind the measurement too; they are not reset there.
    common = argparse.ArgumentParser(add_help=False, argument_default=argparse.SUPPRESS)
    for flag in ("--json", "--quiet", "--debug"):
        common.add_argument(flag, action="store_true", help=argparse.SUPPRESS)
    actions = parser.add_subparsers(dest="measurement", required=True, metavar="MEASUREMENT")
    for name, module in _ACTIONS.items():
        action = actions.add_parser(
            name,
            help=module.HELP,
            description=module.__doc__,
            parents=[common],
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        module.add_arguments(action)
        action.set_defaults(measure=module.run)


def run(args):
    """Measure; the exit code is that of the measurement."""
    return args.measure(args)
