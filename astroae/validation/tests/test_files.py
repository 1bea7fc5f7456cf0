"""`astroae.validate` on files and objects: what is paired, what was promised, odd images."""

import json
from importlib.resources import files

import numpy as np
import pytest
from astropy.io import fits
from astropy.nddata import CCDData

import astroae
from astroae.errors import InputError, SettingError, UnsupportedDataError
from astroae.io.tests.helpers import mixed_file, sky
from astroae.validation.cubes import planes_of
from astroae.validation.pairing import images_of, partners
from astroae.validation.promises import bound_of, codec_of

for package in ("photutils", "skimage", "pytorch_msssim"):
    pytest.importorskip(package)

PIXELS = {"only": ["pixels"]}
SCHEMA = json.loads(files("astroae.validation").joinpath("schema.json").read_text())


def check_schema(validation):
    """The report as JSON is what the schema says."""
    jsonschema = pytest.importorskip("jsonschema")
    report = json.loads(json.dumps(validation.to_dict(), allow_nan=False))
    jsonschema.Draft202012Validator(SCHEMA).validate(report)
    return report


def compressed(path, **settings):
    """The file beside ``path`` that astroae makes of it."""
    astroae.compress(path, path.with_suffix(".aae.fits"), overwrite=True, **settings)
    return path.with_suffix(".aae.fits")


def names_of(validation):
    return [image.name for image in validation.images]


@pytest.fixture
def mixed(tmp_path):
    return mixed_file(tmp_path / "a.fits")


def write(path, *hdus):
    fits.HDUList([fits.PrimaryHDU(), *hdus]).writeto(path, overwrite=True)
    return path


# ---- which belong together ---------------------------------------------------------------


def test_every_image_of_a_file_by_its_role(mixed):
    found = astroae.validate(mixed, compressed(mixed, quantize_level=4))
    assert names_of(found) == ["SCI,1", "ERR,1", "DQ,1", "KERNEL,1"]
    kinds = [image.facts["kinds"] for image in found.images]
    assert kinds[1:3] == [["weights or errors"], ["mask"]]
    assert {image["pixels.over_bound"].verdict for image in found.images} == {"pass"}
    assert found.notes == ()
    check_schema(found)


def test_a_primary_image_that_moved_is_found(tmp_path):
    fits.writeto(tmp_path / "a.fits", sky())
    found = astroae.validate(
        tmp_path / "a.fits", compressed(tmp_path / "a.fits", quantize_level=4), **PIXELS
    )
    assert names_of(found) == ["HDU 0"]
    assert 0.5 < found.images[0]["pixels.over_bound"].value <= 1


def test_names_go_before_order(tmp_path):
    one, other = sky((64, 64), seed=1), sky((64, 64), seed=2)
    before = write(tmp_path / "a.fits", fits.ImageHDU(one, name="A"), fits.ImageHDU(other))
    after = write(tmp_path / "b.fits", fits.ImageHDU(other), fits.ImageHDU(one, name="a"))
    found = astroae.validate(before, after, **PIXELS)
    assert [image["pixels.rms"].value for image in found.images] == [0, 0]


def test_versions_tell_images_of_one_name_apart(tmp_path):
    one, other = (fits.ImageHDU(sky((64, 64), seed=s), name="SCI", ver=s) for s in (1, 2))
    before = write(tmp_path / "a.fits", one, other)
    after = write(tmp_path / "b.fits", other.copy(), one.copy())
    found = astroae.validate(before, after, **PIXELS)
    assert names_of(found) == ["SCI,1", "SCI,2"]
    assert [image["pixels.rms"].value for image in found.images] == [0, 0]
    assert names_of(astroae.validate(before, after, hdu="sci,2", **PIXELS)) == ["SCI,2"]
    assert names_of(astroae.validate(before, after, hdu=2, **PIXELS)) == ["SCI,2"]


def test_what_has_no_partner_is_a_note(tmp_path):
    image, weight = fits.ImageHDU(sky((64, 64)), name="SCI"), sky((32, 32))
    before = write(tmp_path / "a.fits", image, fits.ImageHDU(weight, name="WHT"))
    after = write(tmp_path / "b.fits", image.copy(), fits.ImageHDU(weight[1:], name="WHT"))
    found = astroae.validate(before, after, **PIXELS)
    assert names_of(found) == ["SCI,1"]
    assert [note.split(" has no")[0] for note in found.notes] == [
        "WHT,1 (32, 32) of the original",
        "WHT,1 (31, 32) of the restored file",
    ]


