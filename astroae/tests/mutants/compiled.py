"""Build the compiled core of a copy anew, for mutants of its C."""

import shlex
import shutil
import subprocess
import sysconfig

__all__ = ["build", "can_build", "library"]

_LINK = shlex.split(sysconfig.get_config_var("LDSHARED") or "")
# Not optimised: a build takes two seconds, and its bits are the same.
_FLAGS = "-O0 -w -fPIC -std=c11 -ffp-contract=off -DASTROAE_ONE_BUILD -DPy_LIMITED_API=0x030B0000"


def can_build(package):
    """Whether there are a C compiler and the sources, which wheels lack."""
    return bool(_LINK and shutil.which(_LINK[0]) and (package / "core" / "_core.c").is_file())


def library(package):
    """The file of the compiled core."""
    (file,) = (package / "core").glob("_core.*.so")
    return file


def build(package):
    """Compile and link the sources as they are now.

    Raises
    ------
    subprocess.CalledProcessError
        They do not compile; its ``stderr`` says why.
    """
    core, out = package / "core", library(package)
    sources = [core / "_core.c", *sorted((core / "src").glob("*.c"))]
    include = [f"-I{core / 'src'}", f"-I{sysconfig.get_path('include')}"]
    out.unlink()
    command = [*_LINK, *shlex.split(_FLAGS), *include, *map(str, sources), "-lm", "-o", str(out)]
    subprocess.run(command, check=True, capture_output=True, text=True)
