"""What two headers say of the same pixels: what is a change, and what another way to write it."""

import numpy as np
import pytest
from astropy import units as u
from astropy.io import fits
from astropy.nddata import CCDData
from astropy.wcs import WCS

import astroae
from astroae.validation.headers import measure
from astroae.validation.pairing import images_of
from astroae.validation.wcs import largest_move

SHAPE = (200, 300)
SCALE = 0.2 / 3600
BASE = {
    "CTYPE1": "RA---TAN",
    "CTYPE2": "DEC--TAN",
    "CRVAL1": 150.0,
    "CRVAL2": -30.0,
    "CRPIX1": 120.0,
    "CRPIX2": 90.0,
    "CD1_1": -SCALE * 0.8,
    "CD1_2": SCALE * 0.6,
    "CD2_1": SCALE * 0.6,
    "CD2_2": SCALE * 0.8,
    "CUNIT1": "deg",
    "CUNIT2": "deg",
    "RADESYS": "ICRS",
}
PC = {key: value for key, value in BASE.items() if not key.startswith("CD")}
PC |= {"CDELT1": -SCALE, "CDELT2": SCALE, "PC1_1": 0.8, "PC1_2": -0.6}
PC |= {"PC2_1": 0.6, "PC2_2": 0.8}
SIP = {"A_ORDER": 2, "B_ORDER": 2, "A_2_0": 1e-5, "A_1_1": -4e-6, "B_0_2": 8e-6}


def hdu(cards, shape=SHAPE):
    made = fits.ImageHDU(np.zeros(shape, "u1"))
    made.header.update(cards)
    return made


def move(before, after, shape=SHAPE):
    one, other = (c if isinstance(c, fits.ImageHDU) else hdu(c, shape) for c in (before, after))
    with images_of(one) as (a,), images_of(other) as (b,):
        return largest_move(a, b)


def changed(cards, **values):
    return {k: v for k, v in (cards | values).items() if v is not None}


# ---- the same WCS --------------------------------------------------------------------------


def other_ways():
    """The same as BASE, written otherwise."""
    cd = [key for key in BASE if key.startswith("CD")]
    turned = {key: value for key, value in PC.items() if not key.startswith("PC")}
    yield "PC and CDELT", PC
    yield "CROTA", turned | {"CROTA2": -np.degrees(np.arctan2(0.6, 0.8))}
    yield "another order", dict(reversed(BASE.items()))
    yield "another RADESYS that is the default", changed(BASE, RADESYS=None)
    yield "360 degrees more", changed(BASE, CRVAL1=510.0)
    arcsec = {key: BASE[key] * 3600 for key in (*cd, "CRVAL1", "CRVAL2")}
    yield "arcsec", BASE | arcsec | {"CUNIT1": "arcsec", "CUNIT2": "arcsec"}
    yield "an added alternate", BASE | {f"{key}A": value for key, value in BASE.items()}
    swapped = dict(BASE)
    for a, b in (("CTYPE1", "CTYPE2"), ("CRVAL1", "CRVAL2"), ("CD1_1", "CD2_1"), ("CD1_2", "CD2_2")):  # fmt: skip
        swapped[a], swapped[b] = BASE[b], BASE[a]
    yield "world axes swapped", swapped
    yield "digits of a printout", {k: float(f"{v:.14g}") if isinstance(v, float) else v for k, v in BASE.items()}  # fmt: skip


@pytest.mark.parametrize(("name", "cards"), list(other_ways()), ids=lambda v: v if isinstance(v, str) else "")  # fmt: skip
def test_the_same_wcs_written_otherwise(name, cards):
    assert move(BASE, cards).pixels < 1e-5


def test_another_reference_pixel_of_a_linear_map():
    car = {"CTYPE1": "GLON-CAR", "CTYPE2": "GLAT-CAR", "CDELT1": -0.1, "CDELT2": 0.1}
    one = car | {"CRVAL1": 10.0, "CRVAL2": 0.0, "CRPIX1": 1.0, "CRPIX2": 1.0}
    other = car | {"CRVAL1": 0.0, "CRVAL2": 0.0, "CRPIX1": 101.0, "CRPIX2": 1.0}
    assert move(one, other).pixels < 1e-6


