"""Apply mutants to copies of the package and run the tests that must notice.

The working tree is never touched.  Before any mutant the same tests run on a copy as it
is, and must pass; else everything would seem to be killed.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from importlib.util import cache_from_source
from pathlib import Path
from queue import SimpleQueue

import astroae
from astroae.tests.mutants import compiled
from astroae.tests.mutants.copied import ELSEWHERE, ROOT

__all__ = ["PACKAGE", "Mutant", "Outcome", "mutated", "run"]

PACKAGE = Path(astroae.__file__).parent
TIMEOUT = 180  # seconds: of one mutant, many times what any takes
_PLUGIN = "astroae.tests.mutants.copied"
_WORDS = {0: "survived", 1: "killed", ELSEWHERE: "ran elsewhere"}
_LEFT_OUT = shutil.ignore_patterns("__pycache__", "*.pyc", ".hypothesis")


@dataclass(frozen=True)
class Mutant:
    """One line, broken.

    Attributes
    ----------
    name : str
    file : str
        In the package.
    old, new : str
        ``old`` stands in the file exactly once.
    tests : tuple of str
        Files of the package, or ``file::function``, one of which must fail.
    why : str
        What a user would lose.
    """

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]
    why: str


@dataclass(frozen=True)
class Outcome:
    """What became of a mutant: "killed", or something that is wrong."""

    name: str
    word: str
    seconds: float
    output: str = ""


def mutated(mutant, package=PACKAGE):
    """The file's text with the mutant in it.

    Raises
    ------
    ValueError
        Its old text is not there exactly once: the list does not fit the code.
    """
    text = (package / mutant.file).read_text(encoding="utf-8")
    if text.count(mutant.old) != 1 or mutant.old == mutant.new:
        raise ValueError(f"{mutant.file} holds {text.count(mutant.old)} times {mutant.old!r}")
    return text.replace(mutant.old, mutant.new)


def run(mutants, package=PACKAGE, jobs=2, say=print):
    """Apply each mutant in turn.

    Parameters
    ----------
    mutants : list of Mutant
    package : pathlib.Path
        Folder of the package, ``pyproject.toml`` beside it.
    jobs : int
        Mutants tried at once, each on a copy of its own.
    say : callable
        Is given a line for each outcome.

    Returns
    -------
    list of Outcome
    """
    with tempfile.TemporaryDirectory(prefix="astroae-mutants-") as folder:
        first = _copied(package, Path(folder) / "0")
        tests = {test for mutant in mutants for test in mutant.tests}
        sound = _tested("without any mutant", first, tests, fresh=True)
        if sound.word != "survived":
            say(f"the tests fail without any mutant\n{sound.output}")
            return [replace(sound, word="unsound")]
        copies = SimpleQueue()
        copies.put(first)
        for n in range(1, jobs):  # with what the first run compiled
            copies.put(shutil.copytree(first, Path(folder) / str(n)))

        def work(mutant):
            copy = copies.get()
            try:
                outcome = _tried(mutant, copy, package)
            finally:
                copies.put(copy)
            say(f"{outcome.word:10s} {outcome.seconds:6.1f} s  {mutant.name}: {mutant.why}")
            if outcome.word not in ("killed", "survived"):
                say(outcome.output)
            return outcome

        with ThreadPoolExecutor(max(1, jobs)) as pool:
            return list(pool.map(work, mutants))


def _copied(package, folder):
    shutil.copytree(package, folder / package.name, ignore=_LEFT_OUT)
    settings = package.parent / "pyproject.toml"
    if settings.is_file():
        shutil.copy(settings, folder)
    return folder


def _tried(mutant, copy, package):
    file = copy / package.name / mutant.file
    whole = {file: file.read_bytes()}
    try:
        file.write_text(mutated(mutant, package), encoding="utf-8")
    except ValueError as exc:
        return Outcome(mutant.name, "stale", 0.0, str(exc))
    try:
        if file.suffix == ".py":
            Path(cache_from_source(file)).unlink(missing_ok=True)
        else:
            library = compiled.library(copy / package.name)
            whole[library] = library.read_bytes()
            compiled.build(copy / package.name)
        return _tested(mutant.name, copy, mutant.tests)
    except subprocess.CalledProcessError as exc:
        return Outcome(mutant.name, "does not compile", 0.0, exc.stderr)
    finally:
        for changed, content in whole.items():
            changed.write_bytes(content)


def _tested(name, copy, tests, fresh=False):
    """Run tests of a copy; 0 of pytest is "survived", 1 "killed", all else is wrong.

    Only what is sound may leave compiled files behind: two mutants of one second and one
    size would pass for each other.
    """
    places = sorted(str(copy / "astroae" / test) for test in tests)
    options = ["-x", "-q", "--no-header", "-p", "no:cacheprovider", "-p", _PLUGIN]
    options += ["--rootdir", str(copy), "--import-mode=importlib"]
    settings = copy / "pyproject.toml"
    options += ["-c", str(settings)] if settings.is_file() else []
    environment = os.environ | {
        "PYTHONPATH": str(copy),
        "PYTHONDONTWRITEBYTECODE": "" if fresh else "1",
        ROOT: str(copy),
    }
    start = time.monotonic()
    try:
        done = subprocess.run(
            [sys.executable, "-m", "pytest", *options, *places],
            cwd=copy,
            env=environment,
            capture_output=True,
            text=True,
            timeout=5 * TIMEOUT if fresh else TIMEOUT,
        )
    except subprocess.TimeoutExpired:
        return Outcome(name, "timed out", time.monotonic() - start)
    word = _WORDS.get(done.returncode, f"exit status {done.returncode}")
    output = (done.stdout + done.stderr)[-3000:]
    return Outcome(name, word, time.monotonic() - start, output)
