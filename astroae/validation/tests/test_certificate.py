"""Certificates of arrays: rows, units, what is left out, and what the header says."""

import json

import numpy as np
import pytest
from astropy.io import fits
from astropy.stats import SigmaClip
from astropy.table import QTable
from astropy.wcs import WCS

pytest.importorskip("photutils")

from photutils.aperture import ApertureStats, CircularAnnulus, CircularAperture

from astroae.container.keywords import CERTIFICATE_COLUMNS, comment_of
from astroae.simulate import FieldSettings, make_field
from astroae.validation.certificate import LOST, certify
from astroae.validation.sources import EDGE
from astroae.validation.tolerances import load_tolerances


@pytest.fixture(scope="module")
def field():
    """A field of 256 x 256 pixels with a WCS."""
    return make_field(FieldSettings(shape=(256, 256), seed=5))


@pytest.fixture(scope="module")
def brighter(field):
    """The same with a flux scale of 1.01."""
    return (field.image + 0.01 * (field.image - np.median(field.image))).astype("f4")


def quantities(hdu):
    """Those of the header by name."""
    found = [json.loads(hdu.header[key]) for key in hdu.header if key.startswith("AEQTY")]
    return {one[0]: one[1:] for one in found}


def test_rows_are_the_sources_with_their_change(field, brighter):
    found = certify(field.image, brighter, field.header)
    table = found.hdu.data
    assert len(table) == found.hdu.header["AESOURCE"] > 30
    assert found.hdu.columns.names == [
        c.name for c in CERTIFICATE_COLUMNS if c.name in found.hdu.columns.names
    ]
    change = table["flux_after"] - table["flux_before"]
    assert table["change_sigma"] == pytest.approx(change / table["flux_err"], rel=1e-4, abs=1e-6)
    seen = (table["flux_before"] > 0) & (table["flux_after"] > 0)
    expected = -2.5 * np.log10(table["flux_after"] / table["flux_before"])
    assert table["change_mag"][seen] == pytest.approx(expected[seen], abs=1e-6)


def test_own_fluxes_stand_above_each_images_own_annuli(field):
    """A sky that rises by 5 is in the flux above the original's background, not in these."""
    found = certify(field.image, field.image + 5, field.header).hdu
    table, header = found.data, found.header
    inside = (table["flags"] & EDGE) == 0
    x, y = np.rint(table["x"][inside]), np.rint(table["y"][inside])
    rings = CircularAnnulus(np.column_stack([x, y]), header["AEANNIN"], header["AEANNOUT"])
    clip = SigmaClip(3.0, maxiters=10)
    level = ApertureStats(field.image, rings, sigma_clip=clip, sum_method="center").median
    places = np.column_stack([table["x"], table["y"]])[inside]
    aperture = CircularAperture(places, header["AEAPRAD"])
    expected = aperture.do_photometry(field.image)[0] - aperture.area * level
    own, error = table["own_before"][inside], table["flux_err"][inside]
    assert np.abs(own - expected).max() < 0.05 * error.min()
    assert np.abs(table["change_own"]).max() < 1e-3 < table["change_sigma"].min()
    assert table["own_after"] == pytest.approx(table["own_before"], rel=1e-4)
    assert found.columns["own_after"].unit == found.columns["flux_after"].unit


def test_positions_are_from_zero_and_of_the_sky(field):
    found = certify(field.image, field.image, field.header).hdu
    brightest = found.data[0]
    row, column = int(round(brightest["y"])), int(round(brightest["x"]))
    near = field.image[row - 1 : row + 2, column - 1 : column + 2]
    assert near.max() == near[1, 1]
    sky = WCS(field.header).pixel_to_world(brightest["x"], brightest["y"]).icrs
    assert (brightest["ra"], brightest["dec"]) == pytest.approx((sky.ra.deg, sky.dec.deg))
    assert found.header["AEPIXORG"] == 0


def test_verdict_and_quantities(field, brighter):
    tolerances = load_tolerances("default")
    same = certify(field.image, field.image, field.header)
    assert same.broken == []
    assert (same.hdu.data["change_sigma"] == 0).all()
    worse = certify(field.image, brighter, field.header)
    assert worse.verdict == worse.hdu.header["AEVERDIC"] == "fail"
    lines = [line for line in worse.broken if line.startswith("aperture.bias ")]
    assert len(lines) == 1 and "tolerance +- 0.5 mmag" in lines[0]
    verdict, value, low, high, limit, unit, n = quantities(worse.hdu)["aperture.bias"]
    assert (verdict, limit, unit) == ("fail", 0.5, "mmag")
    assert low < value < high < -limit and n > 30
    assert value == pytest.approx(-10.8, abs=1.5)
    assert worse.hdu.header["AETOLSHA"] == tolerances.sha256
    assert "photutils" in worse.hdu.header["AEPACKGS"]


def test_units_and_zero_point():
    field = make_field(FieldSettings(shape=(256, 256), seed=5))
    header = fits.Header([("BUNIT", "adu"), ("MAGZERO", 25.0)])
    found = certify(field.image, field.image, header).hdu
    table = QTable.read(found, format="fits")
    assert [str(table[name].unit) for name in ("x", "flux_before", "change_mag")] == [
        "pix",
        "adu",
        "mag",
    ]
    seen = table["flux_before"].value > 0
    expected = 25 - 2.5 * np.log10(table["flux_before"].value[seen])
    assert table["mag_before"].value[seen] == pytest.approx(expected, abs=1e-5)
    assert "ra" not in table.colnames


def test_lost_pixels_are_flagged(field):
    spoilt = field.image.copy()
    first = certify(field.image, field.image, field.header).hdu.data[0]
    spoilt[int(round(first["y"])), int(round(first["x"]))] = np.nan
    found = certify(field.image, spoilt, field.header)
    flags = found.hdu.data["flags"]
    assert flags[0] & LOST and not flags[1:].min() & LOST
    assert any(line.startswith("pixels.lost") for line in found.broken)


def test_images_without_sources_have_no_rows():
    labels = np.zeros((64, 64), "i2")
    labels[10:20, 10:20] = 3
    found = certify(labels, labels, fits.Header())
    assert len(found.hdu.data) == 0
    assert "mask or labels" in found.hdu.header["AENOSRC"]
    assert found.broken == []


def test_planes_have_no_table():
    weights = np.random.default_rng(1).uniform(0, 2, (64, 64))
    found = certify(weights, weights - 0.5, fits.Header(), role="relative")
    assert found.hdu is None and found.verdict == "fail"


def test_every_card_is_documented(field):
    found = certify(field.image, field.image, field.header).hdu
    for key in found.header:
        if key.startswith("AE"):
            comment_of(key)
