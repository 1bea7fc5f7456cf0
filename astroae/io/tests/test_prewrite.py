"""A table that would not come back as promised is never written."""

import io

import numpy as np
import pytest
from astropy.io import fits

from astroae.container import structure as structure_module
from astroae.errors import ReadBackError
from astroae.io import hdu as hdu_module
from astroae.io import tablebacked
from astroae.io.hdu import AEImageHDU
from astroae.io.tests.hdu_helpers import check_same_pixels, noise, plain_and_coded, save, scaled_hdu

MODES = {
    "lossless floats": (lambda: noise(), {}),
    "lossless integers": (lambda: noise(dtype="i2"), {}),
    "unsigned": (lambda: noise(dtype="u2"), {}),
    "level": (lambda: noise(), {"quantize_level": 1}),
    "bound": (lambda: noise(dtype="f8"), {"error_bound": 0.25}),
    "integers in steps": (lambda: noise(dtype="i4"), {"error_bound": 2, "lossy_integers": True}),
    "relative": (lambda: noise(), {"relative_error": 0.01}),
}


def of(name):
    make, settings = MODES[name]
    return AEImageHDU(make(), name="SCI", tile_shape=(48, 64), **settings)


def check_refused(hdu, match=None):
    """Nothing of the HDU is written, neither to a new file nor into a list of HDUs."""
    out = io.BytesIO()
    with pytest.raises(ReadBackError, match=match) as caught:
        fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(out)
    assert "SCI" in str(caught.value) and "was not written" in str(caught.value)
    assert b"AEIMAGE" not in out.getvalue()


@pytest.mark.parametrize("name", MODES)
def test_what_is_right_is_written(tmp_path, name):
    hdu = of(name)
    path = save(tmp_path / "a.fits", hdu)
    again = hdu.copy()
    check_same_pixels(fits.getdata(path), fits.getdata(save(tmp_path / "b.fits", again)))


@pytest.mark.parametrize("name", MODES)
def test_other_pixels_under_right_checksums(monkeypatch, name):
    """The encoder is sure of itself, but what it was given is not what the user has."""
    encode = hdu_module.encode_stored

    def wrong(stored, *args, **options):
        stored = stored.copy()
        stored[50, 70] += np.asarray(abs(stored[50, 70]) // 4 + 20).astype(stored.dtype)
        return encode(stored, *args, **options)

    monkeypatch.setattr(hdu_module, "encode_stored", wrong)
    check_refused(of(name), r"tile 3: .*pixel \(2, 6\) was")
    with pytest.raises(ReadBackError, match="tile 3"):
        AEImageHDU.from_hdu(fits.ImageHDU(noise(), name="SCI"), tile_shape=(48, 64))


@pytest.mark.parametrize("name", ["level", "bound", "integers in steps"])
def test_a_step_that_is_too_wide_for_the_errors_it_hides(monkeypatch, name):
    pack = tablebacked.pack

    def told(encoded):
        encoded.tiles["MAXERR"] /= 2
        return pack(encoded)

    monkeypatch.setattr(tablebacked, "pack", told)
    check_refused(of(name), "MAXERR")


def lost_stream(packed):
    packed.heap = [packed.heap[0][:-1], *packed.heap[1:]]


def swapped_rows(packed):
    packed.rows[[0, 1]] = packed.rows[[1, 0]]


def lost_row(packed):
    packed.rows = packed.rows[:-1]


def other_crc(packed):
    packed.rows["CRC_P"][2] ^= 1


def lost_column(packed):
    packed.cards = [card for card in packed.cards if "'CRC_S" not in card]


@pytest.mark.parametrize(
    "damage",
    [lost_stream, swapped_rows, lost_row, other_crc, lost_column],
    ids=lambda f: f.__name__,
)
def test_a_table_that_cannot_be_read(monkeypatch, damage):
    pack = tablebacked.pack

    def damaged(encoded):
        packed = pack(encoded)
        damage(packed)
        return packed

    monkeypatch.setattr(tablebacked, "pack", damaged)
    check_refused(of("level"))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("AEBITPIX", -64), ("AENAXIS1", 81), ("AETILE1", 60), ("AEERRBND", 0.5),
        ("AEDSEED", 3), ("AEDITHER", 2), ("AESCLSUM", 7), ("AEBLANK", 7), ("AEVERSN", 99),
    ],
)  # fmt: skip
def test_a_card_that_lies(monkeypatch, key, value):
    cards_of = tablebacked.structure_cards

    def lying(*args):
        cards = [card for card in cards_of(*args) if not card.startswith(f"{key:8s}=")]
        return [*cards[:-1], structure_module.card(key, value), cards[-1]]

    monkeypatch.setattr(tablebacked, "structure_cards", lying)
    hdu = AEImageHDU(noise(), name="SCI", tile_shape=(48, 64), error_bound=0.25, dither_seed=2)
    check_refused(hdu)


