"""Stamps: flux, size, splits by group, augmentation that can be repeated."""

import itertools
import math

import numpy as np
import pytest

from astroae.errors import SettingError
from astroae.pixels.stamps import Normalisation
from astroae.train.data import Source, StampOrigin, View, make_stamps
from astroae.train.data.augment import cut, turn

rng = np.random.default_rng(3)


class InMemory(Source):
    """Images that a test made, in groups that it names."""

    def __init__(self, images, groups=None, pictures=False):
        self.images, self.pictures = images, pictures
        groups = groups or [f"g{i}" for i in range(len(images))]
        super().__init__(
            [
                StampOrigin(f"f{i}", 0, 0, 0, 0, *image.shape[-2:], group)
                for i, (image, group) in enumerate(zip(images, groups))
            ]
        )

    def load(self, origin):
        return self.images[int(origin.file[1:])]

    def card(self, files):
        return [{"file": name, "sha256": "0" * 64} for name in files]


def fields(count, shape=(50, 70)):
    return [rng.normal(100 * i, 5, shape) for i in range(count)]


@pytest.mark.parametrize("stretch", ["linear", "asinh"])
@pytest.mark.parametrize("side", [28, 64, 187])
def test_flux_is_kept_before_and_restored_after_a_network(stretch, side):
    images = fields(3)
    images[1][4, :9] = np.nan
    stamps = make_stamps(
        InMemory(images), View(side, normalisation=Normalisation("minmax", stretch))
    )
    assert stamps.images.dtype == np.float32 and stamps.images.shape == (3, 1, side, side)
    assert stamps.images.min() == 0 and stamps.images.max() == 1
    for i in (0, 2):
        total, size = math.fsum(images[i].ravel()), np.abs(images[i]).sum()
        assert abs(stamps.scalings[i].flux - total) < 1e-6 * size
        poor = np.clip(stamps.images[i] * 0.8 + 0.1, 0, 1)
        assert abs(stamps.restore(i, poor).sum() - total) < 1e-6 * size
    assert stamps.masks[0] is None and stamps.masks[1].any()


def test_pictures_keep_their_levels():
    white = [np.full((3, 90, 60), 255, np.uint8), np.full((90, 60), 51, np.uint8)]
    stamps = make_stamps(InMemory(white, pictures=True), View(28, channels=3))
    assert np.allclose(stamps.images[0], 1) and np.allclose(stamps.images[1], 0.2)
    assert np.allclose(stamps.restore(1, stamps.images[1]), 51)


def test_gray_is_luminance():
    colours = np.zeros((3, 4, 4), np.uint8)
    colours[1] = 200
    stamps = make_stamps(InMemory([colours], pictures=True), View(None))
    assert np.allclose(stamps.images, 0.587 * 200 / 255)


def test_cut_outs_lie_side_by_side_around_the_centre():
    image = np.arange(50.0 * 70).reshape(50, 70)
    stamps = make_stamps(InMemory([image]), View(20, fit="crop"))
    assert [(o.y, o.x) for o in stamps.origins] == [(y, x) for y in (5, 25) for x in (5, 25, 45)]
    assert (stamps.stamp(4).values == image[25:45, 25:45]).all()
    assert len(make_stamps(InMemory([image]), View(20, fit="crop", most=3))) == 3
    small = make_stamps(InMemory([image[:10]]), View(20, fit="crop"))
    assert small.images.shape == (1, 1, 20, 20) and small.origins[0].height == 10


def test_any_size():
    images = [*fields(2), np.ones((9, 9))]
    stamps = make_stamps(InMemory(images), View(None))
    assert [x.shape for x in stamps.images] == [(1, 50, 70), (1, 50, 70), (1, 9, 9)]
    assert make_stamps(InMemory(images[:2]), View(None)).images.shape == (2, 1, 50, 70)
    assert [len(part) for part in stamps.split(0.6)] == [2, 1]


@pytest.mark.parametrize("fraction, seed", list(itertools.product((0.1, 0.5, 0.8, 0.99), range(4))))
def test_a_split_keeps_groups_whole(fraction, seed):
    groups = [f"g{i % 7}" for i in range(40)]
    stamps = make_stamps(InMemory(fields(40, (9, 9)), groups), View(None))
    large, small = stamps.split(fraction, seed)
    assert len(large) + len(small) == 40 and len(large) and len(small)
    assert not set(large.groups) & set(small.groups)
    assert abs(len(large) - fraction * 40) <= 6  # one group
    again = stamps.split(fraction, seed)
    assert [o.file for o in again[1].origins] == [o.file for o in small.origins]


def test_splits_of_other_seeds_differ():
    stamps = make_stamps(InMemory(fields(12, (9, 9))), View(None))
    assert len({tuple(stamps.split(0.75, seed)[1].groups) for seed in range(10)}) > 5


def test_a_split_that_cannot_be():
    stamps = make_stamps(InMemory(fields(3, (9, 9)), ["a"] * 3), View(None))
    with pytest.raises(SettingError, match="1 groups"):
        stamps.split()
    with pytest.raises(SettingError, match="fraction 1"):
        make_stamps(InMemory(fields(3, (9, 9))), View(None)).split(1)


def test_augmentation_repeats_itself_and_varies():
    stamps = make_stamps(InMemory(fields(2, (30, 30))), View(None))
    first = [stamps.augmented(1, epoch, seed=5, crop=16) for epoch in range(40)]
    again = [stamps.augmented(1, epoch, seed=5, crop=16) for epoch in range(40)]
    assert all(np.array_equal(a, b) for a, b in zip(first, again))
    assert len({a.tobytes() for a in first}) > 30
    assert first[0].shape == (1, 16, 16) and first[0].flags.c_contiguous
    whole = {stamps.augmented(0, epoch).tobytes() for epoch in range(200)}
    assert len(whole) == 8


def test_turns_are_the_symmetries_of_a_square():
    square = np.arange(9).reshape(1, 3, 3)
    assert len({turn(square, k).tobytes() for k in range(8)}) == 8
    assert all(turn(square, k)[0, 1, 1] == 4 for k in range(8))
    long = np.arange(6).reshape(1, 2, 3)
    assert {turn(long, k).shape for k in range(8)} == {(1, 2, 3)}
    assert len({turn(long, k).tobytes() for k in range(8)}) == 4


def test_a_cut_out_larger_than_its_image():
    with pytest.raises(SettingError, match="larger than its image"):
        cut(np.zeros((1, 20, 10)), 11, 0)


def test_statistics():
    stamps = make_stamps(InMemory(fields(4)), View(28))
    mean, deviation = stamps.statistics()
    assert mean == pytest.approx(stamps.images.mean(), rel=1e-5)
    assert deviation == pytest.approx(stamps.images.std(), rel=1e-4)


def test_tensors():
    torch = pytest.importorskip("torch")
    stamps = make_stamps(InMemory(fields(5)), View(28))
    batch = next(iter(torch.utils.data.DataLoader(stamps, batch_size=4)))
    assert batch.shape == (4, 1, 28, 28) and batch.dtype == torch.float32


@pytest.mark.parametrize("wrong", [{"fit": "squeeze"}, {"channels": 2}, {"side": 0}, {"most": 0}])
def test_a_wrong_view_is_refused(wrong):
    with pytest.raises(SettingError, match="stamps cannot be made"):
        View(**wrong)
