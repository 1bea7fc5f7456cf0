"""Recommended settings pass, the next coarser do not, and nothing is larger than lossless."""

import json

import numpy as np
import pytest
from astropy.io import fits
from astropy.nddata import CCDData

import astroae
from astroae.cli.__main__ import main
from astroae.errors import InputError, SettingError, UnsupportedDataError
from astroae.simulate import FieldSettings, Population, make_field
from astroae.validation.measure import validate_pair
from astroae.validation.original import Original
from astroae.validation.pair import Pair
from astroae.validation.part import choose_part, describe_part
from astroae.validation.recommend import LEVELS, recommend

for package in ("photutils", "skimage", "pytorch_msssim"):
    pytest.importorskip(package)


def noise(*shape, seed=1):
    return np.random.default_rng(seed).normal(100, 5, shape).astype("f4")


@pytest.fixture(scope="module")
def field():
    settings = FieldSettings(shape=(256, 256), population=Population(300, 50), seed=3)
    return make_field(settings).image.astype("f4")


@pytest.fixture(scope="module")
def rms_only(tmp_path_factory):
    """A tolerance set of one quantity whose value is known: 1 / (sqrt(12) q)."""
    folder = tmp_path_factory.mktemp("tolerances")

    def write(limit):
        path = folder / f"{limit}.toml"
        path.write_text(f"[pixels.rms]\nlimit = {limit}\n")
        return path

    return write


# ---- the search --------------------------------------------------------------------------


def test_what_is_recommended_passes(field):
    found = recommend(field).images[0]
    levels = [trial.quantize_level for trial in found.trials]
    assert levels == [*sorted(levels[:-1]), None]
    assert found.quantize_level in LEVELS and found.dither == 1
    coarser = LEVELS[LEVELS.index(found.quantize_level) - 1]
    tried = dict(zip(levels, found.trials))
    assert tried[found.quantize_level].verdict == "pass"
    assert tried[coarser].verdict in ("fail", "undetermined") and tried[coarser].open
    assert tried[found.quantize_level].bytes < tried[None].bytes
    restored = astroae.decode(astroae.encode(field, quantize_level=found.quantize_level))
    assert validate_pair(Pair(Original(field), restored)).verdict == "pass"


@pytest.mark.parametrize("level", [0.5, 1, 4, 32, 128])
def test_every_level_is_found(level, rms_only):
    limit = 1.1 / (np.sqrt(12) * level)
    assert recommend(noise(64, 64), tolerance=rms_only(limit)).quantize_level == level


def test_lossless_where_nothing_passes(rms_only):
    found = recommend(noise(64, 64), tolerance=rms_only(1e-5))
    assert found.quantize_level is None
    assert found.images[0].reason.startswith("lossless: -q 128 does not pass: pixels.rms fail")
    assert found.command == "astroae.encode(array)"


def test_nothing_larger_than_lossless_is_recommended():
    integers = np.rint(noise(128, 128) * 0.4).astype("i2")  # noise of two levels
    found = recommend(integers, lossy_integers=True).images[0]
    assert found.quantize_level is None and found.trials[-1].verdict == "pass"
    larger = [trial for trial in found.trials if trial.verdict == "not smaller"]
    assert larger and all(trial.bytes >= found.trials[-1].bytes for trial in larger)


def test_progress_ends_at_its_total(rms_only):
    seen = []
    recommend(noise(64, 64), tolerance=rms_only(0.1), progress=lambda *step: seen.append(step))
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert seen[-1][0] == seen[-1][1] and len({total for _, total in seen}) == 1


# ---- kinds of images ---------------------------------------------------------------------


def rich_in_nan():
    data = noise(96, 96)
    data[10:80, :70] = np.nan
    return data


def with_zeros():
    data = noise(96, 96)
    data[:20] = 0
    return data


@pytest.mark.parametrize(
    "data, why",
    [
        (np.full((64, 64), np.nan, "f4"), "no pixel is finite"),
        (np.full((64, 64), 3, "f4"), "no level makes it smaller"),
        (np.zeros((64, 64), "i2"), "a mask or labels"),
        (noise(1000), "fewer than 32 x 32 pixels"),
        (noise(20, 200), "fewer than 32 x 32 pixels"),
    ],
)
def test_lossless_and_why(data, why):
    found = recommend(data, lossy_integers=True)
    assert found.quantize_level is None and why in found.images[0].reason


