"""The surface of the package: its names, its keywords, and what importing it costs."""

import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest
from astropy.io import fits

import astroae
from astroae import errors, settings
from astroae.container import keywords

PACKAGE = Path(astroae.__file__).parent

PUBLIC = {
    "AEImageHDU",
    "AstroAEError",
    "CorruptFileError",
    "FormatVersionError",
    "InputError",
    "MissingDependencyError",
    "ModelError",
    "OutputError",
    "ReadBackError",
    "SettingError",
    "ToleranceError",
    "UnsupportedDataError",
    "compress",
    "decode",
    "decompress",
    "encode",
    "info",
    "latents",
    "preview",
    "read_nddata",
    "verify",
}

#: Tables of `astroae.container.keywords` that the documentation shows.
TABLES = (
    "KEYWORDS",
    "FILE_KEYWORDS",
    "COLUMNS",
    "OPTIONAL_COLUMNS",
    "CERTIFICATE_KEYWORDS",
    "CERTIFICATE_COLUMNS",
)

#: Slow to import, or there with an extra only.
HEAVY = {"dask", "fitsio", "imagecodecs", "matplotlib", "photutils", "sklearn", "torch"}


def test_public_names():
    # A name that comes or goes is a decision, never an accident.
    assert set(astroae.__all__) == PUBLIC
    assert all(hasattr(astroae, name) for name in PUBLIC)


@pytest.mark.parametrize("name", sorted(PUBLIC))
def test_public_names_are_documented(name):
    thing = getattr(astroae, name)
    text = inspect.getdoc(thing)
    assert text and len(text.splitlines()[0]) <= 100
    if inspect.isfunction(thing):
        assert "Parameters\n---" in text and "Returns\n---" in text
    if not (inspect.isclass(thing) and issubclass(thing, Exception)):
        for parameter in inspect.signature(thing).parameters.values():
            if parameter.kind is not parameter.VAR_KEYWORD:
                assert re.search(rf"\b{parameter.name}\b", text), parameter.name


def test_settings_reach_every_entrance():
    modes = set(inspect.signature(settings.from_keywords).parameters)
    hdu = set(inspect.signature(astroae.AEImageHDU.__init__).parameters)
    assert modes <= hdu
    # A whole file has planes, each with its own promise, instead of one relative error.
    assert modes - {"relative_error"} <= set(inspect.signature(astroae.compress).parameters)


def test_exit_codes_follow_the_table():
    codes = {name: getattr(errors, name).exit_code for name in errors.__all__}
    assert codes == {
        "AstroAEError": 1,
        "ToleranceError": 1,
        "SettingError": 2,
        "InputError": 3,
        "UnsupportedDataError": 4,
        "CorruptFileError": 5,
        "ModelError": 6,
        "FormatVersionError": 6,
        "OutputError": 7,
        "ReadBackError": 1,
        "MissingDependencyError": 8,
    }


#: Parts of astropy that only who uses them waits for.
USED_LATER = {"astropy.coordinates", "astropy.nddata", "astropy.table", "astropy.wcs"}


def test_importing_is_light():
    code = "import sys, astroae; print(*sys.modules)"
    printed = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    names = printed.stdout.split()
    assert HEAVY.isdisjoint(name.split(".")[0] for name in names)
    assert USED_LATER.isdisjoint(names)


def documented(name):
    tables = (keywords.KEYWORDS, keywords.FILE_KEYWORDS, keywords.CERTIFICATE_KEYWORDS)
    known = {k.name for table in tables for k in table}
    numbered = name.rstrip("0123456789") + "n"  # AETILE2, or AETILE of an f-string
    return name in known or numbered in known


def test_every_keyword_in_the_code_is_documented():
    found = set()
    for path in PACKAGE.rglob("*.py"):
        if "tests" not in path.parts:
            found |= set(re.findall(r'"(AE[A-Z]{3,6})"', path.read_text(encoding="utf-8")))
    assert {"AEIMAGE", "AEVERSN"} <= found
    assert {name for name in found if not documented(name)} == set()


# Real headers hold cards that are not FITS standard, as astropy says each time.
@pytest.mark.filterwarnings("ignore::astropy.utils.exceptions.AstropyUserWarning")
@pytest.mark.parametrize("level", [None, 4.0])
def test_every_keyword_and_column_in_a_file_is_documented(level, tmp_path, bundled_images):
    columns = {c.name for c in keywords.COLUMNS + keywords.OPTIONAL_COLUMNS}
    for source in (p for p in bundled_images if p.name.startswith(("90prime", "feder", "iris"))):
        target = tmp_path / "out.aae.fits"
        astroae.compress(source, target, quantize_level=level, overwrite=True)
        with fits.open(target, disable_image_compression=True) as hdul:
            for hdu in hdul:
                if hdu.header.get("AEIMAGE") is not True:
                    continue
                own = list(hdu.header)[: list(hdu.header).index("AEHDRBEG")]
                assert [k for k in own if k.startswith("AE") and not documented(k)] == []
                assert set(hdu.columns.names) <= columns


def test_documentation_lists_keywords_columns_and_exit_codes(pytestconfig):
    docs = pytestconfig.rootpath / "docs"
    if not (docs / "format.rst").is_file():
        pytest.skip("not in a checkout: the pages are not here")
    page = (docs / "format.rst").read_text(encoding="utf-8")
    for table in TABLES:
        assert f".. format-table:: {table}\n" in page
    codes = (docs / "command_line.rst").read_text(encoding="utf-8")
    for name in errors.__all__:
        assert re.search(rf"^{getattr(errors, name).exit_code}  ", codes, re.MULTILINE)


def test_errors_have_four_parts():
    error = astroae.SettingError(
        "it failed", where="there", found="got 1, allowed is 2", hint="use 2"
    )
    assert str(error) == "there: it failed. got 1, allowed is 2. use 2"
    assert isinstance(error, ValueError)
