"""Files that are odd in themselves: nothing of them is lost, none is made unreadable."""

import numpy as np
import pytest
from astropy.io import fits

import astroae
from astroae.io.coded import CodedHDU
from astroae.io.planes import plane_of, settings_for
from astroae.io.preview import make_preview
from astroae.io.tests.helpers import check_round_trip, digest, sky
from astroae.settings import Lossless, from_keywords


def with_card(folder, card):
    """An image, and another one with a card more at the end of its header."""
    path = folder / "a.fits"
    hdus = [fits.PrimaryHDU(), fits.ImageHDU(sky((40, 50))), fits.ImageHDU(sky((40, 50)))]
    hdus[2].header["ODD"] = 1
    fits.HDUList(hdus).writeto(path)
    raw = bytearray(path.read_bytes())
    start = raw.rindex(b"ODD     =")
    raw[start : start + 80] = card.ljust(80).encode()
    path.write_bytes(raw)
    return path


@pytest.mark.parametrize(
    "card", ["NAXIS1  =                   50", "BITPIX  =                  -32"]
)
def test_cards_of_size_that_stand_twice(tmp_path, card):
    result = astroae.compress(with_card(tmp_path, card), tmp_path / "p.aae.fits")
    assert [hdu.action for hdu in result.hdus] == ["kept", "compressed", "kept"]
    assert "stand twice" in result.hdus[2].note
    astroae.decompress(tmp_path / "p.aae.fits", tmp_path / "b.fits")
    assert digest(tmp_path / "b.fits") == digest(tmp_path / "a.fits")


def test_size_that_is_no_integer(tmp_path):
    path = with_card(tmp_path, "ODD     =                    1")
    raw, old = bytearray(path.read_bytes()), b"NAXIS1  =                   50"
    start = raw.rindex(old)
    raw[start : start + len(old)] = b"NAXIS1  =                 50.0"
    path.write_bytes(raw)
    result = astroae.compress(path, tmp_path / "p.aae.fits")
    assert result.hdus[2].action == "kept" and result.byte_identical


def test_what_a_reader_would_refuse_is_not_kept(tmp_path, monkeypatch):
    monkeypatch.setattr("astroae.io.coded._sizes_that_differ", lambda header, sizes: ())
    path = with_card(tmp_path, "NAXIS1  =                   50")
    check = CodedHDU.check_header

    def check_header(hdu):
        monkeypatch.undo()
        check(hdu)

    monkeypatch.setattr(CodedHDU, "check_header", check_header)
    with pytest.raises(astroae.errors.ReadBackError, match="fit its pixels"):
        astroae.compress(path, tmp_path / "p.aae.fits")
    assert not (tmp_path / "p.aae.fits").exists()


def test_primary_with_words_before_a_tiled_primary_image(tmp_path):
    words = fits.PrimaryHDU(header=fits.Header({"OBSERVER": "Hubble", "HISTORY": "moved"}))
    tiled = fits.CompImageHDU(sky(dtype="i2"), header=fits.PrimaryHDU(sky(dtype="i2")).header)
    fits.HDUList([words, tiled]).writeto(tmp_path / "a.fits")
    astroae.compress(tmp_path / "a.fits", tmp_path / "p.aae.fits")
    astroae.decompress(tmp_path / "p.aae.fits", tmp_path / "b.fits")
    with fits.open(tmp_path / "b.fits") as hdus:
        assert hdus[0].header["OBSERVER"] == "Hubble"
        assert isinstance(hdus[1], fits.ImageHDU) and (hdus[1].data == sky(dtype="i2")).all()


def test_words_that_were_put_beside_the_note(tmp_path):
    fits.writeto(tmp_path / "a.fits", sky((40, 50)))
    astroae.compress(tmp_path / "a.fits", tmp_path / "p.aae.fits")
    with fits.open(tmp_path / "p.aae.fits", mode="update") as hdus:
        hdus[0].header["OBSERVER"] = "Hubble"
    with pytest.warns(UserWarning, match="edited, damaged or moved"):
        astroae.decompress(tmp_path / "p.aae.fits", tmp_path / "b.fits")
    with fits.open(tmp_path / "b.fits") as hdus:
        assert hdus[0].header["OBSERVER"] == "Hubble"
        assert (hdus[1].data == sky((40, 50))).all()


def test_preview_of_the_users_own(tmp_path):
    mine = np.arange(6.0).reshape(2, 3)
    hdus = [
        fits.PrimaryHDU(),
        fits.ImageHDU(sky((1500, 1500))),
        fits.ImageHDU(mine, name="PREVIEW"),
    ]
    fits.HDUList(hdus).writeto(tmp_path / "a.fits")
    check_round_trip(tmp_path / "a.fits", tmp_path)
    astroae.compress(tmp_path / "a.fits", tmp_path / "p.aae.fits")
    with fits.open(tmp_path / "p.aae.fits") as hdus:
        assert (hdus["PREVIEW"].data == mine).all()


