"""Files with many planes: what each is taken for, what it may lose, and what is said of it."""

import json
from pathlib import Path

import astropy.wcs.tests
import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS

import astroae
from astroae.cli.__main__ import main
from astroae.io.plane_words import by_unit, references_in, role_in
from astroae.io.planes import INTEGERS, plane_of
from astroae.io.spans import quiet_headers
from astroae.pixels.content import blocks_of

SHAPE = (120, 130)
RNG = np.random.default_rng(5)
Y, X = np.mgrid[: SHAPE[0], : SHAPE[1]]
SCI = RNG.normal(0, 5, SHAPE).astype("f4")
RAW = RNG.normal(1000, 15, SHAPE).astype("f4")
IVAR = RNG.gamma(1, 0.02, SHAPE).astype("f4")
IVAR[:20] = 0
WAVE = (5000 + 0.1 * X + 3e-4 * Y).astype("f4")
BITS = (1 << RNG.integers(0, 12, SHAPE)).astype("i4")
NEXP = RNG.integers(1, 200, SHAPE).astype("i2")


def hdu(data, name=None, **cards):
    made = fits.ImageHDU(data, name=name)
    made.header.update(cards)
    return made


def compressed(folder, hdus, **asked):
    """(result, originals, restored) of a file whose primary HDU is empty, or the first given."""
    if not isinstance(hdus[0], fits.PrimaryHDU):
        hdus = [fits.PrimaryHDU(), *hdus]
    fits.HDUList(hdus).writeto(folder / "a.fits", overwrite=True)
    result = astroae.compress(
        folder / "a.fits", folder / "b.fits", overwrite=True, preview=False, **asked
    )
    astroae.decompress(folder / "b.fits", folder / "c.fits", overwrite=True)
    assert astroae.verify(folder / "b.fits", folder / "a.fits").ok
    lists = []
    for name in "a.fits", "c.fits":
        with quiet_headers(), fits.open(folder / name, memmap=False) as found:
            lists.append([None if each.data is None else each.data for each in found])
    return result, *lists


# ---- words -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("role", "names"),
    [
        (
            "exact",
            "DQ SCIDQ SCI_DQ D_Q DATAQUALITY BADPIXMASK BPMASK CRMASK FLAGMAP FLG_SCI CCDMASK MASKBITS"
            " DET01-BPMMASK DET01-SLITBITMASK SEGMENTATIONMAP SEGIMAGE BINID NEXP SAMP CTXT CPM D2IMARR"
            " WCSDVARR CHIP1.FLG EMLINE_GFLUX_MASK B_WAVELENGTH B_RESOLUTION DET01-WAVEIMG GOODPIX"
            " EXPOSURE1 ONEXPOSURE STD_STAR",
        ),
        (
            "relative",
            "IVARRAW DET01-IVARMODEL UNC STDEV RMSMAP WHTMAP INVVARMAP VAR_POISSON VARIANCE CHIP1.RMS"
            " EMLINE_GFLUX_IVAR FLUXERR ERRMAP B_IVAR WEIGHTMAP StdDevUncertainty InverseVariance"
            " INVMSE RMSE SIGMA_MAP COVERAGE",
        ),
        ("image", "SCI IMAGE DATA FLUX B_FLUX CHIP1.SCI DET01-SCIIMG MASKED_SCIENCE"),
        (
            None,
            "VARIABLES UNMASKED DENOISED NOISELESS FERRET WEIGHTED AREA SKY MODEL CHIP3 SIGMA_CLIPPED",
        ),
    ],
)
def test_names(role, names):
    assert {name: role_in(name) for name in names.split()} == dict.fromkeys(names.split(), role)


def test_units():
    def roles(text):
        return {u: (by_unit({"BUNIT": u}) or (None,))[0] for u in text.split(",")}

    squared = "electron**2,1/flux**2,(electron/s)^2,nmgy-2,adu2,10**-40 Angstrom-2 cm-4 erg2 s-2"
    assert set(roles(squared).values()) == {"relative"}
    assert set(roles("Angstrom,nm,um,pixel,deg").values()) == {"exact"}
    plain = (
        ",adu,electron/s,erg/s/cm^2/Angstrom,W m-2 sr-1,mag/arcsec**2,MJy/sr,1/cm2,JY/BEAM,K km/s"
    )
    assert set(roles(plain).values()) == {None}


