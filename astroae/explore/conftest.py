"""Modules that are built on scikit-learn are left out where it is not installed."""

from importlib.util import find_spec

collect_ignore = [] if find_spec("sklearn") else ["transformer.py"]