def flipped(path, old, new, nth=0):
    """A bit or a few of the file's headers, damaged."""
    raw = path.read_bytes()
    start = [i for i in range(len(raw)) if raw.startswith(old, i)][nth]
    path.write_bytes(raw[:start] + new + raw[start + len(new) :])


@pytest.mark.parametrize("lossy", [False, True])
@pytest.mark.parametrize(
    "old, new",
    [
        (b"AEIMAGE =", b"A.IMAGE ="),
        (b"AEIMAGE =                    T", b"AEIMAGE =                    V"),
        (b"ZTENSION= 'IMAGE", b"ZTENSION= 'IMA0E"),
        (b"ZTENSION= 'IMAGE", b"ZTUNSION= 'IMAGE"),
        (b"AENHDU  =                    3", b"AENHDU  =             0      3"),
        (b"AEX1    =", b"AEZ1    ="),
        (b"= 'BZERO   '", b"= 'BZERP   '"),
        (b"TTYPE9  = 'FLUX    '", b"TTYPE9  = 'FLUX    \xa7"),
        (b"ZPCOUNT =                    0", b"ZPCOUNT =                     "),
    ],
)
def test_damaged_card_is_never_another_image(tmp_path, old, new, lossy):
    counts = np.arange(2000, dtype="u2").reshape(40, 50) * 30
    hdus = [fits.PrimaryHDU(), fits.ImageHDU(counts), fits.ImageHDU(sky((40, 50)), name="SKY")]
    fits.HDUList(hdus).writeto(tmp_path / "a.fits")
    packed, back = tmp_path / "p.aae.fits", tmp_path / "b.fits"
    astroae.compress(tmp_path / "a.fits", packed, **({"error_bound": 1.0} if lossy else {}))
    flipped(packed, old, new)
    with pytest.raises(astroae.CorruptFileError):
        astroae.decompress(packed, back)
    assert not astroae.verify(packed).ok
    astroae.decompress(packed, back, on_corrupt="blank")
    assert np.abs(fits.getdata(back, "SKY") - sky((40, 50))).max() <= lossy


def test_damaged_name_costs_no_pixel(tmp_path):
    hdus = [fits.PrimaryHDU(), fits.ImageHDU(sky((40, 50)), name="SKY")]
    fits.HDUList(hdus).writeto(tmp_path / "a.fits")
    astroae.compress(tmp_path / "a.fits", tmp_path / "p.aae.fits")
    flipped(tmp_path / "p.aae.fits", b"EXTNAME = 'SKY", b"EXTNAME = \x07SKY")
    astroae.decompress(tmp_path / "p.aae.fits", tmp_path / "b.fits")
    assert (fits.getdata(tmp_path / "b.fits", 1) == sky((40, 50))).all()


@pytest.mark.parametrize(
    "scale, zero, role", [(1, -100, "exact"), (-1, 0, "exact"), (-1, 100, "relative")]
)
def test_sign_of_a_weight_is_that_of_its_physical_values(scale, zero, role):
    header = fits.Header({"EXTNAME": "WEIGHT", "BSCALE": scale, "BZERO": zero})
    assert plane_of(header, blocks=[np.full((4, 4), 10.0)]).role == role


def test_integers_of_a_relative_plane_are_lossless():
    assert settings_for("relative", from_keywords(quantize_level=4), 16).mode == Lossless()


@pytest.mark.parametrize(
    "card",
    [
        "BSCALE  = 'two     '",
        "BZERO   =                    T",
        "BSCALE  =                1E300",
        "CRPIX1  = 'middle  '",
        "CRPIX1  =",
        "CRVAL1  =                1E400",
        "CDELT1  =                    T",
        "CD1_1   = 'x       '",
        "A_1_1   = 'x       '",
        "OBJECT  = (1, 2) 'x'",
    ],
)
def test_cards_of_which_a_preview_makes_nothing(card):
    header = fits.Header.fromstring(card.ljust(80) + "CRVAL2  =                  2.5".ljust(80))
    notes = {"AEPREV": True}
    coded = make_preview(sky((300, 200)), header, 1 << 20, notes)
    if card.startswith(("BSCALE  = '", "BZERO")):
        assert coded is None
        return
    preview = fits.Header.fromstring(coded[:2880].decode())
    assert preview["CRVAL2"] == 2.5 and card[:8].rstrip() not in preview