# ---- what is kept ------------------------------------------------------------------------


def test_integers_stay_lossless_and_say_so(tmp_path, capsys):
    frame = np.rint(RAW).astype("u2")
    for asked in {"quantize_level": 0.5}, {"error_bound": 30}:
        result, before, after = compressed(tmp_path, [fits.PrimaryHDU(frame)], **asked)
        (found,) = result.hdus
        assert result.byte_identical and np.array_equal(before[0], after[0])
        assert (found.mode, found.role, found.why) == ("lossless", "image", INTEGERS)
    main(["compress", str(tmp_path / "a.fits"), "-q", "1", "--dry-run"])
    assert "--lossy-integers" in capsys.readouterr().out
    argv = ["compress", str(tmp_path / "a.fits"), "-e", "4.7", "--lossy-integers", "--json"]
    assert main(argv) == 0
    (found,) = json.loads(capsys.readouterr().out)["files"][0]["hdus"]
    assert found["mode"] == "bounded" and found["largest_error"] == pytest.approx(4)
    assert main(["compress", str(tmp_path / "a.fits"), "--lossy-integers"]) == 2


@pytest.mark.parametrize("asked", [{"quantize_level": 1}, {"error_bound": 5}], ids=str)
def test_lossy_integers_are_pictures_only(tmp_path, asked):
    names = "DQ MASKBITS NEXP SAMP BINID OUTMASK REGIONS SEGMAP WHT X".split()
    planes = [hdu(BITS if i % 2 else NEXP, name) for i, name in enumerate(names)]
    pictures = [hdu(np.rint(RAW).astype("i2"), name) for name in ("SCI", "CCD7")]
    hdus = [*pictures, *planes, hdu(NEXP), hdu(BITS, EXTTYPE="MASK")]
    result, before, after = compressed(tmp_path, hdus, lossy_integers=True, **asked)
    same = [np.array_equal(a, b) for a, b in zip(before[1:], after[1:])]
    assert same == [False, False] + [True] * (len(hdus) - 2)
    assert [found.role for found in result.hdus[3:]] == ["exact"] * (len(hdus) - 2)


def test_planes_by_header_pixels_and_neighbours(tmp_path):
    """Each with the words that the listing has for it."""
    cases = [
        (hdu(SCI), "image", "noise from pixel to pixel"),
        (hdu(SCI, EXTTYPE="MASK"), "exact", "EXTTYPE = MASK"),
        (hdu(IVAR, EXTTYPE="VARIANCE"), "relative", "EXTTYPE = VARIANCE"),
        (hdu(IVAR, HDUCLAS1="IMAGE", HDUCLAS3="INVMSE"), "relative", "HDUCLAS3 = INVMSE"),
        (hdu(IVAR, BUNIT="1/flux**2"), "relative", "BUNIT = 1/flux**2"),
        (hdu(IVAR, PRODTYPE="wtmap"), "relative", "PRODTYPE = wtmap"),
        (hdu(SCI, "WHT"), "exact", "EXTNAME = WHT, but with negative pixels"),
        (hdu(RAW, BUNIT="Angstrom"), "exact", "BUNIT = Angstrom"),
        (hdu(WAVE), "exact", "too smooth: no noise from pixel to pixel"),
        (hdu((SCI > 3).astype("f4")), "exact", "2 distinct values"),
        (hdu(NEXP.astype("f8")), "exact", "whole numbers from 1 to 199"),
        (hdu(IVAR), "exact", "never negative beside an image of its shape: may be its weight"),
        (
            hdu(IVAR, "NEW"),
            "exact",
            "never negative beside an image of its shape: may be its weight",
        ),
        (hdu(SCI, "NEW"), "image", "noise from pixel to pixel, positive and negative"),
        (hdu(RAW, "CCD12"), "image", "noise from pixel to pixel"),
        (hdu(RAW, "FLUX"), "image", "EXTNAME = FLUX"),
        (hdu(WAVE, "SCI"), "image", "EXTNAME = SCI"),
        (hdu(RAW, "ONE"), "exact", "QUALDATA of extension 19 names it"),
        (hdu(SCI, "TWO", QUALDATA="ONE", PS1_0="THREE"), "image", None),
        (hdu(SCI, "THREE"), "exact", "PS1_0 of extension 19 names it"),
    ]
    result, before, after = compressed(tmp_path, [case[0] for case in cases], quantize_level=4)
    for (_, role, why), found, one, other in zip(cases, result.hdus[1:], before[1:], after[1:]):
        assert (found.role, found.why) == (role, why or found.why)
        if role == "exact":
            assert np.array_equal(one, other)
        if role == "relative":
            assert np.array_equal(one == 0, other == 0) and (other >= 0).all()


