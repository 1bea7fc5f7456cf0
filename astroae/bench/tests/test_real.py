"""The referee: what it lets pass, and that it sees what does not hold."""

import gzip
import io
import shutil

import numpy as np
import pytest
from astropy.io import fits

import astroae
from astroae.bench import real
from astroae.bench.outside import new_complaints, tables_seen
from astroae.bench.promise import broken_promises, table_of_tiles, tile_noise, tile_slices
from astroae.bench.rawfits import split_hdus
from astroae.bench.real import check_file, check_files
from astroae.container.header import raw_cards
from astroae.pixels.noise import noise_sigma


def sky(shape=(40, 300)):
    image = np.random.default_rng(2).normal(100, 5, shape).astype(np.float32)
    image[3, 4:9], image[0, 0] = np.nan, np.inf
    return image


def compressed(data, blank=None, **options):
    hdu = fits.ImageHDU(data)
    if blank is not None:
        hdu.header["BLANK"] = blank
    out = io.BytesIO()
    fits.HDUList([fits.PrimaryHDU(), astroae.AEImageHDU.from_hdu(hdu, **options)]).writeto(out)
    content = out.getvalue()
    with fits.open(io.BytesIO(content), do_not_scale_image_data=True) as hdus:
        return np.array(hdus[1].data), *table_of_tiles(content, 1)


@pytest.mark.filterwarnings("ignore::astropy.utils.exceptions.AstropyWarning")
def test_raw_hdus_are_those_of_astropy(bundled_images):
    for path in bundled_images:
        content = gzip.decompress(path.read_bytes())
        raw, rest = split_hdus(content)
        with fits.open(io.BytesIO(content), disable_image_compression=True) as hdus:
            assert [len(hdu.data) for hdu in raw] == [hdu.size for hdu in hdus]
            # Not `tostring`, which repairs cards that break the standard.
            assert [b"".join(hdu.cards).decode("latin-1") for hdu in raw] == [
                "".join(raw_cards(hdu.header)) for hdu in hdus
            ]
        assert content.endswith(rest)


def test_checksum_of_a_raw_hdu(tmp_path):
    fits.writeto(tmp_path / "a.fits", np.arange(100, dtype="int16"), checksum=True)
    content = bytearray((tmp_path / "a.fits").read_bytes())
    assert split_hdus(bytes(content))[0][0].checksum_is_right
    content[2880] ^= 1
    assert not split_hdus(bytes(content))[0][0].checksum_is_right


def test_noise_is_that_of_the_codec():
    image = sky()
    assert tile_noise(np.where(np.isfinite(image), image, np.nan).astype(float)) == pytest.approx(
        noise_sigma(image, np.isfinite(image)), rel=1e-5
    )
    assert tile_noise(np.ones((5, 5))) == tile_noise(np.ones((5, 1))) == 0


def test_tiles_cover_the_image_once():
    _, _, header = compressed(sky())
    seen = np.zeros((40, 300), int)
    for place in tile_slices(header):
        seen[place] += 1
    assert (seen == 1).all()


@pytest.mark.parametrize(
    "options", [{}, {"quantize_level": 2}, {"error_bound": 0.3}, {"relative_error": 0.01}]
)
def test_kept_promises(options):
    original = sky()
    decoded, rows, header = compressed(original, **options)
    assert broken_promises(original, decoded, None, rows, header) == []


@pytest.mark.parametrize(
    "options, place, value, word",
    [
        ({}, (5, 5), 0, "bits differ"),
        ({"quantize_level": 2}, (5, 5), 1e3, "1 pixels beyond half a step"),
        ({"quantize_level": 2}, (3, 5), 7, "undefined pixel"),
        ({"quantize_level": 2}, (5, 5), np.nan, "became undefined"),
        ({"relative_error": 0.01}, (5, 5), -100, "sign"),
        ({"relative_error": 0.01}, (5, 5), 300, "relative bound"),
    ],
)
def test_broken_promises(options, place, value, word):
    original = sky()
    decoded, rows, header = compressed(original, **options)
    decoded[place] = value
    assert any(word in text for text in broken_promises(original, decoded, None, rows, header))


def test_a_step_above_what_was_asked():
    original = sky()
    decoded, rows, header = compressed(original, quantize_level=2)
    header["AEQLEVEL"] = 4.0
    assert "2 tiles with a step" in broken_promises(original, decoded, None, rows, header)[0]


def test_integers_and_blank():
    original = np.rint(np.random.default_rng(2).normal(0, 50, (30, 40))).astype(np.int16)
    original[0, :5] = -99
    decoded, rows, header = compressed(original, blank=-99, error_bound=4, lossy_integers=True)
    assert broken_promises(original, decoded, -99, rows, header) == []
    decoded[9, 9] = original[9, 9] + 5
    assert broken_promises(original, decoded, -99, rows, header) == ["1 pixels beyond half a step"]
    decoded[9, 9] = -99
    assert "became undefined" in broken_promises(original, decoded, -99, rows, header)[0]


def test_bundled_images_hold(bundled_images):
    modes = {"lossless": {}, "q=1": {"quantize_level": 1}}
    verdicts = check_files(bundled_images[::3], modes)  # the rest is for `astroae bench real`
    assert [v for v in verdicts if v.problems] == []
    assert all(v.identical for v in verdicts if v.mode == "lossless")


@pytest.fixture
def broken_way_back(monkeypatch):
    """`astroae.decompress`, and then some bytes changed."""

    def install(change):
        honest = astroae.decompress

        def dishonest(source, target):
            honest(source, target)
            content = bytearray(target.read_bytes())
            change(content)
            target.write_bytes(content)

        monkeypatch.setattr(real.astroae, "decompress", dishonest)

    return install


def flip_last_pixel(content):
    content[2880 + 40 * 300 * 4 - 1] ^= 1


def change_comment(content):
    content[content.index(b"OBJECT") + 12] = ord("z")


@pytest.mark.parametrize(
    "change, word", [(flip_last_pixel, "bits differ"), (change_comment, "card ")]
)
def test_referee_sees_a_wrong_way_back(tmp_path, broken_way_back, change, word):
    fits.writeto(tmp_path / "a.fits", sky(), fits.Header([("OBJECT", "m31")]))
    broken_way_back(change)
    (verdict,) = check_file(tmp_path / "a.fits", {"lossless": {}})
    assert any(word in problem for problem in verdict.problems)
    assert any("byte_identical" in problem for problem in verdict.problems)
    assert not verdict.identical


def test_strangers_see_tables(tmp_path):
    fits.writeto(tmp_path / "a.fits", sky())
    astroae.compress(tmp_path / "a.fits", tmp_path / "a.aae.fits")
    (tmp_path / "bad.fits").write_text("no")
    seen = tables_seen([tmp_path / "a.fits", tmp_path / "a.aae.fits", tmp_path / "bad.fits"])
    assert [seen[str(tmp_path / name)] for name in ("a.fits", "a.aae.fits")] == [0, 1]
    assert "OSError" in seen[str(tmp_path / "bad.fits")]
    assert tables_seen([]) == {}


@pytest.mark.skipif(shutil.which("fitsverify") is None, reason="fitsverify is not installed")
def test_new_complaints(tmp_path):
    fits.writeto(tmp_path / "a.fits", sky())
    content = (tmp_path / "a.fits").read_bytes()
    (tmp_path / "b.fits").write_bytes(content.replace(b"END".ljust(80), b"END".ljust(79) + b"x"))
    assert new_complaints(tmp_path / "a.fits", tmp_path / "a.fits") == []
    assert new_complaints(tmp_path / "a.fits", tmp_path / "b.fits")
