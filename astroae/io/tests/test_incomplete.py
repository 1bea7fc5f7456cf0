"""A compressed file that was cut short is known as such, wherever it was cut."""

import numpy as np
import pytest
from astropy.io import fits

import astroae
from astroae.cli.__main__ import main
from astroae.io.spans import scan
from astroae.io.tests.helpers import digest, mixed_file, sky


@pytest.fixture(params=["lossless", "bounded", "with tail"])
def packed(tmp_path, request):
    source = mixed_file(tmp_path / "a.fits")
    if request.param == "with tail":
        with open(source, "ab") as stream:
            stream.write(b"\7tail" * 40)
    settings = {"quantize_level": 4} if request.param == "bounded" else {}
    astroae.compress(source, tmp_path / "a.aae.fits", **settings)
    return tmp_path / "a.aae.fits"


def cut(path, size):
    path.write_bytes(path.read_bytes()[:size])


@pytest.mark.parametrize("left", [2, 3, 4, 5])
def test_file_cut_between_two_extensions(packed, capsys, left):
    cut(packed, scan(packed)[left].start)
    back = packed.with_name("b.fits")
    assert main(["decompress", str(packed), "-o", str(back)]) == 5
    assert f"{left} HDUs are here, 6 were written" in capsys.readouterr().err
    assert not back.exists()
    assert main(["verify", str(packed)]) == 1
    assert "not complete" in capsys.readouterr().out
    assert main(["info", str(packed)]) == 0
    assert "byte for byte" not in (text := capsys.readouterr().out) and "refuses" in text
    assert not astroae.info(packed)["complete"]
    with pytest.raises(astroae.CorruptFileError, match="not complete"):
        astroae.decompress(packed, back)


@pytest.mark.parametrize("left", [2, 3, 5])
def test_what_is_there_is_given(packed, capsys, left):
    cut(packed, scan(packed)[left].start)
    back = packed.with_name("b.fits")
    assert main(["decompress", str(packed), "-o", str(back), "--keep-going", "--quiet"]) == 5
    assert "6 were written" in capsys.readouterr().err
    before = packed.with_name("a.fits")
    assert [span.name for span in scan(back)] == [span.name for span in scan(before)][:left]
    assert back.stat().st_size == scan(back)[-1].end, "the tail belongs to the end"
    assert np.abs(fits.getdata(before, 1) - fits.getdata(back, 1)).max() < 2


def test_file_cut_before_its_first_image(packed, capsys):
    cut(packed, scan(packed)[1].start)
    assert main(["decompress", str(packed), "-o", str(packed.with_name("b.fits"))]) == 3
    assert main(["verify", str(packed)]) == 3
    assert "cut short" in capsys.readouterr().err


@pytest.mark.parametrize("inside", [3, 4])
def test_what_stands_before_a_cut_inside(packed, capsys, inside):
    span = scan(packed)[inside]
    for size in (span.start + 1000, span.data + 10):
        cut(packed, size)
        back = packed.with_name(f"{size}.fits")
        assert main(["decompress", str(packed), "-o", str(back)]) == 5
        assert main(["verify", str(packed)]) == 1
        assert not back.exists()
        assert main(["decompress", str(packed), "-o", str(back), "--keep-going"]) == 5
        assert len(scan(back)) == inside
        assert fits.getdata(back, 1).shape == (300, 320)


def test_header_of_a_kept_extension_that_is_lost(packed):
    """An XTENSION card that is damaged makes a tail of all that follows."""
    raw = bytearray(packed.read_bytes())
    start = scan(packed)[4].start
    raw[start : start + 4] = b"\0\0\0\0"
    packed.write_bytes(raw)
    with pytest.raises(astroae.CorruptFileError, match="4 HDUs are here, 6"):
        astroae.decompress(packed, packed.with_name("b.fits"))


