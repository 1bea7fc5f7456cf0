"""Sizes: what is counted, with what, and how it is averaged."""

import io
import math

import numpy as np
import pytest
from astropy.io import fits

import astroae
from astroae.bench.images import Plate, find_files, load, read_sources
from astroae.bench.rate import (
    NOISE_LIMITS,
    Measured,
    SizeCache,
    bytes_of,
    measure,
    noise_rates,
    rows_to_dicts,
    smoothed,
    summary,
)
from astroae.bench.report import above_rice, headline, plot_rates, rate_table, table, write_csv
from astroae.bench.rivals import choose
from astroae.bench.scenes import levels_per_tile, lossless_case, quantized_case, scene_of
from astroae.codec.image import encode_image
from astroae.errors import InputError, UnsupportedDataError


def sky(dtype=np.float32, sigma=20.0, shape=(256, 300)):
    image = np.random.default_rng(4).normal(1000, sigma, shape)
    return (image if np.dtype(dtype).kind == "f" else np.rint(image)).astype(dtype)


def plate(data, name="a", instrument="cam", kind="raw-ccd", lossy=False, blank=None):
    return Plate(name, instrument, kind, lossy, data, blank)


def measured(name, ratio, instrument="cam", shape=(300, 300), setting="q=4", **more):
    values = {"kind": "", "dtype": "f4", "lossy": False} | more
    return Measured(
        name,
        instrument,
        shape=shape,
        setting=setting,
        astroae=ratio,
        rivals={"RICE_1": 1.0},
        **values,
    )


def test_bytes_are_those_of_the_table():
    encoded = encode_image(sky(), quantized_case(plate(sky()), 4).settings)
    hdu = astroae.AEImageHDU.from_encoded(encoded, fits.ImageHDU(sky()).header)
    out = io.BytesIO()
    fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(out)
    with fits.open(io.BytesIO(out.getvalue()), disable_image_compression=True) as hdus:
        header = hdus[1].header
        assert bytes_of(encoded) == header["NAXIS1"] * header["NAXIS2"] + header["PCOUNT"]


def test_rivals_get_the_integers_that_astroae_codes():
    image = plate(sky())
    case = quantized_case(image, 2)
    scene = scene_of(image, case, encode_image(image.data, case.settings))
    assert scene.levels.min() == 0
    error = np.abs(
        image.data / case.step - scene.levels - (image.data / case.step - scene.levels).mean()
    )
    assert error.max() < 1.01
    assert np.abs(scene.scaled - scene.levels).max() <= 1


def test_integers_keep_odd_steps():
    image = plate(sky(np.int16))
    case = quantized_case(image, 1)
    assert case.step % 2 == 1 and 3 <= case.step <= 22
    encoded = encode_image(image.data, case.settings)
    assert set(encoded.tiles["SCALE"]) == {case.step}


def test_a_step_of_one_is_lossless():
    assert quantized_case(plate(sky(np.int16, sigma=1.5)), 4) is None
    rows = list(measure(plate(sky(np.int16, sigma=1.5)), {}, levels=(4,)))
    assert [row.setting for row in rows] == ["lossless"]


def test_own_steps_per_tile():
    image = plate(sky())
    case = quantized_case(image, 4, sigma="tile")
    encoded = encode_image(image.data, case.settings)
    levels = levels_per_tile(encoded)
    first = encoded.grid.slices(0)
    step = encoded.tiles["SCALE"][0]
    assert np.abs(levels[first] * step - image.data[first]).max() <= step
    assert scene_of(image, case, encoded).bits < 16


def test_undefined_pixels_take_the_median_level():
    data = sky(np.int16)
    data[5, 5] = -32768
    image = plate(data, blank=-32768)
    scene = scene_of(image, lossless_case(), encode_image(data, lossless_case().settings))
    assert scene.bits <= 8
    good = data[data != -32768].astype(int)
    assert scene.levels[5, 5] == np.rint(np.median(good)) - good.min()


