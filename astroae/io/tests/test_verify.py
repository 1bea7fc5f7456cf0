"""What verify, info and diff say of whole, changed and damaged files."""

import numpy as np
import pytest
from astropy.io import fits

import astroae
from astroae.io.difference import difference
from astroae.io.spans import scan
from astroae.io.tests.helpers import mixed_file, sky


@pytest.fixture
def pair(tmp_path):
    """An original and its lossless compressed file."""
    fits.writeto(tmp_path / "a.fits", sky((600, 500)), fits.Header([("OBJECT", "old")]))
    astroae.compress(tmp_path / "a.fits", tmp_path / "a.aae.fits")
    return tmp_path / "a.fits", tmp_path / "a.aae.fits"


def damage(path, index=1):
    """Flip a bit in the middle of the heap."""
    span = scan(path)[index]
    raw = bytearray(path.read_bytes())
    raw[(span.data + span.data_end) // 2] ^= 4
    path.write_bytes(raw)


def test_same_file(pair):
    for found in (astroae.verify(pair[1]), astroae.verify(pair[1], pair[0])):
        assert found.ok and found.byte_identical
        assert "byte for byte" in found.verdict


def test_same_data_only(tmp_path):
    fits.writeto(tmp_path / "a.fits", sky())
    raw = bytearray((tmp_path / "a.fits").read_bytes())
    raw[-1] = 1
    (tmp_path / "a.fits").write_bytes(raw)
    astroae.compress(tmp_path / "a.fits", tmp_path / "a.aae.fits")
    for found in (
        astroae.verify(tmp_path / "a.aae.fits"),
        astroae.verify(tmp_path / "a.aae.fits", tmp_path / "a.fits"),
    ):
        assert found.ok and found.byte_identical is False
        assert "the same data" in found.verdict


def test_pixels_as_promised(tmp_path):
    source, packed = mixed_file(tmp_path / "a.fits"), tmp_path / "a.aae.fits"
    astroae.compress(source, packed, error_bound=0.5)
    found = astroae.verify(packed, source)
    assert found.ok and "promised" in found.verdict
    assert 0.9 < found.largest_error_over_bound <= 1


def test_another_original_is_told_apart(pair, tmp_path):
    other = sky((600, 500))
    other[5, 5] += 1
    fits.writeto(tmp_path / "b.fits", other, fits.Header([("OBJECT", "old")]))
    found = astroae.verify(pair[1], tmp_path / "b.fits")
    assert not found.ok
    assert found.differences == ("extension 0: data differ",)


def test_pixels_beyond_their_bound_are_counted(tmp_path):
    data = sky()
    fits.writeto(tmp_path / "a.fits", data)
    astroae.compress(tmp_path / "a.fits", tmp_path / "a.aae.fits", error_bound=0.5)
    data[10, 10] += 3
    data[11, 11] = np.nan
    fits.writeto(tmp_path / "b.fits", data)
    found = astroae.verify(tmp_path / "a.aae.fits", tmp_path / "b.fits")
    assert found.differences == ("extension 0: 2 pixels beyond their bound",)


def test_damage_is_named(pair):
    damage(pair[1])
    found = astroae.verify(pair[1])
    assert not found.ok
    assert len(found.damages) == 1
    where, _ = found.damages[0]
    assert "a.aae.fits" in where and "extension 1" in where and "tile" in where


def test_changed_header_is_told(pair):
    fits.setval(pair[1], "OBJECT", value="new", ext=1)
    found = astroae.verify(pair[1])
    assert found.ok and found.byte_identical is False
    assert "changed" in found.verdict


def test_plain_file_is_refused(pair):
    with pytest.raises(astroae.InputError, match="nothing in the file"):
        astroae.verify(pair[0])


def test_info_reads_no_pixel(pair):
    damage(pair[1])
    about = astroae.info(pair[1])
    image = about["hdus"][1]
    assert image["shape"] == [600, 500]
    assert image["tiles"] == 6
    assert about["original"]["bytes"] == pair[0].stat().st_size
    assert image["original_bytes"] == pair[0].stat().st_size
    assert sum(image["tiles_by_method"].values()) == 6


def test_difference_is_empty_for_the_same_pixels(pair):
    assert difference(*pair) == ""
    fits.setval(pair[1], "OBJECT", value="new", ext=1)
    assert "OBJECT" in difference(*pair)
    assert difference(*pair, ignore_keywords=["OBJECT"]) == ""


def test_difference_takes_a_tolerance(tmp_path):
    fits.writeto(tmp_path / "a.fits", sky())
    astroae.compress(tmp_path / "a.fits", tmp_path / "a.aae.fits", error_bound=0.5)
    pair = tmp_path / "a.fits", tmp_path / "a.aae.fits"
    assert "Data contains differences" in difference(*pair)
    assert difference(*pair, atol=0.5001) == ""


@pytest.mark.parametrize("edit", ["header", "pixel"])
@pytest.mark.parametrize("asked", [{}, {"quantize_level": 4}], ids=["lossless", "bounded"])
def test_an_edited_file_says_so(tmp_path, edit, asked):
    fits.writeto(tmp_path / "a.fits", sky((600, 500)))
    astroae.compress(tmp_path / "a.fits", tmp_path / "a.aae.fits", **asked)
    assert not astroae.info(tmp_path / "a.aae.fits")["original"]["edited"]
    with fits.open(tmp_path / "a.aae.fits", mode="update") as hdus:
        if edit == "header":
            hdus[1].header["OBSERVER"] = "new"
        else:
            hdus[1].data[5, 5] += 100
    original = astroae.info(tmp_path / "a.aae.fits")["original"]
    assert original["edited"]
    assert not original["byte_identical"]
    assert "was changed" in astroae.verify(tmp_path / "a.aae.fits").verdict
