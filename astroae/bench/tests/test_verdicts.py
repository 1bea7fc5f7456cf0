"""The checked-in table of verdicts on real images says what validation says."""

import csv
from pathlib import Path

import pytest

import astroae

pytest.importorskip("photutils")
pytest.importorskip("skimage")
pytest.importorskip("pytorch_msssim")

from astroae.bench.verdicts import verdicts_of  # noqa: E402

TABLE = Path(astroae.__file__).parents[1] / "docs" / "tables" / "verdicts.csv"
BUNDLED = Path(astroae.__file__).parent / "tests" / "data"


def table():
    """Rows of the table by image; of an installed package, which has no docs, none."""
    rows = {}
    if TABLE.is_file():
        with open(TABLE, newline="") as file:
            for row in csv.DictReader(file):
                rows.setdefault(row["image"], []).append({k: v for k, v in row.items() if v})
    return rows


def check(path, expected):
    found = [{k: v for k, v in row.items() if v} for row in verdicts_of(path)]
    assert found == expected


@pytest.mark.parametrize(
    "image", [name for name in table() if (BUNDLED / f"{name}.fits.gz").is_file()]
)
def test_verdicts_on_bundled_images(image):
    check(BUNDLED / f"{image}.fits.gz", table()[image])


@pytest.mark.parametrize(
    "image", [name for name in table() if not (BUNDLED / f"{name}.fits.gz").is_file()]
)
def test_verdicts_on_shared_images(image, real_images):
    path = next(row["path"] for row in real_images if row["path"].name == f"{image}.fits.gz")
    check(path, table()[image])


@pytest.mark.skipif(not TABLE.is_file(), reason="docs/tables is in a clone only")
def test_the_table_has_images_of_all_kinds():
    assert len(table()) >= 12
    kinds = {kind for rows in table().values() for row in rows for kind in row["kinds"].split()}
    assert {"solar", "empty", "crowded", "undersampled"} <= kinds