@pytest.mark.parametrize(
    ("plane", "role"),
    [
        (hdu(RAW, "SCI"), "image"),
        (hdu(WAVE, "SCI"), "image"),
        (hdu((SCI > 3).astype("f4"), "SCI"), "exact"),
        (hdu(RAW, "SCI", EXTTYPE="MASK"), "exact"),
        (hdu(RAW, "SCI", BUNIT="Angstrom"), "exact"),
        (hdu(RAW, "SCI", BUNIT="adu2"), "relative"),
        (hdu(SCI, "TWO"), "exact"),
        (hdu(IVAR), "exact"),
        (hdu(SCI), "image"),
    ],
)
def test_of_two_signs_the_stricter_counts(plane, role):
    first = hdu(SCI, "ONE", PS1_0="TWO")
    headers = [first.header, plane.header]
    known = {"headers": headers, "references": references_in(headers)}
    assert plane_of(plane.header, blocks=blocks_of(plane.data), **known).role == role


@pytest.mark.parametrize(("scale", "role"), [(0.1, "relative"), (-0.1, "exact")])
def test_a_weight_is_negative_or_not_by_its_scale(scale, role):
    header = fits.Header([("EXTNAME", "WHT"), ("BSCALE", scale)])
    assert plane_of(header, blocks=[IVAR]).role == role


def test_an_lsst_file_without_names(tmp_path):
    """Image, mask and variance, and nothing says which is which."""
    variance = (0.2 * RAW + RNG.normal(0, 0.3, SHAPE)).astype("f4")
    hdus = [hdu(SCI), hdu(BITS), hdu(variance)]
    for asked in {"quantize_level": 4}, {"error_bound": 5}:
        result, before, after = compressed(tmp_path, hdus, **asked)
        assert [np.array_equal(a, b) for a, b in zip(before[1:], after[1:])] == [False, True, True]


@pytest.mark.parametrize("asked", [{"quantize_level": 4}, {"error_bound": 5}], ids=str)
def test_distortions_do_not_move_a_star(tmp_path, asked):
    source = Path(astropy.wcs.tests.__file__).parent / "data" / "dist_lookup.fits.gz"
    astroae.compress(source, tmp_path / "b.fits", lossy_integers=True, **asked)
    x, y = np.mgrid[1:4000:97, 1:2000:89].reshape(2, -1)
    places = []
    for path in source, tmp_path / "b.fits":
        with quiet_headers(), fits.open(path) as hdus:
            places.append(WCS(hdus[1].header, hdus).all_pix2world(x, y, 1))
    assert np.array_equal(*places)


def test_one_doubtful_image(tmp_path):
    """With a bound it becomes what was asked; by its noise, which it has not, nothing is lost."""
    result, _, _ = compressed(tmp_path, [fits.PrimaryHDU(WAVE)], quantize_level=4)
    assert (result.hdus[0].role, result.byte_identical) == ("exact", True)
    result, before, after = compressed(tmp_path, [fits.PrimaryHDU(WAVE)], error_bound=0.5)
    assert result.hdus[0].why.startswith("the only image, and a bound was asked for, though too")
    assert 0.1 < np.abs(before[0] - after[0]).max() <= 0.5 + np.spacing(WAVE.max()) / 2