def test_the_same_place_in_another_frame():
    gal = {"CTYPE1": "GLON-TAN", "CTYPE2": "GLAT-TAN", "RADESYS": None}
    centre = WCS(fits.Header(BASE)).celestial.wcs.crval
    from astropy.coordinates import SkyCoord

    place = SkyCoord(*centre, unit="deg").galactic
    north = SkyCoord(centre[0], centre[1] + 1e-4, unit="deg").galactic
    angle = place.position_angle(north).rad
    s, c = np.sin(angle), np.cos(angle)
    cd = np.array([[c, s], [-s, c]]) @ np.array([[BASE["CD1_1"], BASE["CD1_2"]], [BASE["CD2_1"], BASE["CD2_2"]]])  # fmt: skip
    values = {f"CD{i + 1}_{j + 1}": cd[i, j] for i in (0, 1) for j in (0, 1)}
    after = changed(BASE | gal | values, CRVAL1=place.l.deg, CRVAL2=place.b.deg)
    assert move(BASE, after).pixels < 0.005
    assert move(BASE, changed(BASE, RADESYS="FK5", EQUINOX=2000.0)).pixels > 0.005
    assert move(BASE, changed(BASE, RADESYS="FK5", EQUINOX=1975.0)).pixels > 100


# ---- another one ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "pixels"),
    [
        ({"CRVAL1": 150.1}, 0.1 * np.cos(np.radians(30)) / SCALE),
        ({"CRVAL2": -30 + 0.01 * SCALE}, 0.01),
        ({"CRPIX1": 120.02}, 0.02),
        ({"CD1_1": -SCALE * 0.801}, 0.18),
        ({"CTYPE1": "RA---SIN", "CTYPE2": "DEC--SIN"}, 0.01),
        ({"LONPOLE": 170.0}, 35),
    ],
)
def test_a_moved_wcs(values, pixels):
    found = move(BASE, BASE | values).pixels
    assert pixels / 2 < found < 2 * pixels or (pixels == 0.01 and found < 0.02)


def test_the_tolerance_is_the_astrometric_one():
    def verdict(step):
        after = hdu(changed(BASE, CRVAL2=BASE["CRVAL2"] + step * SCALE))
        found = astroae.validate(
            fits.HDUList([fits.PrimaryHDU(), hdu(BASE)]),
            fits.HDUList([fits.PrimaryHDU(), after]),
            only="header",
        )
        return found.images[0]["header.wcs"].verdict, found.verdict

    assert verdict(0.004) == ("pass", "pass")
    assert verdict(0.006) == ("fail", "fail")


def test_a_wcs_that_is_gone_or_cannot_be_read():
    assert move(BASE, {}).pixels == np.inf
    assert "is gone" in move(BASE, {}).note
    assert move({}, BASE) is None
    broken = changed(BASE, CTYPE1="RA---XXX", CTYPE2="DEC--XXX")
    assert move(BASE, broken).pixels == np.inf
    assert move(broken, broken).unread == (" ",)
    with images_of(hdu(broken)) as (a,), images_of(hdu(changed(broken, CRVAL1=151.0))) as (b,):
        found, _ = measure(a, b)
    assert found["reference"].estimate.value == 1 and "CRVAL1" in found["reference"].note


@pytest.mark.parametrize("key", ["A", "Z"])
def test_alternates(key):
    both = BASE | {f"{card}{key}": value for card, value in BASE.items()}
    assert move(both, both).pixels == 0
    found = move(both, changed(both, **{f"CRPIX1{key}": 121.0}))
    assert found.pixels == pytest.approx(1, rel=1e-3) and f"WCS {key}" in found.note
    assert move(both, BASE).pixels == np.inf


def test_sip():
    sip = changed(BASE | SIP, CTYPE1="RA---TAN-SIP", CTYPE2="DEC--TAN-SIP")
    assert move(sip, sip).pixels == 0
    assert move(sip, changed(sip, A_2_0=1.1e-5)).pixels == pytest.approx(0.032, rel=0.1)
    for gone in (BASE, changed(sip, A_ORDER=None, B_ORDER=None, A_2_0=None, A_1_1=None, B_0_2=None)):  # fmt: skip
        assert move(sip, gone).pixels > 0.1


def test_what_astropy_does_not_evaluate():
    """IRAF's TNX is a TAN to it, the inverse of SIP is not asked for."""
    tnx = changed(BASE, CTYPE1="RA---TNX", CTYPE2="DEC--TNX", WAT1_001="wtype=tnx lngcor = 3.")
    sip = changed(BASE | SIP, CTYPE1="RA---TAN-SIP", CTYPE2="DEC--TAN-SIP", AP_2_0=-1e-5)
    for before, after in (
        (tnx, changed(tnx, WAT1_001="wtype=tnx lngcor = 4.")),
        (sip, changed(sip, AP_2_0=-2e-5)),
        (sip, changed(sip, AP_2_0=None)),
    ):
        assert counts(before, before)[0] == {}
        assert counts(before, after)[0]["reference"] == 1


def test_tpv():
    tpv = changed(BASE, CTYPE1="RA---TPV", CTYPE2="DEC--TPV", PV1_1=1.0, PV2_1=1.0, PV1_4=0.05)
    assert move(tpv, tpv).pixels == 0
    assert move(tpv, changed(tpv, PV1_4=0.06)).pixels > 0.005
    assert move(tpv, changed(tpv, PV1_4=None)).pixels > 0.005


