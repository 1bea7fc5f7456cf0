"""Latent mode of the codec: what comes back, what does not, and what is told of it."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from astroae.codec.image import (
    decode_image,
    encode_image,
    error_map,
    reencode_tiles,
    verify_tiles,
)
from astroae.codec.tile import stream_checksum
from astroae.errors import CorruptFileError, ModelError, SettingError
from astroae.nets import store
from astroae.nets.tests.models import any_size, every_operation, random_model
from astroae.settings import ModelName, from_dict, from_keywords

TYPES = ("u1", "i2", "i4", "i8", "f4", "f8")


@pytest.fixture(scope="module")
def small():
    """8 x 8 pixels, a skip."""
    return random_model(every_operation())


@pytest.fixture(scope="module")
def wide():
    """Any size."""
    return random_model(any_size(), input={"kind": "minmax", "stretch": "asinh"})


def sky(shape, dtype, seed=1):
    values = np.random.default_rng(seed).normal(100, 9, shape)
    return values.astype(dtype)


def coded(data, model, blank=None, **options):
    return encode_image(data, from_keywords(model=model, **options), blank=blank, threads=1)


def check_measured(data, encoded):
    """Errors of every tile are those that its row tells, and verifying finds no damage."""
    back = decode_image(encoded, threads=1)
    assert back.dtype == data.dtype and back.shape == data.shape
    for i, row in enumerate(encoded.tiles):
        place = encoded.grid.slices(i)
        ordinary = np.isfinite(data[place])
        if encoded.blank is not None:
            ordinary &= data[place] != encoded.blank
        error = np.abs(back[place][ordinary].astype(float) - data[place][ordinary])
        assert row["MAXERR"] == pytest.approx(error.max(initial=0), rel=1e-5)
        rms = np.sqrt(np.mean(error**2)) if error.size else 0
        assert row["SCALE"] / np.sqrt(12) == pytest.approx(rms, rel=1e-5)
    assert verify_tiles(encoded, threads=1) == []
    return back


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("skips", ["coded", "cut"])
def test_every_type(dtype, skips, small):
    data = sky((19, 21), dtype)
    encoded = coded(data, small, skips=skips)
    back = check_measured(data, encoded)
    assert encoded.tile_shape == (8, 8) and encoded.latents.shape == (9, 5)
    if skips == "cut":
        assert (encoded.tiles["SCALE"] > 0).any()
    if dtype != "i8" and skips == "cut":
        for i in range(9):
            place = encoded.grid.slices(i)
            assert back[place].sum(dtype=float) == pytest.approx(data[place].sum(dtype=float), 1e-6)


@pytest.mark.parametrize("shape", [(1, 1), (3, 5), (1, 40), (40, 1), (2, 3, 17), (2, 2, 9, 8)])
@pytest.mark.parametrize("dtype", ["i2", "f4"])
def test_every_shape(shape, dtype, small, wide):
    for model in (small, wide):
        check_measured(sky(shape, dtype), coded(sky(shape, dtype), model))


def test_what_is_no_number_comes_back(wide):
    data = sky((50, 40), "f4")
    data[3:9, 5:9], data[0, 0], data[1, 1] = np.nan, np.inf, -np.inf
    data.view("u4")[2, 2] = 0x7FC0BEEF  # a NaN of its own
    back = check_measured(data, coded(data, wide))
    special = ~np.isfinite(data)
    assert np.array_equal(back.view("u4")[special], data.view("u4")[special])
    assert np.isfinite(back[~special]).all()


def test_blank_stays_where_it_is(wide):
    data = sky((50, 40), "i2")
    data[4:9, 3] = 100  # amid the values, so that the network would give it elsewhere
    encoded = coded(data, wide, blank=100)
    assert np.array_equal(check_measured(data, encoded) == 100, data == 100)
    assert (encoded.tiles["SCALE"] > 0).any()


@pytest.mark.parametrize(
    "data",
    [
        np.full((8, 8), np.nan, "f4"),
        np.full((8, 8), 3.5, "f4"),
        np.array([[1e308, -1e308]] * 4),
        np.arange(300, dtype="i2"),  # one axis
    ],
)
def test_tiles_that_the_network_cannot_serve_are_exact(data, small):
    encoded = coded(data, small)
    assert np.array_equal(decode_image(encoded), data, equal_nan=True)
    assert not encoded.tiles["SCALE"].any() and np.isnan(encoded.latents).all()


def test_cheaper_without_loss_is_without_loss(small):
    data = sky((8, 8), "f4")  # 64 pixels, 261 crossing numbers
    fine = coded(data, small, latent_step=1e-6)
    assert np.array_equal(decode_image(fine), data) and fine.tiles["SCALE"][0] == 0
    assert np.isfinite(fine.latents).all()
    assert (coded(data, small, skips="cut").tiles["SCALE"] > 0).all()


def test_the_sum_of_integers_at_the_end_of_their_type(wide):
    data = np.maximum(30 * sky((60, 60), "i4") - 35768, -32768).astype("i2")  # half of them
    encoded = coded(data, wide)
    back = check_measured(data, encoded)
    assert encoded.tiles["SCALE"][0] > 0 and back.sum(dtype=int) == data.sum(dtype=int)


def test_a_coarser_step_is_smaller_and_worse(wide):
    data = sky((64, 64), "f4")
    fine, coarse = coded(data, wide), coded(data, wide, latent_step=8)
    assert len(coarse.streams[0]) < 0.8 * len(fine.streams[0])
    steps = np.abs(coarse.latents - fine.latents).max(), wide.latents["z"].step.max()
    assert 0 < steps[0] <= 8 * steps[1]


def test_colours_go_through_together():
    rgb = _three_channels(any_size())
    data = sky((3, 20, 20), "f4")
    assert coded(data, rgb).tile_shape == (3, 20, 20)
    check_measured(data, coded(data, rgb))
    gray = coded(data[0], rgb)
    assert gray.tile_shape == (20, 20)
    check_measured(data[0], gray)


def _three_channels(network):
    decoder = list(network.decoder)
    decoder[-1] = replace(decoder[-1], options={**decoder[-1].options, "channels": 3})
    return random_model(replace(network, channels=3, decoder=tuple(decoder)))


def test_edited_tiles_lose_nothing_twice(wide):
    data = sky((16, 24), "f4")
    encoded = coded(data, wide, tile_shape=(8, 8))
    assert (encoded.tiles["SCALE"] > 0).all()
    back = decode_image(encoded)
    edited = back.copy()
    edited[2, 3] = 5000
    changed = np.arange(6) == 0
    again = reencode_tiles(encoded, edited, changed)
    assert np.array_equal(decode_image(again), edited)
    assert not np.array_equal(again.latents[0], encoded.latents[0])
    assert np.array_equal(again.latents[1:], encoded.latents[1:])
    assert again.tiles["MAXERR"][0] == encoded.tiles["MAXERR"][0]


def test_error_map_is_the_rms(wide):
    data = sky((40, 40), "f4")
    encoded = coded(data, wide)
    rms = np.sqrt(np.mean((decode_image(encoded) - data.astype(float)) ** 2))
    assert error_map(encoded) == pytest.approx(rms, rel=1e-5)


def test_damage_names_the_tile(small):
    encoded = coded(sky((16, 16), "f4"), small, skips="cut")
    damaged = replace(
        encoded, streams=[s if i != 2 else s[:-1] for i, s in enumerate(encoded.streams)]
    )
    with pytest.raises(CorruptFileError, match="tile 2"):
        decode_image(damaged)
    found = verify_tiles(damaged)
    assert len(found) == 1 and "tile 2" in str(found[0])


def test_damage_behind_a_right_checksum(wide):
    encoded = coded(sky((24, 24), "f4"), wide)
    expected, rng, found = decode_image(encoded), np.random.default_rng(3), 0
    for _ in range(60):
        stream = bytearray(encoded.streams[0])
        stream[rng.integers(len(stream))] ^= 1 << int(rng.integers(8))
        tiles = encoded.tiles.copy()
        tiles["CRC_S"][0] = stream_checksum(stream, 0)
        forged = replace(encoded, streams=[bytes(stream)], tiles=tiles)
        try:  # a coder's last bits may say nothing
            assert np.array_equal(decode_image(forged, threads=1), expected)
        except CorruptFileError as exc:
            assert "tile 0" in str(exc)
            found += 1
    assert found > 50


def test_the_model_is_found_by_its_hash(small, tmp_path, monkeypatch):
    monkeypatch.setenv("ASTROAE_MODEL_DIR", str(tmp_path))
    data = sky((16, 16), "f4")
    encoded = coded(data, small, skips="cut")
    expected = decode_image(encoded)
    named = replace(encoded.settings.mode, model=ModelName(small.name, small.sha256))
    far = replace(encoded, settings=replace(encoded.settings, mode=named))
    with pytest.raises(ModelError, match="ASTROAE_MODEL_DIR") as caught:
        decode_image(far)
    assert small.name in str(caught.value) and small.sha256 in str(caught.value)
    store.store(small)
    assert np.array_equal(decode_image(far), expected)
    # Another model of that name is none.
    other = replace(named, model=ModelName(small.name, "0" * 64))
    with pytest.raises(ModelError, match="0" * 64):
        decode_image(replace(encoded, settings=replace(encoded.settings, mode=other)))


@pytest.mark.parametrize(
    "options, word",
    [
        ({"quantize_level": 4}, "promises no bound"),
        ({"lossless": True}, "promises no bound"),
        ({"latent_step": 0}, "latent_step"),
        ({"skips": "free"}, "skips"),
        ({"dither": 1}, "dither"),
    ],
)
def test_wrong_settings(options, word, small):
    with pytest.raises(SettingError, match=word):
        from_keywords(model=small, **options)


def test_settings_of_another_mode():
    with pytest.raises(SettingError, match="latent_step belongs to another mode"):
        from_keywords(latent_step=2)


def test_tiles_larger_than_the_model(small):
    with pytest.raises(SettingError, match="8 x 8"):
        coded(sky((20, 20), "f4"), small, tile_shape=(9, 8))


def test_settings_as_plain_values(small):
    settings = from_keywords(model=small, latent_step=2, skips="cut")
    again = from_dict(settings.to_dict())
    assert again.mode.model == ModelName(small.name, small.sha256)
    assert again.to_dict() == settings.to_dict() and again.model == small.name


DECODE = """
import os, sys
os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = sys.argv[1]
sys.modules["torch"] = None  # not there
import zlib
import numpy as np
from astroae.codec.image import decode_image, encode_image
from astroae.nets.tests.models import any_size, random_model
from astroae.settings import from_keywords
model = random_model(any_size(), input={"kind": "minmax", "stretch": "asinh"})
data = np.random.default_rng(1).normal(100, 9, (80, 90)).astype("f4")
encoded = encode_image(data, from_keywords(model=model), threads=int(sys.argv[1]))
print(zlib.crc32(decode_image(encoded, threads=int(sys.argv[1])).tobytes()), encoded.tiles["SCALE"] > 0)
"""


def test_other_threads_and_no_torch_give_the_same_bits():
    found = {
        subprocess.run(
            [sys.executable, "-c", DECODE, threads], capture_output=True, text=True, check=True
        ).stdout
        for threads in ("1", "4")
    }
    assert len(found) == 1 and "True" in found.pop()
