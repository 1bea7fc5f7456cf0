"""What is lost of a file: images, tables, names, order, planes, cards; with exit code 1."""

import contextlib
import io
import json

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table

import astroae
from astroae.cli.__main__ import main
from astroae.io.tests.helpers import sky

for package in ("photutils", "skimage", "pytorch_msssim"):
    pytest.importorskip(package)

WCS = {"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CDELT1": -1e-4, "CDELT2": 1e-4}
WCS |= {"CRVAL1": 10.0, "CRVAL2": 20.0, "CRPIX1": 30.0, "CRPIX2": 30.0}


SHORT = ("--only", "pixels,planes", "--json", "--quiet")


def hdus():
    """Primary with cards, two pictures, a mask, a nameless image, a cube and a table."""
    primary = fits.PrimaryHDU()
    primary.header.update(EXPTIME=30.0, FILTER="r", CRVAL1=7.0)
    images = [fits.ImageHDU(sky((64, 60), seed=seed), name="SCI", ver=seed) for seed in (1, 2)]
    for image in images:
        image.header.update(WCS)
        image.header["BUNIT"] = "adu"
    mask = fits.ImageHDU((sky((64, 60)) > 110).astype("u1"), name="DQ")
    nameless = fits.ImageHDU(sky((40, 41)))
    cube = fits.ImageHDU(np.stack([sky((32, 33), seed=s) for s in range(3)]), name="CUBE")
    rows = {"x": [1.0, np.nan], "n": [1, 2], "s": ["a", "b"]}
    table = fits.BinTableHDU(Table(rows, units={"x": "m"}), name="CAT")
    table.header["TCRVL1"] = 3.0
    notes = fits.ImageHDU(header=fits.Header({"OBSERVER": "me"}), name="NOTES")
    return fits.HDUList([primary, *images, mask, nameless, cube, table, notes])


def judged(change, folder):
    """Exit code and report of the original against what ``change`` makes of it."""
    before, after = hdus(), hdus()
    before.writeto(folder / "a.fits", overwrite=True)
    (change(after) or after).writeto(folder / "b.fits", overwrite=True)
    return validated(folder / "a.fits", folder / "b.fits")


def validated(before, after):
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        code = main(["validate", str(before), str(after), *SHORT])
    return code, json.loads(out.getvalue())["files"][0]


def failing(report):
    names = [r["name"] for r in report["whole"] if r["verdict"] == "fail"]
    for image in report["images"]:
        names += [r["name"] for r in image["results"] if r["verdict"] == "fail"]
    return sorted(set(names))


def test_the_same_file(tmp_path):
    code, report = judged(lambda f: None, tmp_path)
    assert (code, report["verdict"], report["notes"]) == (0, "pass", [])
    assert {r["name"]: r["verdict"] for r in report["whole"]} == dict.fromkeys(
        ("file.images", "file.names", "file.order", "file.tables", "file.cards"), "pass"
    )


def delete(number):
    def of(f):
        del f[number]

    return of


def card(number, key, value):
    def of(f):
        if value is None:
            del f[number].header[key]
        else:
            f[number].header[key] = value

    return of


def pixels(number, make):
    def of(f):
        f[number].data = make(f[number].data)

    return of


def swap(one, other):
    def of(f):
        order = list(range(len(f)))
        order[one], order[other] = other, one
        return fits.HDUList([f[i] for i in order])

    return of


def rows(make):
    def of(f):
        f["CAT"] = fits.BinTableHDU(make(Table.read(f["CAT"])), name="CAT")
        f["CAT"].header["TCRVL1"] = 3.0

    return of


def one_cell(table):
    table["n"][1] = 7
    return table


def kilometres(table):
    table["x"].unit = "km"
    return table


FAULTS = {
    "an image among several": (delete(2), "file.images"),
    "a mask": (delete(3), "file.images"),
    "a nameless image": (delete(4), "file.images"),
    "a plane of a cube": (pixels(5, lambda d: d[:2]), "file.images"),
    "a transposed image": (pixels(1, lambda d: d.T.copy()), "file.images"),
    "a row": (pixels(1, lambda d: d[:-1]), "file.images"),
    "another EXTNAME": (card(3, "EXTNAME", "MASK"), "file.images"),
    "another EXTVER": (card(2, "EXTVER", 7), "file.images"),
    "another order": (swap(1, 3), "file.order"),
    "another order behind the first": (swap(2, 3), "file.order"),
    "a table": (delete(6), "file.tables"),
    "a cell of a table": (rows(one_cell), "file.tables"),
    "a row of a table": (rows(lambda t: t[:1]), "file.tables"),
    "a column of a table": (rows(lambda t: t["x", "n"]), "file.tables"),
    "a unit of a table": (rows(kilometres), "file.tables"),
    "a card of the primary header": (card(0, "EXPTIME", 60.0), "file.cards"),
    "an extension without pixels": (delete(7), "file.images"),
    "a WCS that extensions inherit": (card(0, "CRVAL1", 8.0), "file.cards"),
    "a WCS of a table's columns": (card(6, "TCRVL1", 4.0), "file.cards"),
    "a card that is gone": (card(0, "EXPTIME", None), "file.cards"),
    "the place": (card(1, "CRVAL1", 10.1), "header.wcs"),
    "the place of the second": (card(2, "CRPIX2", 31.0), "header.wcs"),
    "the unit": (card(2, "BUNIT", "electron"), "header.unit"),
    "NaN everywhere": (pixels(1, lambda d: d * np.nan), "pixels.lost"),
    "upside down": (pixels(1, lambda d: d[::-1].copy()), "pixels.rms"),
    "left to right": (pixels(4, lambda d: d[:, ::-1].copy()), "pixels.rms"),
    "a flag": (pixels(3, lambda d: d ^ (np.arange(60) == 3)), "planes.differing"),
    "planes of a cube in another order": (pixels(5, lambda d: d[::-1].copy()), "pixels.rms"),
}


