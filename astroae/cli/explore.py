"""See what a model's latents hold: embedding, traversal, maps, neighbours, oddities.

Results are figures (PNG), tables (ECSV, `Table.read` reads them) and FITS files in the
folder named by -o.
"""

import argparse

from astroae.cli import (
    _explore_anomalies,
    _explore_denoise,
    _explore_embed,
    _explore_maps,
    _explore_neighbours,
    _explore_traverse,
)

HELP = "embedding, traversal, maps and neighbours by a model's latents; oddities; denoising"

_ACTIONS = {
    "embed": _explore_embed,
    "traverse": _explore_traverse,
    "maps": _explore_maps,
    "neighbours": _explore_neighbours,
    "anomalies": _explore_anomalies,
    "denoise": _explore_denoise,
}


def add_arguments(parser):
    """The actions, each with options of its own."""
    # The common options may stand behind the action too; they are not reset there.
    common = argparse.ArgumentParser(add_help=False, argument_default=argparse.SUPPRESS)
    for flag in ("--json", "--quiet", "--debug"):
        common.add_argument(flag, action="store_true", help=argparse.SUPPRESS)
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    for name, module in _ACTIONS.items():
        action = actions.add_parser(
            name,
            help=module.HELP,
            description=module.__doc__,
            parents=[common],
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        module.add_arguments(action)
        action.set_defaults(explore=module.run)


def run(args):
    """Explore; the exit code is that of the action."""
    return args.explore(args)
