"""Stamp lists: what they hold, what they refuse, and that they can be made again."""

import csv
from collections import Counter

import numpy as np
import pytest
from astropy.io import fits

from astroae.errors import InputError, UnsupportedDataError
from astroae.train.data import View, load_data, open_source
from astroae.train.data.lists import COLUMNS, LISTS, list_path
from astroae.train.data.origin import sha256_of
from astroae.train.recipes import get_recipe
from astroae.train.stamps import make


def lines_of(name):
    with open(list_path(name), newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("name", LISTS)
def test_the_lists_hold_what_they_should(name):
    lines = lines_of(name)
    assert tuple(lines[0]) == COLUMNS and len(lines) >= 100
    assert {line["file"].split("/")[0] for line in lines} == {name}
    assert "planes" not in {line["kind"] for line in lines}
    assert max(Counter(line["file"] for line in lines).values()) <= make.MOST
    places = {tuple(line[key] for key in ("file", "hdu", "plane", "y", "x")) for line in lines}
    assert len(places) == len(lines)


def test_the_lists_share_neither_file_nor_instrument():
    train, measure = lines_of("train"), lines_of("measure")
    for key in ("file", "instrument", "sha256"):
        assert not {line[key] for line in train} & {line[key] for line in measure}


@pytest.mark.parametrize("name", LISTS)
def test_the_lists_are_what_the_program_makes(real_images, name):
    folder = real_images[0]["path"].parent.parent
    made = [{k: str(v) for k, v in line.items()} for line in make.list_stamps(folder, name)]
    assert made == lines_of(name)


def test_stamps_of_a_list(real_images):
    folder = real_images[0]["path"].parent.parent
    stamps = load_data("measure", get_recipe("unet187"), data_dir=folder)
    assert stamps.images.shape == (len(lines_of("measure")), 1, 187, 187)
    assert stamps.images.min() == 0 and stamps.images.max() == 1
    assert np.isfinite(stamps.images).all()
    for index in range(0, len(stamps), 5):
        values = stamps.stamp(index).values
        assert np.isfinite(values).mean() >= make.DEFINED
        if np.isfinite(values).all():
            error = abs(stamps.restore(index, stamps.images[index]).sum() - values.sum())
            assert error <= 1e-6 * np.abs(values).sum()
    large, small = stamps.split(0.8)
    assert not set(large.groups) & set(small.groups)
    assert all(len(entry["sha256"]) == 64 for entry in stamps.card())


@pytest.fixture
def a_folder(tmp_path):
    """A folder like the shared one, of four small files."""
    rng = np.random.default_rng(0)
    images = {
        "wide": rng.normal(0, 1, (187, 187 * 14)),
        "small": rng.normal(0, 1, (120, 150)),
        "tiny": rng.normal(0, 1, (99, 300)),
        "flat": np.ones((187, 374)),
    }
    images["flat"][0, 0] = 2
    images["flat"][40:43, 200:374] = np.nan
    (tmp_path / "train").mkdir()
    with open(tmp_path / "SOURCES.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["file", "group", "instrument", "kind", "simulated"])
        for name, image in images.items():
            fits.PrimaryHDU(image).writeto(tmp_path / "train" / f"{name}.fits")
            writer.writerow([f"train/{name}.fits", "train", f"i-{name}", "coadd", "no"])
    return tmp_path


def test_making_lists(a_folder, capsys):
    make.main([str(a_folder), str(a_folder)])
    assert "train: 14 stamps of 3 images" in capsys.readouterr().out
    stamps = load_data(a_folder / "train.csv", View(None), data_dir=a_folder)
    counts = Counter(origin.group for origin in stamps.origins)
    assert counts == {"i-wide": 12, "i-small": 1, "i-flat": 1}
    assert stamps.images.shape == (14, 1, 187, 187)  # the small one is resized
    small = next(o for o in stamps.origins if o.group == "i-small")
    assert (small.y, small.x, small.height) == (0, 15, 120)


def test_images_are_looked_for_by_argument_then_environment(a_folder, monkeypatch, tmp_path):
    make.main([str(a_folder), str(a_folder)])
    monkeypatch.setenv("ASTROAE_DATA", str(a_folder))
    assert len(open_source(a_folder / "train.csv").origins) == 14
    with pytest.raises(InputError, match="ASTROAE_DATA"):
        open_source(a_folder / "train.csv", data_dir=tmp_path / "nowhere")


def test_another_image_than_listed_is_refused(a_folder):
    make.main([str(a_folder), str(a_folder)])
    sha256_of.cache_clear()
    fits.PrimaryHDU(np.zeros((200, 200))).writeto(a_folder / "train/wide.fits", overwrite=True)
    with pytest.raises(InputError, match="not the one"):
        open_source(a_folder / "train.csv", data_dir=a_folder)
    (a_folder / "train/wide.fits").unlink()
    with pytest.raises(InputError, match="no such file"):
        open_source(a_folder / "train.csv", data_dir=a_folder)


@pytest.mark.parametrize("text", ["", "file,hdu\na,1\n", "a,b\n1\n", "file,hdu,plane,y,x,side\n"])
def test_a_table_that_is_no_list(a_folder, text):
    (a_folder / "l.csv").write_text(text)
    with pytest.raises((InputError, UnsupportedDataError), match="list|no stamps"):
        load_data(a_folder / "l.csv", View(28), data_dir=a_folder)


def test_numbers_below_zero(a_folder):
    (a_folder / "l.csv").write_text(",".join(COLUMNS) + "\na,0,0,-1,0,9,k,i,s\n")
    with pytest.raises(InputError, match="stamp list"):
        open_source(a_folder / "l.csv", data_dir=a_folder)
