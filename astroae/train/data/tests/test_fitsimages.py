"""FITS of any number of axes and any type gives physical float64."""

import csv
import hashlib

import numpy as np
import pytest
from astropy.io import fits

import astroae
from astroae.errors import InputError, UnsupportedDataError
from astroae.train.data import View, load_data, open_source

rng = np.random.default_rng(7)
FIELD = rng.normal(500, 20, (40, 60))


def write(path, data, **cards):
    hdu = fits.PrimaryHDU(data)
    hdu.header.update(cards)
    hdu.writeto(path)
    return path


def only_stamp(path, **options):
    source = open_source(path, **options)
    (origin,) = source.origins
    return source.read(origin), origin


@pytest.mark.parametrize("dtype", ["u1", "i2", "u2", "i4", "u4", "i8", "f4", "f8"])
def test_types(tmp_path, dtype):
    data = np.clip(FIELD, 0, 250 if dtype == "u1" else None).astype(dtype)
    values, origin = only_stamp(write(tmp_path / "a.fits", data))
    assert values.dtype == np.float64 and (values == data).all()
    assert (origin.height, origin.width, origin.group) == (40, 60, "a.fits")


def test_scaled_integers_with_blank(tmp_path):
    stored = FIELD.astype(np.int16)
    stored[3, 4] = -99
    path = write(tmp_path / "a.fits", stored, BSCALE=0.5, BZERO=10.0, BLANK=-99)
    values, _ = only_stamp(path)
    expected = stored * 0.5 + 10
    assert np.isnan(values[3, 4])
    values[3, 4] = expected[3, 4]
    assert (values == expected).all()


@pytest.mark.parametrize(
    "shape, plane", [((5, 8, 9), 2), ((4, 8, 9), 2), ((1, 1, 8, 9), 0), ((2, 3, 8, 9), 3)]
)
def test_the_middle_plane_of_a_cube(tmp_path, shape, plane):
    data = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
    values, origin = only_stamp(write(tmp_path / "a.fits", data))
    assert origin.plane == plane
    assert (values == data.reshape(-1, 8, 9)[plane]).all()
    first, _ = only_stamp(tmp_path / "a.fits", plane=0)
    assert (first == data.reshape(-1, 8, 9)[0]).all()


def test_one_axis_is_one_row(tmp_path):
    path = write(tmp_path / "a.fits", np.arange(300, dtype=np.int32))
    values, _ = only_stamp(path)
    assert values.shape == (1, 300)
    stamps = load_data(path, View(side=28))
    assert stamps.images.shape == (1, 1, 28, 28)
    assert stamps.scalings[0].flux == pytest.approx(np.arange(300).sum(), rel=1e-12)


def test_the_first_image_or_the_one_named(tmp_path):
    hdus = fits.HDUList([fits.PrimaryHDU(), fits.ImageHDU(FIELD), fits.ImageHDU(-FIELD)])
    hdus.writeto(tmp_path / "a.fits.gz")
    assert only_stamp(tmp_path / "a.fits.gz")[1].hdu == 1
    values, origin = only_stamp(tmp_path / "a.fits.gz", hdu=2)
    assert origin.hdu == 2 and (values == -FIELD).all()


def test_compressed_images(tmp_path):
    data = FIELD.astype(np.int16)
    fits.HDUList([fits.PrimaryHDU(), fits.CompImageHDU(data)]).writeto(tmp_path / "a.fits.fz")
    assert (only_stamp(tmp_path / "a.fits.fz")[0] == data).all()
    write(tmp_path / "b.fits", data)
    astroae.compress(tmp_path / "b.fits", tmp_path / "c.aae.fits")
    assert (only_stamp(tmp_path / "c.aae.fits")[0] == data).all()


def test_a_folder_leaves_tables_out_and_names_the_instrument(tmp_path):
    write(tmp_path / "a.fits", FIELD)
    (tmp_path / "deep").mkdir()
    write(tmp_path / "deep" / "b.fits", FIELD)
    fits.BinTableHDU.from_columns([]).writeto(tmp_path / "t.fits")
    with open(tmp_path / "SOURCES.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["file", "instrument", "licence"])
        writer.writerow(["x/a.fits", "eye", "CC0-1.0"])
    stamps = load_data(tmp_path, View(side=28))
    assert [origin.group for origin in stamps.origins] == ["eye", "deep/b.fits"]
    first, second = stamps.card()
    digest = hashlib.sha256((tmp_path / "a.fits").read_bytes()).hexdigest()
    assert first == {
        "file": "a.fits",
        "sha256": digest,
        "instrument": "eye",
        "licence": "CC0-1.0",
        "stamps": 1,
    }
    assert second["file"] == "deep/b.fits" and "licence" not in second


def test_what_cannot_be_read(tmp_path):
    (tmp_path / "a.fits").write_bytes(b"no FITS at all" * 300)
    with pytest.raises(InputError, match="not readable as FITS"):
        open_source(tmp_path / "a.fits")
    fits.PrimaryHDU().writeto(tmp_path / "b.fits")
    with pytest.raises(UnsupportedDataError, match="no image"):
        open_source(tmp_path / "b.fits")
    write(tmp_path / "c.fits", FIELD)
    with pytest.raises(UnsupportedDataError, match="no such plane"):
        open_source(tmp_path / "c.fits", plane=1)
    with pytest.raises(UnsupportedDataError, match="HDU 4"):
        open_source(tmp_path / "c.fits", hdu=4)
    with pytest.raises(InputError, match="no such file or folder"):
        open_source(tmp_path / "nowhere")


def test_a_truncated_file_is_named(tmp_path):
    content = write(tmp_path / "a.fits", FIELD).read_bytes()
    (tmp_path / "a.fits").write_bytes(content[: len(content) // 2])
    with pytest.raises(InputError, match="a.fits"):
        load_data(tmp_path / "a.fits", View(side=28))
