"""A plugin of pytest: the tests of a mutant must run on its copy, and nowhere else."""

import os
import sys
from pathlib import Path

__all__ = ["ELSEWHERE", "ROOT", "pytest_sessionfinish"]

#: Names the folder of the copy.
ROOT = "ASTROAE_MUTANTS_ROOT"
#: Exit status where a module came from another place: neither killed nor survived.
ELSEWHERE = 90


def pytest_sessionfinish(session):
    """Fail where a module of the package is not the copy's."""
    root = Path(os.environ[ROOT]).resolve()
    files = {name: getattr(module, "__file__", None) for name, module in sys.modules.items()}
    own = {name: file for name, file in files.items() if name.partition(".")[0] == "astroae"}
    strange = {n: f for n, f in own.items() if f and root not in Path(f).resolve().parents}
    if strange:
        print(f"modules from elsewhere: {strange}", file=sys.stderr)
        session.exitstatus = ELSEWHERE
