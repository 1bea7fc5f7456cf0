"""The measurements of speed run, on small fields, and say what they must."""

import pytest

from astroae.bench.speed import field, large_image, opening, scaling, small_images, throughput


def test_field_is_the_same_each_time():
    assert field(64).tobytes() == field(64).tobytes()
    assert field(64).std() > 5


def test_throughput_of_all_coders():
    pytest.importorskip("imagecodecs")
    found = {speed.coder: speed for speed in throughput(side=256, runs=1)}
    assert {"astroae, arrays", "astroae, files", "JPEG XL e7, arrays"} <= set(found)
    for speed in found.values():
        assert speed.compress > 0 and speed.decompress > 0
        assert 3.5 < speed.bits < 12


def test_scaling():
    rows = list(scaling((64, 128), runs=1))
    assert [row["side"] for row in rows] == [64, 128]
    assert all(row["compress [ns/px]"] > 0 for row in rows)


def test_large_image_counts_tiles():
    rows = {row["job"]: row for row in large_image(side=1024)}
    assert rows["section"]["tiles decoded"] == 4
    assert rows["read .data"]["tiles decoded"] == 16
    # Of the whole process, in MB: more than the interpreter, less than a hundred images.
    assert 40 < rows["section"]["peak memory [MB]"] < rows["read .data"]["peak memory [MB]"] < 400


def test_small_images_in_one_file():
    rows = list(small_images(count=3, runs=1))
    assert rows[0]["coder"] == "astroae" and rows[0]["images"] == "3 of 64 x 64"
    assert all(row["compress [s]"] > 0 and row["decompress [s]"] > 0 for row in rows)


def test_opening_a_large_file():
    rows = list(opening(side=2048, runs=1))
    assert [row["tiles"] for row in rows] == [16, 16]
    assert all(row["100 x 100 [ms]"] > 0 for row in rows)
