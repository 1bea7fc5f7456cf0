"""The measurements of speed run, on small fields, and say what they must."""

import pytest

from astroae.bench import race
from astroae.bench.race import opening, small_images
from astroae.bench.speed import field, large_image


def test_field_is_the_same_each_time():
    assert field(64).tobytes() == field(64).tobytes()
    assert field(64).std() > 5


def test_arrays():
    laps = list(race.arrays(sides=(64,), side=128))
    assert [lap.job.split()[0] for lap in laps] == ["encode", "decode"] * 4
    assert all(lap.speed > 0 for lap in laps)
    assert sum(lap.ratio is not None for lap in laps) == 2


def test_files_beside_fitsio():
    pytest.importorskip("fitsio")
    laps = list(race.files(side=128))
    assert [lap.job.split()[0] for lap in laps] == ["write", "read"] * 2
    assert all(lap.ratio > 0 for lap in laps)


def test_programs_beside_fpack():
    laps = list(race.programs(count=2, side=64))
    assert [lap.job for lap in laps] == ["compress 2 files", "decompress 2 files"]
    assert all(lap.speed > 0 for lap in laps)


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
