"""The list of mutants fits the code, and what applies them tells killed from survived."""

import ast
import shutil
import subprocess

import pytest

from astroae.tests.mutants.compiled import build, can_build, library
from astroae.tests.mutants.run import PACKAGE, Mutant, mutated, run
from astroae.tests.mutants.table import MUTANTS

each = pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)


def test_there_are_enough():
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS) >= 40


@each
def test_a_mutant_fits_the_code(mutant):
    """Where a line was rewritten, its mutant is rewritten too: it still has to be watched."""
    if mutant.file.endswith(".c") and not (PACKAGE / "core" / "src").is_dir():
        pytest.skip("wheels hold no C")
    texts = (PACKAGE / mutant.file).read_text(encoding="utf-8"), mutated(mutant)
    if mutant.file.endswith(".py"):
        before, after = (ast.dump(ast.parse(text)) for text in texts)
    else:
        before, after = (text.split() for text in texts)
    assert before != after, "nothing but words or blanks changed"
    assert mutant.tests and mutant.why


@each
def test_the_tests_of_a_mutant_are_there(mutant):
    for test in mutant.tests:
        file, _, name = test.partition("::")
        tree = ast.parse((PACKAGE / file).read_text(encoding="utf-8"))
        names = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
        assert not name or name.partition("[")[0] in names, test


@pytest.fixture
def package(tmp_path):
    """A package of the same name with two lines of code and one that is watched."""
    folder = tmp_path / "astroae"
    (folder / "tests" / "mutants").mkdir(parents=True)
    plugin = (PACKAGE / "tests" / "mutants" / "copied.py").read_text(encoding="utf-8")
    (folder / "tests" / "mutants" / "copied.py").write_text(plugin, encoding="utf-8")
    for place in ("", "tests", "tests/mutants"):
        (folder / place / "__init__.py").write_text("")
    (folder / "code.py").write_text("def half(x):\n    x = x * 1\n    return x / 2\n")
    test = "from astroae.code import half\n\n\ndef test_half():\n    assert half(4) == 2\n"
    (folder / "tests" / "test_code.py").write_text(test)
    return folder


def words(package, *pairs, tests=("tests/test_code.py::test_half",)):
    mutants = [Mutant(new, "code.py", old, new, tests, "a trial") for old, new in pairs]
    return [outcome.word for outcome in run(mutants, package, jobs=1, say=lambda text: None)]


def test_killed_survived_and_stale_are_told_apart(package):
    whole = (package / "code.py").read_bytes()
    found = words(
        package, ("x / 2", "x / 3"), ("x * 1", "x * 1.0"), ("x / 4", "x / 5"), ("def", "de f")
    )
    assert found[:3] == ["killed", "survived", "stale"]
    assert found[3].startswith("exit status")  # no test has run
    assert (package / "code.py").read_bytes() == whole, "the tree itself was touched"


def test_tests_that_fail_anyway_kill_nothing(package):
    (package / "tests" / "test_code.py").write_text("def test_half():\n    assert False\n")
    assert words(package, ("x / 2", "x / 3")) == ["unsound"]


def test_modules_from_elsewhere_kill_nothing(package):
    test = "import sys, types\nfrom astroae.code import half\n\n\ndef test_half():\n"
    test += "    sys.modules['astroae.more'] = types.SimpleNamespace(__file__='/more.py')\n"
    (package / "tests" / "test_code.py").write_text(test)
    assert words(package, ("x / 2", "x / 3")) == ["unsound"]


@pytest.mark.skipif(not can_build(PACKAGE), reason="no C compiler, or no source")
def test_the_core_of_a_copy_is_built_anew(tmp_path):
    shutil.copytree(PACKAGE / "core", tmp_path / "core")
    build(tmp_path)
    assert library(tmp_path).read_bytes() != library(PACKAGE).read_bytes()
    (tmp_path / "core" / "src" / "pixels.c").write_text("int broken(\n")
    with pytest.raises(subprocess.CalledProcessError):
        build(tmp_path)
