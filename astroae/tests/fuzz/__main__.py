"""``python -m astroae.tests.fuzz``: many damaged files, a table of what they did."""

import argparse
import os
import resource
import sys
import time
from collections import Counter
from pathlib import Path

for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")  # small arrays: threads only cost time

MEMORY = 2**30  # bytes


def main(argv=None):
    """Run; 1 where anything was found."""
    from astroae.tests.fuzz.run import run

    parser = argparse.ArgumentParser(prog="astroae.tests.fuzz", description=__doc__)
    parser.add_argument("--count", type=int, default=1000, help="number of damaged files")
    parser.add_argument("--start", type=int, default=0, help="number of the first")
    parser.add_argument("--keep", type=Path, help="folder for the files that were found")
    parser.add_argument("--stop-after", type=int, default=50, help="findings to stop at")
    args = parser.parse_args(argv)
    limit_memory()
    started, outcomes, findings = time.perf_counter(), Counter(), []
    for case in run(args.start, args.count):
        outcomes[case.outcome] += 1
        if case.found:
            findings.append(case)
            print(f"case {case.number} {case.seed} {case.way} {case.names}: {case.outcome}")
            if args.keep:
                args.keep.mkdir(parents=True, exist_ok=True)
                (args.keep / f"{case.number}.aae.fits").write_bytes(case.content)
            if len(findings) >= args.stop_after:
                break
    seconds, done = time.perf_counter() - started, sum(outcomes.values())
    for outcome, n in outcomes.most_common():
        print(f"{n:8d}  {outcome}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(
        f"{done} files in {seconds:.0f} s ({done / seconds:.0f} a second), "
        f"{len(findings)} findings, peak memory {peak / 1e6:.0f} MB"
    )
    return int(bool(findings) or peak > MEMORY)


def limit_memory(more=MEMORY):
    """Let this process have so many bytes of address space on top of what it has."""
    with open("/proc/self/statm") as file:
        now = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (now + more, now + more))


if __name__ == "__main__":
    sys.exit(main())
