"""Every rival gives back what it was given, and says what it cannot."""

import sys

import numpy as np
import pytest

from astroae.bench.rivals import Scene, choose, find_rivals
from astroae.errors import SettingError

AVAILABLE, _ = choose()


def scene_of(levels, scaled=None):
    return Scene(np.asarray(levels, np.int64), scaled)


@pytest.mark.parametrize("name", AVAILABLE)
@pytest.mark.parametrize("top", [0, 1, 200, 60_000, 3_000_000])
def test_round_trip(name, top):
    rng = np.random.default_rng(top)
    levels = rng.integers(0, top + 1, (20, 33))
    levels[0, 0] = top
    scaled = (levels + rng.uniform(-0.5, 0.5, levels.shape)).astype(np.float32)
    scene, rival = scene_of(levels, scaled), AVAILABLE[name]
    if rival.refuses(scene):
        assert scene.bits > 16
        return
    coded = rival.encode(scene)
    back = rival.decode(coded, scene)
    assert 0 < rival.size(coded) <= len(coded)
    if rival.exact:
        assert np.array_equal(back, levels)
    else:
        assert np.abs(back.astype(float) - scaled).max() <= rival.bound


def test_jpegxl_refuses_what_its_interface_cannot_take():
    rival = find_rivals()["JPEG XL e7"]
    assert "16 bits" in rival.refuses(scene_of([[0, 70_000]]))
    assert not rival.refuses(scene_of([[0, 65_535]]))


def test_float_coders_have_nothing_to_do_with_integers():
    assert find_rivals()["SZ3"].refuses(scene_of([[0, 1]]))


def test_fits_headers_do_not_count():
    rival = find_rivals()["RICE_1"]
    scene = scene_of(np.random.default_rng(0).integers(0, 50, (64, 64)))
    coded = rival.encode(scene)
    # One descriptor of 8 bytes a row, and 5 to 7 bits a pixel.
    assert 64 * 8 + 64 * 64 * 5 / 8 < rival.size(coded) < 64 * 8 + 64 * 64 * 8 / 8
    assert rival.size(coded) < len(coded) - 2 * 2880


def test_a_name_used_twice_is_an_error(tmp_path, monkeypatch):
    folder = tmp_path / "twice"
    folder.mkdir()
    (folder / "__init__.py").touch()
    for module in ("one", "two"):
        (folder / f"{module}.py").write_text(
            "from types import SimpleNamespace\nRIVALS = [SimpleNamespace(name='same')]\n"
        )
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(RuntimeError, match="'same'"):
        find_rivals("twice", [str(folder)])
    for name in ("twice.one", "twice.two", "twice"):
        sys.modules.pop(name, None)


def test_unknown_rival():
    with pytest.raises(SettingError, match="no such rival"):
        choose(["RICE_2"])


def test_missing_programs_are_named(monkeypatch):
    monkeypatch.setenv("PATH", "")
    chosen, missing = choose(["fpack", "RICE_1"])
    assert list(chosen) == ["RICE_1"]
    assert "funpack" in missing["fpack"]
