"""No byte and no pixel of a file that was written changes unnoticed."""

import json

import pytest

from astroae.codec import methods
from astroae.codec.forms import Form
from astroae.errors import AstroAEError
from astroae.settings import MODES
from astroae.tests.frozen.cases import CASES, FOLDER
from astroae.tests.frozen.make import MANIFEST
from astroae.tests.frozen.record import comparable, describe, machine, sha256

MEANT = (
    "Files that were written before are read or written otherwise now.  If that is meant, raise "
    "FORMAT_VERSION where old files are no longer read, run `python -m astroae.tests.frozen.make`, "
    "and say in the commit why."
)
frozen = json.loads(MANIFEST.read_text())
each = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


def read(path, folder):
    try:
        return describe(path, folder)
    except AstroAEError as exc:
        raise AssertionError(f"{path.name}: {exc}  {MEANT}") from exc


def images():
    for file in frozen["files"].values():
        yield from file["images"].values()


@each
def test_stored_files_read_as_they_did(case, tmp_path):
    assert sha256(case.file.read_bytes()) == frozen["files"][case.name]["sha256"], (
        f"{case.file.name} itself was changed: restore it, or make all anew"
    )
    assert read(case.file, tmp_path) == frozen["files"][case.name], MEANT


@each
def test_the_same_bytes_are_written(case, tmp_path):
    made, stored = comparable(case.compress(tmp_path)), comparable(case.file.read_bytes())
    if made == stored:
        return
    if machine() == frozen["machine"]:
        first = next((i for i, (a, b) in enumerate(zip(made, stored)) if a != b), "the end")
        raise AssertionError(
            f"{case.name}: {len(made)} bytes, {len(stored)} are frozen; they differ from byte "
            f"{first} on.  {MEANT}"
        )
    # Another deflate or BLAS: other bytes, of nearly the same number, for the same pixels.
    assert abs(len(made) - len(stored)) <= max(2880, 0.01 * len(stored)), MEANT
    known = frozen["files"][case.name]
    again = read(tmp_path / "made.aae.fits", tmp_path)
    assert again["decompressed"] == known["decompressed"], MEANT
    for name, image in known["images"].items():
        assert again["images"][name]["pixels"] == image["pixels"], MEANT


def test_what_exists_is_frozen():
    """A new form, method, mode or type has its file here."""
    forms = {form for image in images() for form in image["forms"]}
    assert forms == {form.name for form in Form}
    used = {method for image in images() for method in image["methods"]}
    assert used - {"latents"} == set(methods.NAMES.values())
    assert {image["mode"] for image in images()} == set(MODES)
    assert {image["type"] for image in images()} == {"u1", "i2", "i4", "i8", "f4", "f8"}


def test_frozen_files_are_few_and_small():
    assert {path.name for path in FOLDER.glob("*.aae.fits")} == {case.file.name for case in CASES}
    assert sum(path.stat().st_size for path in FOLDER.glob("*.f*")) < 350_000