def test_asked_for_by_name_or_number(tmp_path, capsys):
    hdus = [hdu(SCI, "SCI"), hdu(IVAR, "IVAR"), hdu(WAVE, "WAVE")]
    asked = {"IVAR": "image", 3: "image", "SCI": "exact"}
    result, before, after = compressed(tmp_path, hdus, error_bound=0.01, planes=asked)
    assert [found.why for found in result.hdus[1:]] == ["asked for"] * 3
    assert [np.array_equal(a, b) for a, b in zip(before[1:], after[1:])] == [True, False, False]
    argv = ["compress", str(tmp_path / "a.fits"), "-e", "0.01", "--dry-run", "--json"]
    assert main([*argv, "--hdu", "IVAR", "--hdu", "3"]) == 0
    found = json.loads(capsys.readouterr().out)["files"][0]["hdus"]
    assert [each["role"] for each in found[1:]] == ["image"] * 3
    assert main([*argv, "--hdu", "IVAR", "--plane", "IVAR=exact"]) == 2
    assert main([*argv, "--hdu", "NOPE"]) == 2


# ---- a bound is a ceiling ----------------------------------------------------------------


@pytest.mark.parametrize("bound", [0.003, 0.02, 1.7])
def test_an_asked_bound_holds_for_every_plane(tmp_path, bound):
    large = (RNG.gamma(3, 5, (40, *SHAPE[:2])) + 20).astype("f4")[:3]
    large[:, :9] = 0
    names = "SCI ERR WHT UNCERT IVAR VARIANCE STAT RMSMAP EXPTIME NEW EXP DQ".split()
    hdus = [hdu(large[0], name) for name in names] + [hdu(large, "ERRCUBE"), hdu(large, "CUBE")]
    hdus += [hdu(large[0].astype("f8"), "NOISE"), hdu(np.rint(large[0]).astype("u2"), "RAW")]
    asked = {"error_bound": bound, "lossy_integers": True, "tile_shape": (50, 64)}
    result, before, after = compressed(tmp_path, hdus, **asked)
    for found, one, other in zip(result.hdus[1:], before[1:], after[1:]):
        error = np.abs(one.astype(float) - other)
        limit = bound + np.spacing(one.max()) / 2
        assert error.max() <= limit and found.largest_error <= limit * (1 + 1e-6), found
        if found.role == "relative":
            assert (error <= one / 512).all() and np.array_equal(one == 0, other == 0)


def test_a_bound_in_the_unit_of_scaled_weights(tmp_path):
    weight = hdu(np.abs(RAW), "WHT")
    weight.header["BSCALE"] = 0.25
    result, before, after = compressed(tmp_path, [hdu(SCI, "SCI"), weight], error_bound=0.1)
    error = np.abs(before[2] - after[2])
    assert result.hdus[2].mode == "relative" and 0.02 < error.max() <= 0.1


def test_a_mask_that_is_stacked_behind_the_picture(tmp_path):
    """One array of picture, weight and mask, as IRAF's multispec and many pipelines have it."""
    blank = np.full(SHAPE, np.nan, "f4")
    stack = np.stack([RAW, IVAR, (BITS > 512).astype("f4")])
    for planes, role in ((stack, "exact"), (np.stack([RAW, blank, SCI, 0 * SCI]), "image")):
        result, before, after = compressed(tmp_path, [hdu(planes, "SCI")], quantize_level=4)
        assert result.hdus[1].role == role
        assert (role == "exact") == ("plane 2 of it" in result.hdus[1].why)
        assert np.array_equal(before[1], after[1], equal_nan=True) == (role == "exact")
    _, before, after = compressed(
        tmp_path, [hdu(stack, "SCI")], quantize_level=4, planes={"SCI": "image"}
    )
    assert (before[1] != after[1]).any()