@pytest.mark.parametrize("name", list(FAULTS))
def test_what_is_lost_or_changed_fails(name, tmp_path):
    change, quantity = FAULTS[name]
    code, report = judged(change, tmp_path)
    assert (code, report["verdict"]) == (1, "fail")
    assert quantity in failing(report)


HARMLESS = {
    "an image more": lambda f: f.append(fits.ImageHDU(sky((8, 8)), name="MORE")),
    "a column more": rows(lambda t: Table({"new": [1, 2], **{c: t[c] for c in t.colnames}})),
    "another card": card(1, "OBSERVER", "me"),
    "a table in front": lambda f: fits.HDUList([f[0], f[6], *f[1:6], f[7]]),
    "an unnamed image that got a name": card(4, "EXTNAME", "NEW"),
}


@pytest.mark.parametrize("name", list(HARMLESS))
def test_what_comes_or_goes_nowhere_passes(name, tmp_path):
    code, report = judged(HARMLESS[name], tmp_path)
    assert (code, report["verdict"]) == (0, "pass"), failing(report)


@pytest.mark.parametrize("packed", ["astroae", "fpack"])
def test_what_a_coder_makes_of_it_has_all(packed, tmp_path):
    hdus().writeto(tmp_path / "a.fits")
    if packed == "astroae":
        astroae.compress(tmp_path / "a.fits", tmp_path / "b.fits", quantize_level=16)
    else:
        before = hdus()
        images = [
            fits.CompImageHDU(h.data, h.header, quantize_level=16) if 0 < i < 5 else h
            for i, h in enumerate(before)
        ]
        fits.HDUList(images).writeto(tmp_path / "b.fits")
    code, report = validated(tmp_path / "a.fits", tmp_path / "b.fits")
    wrong = [r for r in report["whole"] if r["verdict"] != "pass"]
    headers = [r for i in report["images"] for r in i["results"] if "header." in r["name"]]
    assert not wrong and {r["verdict"] for r in headers} == {"pass", "skipped"}


def test_a_primary_image_that_moved_keeps_its_header(tmp_path):
    image = fits.PrimaryHDU(sky((64, 64)), fits.Header(WCS | {"EXPTIME": 3.0}))
    image.writeto(tmp_path / "a.fits")
    astroae.compress(tmp_path / "a.fits", tmp_path / "b.fits")
    code, report = validated(tmp_path / "a.fits", tmp_path / "b.fits")
    assert (code, report["verdict"]) == (0, "pass")


def test_nothing_but_a_table_is_left(tmp_path):
    hdus().writeto(tmp_path / "a.fits")
    fits.HDUList([fits.PrimaryHDU(), hdus()["CAT"]]).writeto(tmp_path / "b.fits")
    code, report = validated(tmp_path / "a.fits", tmp_path / "b.fits")
    assert (code, report["whole"][0]["value"]) == (1, 6)


def test_the_one_image_that_was_asked_for(tmp_path):
    before, after = hdus(), hdus()
    del after[3]
    found = astroae.validate(before, after, hdu="SCI,2", only="pixels")
    assert found.verdict == "pass"
    found = astroae.validate(before, after, hdu="DQ", only="pixels")
    assert found.verdict == "fail" and not found.images


def test_one_image_of_several_against_an_array():
    before = hdus()
    image = before[2].data.copy()
    found = astroae.validate(before, image, hdu="SCI,2", only="pixels")
    assert found.images[0]["pixels.rms"].value == 0 and found.whole == ()


def test_a_renamed_single_image_is_compared_and_fails():
    one, other = (fits.HDUList([fits.PrimaryHDU(), fits.ImageHDU(sky((40, 40)), name=n)]) for n in "AB")  # fmt: skip
    found = astroae.validate(one, other, only="pixels")
    assert [r.name for r in found.whole if r.verdict == "fail"] == ["file.names"]
    assert found.verdict == "fail" and found.images[0].verdict == "pass"


def test_a_set_may_turn_it_off(tmp_path):
    own = tmp_path / "own.toml"
    own.write_text('based_on = "default"\n[file.tables]\noff = true\n')
    after = hdus()
    del after["CAT"]
    found = astroae.validate(hdus(), after, only="pixels", tolerance=own)
    assert found.verdict == "pass"
    assert "file.tables" in found.summary()


def test_words_say_what_is_lost():
    after = hdus()
    del after[3]
    after[1].header["BUNIT"] = "Jy"
    text = astroae.validate(hdus(), after, only="pixels").summary()
    assert "DQ,1 (64, 60) is not in the restored file" in text
    assert "BUNIT was adu, is Jy" in text


def test_groups_are_not_compared(tmp_path):
    groups = fits.GroupsHDU(fits.GroupData(np.ones((2, 1, 1, 3)), parnames=["u"], pardata=[[1, 2]]))
    file = fits.HDUList([groups, fits.ImageHDU(sky((40, 40)))])
    file.writeto(tmp_path / "a.fits")
    found = astroae.validate(tmp_path / "a.fits", tmp_path / "a.fits", only="pixels")
    assert found.verdict == "undetermined" and "HDU 0" in found.unjudged[0]