def test_images_of_other_names_are_no_partners(tmp_path):
    pixels = sky((32, 32))
    before = write(
        tmp_path / "a.fits", fits.ImageHDU(pixels, name="A"), fits.ImageHDU(pixels, name="B")
    )
    after = write(
        tmp_path / "b.fits", fits.ImageHDU(pixels, name="B"), fits.ImageHDU(pixels, name="C")
    )
    with images_of(before) as one, images_of(after) as other:
        pairs, notes = partners(one, other)
        assert [(a.extname, b.extname) for a, b in pairs] == [("B", "B")]
        assert len(notes) == 2


def test_nothing_to_pair_is_a_lost_image_of_a_file_and_an_error_in_memory(tmp_path):
    fits.writeto(tmp_path / "a.fits", np.zeros((4, 3)))
    fits.writeto(tmp_path / "b.fits", np.zeros((3, 4)))
    found = astroae.validate(tmp_path / "a.fits", tmp_path / "b.fits")
    assert found.verdict == "fail" and not found.images
    assert "HDU 0 (4, 3)" in found.whole[0].note and "(3, 4)" in found.notes[1]
    check_schema(found)
    with pytest.raises(InputError, match=r"image \(3, 4\).*\(4, 3\)"):
        astroae.validate(np.zeros((4, 3)), np.zeros((3, 4)))


def test_previews_are_no_images_to_compare(mixed):
    packed = mixed.with_name("p.aae.fits")
    astroae.compress(mixed, packed, quantize_level=4, preview=True)
    with images_of(packed) as images:
        assert [image.extname for image in images] == ["SCI", "ERR", "DQ", "KERNEL"]


@pytest.mark.parametrize("content", [b"", b"no FITS at all" * 300])
def test_no_fits(tmp_path, mixed, content):
    (tmp_path / "x.fits").write_bytes(content)
    with pytest.raises(InputError, match="x.fits"):
        astroae.validate(mixed, tmp_path / "x.fits")


def test_no_image(tmp_path, mixed):
    with pytest.raises(InputError, match="no image"):
        astroae.validate(write(tmp_path / "empty.fits"), mixed)
    with pytest.raises(InputError, match="no such image HDU.*SCI,1"):
        astroae.validate(mixed, mixed, hdu="NONE")


# ---- objects in memory -------------------------------------------------------------------


def test_objects_in_memory():
    before = sky((64, 64))
    after = before + np.float32(0.5)
    forms = [
        (before, after),
        (np.ma.array(before), np.ma.array(after)),
        (CCDData(before, unit="adu"), CCDData(after, unit="adu")),
        (fits.ImageHDU(before), fits.PrimaryHDU(after)),
        (fits.HDUList([fits.PrimaryHDU(before)]), after),
    ]
    values = [astroae.validate(*form, **PIXELS).images[0]["pixels.rms"].value for form in forms]
    assert np.ptp(values) == 0
    assert 0.09 < values[0] < 0.11  # of noise 5


def test_a_unit_comes_from_the_object():
    image = CCDData(sky((64, 64)), unit="electron")
    found = astroae.validate(image, image, **PIXELS)
    assert (found.images[0].facts["unit"], found.images[0].facts["gain"]) == ("electron", 1)


def test_masked_pixels_are_bad_and_newly_masked_ones_lost():
    image = sky((64, 64))
    mask = np.zeros(image.shape, bool)
    mask[3, 4] = True
    damaged = image.copy()
    damaged[3, 4] = 1e9
    original = np.ma.array(image, mask=mask)
    assert astroae.validate(original, damaged, **PIXELS).images[0]["pixels.rms"].value == 0
    mask = mask.copy()
    mask[5, 5] = True
    found = astroae.validate(original, np.ma.array(image, mask=mask), **PIXELS)
    assert found.images[0]["pixels.lost"].value == 1


def test_values_are_physical(tmp_path):
    stored = fits.ImageHDU(np.arange(4096, dtype="i2").reshape(64, 64))
    stored.header["BLANK"] = 7
    stored.header["BSCALE"] = 0.5
    stored.header["BZERO"] = 3.0
    floats = np.arange(4096).reshape(64, 64) * np.float32(0.5) + 3
    floats.flat[7] = np.nan
    hdus = fits.HDUList([fits.PrimaryHDU(), stored])
    hdus.writeto(tmp_path / "a.fits")
    found = astroae.validate(tmp_path / "a.fits", floats, **PIXELS)
    assert found.images[0]["pixels.mse"].value == 0
    assert found.images[0].facts["bad_pixels"] == 1


