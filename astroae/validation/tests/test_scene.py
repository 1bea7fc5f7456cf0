"""What kind of image it is, and which measurements it gets."""

import numpy as np
import pytest

from astroae.simulate import FieldSettings, GaussianPSF, Population, make_field
from astroae.validation.original import Original

pytest.importorskip("photutils")


def field(**settings):
    made = make_field(FieldSettings(**({"shape": (256, 256)} | settings)))
    return Original(made.image, header=made.header, mask=made.mask)


def test_stars_and_galaxies():
    scene = field(population=Population(stars=60, galaxies=20)).scene
    assert scene.kinds == ("point sources",)
    assert (scene.no_sources, scene.no_noise, scene.no_shapes) == ("", "", "")


def test_empty():
    scene = field(population=Population(stars=0, galaxies=0)).scene
    assert scene.kinds == ("empty",)
    assert "fewer than 5" in scene.no_sources and scene.no_shapes and not scene.no_noise


@pytest.mark.parametrize("stars", [600, 2500])
def test_crowded(stars):
    population = Population(stars=stars, galaxies=0, faintest=2000)
    scene = field(population=population, psf=GaussianPSF(4.0)).scene
    assert scene.kinds == ("crowded", "point sources")
    assert "1.5 FWHM" in scene.no_shapes and not scene.no_sources


def test_undersampled():
    scene = field(population=Population(stars=60, galaxies=0), psf=GaussianPSF(1.2)).scene
    assert "undersampled" in scene.kinds
    assert "1." in scene.no_shapes and not scene.no_sources


def test_photon_counts():
    counts = np.random.default_rng(1).poisson(0.3, (256, 256)).astype(np.int16)
    for data in (counts, counts.astype(np.float32)):
        assert Original(data).is_counts
    many = Original(np.random.default_rng(1).poisson(300, (64, 64)))
    assert not many.is_counts


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, bool])
def test_labels(dtype):
    labels = (np.random.default_rng(2).random((128, 128)) > 0.9).astype(dtype)
    scene = Original(labels).scene
    assert scene.kinds == ("labels",)
    assert scene.no_sources and scene.no_noise and scene.no_shapes


def test_few_values_as_floats_are_no_labels():
    """A float image of two values is an image; bits are whole numbers."""
    values = (np.random.default_rng(2).random((128, 128)) > 0.5).astype(np.float32)
    assert "labels" not in Original(values).scene.kinds


def test_structure_everywhere():
    """A disk that fills the frame, with little noise: no sources on a sky."""
    rows, columns = np.mgrid[:256, :256]
    noise = np.random.default_rng(3).normal(0, 1, (256, 256))
    waves = 500 * np.sin(rows / 3) * np.sin(columns / 4)
    assert Original(waves + noise).scene.no_sources


@pytest.mark.parametrize(
    ("name", "image"),
    [
        ("constant", np.full((64, 64), 7.0)),
        ("zeros of uint64", np.zeros((64, 64), np.uint64)),
        ("all NaN", np.full((64, 64), np.nan)),
        ("one pixel", np.ones((1, 1))),
        ("3 x 3", np.arange(9.0).reshape(3, 3)),
        ("row", np.random.default_rng(4).normal(0, 1, (1, 300))),
        ("column", np.random.default_rng(4).normal(0, 1, (300, 1))),
        ("narrow", np.random.default_rng(4).normal(0, 1, (5, 300))),
        ("half constant", np.repeat([0.0, 1.0], 2048).reshape(64, 64)),
        ("one finite pixel", np.where(np.arange(4096).reshape(64, 64) == 99, 5.0, np.nan)),
        ("huge", np.random.default_rng(4).normal(0, 1e30, (64, 64))),
        ("tiny", np.random.default_rng(4).normal(0, 1e-30, (64, 64))),
        ("infinite pixels", np.where(np.random.default_rng(4).random((64, 64)) > 0.9, np.inf, 1.0)),
        ("big integers", np.random.default_rng(4).integers(0, 2**64, (64, 64), np.uint64)),
    ],
)
def test_any_image_is_described(name, image):
    original = Original(image)
    scene = original.scene
    assert scene.kinds
    assert np.isfinite(original.noise) and original.noise >= 0
    assert len(original.sources) == 0 or original.noise > 0
    assert np.isfinite(original.signal).all()
    if name in ("constant", "zeros of uint64", "all NaN", "one pixel"):
        assert scene.no_sources and scene.no_noise


def test_nan_rich():
    """Half of the frame is not there; the rest is measured as ever."""
    made = make_field(FieldSettings(shape=(256, 256), population=Population(stars=150, galaxies=0)))
    image = made.image.copy()
    image[:, 128:] = np.nan
    original = Original(image, header=made.header)
    whole = Original(made.image, header=made.header)
    assert original.scene.kinds == ("point sources",)
    assert original.noise == pytest.approx(whole.noise, rel=0.05)
    assert original.sources.clean.x.max() < 128
    assert 0.3 < len(original.sources.clean) / len(whole.sources.clean) < 0.6


def test_huge_dynamic_range():
    """A source of 1e9 sigma does not spoil noise and background."""
    rng = np.random.default_rng(5)
    image = rng.normal(1000, 10, (256, 256))
    rows, columns = np.mgrid[:256, :256]
    image += 1e10 * np.exp(-((rows - 100) ** 2 + (columns - 90) ** 2) / (2 * 1.5**2))
    original = Original(image)
    assert original.noise == pytest.approx(10, rel=0.1)
    assert abs(np.median(original.level) - 1000) < 1
    assert np.hypot(original.sources.x[0] - 90, original.sources.y[0] - 100) < 0.01
