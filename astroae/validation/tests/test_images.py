"""Measures of likeness: known values, and what each of them sees."""

import numpy as np
import pytest

from astroae.validation import images

pytest.importorskip("skimage")
pytest.importorskip("pytorch_msssim")


@pytest.fixture
def picture():
    """Smooth structure and noise, 192 x 176, in [0, 1]."""
    y, x = np.mgrid[:192, :176] / 192
    noise = np.random.default_rng(3).normal(0, 0.02, x.shape)
    return np.clip(0.5 + 0.3 * np.sin(9 * x) * np.cos(7 * y) + noise, 0, 1)


def blurred(image):
    """3 x 3 box."""
    padded = np.pad(image, 1, mode="reflect")
    return np.lib.stride_tricks.sliding_window_view(padded, (3, 3)).mean((-2, -1))


def blocked(image, side=8):
    """Means of blocks in place of pixels."""
    h, w = (n // side for n in image.shape)
    return image.reshape(h, side, w, side).mean((1, 3)).repeat(side, 0).repeat(side, 1)


def test_nothing_differs(picture):
    assert images.mse(picture, picture) == 0
    assert images.psnr(picture, picture) == np.inf
    assert images.ssim(picture, picture) == pytest.approx(1)
    assert images.ms_ssim(picture, picture) == pytest.approx(1)
    for name in ("blockiness", "edge_error", "texture_error"):
        assert images.MEASURES[name](picture, picture) == 0


def test_psnr_of_a_known_error(picture):
    assert images.psnr(picture, picture + 0.1) == pytest.approx(20)


def test_ssim_of_flat_images_is_that_of_their_means():
    a, b = np.full((32, 32), 0.2), np.full((32, 32), 0.6)
    expected = (2 * 0.2 * 0.6 + 1e-4) / (0.2**2 + 0.6**2 + 1e-4)
    assert images.ssim(a, b) == pytest.approx(expected, rel=1e-6)


def test_ssim_against_pytorch_msssim(picture):
    """Away from the edges the two packages compute the same."""
    torch = pytest.importorskip("torch")
    from pytorch_msssim import ssim

    after = blurred(picture)
    given = (torch.from_numpy(image)[None, None] for image in (picture, after))
    assert images.ssim(picture, after) == pytest.approx(
        float(ssim(*given, data_range=1.0)), abs=2e-3
    )


@pytest.mark.parametrize(("side", "defined"), [(160, False), (161, True)])
def test_ms_ssim_needs_sides_above_160(side, defined):
    image = np.random.default_rng(1).random((200, side))
    assert (images.ms_ssim(image, blurred(image)) is not None) is defined


def test_blockiness_sees_blocks_and_not_blur(picture):
    assert images.blockiness(picture, blocked(picture)) == np.inf
    assert images.blockiness(picture, (picture + blocked(picture)) / 2) > 0.5
    assert abs(images.blockiness(picture, blurred(picture))) < 0.2


def test_texture_error_of_a_smoothed_image_is_near_one():
    noise = np.random.default_rng(2).normal(0.5, 0.05, (128, 128))
    assert images.texture_error(noise, np.full_like(noise, 0.5)) == pytest.approx(1)
    assert 0.4 < images.texture_error(noise, blurred(noise)) < 0.8
    assert np.isnan(images.texture_error(np.ones((9, 9)), np.ones((9, 9))))


def test_edge_error_grows_with_blur(picture):
    once, twice = blurred(picture), blurred(blurred(picture))
    assert 0 < images.edge_error(picture, once) < images.edge_error(picture, twice)


def test_colour(picture):
    colour = np.stack([picture, picture, picture], -1)
    after = np.stack([blurred(picture)] * 3, -1)
    for name, measure in images.MEASURES.items():
        gray = measure(picture, blurred(picture))
        assert measure(colour, after) == pytest.approx(gray, rel=1e-6), name
