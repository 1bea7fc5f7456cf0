"""Modules that are built on torch and Lightning are left out where these are missing."""

from importlib.util import find_spec
from pathlib import Path

_WITHOUT_TORCH = ("__init__.py", "conftest.py", "flux.py", "rivals.py")

collect_ignore = []
if not (find_spec("torch") and find_spec("lightning")):
    here = Path(__file__).parent
    collect_ignore = [p.name for p in here.glob("*.py") if p.name not in _WITHOUT_TORCH]