@pytest.mark.parametrize("settings", [{}, {"quantize_level": 4}], ids=["lossless", "lossy"])
@pytest.mark.parametrize("place", ["table", "primary header", "tail", "places"])
def test_damage_of_what_is_kept_is_told(tmp_path, capsys, settings, place):
    source, packed = mixed_file(tmp_path / "a.fits"), tmp_path / "a.aae.fits"
    with open(source, "ab") as stream:
        stream.write(b"\7tail")
    astroae.compress(source, packed, preview=False, **settings)
    raw, spans = bytearray(packed.read_bytes()), scan(packed)
    if place == "places":  # SCI and ERR, which are of one size
        parts = [raw[span.start : span.end] for span in spans]
        raw = b"".join([parts[0], parts[2], parts[1], *parts[3:], raw[spans[-1].end :]])
    else:
        offset = {"table": spans[3].data + 17, "primary header": 245, "tail": len(raw) - 2}
        raw[offset[place]] ^= 1
    packed.write_bytes(raw)
    with pytest.warns(UserWarning, match="edited, damaged or moved"):
        result = astroae.decompress(packed, tmp_path / "b.fits")
    assert result.changed and not result.byte_identical
    found = astroae.verify(packed)
    assert not found.ok and "edited, damaged or moved" in found.damages[0][1]
    with pytest.warns(UserWarning):
        assert main(["decompress", str(packed), "-o", str(tmp_path / "c.fits")]) == 1
    assert main(["verify", str(packed)]) == 1


def test_first_image_that_was_removed_is_missed(tmp_path):
    source, packed = mixed_file(tmp_path / "a.fits"), tmp_path / "a.aae.fits"
    astroae.compress(source, packed)
    raw, first = packed.read_bytes(), scan(packed)[1]
    packed.write_bytes(raw[: first.start] + raw[first.end :])
    with pytest.raises(astroae.CorruptFileError, match="5 HDUs are here, 6"):
        astroae.decompress(packed, tmp_path / "b.fits")
    assert not astroae.verify(packed).ok


def test_extension_that_was_added_comes_along(tmp_path):
    source = mixed_file(tmp_path / "a.fits")
    packed = tmp_path / "a.aae.fits"
    astroae.compress(source, packed, quantize_level=4)
    fits.append(packed, sky((20, 20)), fits.Header({"EXTNAME": "MORE"}))
    astroae.decompress(packed, tmp_path / "b.fits")
    assert scan(tmp_path / "b.fits")[-1].name == "MORE"
    astroae.compress(source, packed, overwrite=True)
    fits.append(packed, sky((20, 20)), fits.Header({"EXTNAME": "MORE"}))
    assert (found := astroae.verify(packed)).ok and "was changed after" in found.verdict


def test_output_is_told_apart_from_the_original(tmp_path):
    source = mixed_file(tmp_path / "a.fits")
    packed, back = tmp_path / "a.aae.fits", tmp_path / "b.fits"
    astroae.compress(source, packed)
    result = astroae.decompress(packed, back)
    assert result.byte_identical and result.sha256 == digest(back) == digest(source)
    astroae.compress(source, packed, quantize_level=4, overwrite=True)
    result = astroae.decompress(packed, back, overwrite=True)
    assert not result.byte_identical and result.sha256 == digest(back)


@pytest.mark.parametrize("tail", [b"", b"tail" * 40])
@pytest.mark.parametrize("settings", [{}, {"error_bound": 1.0}])
def test_file_cut_within_its_last_block_or_what_follows_it(tmp_path, capsys, settings, tail):
    source, packed, back = (tmp_path / name for name in ("a.fits", "p.aae.fits", "b.fits"))
    table = fits.BinTableHDU.from_columns([fits.Column("id", "J", array=np.arange(5))])
    fits.HDUList([fits.PrimaryHDU(sky((40, 50))), table]).writeto(source)
    with open(source, "ab") as stream:
        stream.write(tail)
    astroae.compress(source, packed, **settings)
    cut(packed, packed.stat().st_size - 100)
    assert main(["decompress", str(packed), "-o", str(back)]) == 5
    assert "the original had" in capsys.readouterr().err
    assert not back.exists()
    assert main(["verify", str(packed)]) == 1
    assert main(["decompress", str(packed), "-o", str(back), "--keep-going", "--quiet"]) == 5
    assert back.stat().st_size == source.stat().st_size - 100
