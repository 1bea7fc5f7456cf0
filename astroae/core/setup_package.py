"""The extension of this room: C beside a thin wrapper, found by extension-helpers."""

import sys
from pathlib import Path

HERE = Path("astroae") / "core"
FLAGS = (
    ["/O2"]
    if sys.platform == "win32"
    else ["-std=c11", "-O3", "-ffp-contract=off", "-fno-wrapv", "-fvisibility=hidden", "-g0"]
)


def get_extensions():
    """The one extension."""
    from setuptools import Extension  # not there where the installed package's tests run

    sources = [HERE / "_core.pyx", *sorted((HERE / "src").glob("*.c"))]
    return [
        Extension(
            "astroae.core._core",
            sources=[str(source) for source in sources],
            depends=[str(header) for header in sorted((HERE / "src").glob("*.h"))],
            include_dirs=[str(HERE / "src")],
            extra_compile_args=FLAGS,
            libraries=[] if sys.platform == "win32" else ["m"],
        )
    ]