def test_a_mask_is_used_where_it_is_asked_for(tmp_path):
    image, flags = sky((64, 64)), np.zeros((64, 64), "i2")
    flags[10:20, 10:20] = 4
    damaged = image + np.where(flags, np.float32(100), 0)
    before = write(
        tmp_path / "a.fits", fits.ImageHDU(image, name="SCI"), fits.ImageHDU(flags, name="DQ")
    )
    flags[0, 0] = 1
    after = write(
        tmp_path / "b.fits", fits.ImageHDU(damaged, name="SCI"), fits.ImageHDU(flags, name="DQ")
    )
    plain, masked = (astroae.validate(before, after, mask=mask) for mask in (None, "DQ"))
    assert plain.images[0]["pixels.rms"].value > 1
    assert masked.images[0]["pixels.rms"].value == 0
    assert masked.images[0].facts["bad_pixels"] == 100
    assert masked.images[1]["planes.differing"].value == 1, "the mask itself is compared everywhere"
    given = astroae.validate(image, damaged, mask=flags > 0, **PIXELS)
    assert given.images[0]["pixels.rms"].value == 0
    with pytest.raises(InputError, match="another shape"):
        astroae.validate(image, damaged, mask=flags[1:] > 0)
    with pytest.raises(InputError, match="no such mask.*DQ,1"):
        astroae.validate(before, after, mask="BPM")


# ---- promises ----------------------------------------------------------------------------


def bound(before, after):
    """Bound and values of the first image of two files."""
    with images_of(before) as one, images_of(after) as other:
        values = one[0].pixels()
        return bound_of(other[0], one[0], ..., values), values, other[0].pixels()


def test_bound_of_an_absolute_error(tmp_path):
    fits.writeto(tmp_path / "a.fits", sky())
    found, values, after = bound(
        tmp_path / "a.fits", compressed(tmp_path / "a.fits", error_bound=0.25)
    )
    assert found.shape == values.shape
    assert found == pytest.approx(0.25, rel=1e-5)
    assert np.abs(after - values).max() <= 0.25


def test_bound_of_scaled_integers(tmp_path):
    hdu = fits.ImageHDU(sky(dtype="i2"))
    hdu.header["BSCALE"] = 0.25
    write(tmp_path / "a.fits", hdu)
    packed = compressed(tmp_path / "a.fits", error_bound=1.0, lossy_integers=True)
    found, *_ = bound(tmp_path / "a.fits", packed)
    assert found == pytest.approx(1.0, rel=1e-3)  # steps of 9 levels: 4 levels to each side


def test_bound_differs_from_tile_to_tile(tmp_path):
    image = np.concatenate([sky((256, 256)), 10 * sky((256, 256), seed=2)], axis=1)
    fits.writeto(tmp_path / "a.fits", image)
    found, *_ = bound(tmp_path / "a.fits", compressed(tmp_path / "a.fits", quantize_level=4))
    assert len(np.unique(found)) == 2
    assert found[0, -1] / found[0, 0] == pytest.approx(10, rel=0.1)


def test_bound_of_other_modes(tmp_path):
    fits.writeto(tmp_path / "a.fits", sky())
    assert bound(tmp_path / "a.fits", compressed(tmp_path / "a.fits"))[0] == 0
    hdu = fits.ImageHDU(sky(), name="ERR")
    packed = compressed(write(tmp_path / "err.fits", hdu), quantize_level=4)
    found, values, _ = bound(tmp_path / "err.fits", packed)
    assert found == pytest.approx(np.abs(values) / 512)
    assert bound(tmp_path / "a.fits", tmp_path / "a.fits")[0] is None


@pytest.mark.parametrize("method", [-1, 1, 2])
def test_bound_of_fpack(tmp_path, method):
    image = sky((100, 120))
    image[5, 5] = np.nan
    fits.writeto(tmp_path / "a.fits", image)
    packed = write(
        tmp_path / "b.fits",
        fits.CompImageHDU(image, quantize_level=4, quantize_method=method, tile_shape=(10, 120)),
    )
    found, _, after = bound(tmp_path / "a.fits", packed)
    assert len(np.unique(found)) == 10
    rounding = np.spacing(np.nanmax(image))
    ratio = (np.abs(after - image) - rounding) / found
    assert 0.9 < np.nanmax(ratio) <= 1
    # What astroae takes over from fpack is held to fpack's bound, and to fpack's file exactly.
    taken = compressed(packed)
    assert bound(tmp_path / "a.fits", taken)[0] == pytest.approx(found)
    if method > 0:  # without dither astroae carries the table along as it is
        assert bound(packed, taken)[0] == 0


