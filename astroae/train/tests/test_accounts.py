"""Three accounts, other coders at equal bytes, fluxes: on shipped models and small stamps."""

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("imagecodecs")
pytest.importorskip("skimage")
pytest.importorskip("pytorch_msssim")

from astroae.errors import SettingError
from astroae.nets.store import find
from astroae.pixels.stamps import Normalisation
from astroae.train.accounting import account
from astroae.train.flux import aperture_differences, flux_differences
from astroae.train.report import PUBLISHED, Row, _rival, likeness
from astroae.train.rivals import CODERS, at_bytes, at_likeness
from astroae.validation.images import mse, psnr


class Stamps:
    """Images as a StampSet holds them."""

    def __init__(self, images):
        self.images = images

    def __len__(self):
        return len(self.images)


def sky(side, seed=1):
    """A star on noise, scaled to [0, 1], float32 (1, side, side)."""
    y, x = np.mgrid[:side, :side] - side / 2
    rng = np.random.default_rng(seed)
    image = 50 * np.exp(-(x**2 + y**2) / 18) + rng.normal(0, 1, x.shape)
    return Normalisation().normalise(image)[0][None].astype(np.float32)


@pytest.fixture(scope="module")
def unet():
    return find("unet187")


def test_free_skips_carry_the_picture_and_cut_ones_do_not(unet):
    stamps = Stamps(np.stack([sky(187, seed) for seed in range(2)]))
    free, cut = (account(unet, stamps, way) for way in ("free", "cut"))
    assert free.bytes is None
    assert mse(free.images[0], stamps.images[0]) < PUBLISHED["mse"]
    assert mse(cut.images[0], stamps.images[0]) > 20 * PUBLISHED["mse"]
    assert 1 <= cut.bytes.min() and cut.bytes.max() < 64  # eight numbers


def test_coded_skips_are_paid_for(unet):
    stamps = Stamps(np.stack([sky(187)]))
    fine, coarse = (account(unet, stamps, "coded", step) for step in (1.0, 8.0))
    assert fine.bytes[0] > coarse.bytes[0] > 2000
    assert mse(fine.images[0], stamps.images[0]) < mse(coarse.images[0], stamps.images[0])


def test_coded_bytes_are_those_of_a_file(unet):
    """The codec's own latent mode counts the same tensors."""
    from astroae.codec.image import encode_image
    from astroae.io.models import settings_of

    model = find("hubble128")
    image = np.random.default_rng(5).normal(100, 3, (128, 128)).astype(np.float32)
    rule = Normalisation(**model.input)
    x = rule.normalise(image)[0][None].astype(np.float32)
    counted = account(model, Stamps(x[None]), "coded").bytes[0]
    encoded = encode_image(image, settings_of(model=model))
    assert encoded.tiles["SCALE"][0] > 0
    # 32 bytes undo the normalisation, some dozen say how the tile is coded.
    assert abs(len(encoded.streams[0]) - 44 - counted) < 40


def test_another_way_is_refused(unet):
    with pytest.raises(SettingError, match="free, cut, coded"):
        account(unet, Stamps([]), "cheap")


@pytest.mark.parametrize("name", CODERS)
def test_a_coder_at_equal_bytes(name):
    picture = sky(96)[0]
    small, large = (at_bytes(name, picture, most) for most in (1200, 4000))
    assert small.bytes <= 1200 and 2000 < large.bytes <= 4000
    assert psnr(picture, small.image) < psnr(picture, large.image)


@pytest.mark.parametrize("name", CODERS)
def test_a_coder_to_a_likeness(name):
    picture = sky(96)[0]
    coded = at_likeness(name, picture, lambda y: mse(picture, y) <= 1e-4)
    assert 5e-5 < mse(picture, coded.image) <= 1e-4
    assert at_likeness(name, picture, lambda y: False) is None


@pytest.mark.parametrize("name", CODERS)
def test_a_coder_of_colours(name):
    picture = np.moveaxis(np.stack([sky(64, seed)[0] for seed in range(3)]), 0, -1)
    coded = at_bytes(name, picture, 6000)
    assert coded.image.shape == picture.shape
    assert psnr(picture, coded.image) > 15


def test_a_coder_that_cannot_go_so_low():
    assert at_bytes("astroae", sky(64)[0], 3) is None


def test_likeness_counts_the_worst_tenth():
    before = [np.full((1, 170, 170), 0.5, np.float32) for _ in range(10)]
    after = [*before[:9], before[9] + 0.1]
    found = likeness(before, Row("one is off", after, np.full(10, 100)))
    assert found["mse median"] == "0.00e+00"
    assert found["mse worst tenth"] == "1.00e-02"
    assert found["bits/px"] == f"{800 / 170**2:.3f}"


def test_aperture_differences_of_a_known_change():
    pytest.importorskip("photutils")
    y, x = np.mgrid[:64, :64]
    image = np.random.default_rng(2).normal(0, 1, (64, 64))
    image += 500 * np.exp(-((x - 30) ** 2 + (y - 34) ** 2) / 8)
    change = np.full(image.shape, 0.25)
    found = aperture_differences(image, change, 1.0, 4.0)
    assert len(found) == 1
    assert found[0] == pytest.approx(0.25 * (np.pi * 16) ** 0.5)


def test_latent_mode_keeps_the_sum_of_a_stamp():
    pytest.importorskip("photutils")
    stamps = [10 * sky(128, seed)[0].astype(float) for seed in range(2)]
    found = flux_differences(find("hubble128"), stamps)
    assert found["stamps"] == 2 and found["sources"] >= 2
    assert float(found["total, worst"]) < 1e-3


def test_headers_are_left_out_and_no_more():
    """A flat picture of many blocks costs JPEG its blocks: some bits for each of them."""
    flat = at_bytes("JPEG", np.full((192, 192), 0.5, np.float32), 10_000)
    assert 24 * 24 * 4 / 8 < flat.bytes < 24 * 24


def test_stamps_that_a_coder_cannot_do_count_as_its_worst():
    """Noise is out of JPEG's reach in 150 bytes, a flat picture is not."""
    flat = np.full((1, 64, 64), 0.5, np.float32)
    noise = np.random.default_rng(1).random((1, 64, 64), np.float32)
    assert float(_rival("JPEG", [flat, flat, noise], [150] * 3).split(" (1 fail)")[0]) > 40
    assert _rival("JPEG", [flat, noise, noise], [150] * 3) == "cannot (2 fail)"