def with_table(values, extension="WCSDVARR"):
    image = hdu(BASE)
    for axis in "12":
        image.header[f"CPDIS{axis}"] = "LOOKUP"
        for field in ("EXTVER: 1", "NAXES: 2", "AXIS.1: 1", "AXIS.2: 2"):
            image.header.append((f"DP{axis}", field))
    table = fits.ImageHDU(np.asarray(values, "f4"), name=extension)
    table.header.update(CRPIX1=1.0, CRPIX2=1.0, CRVAL1=1.0, CRVAL2=1.0, CDELT1=20.0, CDELT2=20.0)
    return fits.HDUList([fits.PrimaryHDU(), image, table])


def test_a_lookup_table_node_by_node():
    """One value of it, between whose neighbours no coarse grid has a pixel."""
    values = np.random.default_rng(1).normal(0, 0.3, (10, 15)).astype("f4")
    wrong = values.copy()
    wrong[3, 4] += 0.02
    with images_of(with_table(values)) as before, images_of(with_table(wrong)) as after:
        assert largest_move(before[0], before[0]).pixels == 0
        found = largest_move(before[0], after[0])
        assert found.pixels == pytest.approx(0.02 * 2**0.5, rel=0.05)
    without = fits.HDUList([fits.PrimaryHDU(), hdu(BASE)])
    with images_of(with_table(values)) as before, images_of(without) as after:
        assert largest_move(before[0], after[0]).pixels > 0.3


CUBE = {
    "CTYPE3": "FREQ",
    "CRVAL3": 1.4,
    "CDELT3": 0.001,
    "CRPIX3": 1.0,
    "CUNIT3": "GHz",
    "CTYPE4": "STOKES",
    "CRVAL4": 1.0,
    "CDELT4": 1.0,
    "CRPIX4": 1.0,
}


@pytest.mark.parametrize(
    ("values", "pixels"),
    [
        ({}, 0),
        ({"CRVAL3": 1400.0, "CDELT3": 1.0, "CUNIT3": "MHz"}, 0),
        ({"CRVAL3": 1.404, "CRPIX3": 5.0}, 0),
        ({"CRVAL3": 1.4005}, 0.5),
        ({"CDELT3": 0.0011}, 0.6),
        ({"CRVAL4": 2.0}, 1),
        ({"CTYPE3": "WAVE", "CUNIT3": "m"}, np.inf),
        ({"CTYPE4": None, "CRVAL4": None, "CDELT4": None, "CRPIX4": None}, np.inf),
        ({"CRVAL1": 150.0 + 5 * SCALE}, 4.33),
    ],
)
def test_axes_beyond_the_sky(values, pixels):
    cube, shape = PC | CUBE, (2, 7, 40, 50)
    assert move(cube, changed(cube, **values), shape).pixels == pytest.approx(pixels, abs=1e-3, rel=0.01)  # fmt: skip


def test_a_cube_with_sip():
    cube = changed(PC | CUBE | SIP, CTYPE1="RA---TAN-SIP", CTYPE2="DEC--TAN-SIP")
    shape = (1, 7, 400, 500)
    assert move(cube, cube, shape).pixels == 0
    assert move(cube, changed(cube, A_2_0=2e-5), shape).pixels > 0.3
    assert move(cube, changed(cube, CRVAL3=1.4005), shape).pixels == pytest.approx(0.5)


def test_a_time_axis():
    cards = {"CTYPE1": "TIME", "CUNIT1": "min", "CRVAL1": 3.0, "CDELT1": 0.5, "CRPIX1": 1.0}
    seconds = cards | {"CUNIT1": "s", "CRVAL1": 180.0, "CDELT1": 30.0}
    assert move(cards, seconds, (60,)).pixels < 1e-9
    assert move(cards, changed(seconds, CRVAL1=183.0), (60,)).pixels == pytest.approx(0.1)
    assert move(cards, changed(cards, CUNIT1=None), (60,)).pixels == np.inf


def test_maps_that_reach_over_the_edge_of_their_projection():
    ait = {"CTYPE1": "GLON-AIT", "CTYPE2": "GLAT-AIT", "CDELT1": -1.5, "CDELT2": 1.5, "CRPIX1": 150.5, "CRPIX2": 100.5}  # fmt: skip
    assert move(ait, ait).pixels == 0
    assert move(ait, changed(ait, CRPIX1=150.51)).pixels == pytest.approx(0.014, abs=0.006)
    assert move(ait, changed(ait, CDELT1=-1.0)).pixels > 5