def test_bound_of_exact_and_of_smoothed_fpack(tmp_path):
    image = sky((100, 120), "i4")
    fits.writeto(tmp_path / "a.fits", image)
    rice, smoothed = (
        write(tmp_path / f"{name}.fits", fits.CompImageHDU(image, compression_type=name, **more))
        for name, more in (("RICE_1", {}), ("HCOMPRESS_1", {"hcomp_scale": 2}))
    )
    assert bound(tmp_path / "a.fits", rice)[0] == 0
    assert bound(tmp_path / "a.fits", smoothed)[0] is None


@pytest.mark.parametrize(
    ("stored", "bscale", "bzero"),
    [("i2", 0.01, 0.0), ("i4", 0.01, 0.0), ("i2", 2.92273835509, 30000.0)],
)
def test_rounding_of_scaled_values_breaks_no_promise(tmp_path, stored, bscale, bzero):
    """Physical values are no multiples of BSCALE in binary, less so behind a BZERO."""
    levels = np.random.default_rng(1).integers(-20000, 20000, (300, 300))
    hdu = fits.ImageHDU(levels.astype(stored))
    hdu.header["BSCALE"], hdu.header["BZERO"] = bscale, bzero
    write(tmp_path / "a.fits", hdu)
    packed = compressed(tmp_path / "a.fits", error_bound=145 * bscale, lossy_integers=True)
    result = astroae.validate(tmp_path / "a.fits", packed, **PIXELS).images[0]
    assert 0.999 < result["pixels.over_bound"].value <= 1


def test_a_broken_promise_is_found(tmp_path):
    """A file compressed from another image than it is compared with."""
    fits.writeto(tmp_path / "a.fits", sky())
    packed = compressed(tmp_path / "a.fits", error_bound=0.25)
    other = sky()
    other[100, 100] += 0.75
    result = astroae.validate(other, packed, **PIXELS).images[0]["pixels.over_bound"]
    assert result.verdict == "fail"
    assert 2 < result.value <= 4


def test_the_codec_again(tmp_path):
    image = sky(dtype="i2") - 900
    hdu = fits.ImageHDU(image.astype("u2"))  # BZERO 32768
    write(tmp_path / "a.fits", hdu)
    packed = compressed(tmp_path / "a.fits", error_bound=3, lossy_integers=True)
    with images_of(packed) as images:
        codec = codec_of(images[0])
        given = np.where(image == image.max(), np.nan, image + 0.25)
        change = codec(given) - given
        assert np.isnan(change).sum() == np.isnan(given).sum()
        assert 2 < np.nanmax(np.abs(change)) <= 3
        assert np.nanmax(np.abs(change - np.rint(change))) < 1e-9, "no rounding of its own"
    with images_of(compressed(tmp_path / "a.fits")) as images:
        assert codec_of(images[0]) is None


# ---- odd images --------------------------------------------------------------------------

NOISE = np.random.default_rng(5).normal(10, 1, (40, 50))
ODD = {
    "all NaN": np.full((20, 30), np.nan),
    "constant": np.full((20, 30), 7.0, "f4"),
    "one pixel": np.ones((1, 1)),
    "two by three": np.arange(6.0).reshape(2, 3),
    "thin": NOISE[:2],
    "line": NOISE[0],
    "column in a cube": NOISE[:, :1, None],
    "labels": (NOISE > 10).astype("u1"),
    "flags": NOISE > 10,
    "large integers": (NOISE * 1e17).astype("u8"),
    "infinite": np.where(NOISE > 11, np.inf, NOISE),
    "huge": NOISE * 1e300,
    "tiny": NOISE.astype("f4") * np.float32(1e-40),
    "zeros with one star": np.where(np.arange(2000).reshape(40, 50) == 1020, 1e4, 0.0),
    "big-endian": NOISE.astype(">f4"),
}


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("name", list(ODD))
def test_odd_images_run_through(name):
    found = astroae.validate(ODD[name], ODD[name])
    report = check_schema(found)
    assert found.ok
    assert all(
        result["note"]
        for result in report["images"][0]["results"]
        if result["verdict"] == "skipped"
    )


def test_complex_values_are_refused():
    with pytest.raises(UnsupportedDataError, match="complex128"):
        astroae.validate(NOISE * 1j, NOISE * 1j)
    with pytest.raises(InputError, match="not an image"):
        astroae.validate(object(), NOISE)


