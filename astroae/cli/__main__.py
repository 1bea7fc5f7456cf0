"""Entry point of the program ``astroae``; see `astroae.cli` for what a verb is."""

import argparse
import os
import sys
import traceback

from astroae.cli import find_verbs, one_verb
from astroae.errors import AstroAEError, OutputError

__all__ = ["main"]

USAGE = 2  # also what argparse exits with
INTERRUPTED = 130  # what a shell gives after Ctrl-C


def main(argv=None):
    """Run ``astroae VERB ...``.

    Parameters
    ----------
    argv : list of str, optional
        Arguments; by default the process's own.

    Returns
    -------
    int
        Exit code, as in `astroae.errors`.

    Raises
    ------
    SystemExit
        By argparse: help was asked for (0), or the arguments are wrong (2).
    """
    argv = sys.argv[1:] if argv is None else argv
    verbs = one_verb(argv[0] if argv else "") or find_verbs()
    args = _parser(verbs).parse_args(argv)
    try:
        code = args.run(args)
        sys.stdout.flush()
        return code
    except AstroAEError as exc:
        return _failed(args, str(exc), exc.exit_code)
    except KeyboardInterrupt:
        return _failed(args, "interrupted; nothing half-written was left", INTERRUPTED)
    except BrokenPipeError:
        # The reader went away (`astroae info ... | head`): not our failure, but
        # Python would complain once more when it flushes stdout at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OutputError.exit_code


def _failed(args, message, code):
    if args.debug:
        traceback.print_exc()
    print(f"astroae {args.verb}: {message}", file=sys.stderr)
    return code


def _parser(modules):
    from astroae import __version__

    parser = argparse.ArgumentParser(
        prog="astroae",
        description="Compress FITS images, and read them as FITS images.",
    )
    parser.add_argument("--version", action="version", version=f"astroae {__version__}")
    common = argparse.ArgumentParser(add_help=False)
    group = common.add_argument_group("every verb")
    group.add_argument("--json", action="store_true", help="print one JSON document on stdout")
    group.add_argument("--quiet", action="store_true", help="print errors only")
    group.add_argument("--debug", action="store_true", help="print tracebacks")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    for name, module in modules.items():
        verb = verbs.add_parser(
            name,
            help=module.HELP,
            description=module.__doc__,
            parents=[common],
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        module.add_arguments(verb)
        verb.set_defaults(run=module.run)
    return parser


if __name__ == "__main__":
    sys.exit(main())
