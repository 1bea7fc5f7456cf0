"""Sphinx, with the settings that astropy's packages share."""

import os
import sys
from importlib.metadata import version as version_of
from pathlib import Path

from sphinx_astropy.conf.v3 import *  # noqa: F403

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

project = "astroae"
author = "The astroae developers"
copyright = "2026, The astroae developers"
release = version_of("astroae")
version = ".".join(release.split(".")[:2])

extensions += ["from_source"]  # noqa: F405
exclude_patterns = ["_build", "conftest.py"]
html_title = f"astroae {version}"

# Builds without a network must pass: other projects are linked where they can be reached.
if not os.environ.get("READTHEDOCS"):
    intersphinx_mapping = {}
