"""Tolerance sets: the shipped ones, users' own, and every kind of bad file."""

import hashlib

import pytest

from astroae.errors import SettingError
from astroae.validation.tolerances import (
    Tolerances,
    load_tolerances,
    measures,
    tolerance_names,
)


@pytest.fixture
def write(tmp_path):
    def put(text, name="mine.toml"):
        path = tmp_path / name
        path.write_text(text)
        return path

    return put


@pytest.mark.parametrize("name", ["default", "photometry", "weak-lensing"])
def test_shipped_sets(name):
    assert name in tolerance_names()
    loaded = load_tolerances(name)
    assert loaded.name == name and len(loaded.sha256) == 64
    assert all(one.source for one in loaded.limits.values())


def directions():
    """Of every quantity that a set may name."""
    return {f"{m.NAME}.{q.name}": q.direction for m in measures() for q in m.QUANTITIES}


def test_every_quantity_has_a_default_tolerance():
    assert set(load_tolerances("default").limits) == set(directions())


@pytest.mark.parametrize("name", ["photometry", "weak-lensing"])
def test_special_sets_are_the_default_made_stricter(name):
    """No tolerance of theirs is wider than the default's."""
    known = directions()
    default, special = load_tolerances("default").limits, load_tolerances(name).limits
    assert default.keys() <= special.keys()
    for full, one in default.items():
        lowest, highest = sorted((one.limit, special[full].limit))
        expected = highest if known[full] == "at least" else lowest
        assert special[full].limit == expected, full


def test_a_users_file(write):
    path = write('[aperture.bias]\nlimit = 0.25\nsource = "our paper"\n')
    found = load_tolerances(path)
    assert found == load_tolerances(str(path)) == load_tolerances(found)
    assert found.name == "mine"
    assert found.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert found.get("aperture.bias").limit == 0.25
    assert found.get("aperture.bias").source == "our paper"
    assert found.get("pixels.rms") is None


def test_the_source_is_the_file_where_none_is_named(write):
    assert load_tolerances(write("[pixels.rms]\nlimit = 1\n")).get("pixels.rms").source


def test_based_on_and_off(write):
    path = write(
        'name = "own"\nbased_on = "default"\n[pixels.ssim]\noff = true\n[pixels.rms]\nlimit = 9\n'
    )
    found, default = load_tolerances(path), load_tolerances("default")
    assert found.name == "own"
    assert found.get("pixels.ssim") is None and default.get("pixels.ssim") is not None
    assert found.get("pixels.rms").limit == 9
    assert set(found.limits) == set(default.limits) - {"pixels.ssim"}


def test_based_on_another_file(write):
    first = write("[pixels.rms]\nlimit = 3\n", "first.toml")
    second = write(f"based_on = '{first}'\n[pixels.lost]\nlimit = 1\n", "second.toml")
    assert load_tolerances(second).get("pixels.rms").limit == 3


def test_based_on_the_file_beside_it(write):
    write("[pixels.rms]\nlimit = 3\n", "first.toml")
    second = write('based_on = "first.toml"\n', "second.toml")
    assert load_tolerances(second).get("pixels.rms").limit == 3


BAD = {
    "no TOML": ("[aperture", ""),
    "unknown metric": ("[telepathy.bias]\nlimit = 1\n", "telepathy.bias"),
    "unknown quantity": ("[aperture.charm]\nlimit = 1\n", "aperture.charm"),
    "no table": ("threshold = 5\n", "threshold"),
    "a bare number": ("[aperture]\nbias = 5\n", "bias"),
    "no limit": ('[aperture.bias]\nsource = "me"\n', "aperture.bias"),
    "words": ('[aperture.bias]\nlimit = "low"\n', "aperture.bias"),
    "true": ("[aperture.bias]\nlimit = true\n", "aperture.bias"),
    "negative": ("[aperture.bias]\nlimit = -1\n", "aperture.bias"),
    "NaN": ("[aperture.bias]\nlimit = nan\n", "aperture.bias"),
    "infinite": ("[aperture.bias]\nlimit = inf\n", "aperture.bias"),
    "too large": (f"[aperture.bias]\nlimit = 1{'0' * 400}\n", "aperture.bias"),
    "unknown key": ("[aperture.bias]\nlimit = 1\nsigma = 2\n", "sigma"),
    "off in words": ('[aperture.bias]\noff = "yes"\n', "aperture.bias"),
    "off and an unknown key": ("[aperture.bias]\noff = true\nsigma = 2\n", "sigma"),
    "source no text": ("[aperture.bias]\nlimit = 1\nsource = 3\n", "aperture.bias"),
    "name no text": ("name = 3\n", "name"),
    "based on no set": ('based_on = "nothing"\n', "nothing"),
    "based on a number": ("based_on = 3\n", "based_on"),
}


@pytest.mark.parametrize("kind", list(BAD))
def test_a_bad_file_is_named_with_its_key(kind, write):
    text, key = BAD[kind]
    path = write(text)
    with pytest.raises(SettingError) as caught:
        load_tolerances(path)
    assert str(path) in str(caught.value)
    assert key in str(caught.value)


def test_bytes_that_are_no_text(tmp_path):
    path = tmp_path / "a.toml"
    path.write_bytes(b"\xff\xfe\x00name")
    with pytest.raises(SettingError, match="a.toml"):
        load_tolerances(path)


def test_based_on_itself(write):
    path = write("")
    path.write_text(f"based_on = '{path}'\n")
    with pytest.raises(SettingError, match="mine.toml"):
        load_tolerances(path)


@pytest.mark.parametrize("name", ["strict", "", "/no/such/file.toml"])
def test_no_such_set(name):
    with pytest.raises(SettingError, match="default"):
        load_tolerances(name)


def test_names_are_not_paths():
    """A name cannot reach out of the folder of sets, nor a folder be a set."""
    with pytest.raises(SettingError):
        load_tolerances("../tolerances")


def test_a_set_is_taken_as_it_is():
    own = Tolerances("own", "0" * 64, {})
    assert load_tolerances(own) is own