def test_ratios_to_rice_and_the_cache(tmp_path):
    rivals, _ = choose(["RICE_1"])
    cache = SizeCache(tmp_path / "sizes.json")
    rows = list(measure(plate(sky()), rivals, levels=(4.0,), cache=cache))
    assert [row.setting for row in rows] == ["q=4"]
    assert 0.7 < rows[0].ratio("RICE_1") < 0.95
    cache.save()

    class Broken(type(rivals["RICE_1"])):
        def encode(self, scene):
            raise AssertionError("the size is known")

    again = SizeCache(tmp_path / "sizes.json")
    assert (
        list(measure(plate(sky()), {"RICE_1": Broken("RICE_1")}, levels=(4.0,), cache=again))
        == rows
    )


def test_averages_are_over_instruments():
    rows = [
        measured("a1", 0.6, "a"),
        measured("a2", 0.8, "a"),
        measured("b1", 1.0, "b"),
        measured("small", 9.0, "c", shape=(100, 300)),
        measured("mask", 9.0, "d", kind="planes"),
        measured("lossy", 9.0, "e", lossy=True),
    ]
    found = summary(rows, "RICE_1")
    assert found["mean"] == pytest.approx((0.7 + 1.0) / 2)
    assert (found["images"], found["instruments"]) == (3, 2)
    assert found["worst"][0] == ("b1", 1.0)
    assert math.isnan(summary(rows, "none")["mean"])
    assert above_rice(rows) == ["small q=4 9.000", "mask q=4 9.000", "lossy q=4 9.000"]


def test_tables_files_and_plots(tmp_path):
    pytest.importorskip("matplotlib")
    rows = [measured("a1", 0.6, "a"), measured("b1", 0.8, "b", setting="q=1")]
    assert "a1" in rate_table(rows, {"RICE_1": None})
    lines = headline(rows, ["RICE_1"])
    assert [(line["setting"], line["target"]) for line in lines] == [("q=4", 0.82), ("q=1", 0.72)]
    write_csv(tmp_path / "r.csv", rows_to_dicts(rows))
    assert (tmp_path / "r.csv").read_text().splitlines()[0].endswith("ratio to RICE_1")
    assert rows_to_dicts(rows)[0]["shape"] == "300x300"
    plot_rates(tmp_path / "r.png", rows)
    assert (tmp_path / "r.png").stat().st_size > 5000
    with pytest.raises(OSError, match="cannot write"):
        write_csv(tmp_path / "none" / "r.csv", [])


def test_numbers_are_set_to_the_right():
    text = table([{"a": "x", "b": 1.5}, {"a": "long", "b": 10}], ["a", "b"])
    assert text.splitlines() == ["a       b", "x     1.5", "long   10"]


def test_noise_stands_near_its_entropy():
    rows = list(noise_rates(side=512))
    assert [row["q"] for row in rows] == [*NOISE_LIMITS, 4.0]
    for row in rows[:-1]:
        # Tiles of 256 px have tables and taps to pay for; 2048 px is what is reported.
        assert -0.02 < row["over"] < 0.1
    assert all(row["error in steps"] <= 0.5001 for row in rows)


def test_smoothed_noise_is_correlated():
    field = smoothed(np.random.default_rng(1).normal(size=(128, 128)))
    assert field.std() == pytest.approx(1, abs=1e-3)
    # Autocorrelation of a Gaussian filter of sigma 1 px at a lag of 1 px: exp(-1/4).
    assert np.mean(field[:, 1:] * field[:, :-1]) == pytest.approx(math.exp(-0.25), abs=0.03)


def test_folders(tmp_path):
    fits.writeto(tmp_path / "a.fits", sky(np.int16), header=fits.Header([("BLANK", -5)]))
    (tmp_path / "SOURCES.csv").write_text(
        "file,instrument,kind,lossy_before\nx/a.fits,cam,planes,yes\n"
    )
    sources = read_sources(tmp_path)
    (path,) = find_files(tmp_path)
    found = load(path, sources)
    assert (found.name, found.instrument, found.kind, found.lossy) == ("a", "cam", "planes", True)
    assert found.blank == -5 and found.data.dtype == np.int16
    assert load(path).instrument == "a"
    with pytest.raises(InputError, match="no FITS files"):
        find_files(tmp_path / "none")
    fits.PrimaryHDU().writeto(tmp_path / "empty.fits")
    with pytest.raises(UnsupportedDataError):
        load(tmp_path / "empty.fits")
    (tmp_path / "bad.fits").write_text("no")
    with pytest.raises(InputError, match="not readable"):
        load(tmp_path / "bad.fits")
