"""Whole files read with the plain-Python decoder, and written on any number of threads."""

import numpy as np
import pytest
from astropy.io import fits

import astroae
from astroae.codec import methods
from astroae.codec.forms import split
from astroae.entropy import reference
from astroae.tests.frozen.cases import CASES
from astroae.tests.frozen.record import comparable

SETTINGS = [
    {},
    {"quantize_level": 4},
    {"quantize_level": 0.7},
    {"error_bound": 3, "lossy_integers": True},
    {"quantize_level": 2, "effort": "high"},
]


def plain_decoder(calls):
    def decode(data, shape, valid=None, *, grid=None, levels=None, dtype=np.int64):
        calls.append(len(data))
        return reference.decode(bytes(data), shape, valid, levels, grid).astype(dtype)

    return decode


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_frozen_files(case, monkeypatch):
    with fits.open(case.file) as hdus:
        fast = [hdu.data for hdu in hdus]
    calls = []
    for module in (methods, split):
        monkeypatch.setattr(module, "decode_plane", plain_decoder(calls))
    with fits.open(case.file) as hdus:
        for hdu, pixels in zip(hdus, fast, strict=True):
            assert np.array_equal(hdu.data, pixels, equal_nan=pixels is not None)
    assert calls


def sky(dtype):
    rng = np.random.default_rng(8)
    field = rng.normal(300, 7, (3, 70, 90)) + 50 * np.hypot(*np.mgrid[:70, :90] / 30.0)
    return field.astype(dtype)


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
@pytest.mark.parametrize("dtype", ["i2", "f4", "f8"])
def test_as_the_core_decodes(dtype, settings, monkeypatch):
    encoded = astroae.encode(sky(dtype), tile_shape=(1, 40, 64), **settings)
    fast, calls = astroae.decode(encoded), []
    for module in (methods, split):
        monkeypatch.setattr(module, "decode_plane", plain_decoder(calls))
    assert astroae.decode(encoded).tobytes() == fast.tobytes()
    assert calls


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_the_same_bytes_on_any_number_of_threads(settings, tmp_path):
    source = tmp_path / "a.fits"
    images = [fits.ImageHDU(sky(dtype)) for dtype in ("i2", "f4", "f8")]
    fits.HDUList([fits.PrimaryHDU(), *images]).writeto(source)
    made = set()
    for threads in (1, 2, 3, 8):
        target = tmp_path / f"{threads}.aae.fits"
        astroae.compress(source, target, threads=threads, **settings)
        made.add(comparable(target.read_bytes()))
    assert len(made) == 1
