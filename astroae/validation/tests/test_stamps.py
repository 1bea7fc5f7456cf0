"""Centroids and moments against the truth, photutils and sep."""

import numpy as np
import pytest

from astroae.simulate import FieldSettings, GaussianPSF, Population, make_field
from astroae.validation.stamps import centroids, cut, disk_any, moments

FWHM = 3.5


@pytest.fixture(scope="module")
def dots():
    """Round Gaussian sources without noise, far from each other: image, x, y."""
    rng = np.random.default_rng(1)
    x = np.tile(np.arange(20.0, 380, 40), 9) + rng.uniform(-0.5, 0.5, 81)
    y = np.repeat(np.arange(20.0, 380, 40), 9) + rng.uniform(-0.5, 0.5, 81)
    return sum_of_gaussians((380, 380), x, y, FWHM / 2.3548), x, y


def sum_of_gaussians(shape, x, y, sigma, ratio=1.0, flux=1000.0):
    """Peaks of unit volume times flux, ``ratio`` wider along x."""
    rows, columns = np.mgrid[: shape[0], : shape[1]].astype(float)
    image = np.zeros(shape)
    for a, b in zip(x, y):
        image += np.exp(-((columns - a) ** 2 / ratio**2 + (rows - b) ** 2) / (2 * sigma**2))
    return image * flux / (2 * np.pi * sigma**2 * ratio)


@pytest.fixture(scope="module")
def field():
    """Stars in noise: signal, and truth of the isolated bright ones."""
    made = make_field(
        FieldSettings(
            shape=(512, 512),
            psf=GaussianPSF(FWHM),
            population=Population(stars=120, galaxies=0, faintest=3000, brightest=3e5),
            sky_gradient=0,
            seed=8,
        )
    )
    x, y = made.truth["x"].value, made.truth["y"].value
    apart = np.hypot(x[:, None] - x, y[:, None] - y) + 1e9 * np.eye(len(x))
    inside = (np.minimum(x, y) > 20) & (np.maximum(x, y) < 490) & (apart.min(1) > 18)
    clean = np.array([not made.mask[round(b) - 6 : round(b) + 7, round(a) - 6 : round(a) + 7].any()
                      for a, b in zip(x, y)])  # fmt: skip
    chosen = inside & clean
    flux = made.truth["flux"].value[chosen]
    return np.asarray(made.image, float) - np.median(made.image), x[chosen], y[chosen], flux


def test_centroids_of_noiseless_sources(dots):
    image, x, y = dots
    found = centroids(image, np.rint(x), np.rint(y), FWHM)
    assert np.abs(found[0] - x).max() < 1e-4 and np.abs(found[1] - y).max() < 1e-4


def test_centroids_do_not_depend_on_where_they_begin(dots):
    image, x, y = dots
    rng = np.random.default_rng(2)
    found = centroids(image, x + rng.uniform(-1, 1, 81), y + rng.uniform(-1, 1, 81), FWHM)
    assert np.hypot(found[0] - x, found[1] - y).max() < 1e-3


def test_centroids_scatter_as_photons_tell(field):
    image, x, y, flux = field
    found_x, found_y = centroids(image, np.rint(x), np.rint(y), FWHM)
    # sky 300 and read noise 5 in 4 pi s^2 pixels, and the star's own photons
    sigma = FWHM / 2.3548
    noise = np.sqrt(flux + 4 * np.pi * sigma**2 * 330)
    pull = (found_x - x) / (sigma * noise / flux)
    assert len(pull) > 30
    assert np.sqrt(np.mean(pull**2)) == pytest.approx(1.1, abs=0.4)
    assert abs(np.mean(found_x - x)) < 0.02 and abs(np.mean(found_y - y)) < 0.02


def test_centroids_are_those_of_sep(field):
    sep = pytest.importorskip("sep")
    image, x, y, _ = field
    found_x, found_y = centroids(image, np.rint(x), np.rint(y), FWHM)
    their_x, their_y, flag = sep.winpos(image, x, y, FWHM / 2.3548)
    assert not flag.any()
    # sep stops at steps of 1e-4 pixels and cuts its window into subpixels.
    assert np.hypot(found_x - their_x, found_y - their_y).max() < 2e-3