def test_the_sun():
    sun = {"CTYPE1": "HPLN-TAN", "CTYPE2": "HPLT-TAN", "CUNIT1": "arcsec", "CUNIT2": "arcsec", "CDELT1": 0.6, "CDELT2": 0.6, "DSUN_OBS": 1.5e11}  # fmt: skip
    assert move(sun, sun).pixels == 0
    assert move(sun, changed(sun, CRVAL1=0.006)).pixels == pytest.approx(0.01, rel=0.01)
    assert move(sun, changed(sun, CTYPE1="RA---TAN", CTYPE2="DEC--TAN")).pixels == np.inf
    with images_of(hdu(sun)) as (a,), images_of(hdu(changed(sun, DSUN_OBS=1.51e11))) as (b,):
        assert measure(a, b)[0]["reference"].estimate.value == 1


# ---- cards ---------------------------------------------------------------------------------


def counts(before, after):
    with images_of(hdu(before)) as (a,), images_of(hdu(after)) as (b,):
        found, notes = measure(a, b)
    wrong = {kind: one.estimate.value for kind, one in found.items() if hasattr(one, "estimate")}
    return {kind: n for kind, n in wrong.items() if n}, notes


CARDS = {
    "BUNIT": "adu",
    "GAIN": 2.5,
    "EXPTIME": 30.0,
    "MAGZPT": 25.1,
    "PHOTFLAM": 1.2e-19,
    "MJD-OBS": 59000.123456789,
    "DATE-OBS": "2020-05-31T02:57:46",
    "SPECSYS": "BARYCENT",
}


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ({"BUNIT": "electron"}, "unit"),
        ({"BUNIT": None}, "unit"),
        ({"GAIN": 2.500001}, "gain"),
        ({"EXPTIME": 31.0}, "exposure"),
        ({"EXPTIME": None}, "exposure"),
        ({"EXPTIME": "long"}, "exposure"),
        ({"MAGZPT": 25.2}, "zero_point"),
        ({"PHOTFLAM": 1.3e-19}, "zero_point"),
        ({"PHOTFLAM": 0.0}, "zero_point"),
        ({"MJD-OBS": 59000.123466789}, "time"),
        ({"DATE-OBS": "2020-05-31T02:57:47"}, "time"),
        ({"SPECSYS": "TOPOCENT"}, "reference"),
    ],
)
def test_a_changed_card(values, kind):
    assert counts(CARDS, changed(CARDS, **values)) == ({kind: 1}, [])


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"BUNIT": "ADU"},
        {"GAIN": 2.5 * (1 + 1e-12)},
        {"EXPTIME": 30},
        {"EXPTIME": "30.0"},
        {"DATE-OBS": "2020-05-31T02:57:46.000"},
        {"OBSERVER": "somebody else", "DATE": "2026-01-01"},
    ],
)
def test_the_same_card_written_otherwise(values):
    assert counts(CARDS, CARDS | values) == ({}, [])


@pytest.mark.parametrize(
    "name",
    [
        *("EGAIN", "CCDGAIN", "ATODGAIN", "GAINA", "GAIN01", "ESO DET OUT1 GAIN", "CELL.GAIN"),
        *("EXPOSURE", "TEXPTIME", "XPOSURE", "ITIME", "ESO DET WIN1 DIT1", "FRAMTIME"),
        *("MAGZERO", "ZEROPNT", "PHOTZP", "PHOTMJSR", "ABMAGLIM", "FLUXMAG0", "MAGZP", "BMAJ"),
    ],
)
def test_the_usual_names(name):
    name = f"HIERARCH {name}" if len(name) > 8 else name
    assert sum(counts({name: 2.0}, {name: 2.1})[0].values()) == 1
    assert sum(counts({name: 2.0}, {})[0].values()) == 1


@pytest.mark.parametrize("name", ["SEED", "AIRMASS", "REGAINED", "GAINSET", "OBJECT", "NAXIS1"])
def test_other_cards_are_nobodys_business(name):
    assert counts({name: 2.0}, {})[0] == {}


def test_an_added_card_is_a_note():
    wrong, notes = counts({}, {"GAIN": 2.0})
    assert not wrong and notes == ["HDU 0: GAIN was added"]


def test_units_of_objects_in_memory():
    image = np.random.default_rng(1).normal(10, 1, (64, 64))
    pytest.importorskip("photutils")
    adu, electron, bare = CCDData(image, unit="adu"), CCDData(image, unit=u.electron), image
    found = astroae.validate(adu, electron, only="header")
    assert found.verdict == "fail" and "electron" in found.images[0]["header.unit"].note
    assert astroae.validate(adu, adu, only="header").verdict == "pass"
    assert astroae.validate(adu, bare, only="background").verdict != "fail"
