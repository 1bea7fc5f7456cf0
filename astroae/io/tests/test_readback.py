"""The finished file is read back: a fault anywhere from pixels to bytes leaves no file."""

from dataclasses import replace

import numpy as np
import pytest
from astropy.io import fits

import astroae
from astroae.codec import tile
from astroae.codec.record import ImageRecord
from astroae.container import rows
from astroae.io import coded, job
from astroae.io.spans import chunks, scan
from astroae.io.tests.helpers import check_round_trip, mixed_file, sky


@pytest.fixture
def source(tmp_path):
    path = mixed_file(tmp_path / "a.fits")
    with fits.open(path, mode="update") as hdus:  # noise that a predictor is learned for
        noise = hdus["SCI"].data - 1000
        for axis in (0, 1):
            noise = noise + np.roll(noise, 1, axis)
        hdus["SCI"].data = 1000 + noise
        hdus["SCI"].header["EXPTIME"] = 30.0
    return path


def check_nothing_is_left(source, match, **settings):
    target = source.with_name("a.aae.fits")
    with pytest.raises(astroae.ReadBackError, match=match) as caught:
        astroae.compress(source, target, **settings)
    assert str(target) in str(caught.value)
    assert [path.name for path in source.parent.iterdir()] == [source.name]


@pytest.mark.parametrize("settings", [{}, {"quantize_level": 1e-3}])
def test_record_that_is_written_otherwise(source, monkeypatch, settings):
    levels = np.array([90.0, 100.0, 103.5, 250.0, 251.25, 9e4], "f4")
    with fits.open(source, "update") as hdus:
        hdus["SCI"].data = levels[np.random.default_rng(2).integers(0, 6, hdus["SCI"].shape)]
    pack = ImageRecord.pack

    def other(self):
        other = None if self.levels is None else self.levels + 1
        return pack(replace(self, levels=other))

    monkeypatch.setattr(ImageRecord, "pack", other)
    check_nothing_is_left(source, "tile", **settings)


def test_stream_whose_last_byte_is_lost(source, monkeypatch):
    pack = rows.pack

    def cut(encoded):
        if len(encoded.streams) > 1:
            encoded.streams[1] = encoded.streams[1][:-1]
        return pack(encoded)

    monkeypatch.setattr(coded, "pack", cut)
    check_nothing_is_left(source, "tile 1.*CRC_S")


@pytest.mark.parametrize("settings", [{}, {"quantize_level": 4}])
def test_pixels_that_were_read_wrong(source, monkeypatch, settings):
    """The encoder is given another array than the file holds: its own checks see nothing."""
    wrong = coded.pixels_of

    def shifted(path, span):
        pixels = wrong(path, span).copy()
        if span.name == "SCI":
            pixels[7, 9] += 3
        return pixels

    monkeypatch.setattr(coded, "pixels_of", shifted)
    check_nothing_is_left(source, r"extension 1 \(SCI\), tile 0.*pixel \(7, 9\)", **settings)


def test_header_card_that_is_lost(source, monkeypatch):
    cards = coded.to_table_cards

    def fewer(header):
        made, n_blank = cards(header)
        return [card for card in made if not card.startswith("EXPTIME")], n_blank

    monkeypatch.setattr(coded, "to_table_cards", fewer)
    check_nothing_is_left(source, r"extension 1 \(SCI\), header")


@pytest.mark.parametrize("column", [29, 79], ids=["value", "last column"])
def test_header_card_that_comes_back_otherwise(source, monkeypatch, column):
    cards = coded.to_table_cards

    def other(header):
        made, n_blank = cards(header)
        changed = [
            card[:column] + "7" + card[column + 1 :] if card.startswith("EXPTIME") else card
            for card in made
        ]
        return changed, n_blank

    monkeypatch.setattr(coded, "to_table_cards", other)
    check_nothing_is_left(source, r"extension 1 \(SCI\), header.*EXPTIME")


def test_kept_extension_that_is_copied_wrong(source, monkeypatch):
    def other(path, start, stop):
        for chunk in chunks(path, start, stop):
            yield chunk[:-9] + b"otherwise" if stop else chunk

    monkeypatch.setattr(job, "chunks", other)
    check_nothing_is_left(source, r"extension 0.*its bytes differ")


def test_tail_that_is_copied_wrong(source, monkeypatch):
    with open(source, "ab") as stream:
        stream.write(b"tail" * 40)

    def other(path, start, stop):
        for chunk in chunks(path, start, stop):
            yield chunk if stop else chunk[:-1]

    monkeypatch.setattr(job, "chunks", other)
    check_nothing_is_left(source, "what follows the last HDU differs")


def test_tile_that_decodes_to_other_integers(source, monkeypatch):
    """The coder is broken: the integers are right in memory, the bytes are not theirs."""
    encode = tile.methods.encode

    def other(k, *known):
        if k.size > 4:
            k = k.copy()
            k.flat[3] += 1
        return encode(k, *known)

    monkeypatch.setattr(tile.methods, "encode", other)
    check_nothing_is_left(source, "tile")
    with pytest.raises(AssertionError, match="no form keeps"):
        astroae.encode(sky())  # an array is read back tile by tile


def test_levels_far_apart(tmp_path):
    for dtype, values in (
        ("f8", [-2, 2]),
        ("f8", [-999, 10, 11, 12, 40]),
        ("i8", [-5 * 10**18, 5 * 10**18]),
        ("i8", [-(2**63), 2**63 - 1]),
        ("f4", [-3e38, 3e38]),
        ("f8", [-1e300, 0, 1e300]),
        ("f8", [-0.0, 0.0, np.inf, np.nan]),
    ):
        field = np.random.default_rng(0).choice(np.array(values, dtype), size=(200, 150))
        fits.writeto(tmp_path / "a.fits", field, overwrite=True)
        result, packed, _ = check_round_trip(tmp_path / "a.fits", tmp_path)
        assert result.byte_identical
        assert np.array_equal(fits.getdata(packed), field, equal_nan=dtype != "i8")


def test_dry_run_reads_back_too(source):
    dry = astroae.compress(source, source.with_name("b.aae.fits"), dry_run=True)
    assert dry.byte_identical
    lossy = astroae.compress(source, source.with_name("b.aae.fits"), dry_run=True, quantize_level=4)
    assert not lossy.byte_identical
    assert len(list(source.parent.iterdir())) == 1


def test_count_of_extensions_stands_in_front(source):
    target = source.with_name("a.aae.fits")
    astroae.compress(source, target)
    spans = scan(target)
    assert spans[1].header["AENHDU"] == len(spans) == 6