def test_centroids_are_those_of_photutils(field):
    photutils = pytest.importorskip("photutils.segmentation")
    image, x, y, _ = field
    labels = np.zeros(image.shape, int)
    for label, (a, b) in enumerate(zip(x, y), 1):
        labels[round(b) - 8 : round(b) + 9, round(a) - 8 : round(a) + 9] = label
    catalog = photutils.SourceCatalog(image, photutils.SegmentationImage(labels))
    theirs = np.atleast_2d(catalog.centroid_win)
    found_x, found_y = centroids(image, np.rint(x), np.rint(y), FWHM)
    # photutils's window is as wide as each source's half-light circle, about the PSF's FWHM.
    offset = np.hypot(found_x - theirs[:, 0], found_y - theirs[:, 1])
    assert np.median(offset) < 0.02 and offset.max() < 0.2


def test_moments_of_a_gaussian_under_a_gaussian():
    """1 / variance of the product is the sum of both."""
    image = sum_of_gaussians((61, 61), [30.2], [29.7], 2.0, ratio=1.5)
    ixx, iyy, ixy = moments(image, np.array([30.2]), np.array([29.7]), 3.0)
    assert ixx[0] == pytest.approx(1 / (1 / 9 + 1 / 9), rel=1e-3)
    assert iyy[0] == pytest.approx(1 / (1 / 9 + 1 / 4), rel=1e-3)
    assert abs(ixy[0]) < 1e-3


def test_moments_turn_with_the_image():
    """A mirrored diagonal changes the sign of Ixy, a transposed one swaps the axes."""
    image = sum_of_gaussians((61, 61), [30.0], [30.0], 2.0, ratio=1.6)
    rows, columns = np.mgrid[:61, :61] - 30.0
    along, across = (columns + rows) / np.sqrt(2), (columns - rows) / np.sqrt(2)
    slanted = np.exp(-(along**2) / (2 * 9) - across**2 / (2 * 4))
    at = np.array([30.0])
    assert moments(slanted, at, at, 3.0)[2][0] > 0.1
    mirrored = moments(slanted[:, ::-1], at, at, 3.0)
    assert mirrored[2][0] == pytest.approx(-moments(slanted, at, at, 3.0)[2][0])
    swapped = moments(image.T, at, at, 3.0)
    assert np.ravel(swapped[:2]) == pytest.approx(np.ravel(moments(image, at, at, 3.0)[:2])[::-1])


def test_moments_of_nothing_are_not_a_number():
    for image in (np.zeros((20, 20)), np.full((20, 20), -1.0)):
        found = moments(image, np.array([10.0]), np.array([10.0]), 2.0)
        assert np.isnan(found).all()


def test_centroids_of_nothing_stay():
    found = centroids(np.zeros((20, 20)), np.array([10]), np.array([9]), 3.0)
    assert (found[0][0], found[1][0]) == (10, 9)


def test_scale_of_the_image_does_not_matter(dots):
    image, x, y = dots
    for factor in (1e-20, 1e20):
        for one, other in zip(centroids(image * factor, x, y, 3.0), centroids(image, x, y, 3.0)):
            assert one == pytest.approx(other, abs=1e-6)


def test_cut_at_the_edge_is_zero_beyond():
    image = np.arange(1.0, 13).reshape(3, 4)
    stamp = cut(image, [0], [2], 1)[0]
    assert stamp.tolist() == [[0, 5, 6], [0, 9, 10], [0, 0, 0]]
    assert cut(image, [1], [1], 1)[0].tolist() == image[:, :3].tolist()
    assert not cut(image, [50], [-50], 2).any()


def test_disk_any():
    flags = np.zeros((30, 30), bool)
    flags[10, 14] = True
    x, y = np.array([14.0, 10.2, 14.0, 29.0]), np.array([10.0, 10.0, 15.0, 29.0])
    assert disk_any(flags, x, y, 4.0).tolist() == [True, True, False, False]
    assert disk_any(flags, x[:0], y[:0], 4.0).shape == (0,)


def test_more_sources_than_a_batch():
    image = sum_of_gaussians((64, 64), [30.3], [31.6], 1.5)
    x, y = np.full(9001, 30.0), np.full(9001, 32.0)
    found = centroids(image, x, y, FWHM)
    assert np.ptp(found[0]) == 0 and found[0][0] == pytest.approx(30.3, abs=1e-4)
    assert np.ptp(moments(image, *found, 2.0)[0]) == 0
    assert disk_any(image > image.max() / 2, x, y, 2.0).all()