@pytest.mark.parametrize(
    "data",
    [
        rich_in_nan(),
        np.rint(noise(96, 96) * 20).astype("u2"),
        np.rint(noise(96, 96) * 20).astype("i4"),
        noise(96, 96).astype(">f8"),
        np.random.default_rng(1).poisson(30, (96, 96)).astype("i2"),
        noise(5, 96, 96),
        noise(1, 1, 96, 96),
    ],
)
def test_kinds_of_arrays(data):
    found = recommend(data, lossy_integers=True)
    best = found.images[0].trial
    assert best.verdict == "pass" and best.bytes <= found.images[0].trials[-1].bytes
    assert best.quantize_level == found.quantize_level


def test_exact_zeros_stay(rms_only):
    found = recommend(with_zeros(), tolerance=rms_only(0.1))
    assert found.dither == 2 and found.command.endswith("dither=2)")
    assert recommend(with_zeros(), tolerance=rms_only(0.1), dither=1).dither == 1


def test_masked_pixels_do_not_count():
    data, mask = noise(96, 96), np.zeros((96, 96), bool)
    mask[40:44] = True
    plain = recommend(data).images[0]
    data[mask] = 1000
    for masked in (np.ma.masked_array(data, mask), CCDData(data, mask=mask, unit="adu")):
        found = recommend(masked).images[0]
        assert found.quantize_level == plain.quantize_level and found.kinds == plain.kinds


def test_scaled_integers_as_their_floats(tmp_path, rms_only):
    data = noise(96, 96)
    stored = fits.PrimaryHDU(np.rint((data - 100) / 0.01).astype("i2"))
    stored.header["BSCALE"], stored.header["BZERO"] = 0.01, 100
    stored.writeto(tmp_path / "scaled.fits")
    limits = rms_only(0.08)
    assert recommend(tmp_path / "scaled.fits", tolerance=limits).quantize_level is None
    found = recommend(tmp_path / "scaled.fits", tolerance=limits, lossy_integers=True)
    assert "--lossy-integers" in found.command
    assert found.quantize_level == recommend(data, tolerance=limits).quantize_level == 4
    assert found.dither is None


# ---- parts of images ---------------------------------------------------------------------


def test_the_part_with_most_sources():
    sky = noise(256, 320)
    sky[200:250:6, 260:310:6] += 200
    part = choose_part(sky.shape, (64, 64), 128, lambda region: sky[region])
    assert part == (slice(128, 256), slice(192, 320))
    assert describe_part(part, sky.shape) == "128 x 128 pixels from x 192, y 128"


def test_the_middle_where_all_parts_are_alike():
    flat = np.zeros((320, 320))
    part = choose_part(flat.shape, (64, 64), 64, lambda region: flat[region])
    assert part == (slice(128, 192), slice(128, 192))


def test_a_plane_of_a_cube():
    cube = noise(9, 64, 64)
    cube[7, 10:60:8, 10:60:8] += 200
    part = choose_part(cube.shape, (1, 64, 64), None, lambda region: cube[region])
    assert part[0] == slice(7, 8) and describe_part(part, cube.shape) == "plane 7"


def test_sample(field):
    found = recommend(field, sample=100).images[0]
    assert found.part == "100 x 100 pixels from x 0, y 0"
    assert found.trials[-1].ratio == pytest.approx(32 / found.trials[-1].bits_per_pixel)


# ---- files -------------------------------------------------------------------------------


@pytest.fixture
def several(tmp_path, field):
    """A file of two images, a mask, weights, and labels that nobody named."""
    path = tmp_path / "several.fits"
    labels = (field > np.percentile(field, 99)).astype("u1")
    fits.HDUList(
        [
            fits.PrimaryHDU(),
            fits.ImageHDU(field[:128, :128], name="SCI"),
            fits.ImageHDU(labels, name="DQ"),
            fits.ImageHDU(np.abs(field) + 1, name="WHT"),
            fits.ImageHDU(noise(64, 64), name="SKY"),
            fits.ImageHDU(labels, name="FOUND"),
        ]
    ).writeto(path)
    return path