def test_three_planes_of_a_cube(tmp_path):
    cube = np.stack([sky((32, 32), seed=s) for s in range(12)]).reshape(6, 2, 32, 32)
    cube[0] = np.nan
    cube[1, 0] = 0
    fits.writeto(tmp_path / "a.fits", cube)
    with images_of(tmp_path / "a.fits") as (image,):
        keys, labels, note = planes_of(image)
    assert keys == [(1, 1), (3, 0), (5, 1)]
    assert labels == ["HDU 0[1,1]", "HDU 0[3,0]", "HDU 0[5,1]"]
    packed = compressed(tmp_path / "a.fits", error_bound=0.25)
    assert "3 of 12 planes" in note
    found = astroae.validate(tmp_path / "a.fits", packed, **PIXELS)
    assert set(labels) <= set(names_of(found)) and len(found.images) <= 4
    assert all(0.5 < image["pixels.over_bound"].value <= 1 for image in found.images)


@pytest.mark.parametrize("harm", [0.0, np.nan])
def test_the_plane_that_changed_most_is_measured(harm):
    cube = np.stack([sky((32, 32), seed=s) for s in range(9)])
    restored = cube + np.float32(0.01)
    restored[6, 5:9, 5:9] = harm
    found = astroae.validate(cube, restored, **PIXELS)
    assert names_of(found) == ["image[0]", "image[4]", "image[6]", "image[8]"]
    assert [image.name for image in found.images if image.verdict == "fail"] == ["image[6]"]
    labels = cube.astype("i4") // 100
    wrong = labels.copy()
    wrong[3, 2, 2] += 1
    assert "image[3]" in names_of(astroae.validate(labels, wrong, **PIXELS))


def test_a_line_is_measured_as_pixels():
    found = astroae.validate(sky((5000,)), sky((5000,)))
    assert {result.name.partition(".")[0] for result in found.images[0].results} == {
        "pixels",
        "planes",
    }
    assert "line" in found.notes[0]


def test_cubes_with_one_plane_are_images(tmp_path):
    fits.writeto(tmp_path / "a.fits", sky((1, 1, 40, 40)))
    assert names_of(astroae.validate(tmp_path / "a.fits", tmp_path / "a.fits", **PIXELS)) == [
        "HDU 0"
    ]


# ---- the call itself ---------------------------------------------------------------------


def test_metrics_that_do_not_apply_to_a_plane_are_a_note(mixed):
    found = astroae.validate(mixed, mixed, only=["background"])
    assert names_of(found) == ["SCI,1", "KERNEL,1"]
    assert len(found.notes) == 2
    with pytest.raises(SettingError, match="no such metric"):
        astroae.validate(mixed, mixed, only=["nonsense"])


def test_progress_counts_metrics_of_all_images(mixed):
    seen = []
    astroae.validate(mixed, mixed, only=["pixels"], progress=lambda *at: seen.append(at))
    assert seen == [(n, 4) for n in range(1, 5)]
    seen.clear()
    images = [sky((32, 32)), sky((32, 32))]
    astroae.validate(images, images, only=["pixels"], progress=lambda *at: seen.append(at))
    assert seen == [(1, 2), (2, 2)]


def test_several_files_and_their_light_curves():
    images = [sky((64, 64), seed=s) for s in range(3)]
    found = astroae.validate(images, [image + 0.01 for image in images])
    assert [name.partition(":")[0] for name in names_of(found)][-1] == "series"
    assert len(found.images) == 4
    check_schema(found)
    with pytest.raises(SettingError, match="3 originals, 2 restored"):
        astroae.validate(images, images[:2])


def test_figures_of_pictures_only(mixed):
    pytest.importorskip("matplotlib")
    found = astroae.validate(mixed, mixed, figures=True)
    drawn = {image.name: image.figures for image in found.images}
    assert drawn["SCI,1"]
    assert all(isinstance(figure, bytes) for figure in drawn["SCI,1"].values())
    assert drawn["DQ,1"] == drawn["ERR,1"] == {}
    check_schema(found)


def test_the_schema_refuses_what_is_no_report():
    jsonschema = pytest.importorskip("jsonschema")
    report = check_schema(astroae.validate(NOISE, NOISE, **PIXELS))
    report["images"][0]["results"][0]["verdict"] = "maybe"
    with pytest.raises(jsonschema.ValidationError, match="maybe"):
        jsonschema.validate(report, SCHEMA)
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_results_do_not_depend_on_the_run():
    first, second = (astroae.validate(NOISE, NOISE + 0.01).to_dict() for _ in range(2))
    assert first["images"] == second["images"]