def test_a_card_of_the_image_that_would_be_lost(monkeypatch):
    cards_of = tablebacked.to_table_cards
    monkeypatch.setattr(tablebacked, "to_table_cards", lambda h: (cards_of(h)[0][:-1], 0))
    hdu = AEImageHDU(noise(), fits.Header([("OBJECT", "M 31"), ("LAST", 1)]), name="SCI")
    check_refused(hdu, "header of the image")


@pytest.mark.parametrize("what", ["pixels", "header"])
def test_a_file_in_update_mode_stays_as_it_was(tmp_path, monkeypatch, what):
    _, coded = plain_and_coded(tmp_path, scaled_hdu(), error_bound=2.0)
    before = coded.read_bytes()
    cards_of = tablebacked.to_table_cards

    def losing(header):
        cards, n_blank = cards_of(header)
        return [card for card in cards if not card.startswith("OBJECT")], n_blank

    hdul = fits.open(coded, mode="update")
    hdul[1].header["ADDED"] = 1
    if what == "pixels":
        hdul[1].data[50, 70] = 500
    monkeypatch.setattr(tablebacked, "to_table_cards", losing)
    with pytest.raises(ReadBackError, match=r"coded\.fits, extension SCI"):
        hdul.flush()
    assert coded.read_bytes() == before
    monkeypatch.undo()
    hdul.close()
    with fits.open(coded) as found:
        assert found[1].header["ADDED"] == 1
        assert what == "header" or found[1].data[50, 70] == pytest.approx(500, abs=2)


def test_edited_tiles_are_held_against_the_edit(tmp_path, monkeypatch):
    _, coded = plain_and_coded(tmp_path, fits.ImageHDU(noise(), name="SCI"), quantize_level=1)
    before = coded.read_bytes()
    reencode = hdu_module.codec.reencode_tiles

    def wrong(encoded, stored, changed, **options):
        return reencode(encoded, stored - np.float32(30), changed, **options)

    monkeypatch.setattr(hdu_module.codec, "reencode_tiles", wrong)
    with pytest.raises(ReadBackError, match="tile 3"), fits.open(coded, mode="update") as hdul:
        hdul[1].data[50, 70] = 5000
    assert coded.read_bytes() == before


def test_tiles_that_nobody_touched_are_not_decoded_again(tmp_path, monkeypatch):
    _, coded = plain_and_coded(tmp_path, fits.ImageHDU(noise()), quantize_level=1)
    decoded = []
    decode = tablebacked.check_table.__globals__["decode_image"]

    def counting(encoded, region, **options):
        decoded.append(region)
        return decode(encoded, region, **options)

    monkeypatch.setitem(tablebacked.check_table.__globals__, "decode_image", counting)
    with fits.open(coded, mode="update") as hdul:
        hdul[1].data[50, 70] = 5000
    assert len(decoded) == 1
    with fits.open(coded) as hdul:
        save(tmp_path / "b.fits", hdul[1].copy())
    assert len(decoded) == 1
