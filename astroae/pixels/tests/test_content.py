"""Pictures are told from masks, labels, counts and tables by their pixels alone."""

import numpy as np
import pytest

from astroae.pixels.content import blocks_of, doubt_of

SHAPE = (200, 210)
Y, X = np.mgrid[: SHAPE[0], : SHAPE[1]]


def noise(sigma=5.0, seed=1):
    return np.random.default_rng(seed).normal(100, sigma, SHAPE)


def smoothed(width):
    """Noise as a telescope or an interferometer leaves it: no finer than its resolution."""
    wave = [2 * np.pi * np.fft.fftfreq(n) for n in SHAPE]
    window = np.exp(-0.5 * width**2 * (wave[0][:, None] ** 2 + wave[1][None, :] ** 2))
    return np.fft.ifft2(np.fft.fft2(noise()) * window).real


def labels(side, top=9000):
    rng = np.random.default_rng(2)
    small = rng.integers(-1, top, (SHAPE[0] // side + 1, SHAPE[1] // side + 1))
    return np.kron(small, np.ones((side, side)))[: SHAPE[0], : SHAPE[1]]


def with_hole():
    data = noise()
    data[:150] = np.nan
    return data


def with_border():
    data = noise()
    data[:, :100] = 0
    return data


PICTURES = {
    "noise": noise(),
    "resolution of 4 px": smoothed(1.7),
    "beam of 10 px": smoothed(4.2),
    "counts of a large range": np.rint(noise(60)),
    "repeated pixels": np.kron(noise()[:100, :105], np.ones((2, 2))),
    "mostly NaN": with_hole(),
    "half empty": with_border(),
    "stars on a slope": noise(1) + X + 3e4 * (np.hypot(X - 50, Y - 60) < 3),
    "a spectrum": noise()[0],
    "a cube": np.stack([noise(seed=s) for s in range(3)]),
    "one column": noise()[:, :1],
}
TABLES = {
    "a mask": ((noise() > 105).astype(float), "2 distinct values"),
    "bits": (2.0 ** np.random.default_rng(3).integers(0, 12, SHAPE), "12 distinct values"),
    "exposures": (np.random.default_rng(3).integers(1, 200, SHAPE), "whole numbers from 1 to 199"),
    "labels": (labels(4), "neighbours are equal"),
    "labels of 3 px": (labels(3), "neighbours are equal"),
    "regions of a map": (labels(8) / 7, "neighbours are equal"),
    "sparse counts": (np.random.default_rng(4).poisson(0.1, SHAPE) * labels(1), "more than half"),
    "wavelengths": (5000 + 0.1 * X + 3e-4 * Y + 1e-5 * X**2, "too smooth"),
    "fine wavelengths": (5000 + 1e-3 * X, "too smooth"),
    "an index": (X + SHAPE[1] * Y, "too smooth"),
    "a distortion": (0.3 * np.sin(X / 60) * np.cos(Y / 50), "too smooth"),
    "one function for all rows": (np.ones((SHAPE[0], 1)) * noise()[0], "too smooth"),
    "a small table": ((0.3 * np.sin(X / 200) * np.cos(Y / 150))[::12, ::12], "too smooth"),
    "a line of wavelengths": (np.geomspace(3000, 9000, 4000), "too smooth"),
    "nothing": (np.full(SHAPE, np.nan), "no pixel is finite"),
    "a constant": (np.full(SHAPE, 64.0), "1 distinct value"),
}


@pytest.mark.parametrize("dtype", ["f4", ">f4", "f8"])
@pytest.mark.parametrize("name", PICTURES)
def test_pictures(name, dtype):
    assert doubt_of(blocks_of(PICTURES[name].astype(dtype))) is None


@pytest.mark.parametrize("dtype", ["f4", ">f8"])
@pytest.mark.parametrize("name", TABLES)
def test_tables(name, dtype):
    data, why = TABLES[name]
    found = doubt_of(blocks_of(data.astype(dtype)))
    assert why in found.why
    assert found.smooth == (why == "too smooth")


@pytest.mark.parametrize("sigma", [2.5, 5, 60])
def test_noise_of_stored_integers_is_a_picture(sigma):
    assert doubt_of(blocks_of(np.rint(noise(sigma)).astype("i2"))) is None


@pytest.mark.parametrize("name", ["a mask", "bits", "labels", "sparse counts", "an index"])
def test_tables_of_integers(name):
    assert doubt_of(blocks_of(TABLES[name][0].astype("i4"))) is not None


@pytest.mark.parametrize("shape", [(3000, 3100), (7, 900, 1000), (2_000_000,), (300_000, 1)])
def test_large_images_are_sampled_from_end_to_end(shape):
    """The last values of each axis are seen, and no more than a small part of all."""
    data = np.zeros(shape, np.uint8)
    data[tuple(n - 1 for n in shape)] = 1
    blocks = blocks_of(data)
    assert sum(block.size for block in blocks) <= 1 << 18
    assert max(block.max() for block in blocks) == 1