def test_files_of_several_images(several, tmp_path):
    found = recommend(several)
    assert [(i.index, i.role) for i in found.images] == [
        (1, "image"),
        (2, "exact"),
        (3, "relative"),
        (4, "image"),
        (5, "kept"),
    ]
    levels = [image.quantize_level for image in found.images]
    assert levels[1] is levels[2] is levels[4] is None
    assert found.quantize_level == max(levels[0], levels[3]) and found.planes == {}
    assert "--lossy-integers" in found.images[4].reason
    assert found.command.split()[:4] == ["astroae", "compress", "-q", f"{found.quantize_level:g}"]
    assert main([*found.command.split()[1:], "-o", str(tmp_path / "out.fits"), "--quiet"]) == 0
    modes = {hdu["name"]: hdu.get("mode") for hdu in astroae.info(tmp_path / "out.fits")["hdus"]}
    assert modes["FOUND"] == "lossless" and modes["SKY"] == "bounded"
    json.dumps(found.to_dict(), allow_nan=False)


def test_one_hdu(several):
    assert [image.index for image in recommend(several, hdu="sky").images] == [4]
    assert [image.index for image in recommend(several, hdu=4).images] == [4]


def test_fpacked_images_keep_their_integers(tmp_path):
    hdus = fits.HDUList([fits.PrimaryHDU(), fits.CompImageHDU(noise(64, 64))])
    hdus.writeto(tmp_path / "a.fits.fz")
    found = recommend(tmp_path / "a.fits.fz")
    assert found.images[0].role == "kept" and found.quantize_level is None


@pytest.mark.parametrize(
    "asked, where",
    [
        ({"hdu": "SCI"}, "hdu"),
        ({"sample": 8}, "sample"),
        ({"sample": 64.0}, "sample"),
        ({"sample": 64, "whole": True}, "whole and sample"),
        ({"tolerance": "none"}, "tolerance"),
        ({"dither": 3}, "dither"),
    ],
)
def test_wrong_settings(asked, where):
    with pytest.raises(SettingError) as caught:
        recommend(noise(96, 96), **asked)
    assert where in caught.value.where


def test_what_cannot_be_tried(several, tmp_path):
    with pytest.raises(UnsupportedDataError, match="complex64"):
        recommend(noise(64, 64).astype("c8"))
    astroae.compress(several, tmp_path / "several.aae.fits")
    with pytest.raises(InputError, match="decompress it first"):
        recommend(tmp_path / "several.aae.fits")


def test_real_images(bundled_images):
    """Of each what is recommended passed, or no lossy setting was fit to be tried."""
    small = [path for path in bundled_images if path.name.startswith(("herschel", "soar"))]
    assert len(small) == 2
    for path in small:
        for image in recommend(path, sample=128).images:
            if image.trials:
                assert image.trial.verdict == "pass"


# ---- compress(quantize_level="auto") -----------------------------------------------------


def test_auto_writes_what_is_recommended(several, tmp_path):
    found = {image.index: image for image in recommend(several).images}
    out = tmp_path / "auto.fits"
    result = astroae.compress(several, out, quantize_level="auto")
    for hdu in astroae.info(out)["hdus"][1:]:
        image = found[hdu["index"]]
        mode = hdu["settings"]["mode"]
        if image.role != "image":
            continue
        assert mode.get("quantize_level") == image.quantize_level
        assert hdu["bits_per_pixel"] == pytest.approx(image.trial.bits_per_pixel, rel=0.01)
        assert result.hdus[hdu["index"]].note == image.reason


def test_auto_tells_lossless(tmp_path, rms_only):
    fits.writeto(tmp_path / "a.fits", noise(64, 64))
    result = astroae.compress(
        tmp_path / "a.fits",
        tmp_path / "a.aae.fits",
        quantize_level="auto",
        tolerance=rms_only(1e-5),
    )
    assert result.byte_identical and result.hdus[0].mode == "lossless"
    assert "pixels.rms fail" in result.hdus[0].note


@pytest.mark.parametrize(
    "other, where",
    [
        ({"error_bound": 1}, "quantize_level and error_bound"),
        ({"lossless": True}, "lossless and quantize_level"),
        ({"tolerance": "none"}, "tolerance"),
    ],
)
def test_auto_refuses(other, where, tmp_path):
    fits.writeto(tmp_path / "a.fits", noise(64, 64))
    with pytest.raises(SettingError) as caught:
        astroae.compress(tmp_path / "a.fits", tmp_path / "b.fits", quantize_level="auto", **other)
    assert caught.value.where == where and not (tmp_path / "b.fits").exists()


def test_arrays_take_no_auto():
    with pytest.raises(SettingError, match="finite number"):
        astroae.encode(noise(64, 64), quantize_level="auto")
