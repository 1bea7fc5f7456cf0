"""``python -m astroae.tests.mutants [NAME ...]``: exit code 1 where one was not killed."""

import argparse
import os
import sys
import time

from astroae.tests.mutants.compiled import can_build
from astroae.tests.mutants.run import PACKAGE, run
from astroae.tests.mutants.table import MUTANTS

__all__ = ["main"]


def main(argv=None):
    """Run all mutants, or those whose names contain one of the words given."""
    parser = argparse.ArgumentParser(prog="python -m astroae.tests.mutants", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="part of a mutant's name")
    parser.add_argument("--part", default="1/1", metavar="K/N", help="every N-th, from the K-th on")
    parser.add_argument("--jobs", type=int, default=min(os.cpu_count() or 1, 4), metavar="N")
    args = parser.parse_args(argv)
    k, n = (int(number) for number in args.part.split("/"))
    chosen = [m for m in MUTANTS if not args.names or any(name in m.name for name in args.names)]
    chosen, start = chosen[k - 1 :: n], time.monotonic()
    if not can_build(PACKAGE):
        print("mutants of C are left out: there is no compiler, or no source")
        chosen = [m for m in chosen if m.file.endswith(".py")]
    outcomes = run(chosen, jobs=args.jobs, say=lambda text: print(text, flush=True))
    killed = [outcome for outcome in outcomes if outcome.word == "killed"]
    print(f"{len(killed)} of {len(chosen)} killed in {time.monotonic() - start:.0f} s")
    return int(not chosen or len(killed) != len(chosen))


if __name__ == "__main__":
    sys.exit(main())
