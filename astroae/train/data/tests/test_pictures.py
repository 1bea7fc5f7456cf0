"""Pictures: what their files hold, and JPEG versions beside their originals."""

import numpy as np
import pytest

from astroae.errors import InputError
from astroae.train.data import View, load_data, open_source
from astroae.train.data.live import LiveFolder
from astroae.train.data.pictures import read_picture

Image = pytest.importorskip("PIL.Image")
rng = np.random.default_rng(11)
COLOUR = rng.integers(0, 256, (40, 60, 3), np.uint8)


def smooth(shape=(48, 64), seed=0):
    y, x = np.mgrid[: shape[0], : shape[1]]
    waves = [np.sin(x / (7 + seed) + k) * np.cos(y / 9 + seed) for k in range(3)]
    return np.clip(128 + 90 * np.stack(waves, -1), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("suffix", ["png", "bmp"])
@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA", "LA", "P", "1"])
def test_modes(tmp_path, suffix, mode):
    if suffix == "bmp" and mode == "LA":
        mode = "L"  # BMP has no such mode
    picture = Image.fromarray(COLOUR).convert(mode)
    picture.save(tmp_path / f"a.{suffix}")
    levels = read_picture(tmp_path / f"a.{suffix}")
    gray = mode in ("L", "LA", "1")
    assert levels.dtype == np.uint8 and levels.shape == ((40, 60) if gray else (3, 40, 60))
    expected = np.asarray(picture.convert("L" if gray else "RGB"))
    assert (levels == (expected if gray else np.moveaxis(expected, -1, 0))).all()


def test_sixteen_bits_are_on_the_same_scale(tmp_path):
    deep = np.linspace(0, 65535, 2400).reshape(40, 60).astype(np.uint16)
    Image.fromarray(deep).save(tmp_path / "a.png")
    assert np.allclose(read_picture(tmp_path / "a.png"), deep / 257)


def test_a_folder_of_pictures(tmp_path):
    for name in ("a.jpg", "b.JPEG", "deep/c.jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.fromarray(COLOUR).save(tmp_path / name, quality=95)
    stamps = load_data(tmp_path, View(16, channels=3, fit="crop"))
    assert stamps.groups == ["a.jpg", "b.JPEG", "deep/c.jpg"]
    assert stamps.images.shape == (18, 3, 16, 16)
    levels = stamps.stamp(1).values
    assert np.allclose(stamps.images[1] * 255, levels)
    gray = load_data(tmp_path, View(28))
    assert gray.images.shape == (3, 1, 28, 28)
    assert gray.images.mean() == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize("content", [b"", b"\x89PNG\r\n\x1a\nrubbish", b"BM" + bytes(60)])
def test_damaged_pictures_are_named(tmp_path, content):
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(InputError, match="a.png: not readable as a picture"):
        open_source(tmp_path)


def test_a_truncated_picture_is_named(tmp_path):
    Image.fromarray(COLOUR).save(tmp_path / "a.png")
    content = (tmp_path / "a.png").read_bytes()
    (tmp_path / "a.png").write_bytes(content[: len(content) // 2])
    with pytest.raises(InputError, match="a.png"):
        load_data(tmp_path, View(28))


def test_a_folder_of_several_kinds(tmp_path):
    Image.fromarray(COLOUR).save(tmp_path / "a.png")
    np.save(tmp_path / "a.npy", np.zeros((4, 4)))
    with pytest.raises(InputError, match="pictures and arrays"):
        open_source(tmp_path)
    with pytest.raises(InputError, match="none of a kind"):
        open_source(folder_of_notes(tmp_path / "empty"))


def folder_of_notes(folder):
    folder.mkdir()
    (folder / "notes.txt").write_text("nothing")
    return folder


@pytest.fixture
def release(tmp_path):
    """Two originals and their versions, laid out as databaserelease2 is."""
    for place in ("refimgs", "jpeg"):
        (tmp_path / place).mkdir()
    lines, number = [], 0
    for seed, name in enumerate(("lake.bmp", "woman.bmp")):
        original = Image.fromarray(smooth(seed=seed))
        original.save(tmp_path / "refimgs" / name)
        for quality in (90, 20, None):
            number += 1
            target, rate = tmp_path / "jpeg" / f"img{number}.bmp", 0
            if quality:
                original.save(tmp_path / "coded", "JPEG", quality=quality)
                rate = (tmp_path / "coded").stat().st_size * 8 / (48 * 64)
                Image.open(tmp_path / "coded").save(target)
            else:
                original.save(target)
            lines.append(f"{name} {target.name} {rate:.6f} \r\n")
    (tmp_path / "coded").unlink()
    (tmp_path / "jpeg" / "info.txt").write_text("".join(lines))
    return tmp_path


def test_the_release(release):
    stamps = load_data(release, View(16, channels=3, fit="crop"))
    assert isinstance(stamps.source, LiveFolder)
    assert stamps.groups == ["refimgs/lake.bmp", "refimgs/woman.bmp"]
    assert len(stamps.source.versions) == 4  # the original among them is none
    for origin in stamps.origins:
        original = stamps.source.read(origin)
        (poor, few), (good, many) = stamps.source.versions_of(origin)
        assert poor.shape == original.shape == (3, 16, 16) and 0 < few < many
        assert np.abs(good - original).mean() < np.abs(poor - original).mean() < 60
    (entry, _) = stamps.card()
    assert "LIVE" in entry["licence"]


def test_bytes_of_a_version_are_its_rate(release):
    source = open_source(release)
    rates = {
        line.split()[1]: float(line.split()[2])
        for line in (release / "jpeg" / "info.txt").read_text().splitlines()
    }
    for version in source.versions:
        assert version.size == pytest.approx(rates[version.file[5:]] * 48 * 64 / 8)


@pytest.mark.parametrize(
    "line", ["lake.bmp img1.bmp", "sea.bmp img1.bmp 1.0", "lake.bmp a.bmp nan"]
)
def test_a_list_of_versions_that_cannot_be_used(release, line):
    (release / "jpeg" / "info.txt").write_text(line)
    with pytest.raises(InputError, match="list of versions"):
        open_source(release)


@pytest.mark.parametrize("place", [".", "jpeg"])
def test_a_folder_of_ones_own(tmp_path, place):
    (tmp_path / place).mkdir(exist_ok=True)
    for name in ("lake", "lake2"):
        picture = Image.fromarray(smooth(seed=len(name)))
        picture.save(tmp_path / f"{name}.png")
        for quality in (30, 90):
            picture.save(tmp_path / place / f"{name}_q{quality}.jpg", quality=quality)
    picture.save(tmp_path / place / "lakeside.jpg")  # of nobody
    source = open_source(tmp_path)
    assert isinstance(source, LiveFolder)
    assert [origin.file for origin in source.origins] == ["lake.png", "lake2.png"]
    pairs = {(version.original, version.file.split("/")[-1]) for version in source.versions}
    assert pairs == {
        (f"{name}.png", f"{name}_q{quality}.jpg")
        for name in ("lake", "lake2")
        for quality in (30, 90)
    }
    for version in source.versions:
        assert version.size == (tmp_path / version.file).stat().st_size
