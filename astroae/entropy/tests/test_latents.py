"""Latents <-> bytes: every integer comes back, damage is told, noise costs its entropy."""

import zlib
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from astroae.entropy import context, contextfit, latents

STORED = (
    "010006d28c0107ed0aaf5cb637671d10ada961f11c53808513b1fa982cb24f4886f9c81c6204baa0d22098fb2d"
    "316d6508be20086d40ba95192f4c56203043b2700597bca91a4d35eb84a35ff8fe7b496eb7527b87"
)


def check_round_trip(tensors, classes, contexts=None):
    data = latents.encode(tensors, classes, contexts)
    shapes = [tensor.shape for tensor in tensors]
    for back, tensor in zip(latents.decode(data, shapes, classes, contexts), tensors):
        assert np.array_equal(back, tensor)
    return data


def laplace(rng, deviation, shape):
    return np.rint(rng.laplace(size=shape) * deviation / 2**0.5).astype(np.int64)


def entropy(deviation):
    """Bits of a rounded Laplace number, from its distribution."""
    scale, edges = deviation / 2**0.5, np.arange(-400, 401) + 0.5
    below = 0.5 * np.exp(-np.abs(edges) / scale)
    cumulative = np.where(edges < 0, below, 1 - below)
    p = np.diff(cumulative)
    p = p[p > 0]
    return -(p * np.log2(p)).sum()


shapes = st.tuples(st.integers(1, 5), st.integers(1, 9), st.integers(1, 9))
maps = shapes.flatmap(
    lambda shape: hnp.arrays(
        np.int64, shape, elements=st.integers(-(2**31), 2**31) | st.integers(-3, 3)
    )
)


@given(st.lists(maps, max_size=3), st.randoms(use_true_random=False))
def test_round_trip(tensors, random):
    classes = [np.array([random.randrange(97) for _ in tensor], np.int64) for tensor in tensors]
    check_round_trip(tensors, classes)


def test_coarse_to_fine_with_learned_contexts():
    rng = np.random.default_rng(1)
    classes = [np.full(8, 24), np.full(3, 20), np.full(4, 12)]
    shapes = [(9, 8, 1, 1), (9, 3, 8, 6), (9, 4, 16, 12)]
    samples = [laplace(rng, 2.0, shape) for shape in shapes]
    contexts = contextfit.fit(samples, classes)
    check_round_trip([laplace(rng, 2.0, shape[1:]) for shape in shapes], classes, contexts)


@pytest.mark.parametrize(("deviation", "c"), [(0.2, 11), (0.5, 16), (4.0, 28)])
def test_sparse_latents_cost_their_entropy(deviation, c):
    rng = np.random.default_rng(2)
    classes = [np.full(12, c)]
    contexts = contextfit.fit([laplace(rng, deviation, (12, 12, 64, 64))], classes)
    tensor = laplace(rng, deviation, (12, 64, 64))
    data = check_round_trip([tensor], classes, contexts)
    assert 8 * len(data) < 1.03 * entropy(deviation) * tensor.size
    assert len(data) < len(zlib.compress(tensor.astype(np.int8).tobytes(), 9))


def test_what_neighbours_and_other_channels_tell_is_used():
    """Channels that are lively in the same places: cheaper than their entropy as a whole."""
    rng = np.random.default_rng(3)
    y, x = np.mgrid[:48, :48]
    deviation = 0.1 + 3 * np.exp(-((y - 20) ** 2 + (x - 30) ** 2) / 100)
    classes = [np.full(6, 18)]
    contexts = contextfit.fit([laplace(rng, deviation, (8, 6, 48, 48))], classes)
    tensor = laplace(rng, deviation, (6, 48, 48))
    _, count = np.unique(tensor, return_counts=True)
    first_order = -(count * np.log2(count / tensor.size)).sum()
    places = sum(entropy(d) for d in deviation.ravel()) * 6  # the limit
    bits = 8 * len(check_round_trip([tensor], classes, contexts))
    assert bits < 1.1 * places < 0.8 * first_order


def test_smooth_maps_are_predicted():
    rng = np.random.default_rng(4)
    noise = np.cumsum(np.cumsum(rng.normal(size=(7, 2, 64, 64)), 2), 3)
    samples = np.rint(4 * noise / noise.std()).astype(np.int64)
    classes = [np.full(2, 28)]
    contexts = contextfit.fit([samples[:-1]], classes)
    data = check_round_trip([samples[-1]], classes, contexts)
    assert len(data) < 0.6 * len(zlib.compress(samples[-1].astype(np.int8).tobytes(), 9))


def test_the_tables_adapt_to_an_image():
    """Four octaves off: the shift that is sent takes most of the loss back."""
    rng = np.random.default_rng(5)
    tensor = laplace(rng, 4.0, (200, 1, 1))
    right, wrong = ([np.full(200, c)] for c in (28, 24))
    assert len(check_round_trip([tensor], wrong)) <= len(check_round_trip([tensor], right)) + 2


def test_eight_numbers_take_few_bytes():
    tensor = np.array([3, -14, 0, 22, -9, 1, 16, -30]).reshape(8, 1, 1)
    assert len(check_round_trip([tensor], [np.full(8, 36)])) <= 10


def test_maps_of_two_levels_are_deflated():
    """Large black and white blocks: contexts cannot know them, deflate does."""
    blocks = np.indices((64, 64)).sum(0) // 16 % 2 * 301
    tensor = np.stack([blocks, blocks]).astype(np.int64)
    assert len(check_round_trip([tensor], [np.full(2, 40)])) < 250


def test_channels_that_tell_of_each_other():
    """A channel that is the sum of others, nearly: cheaper than noise of its size."""
    rng = np.random.default_rng(8)
    samples = laplace(rng, 4.0, (12, 8, 32, 32))
    samples[:, 6:] = samples[:, :2] + samples[:, 2:4]
    classes = [np.full(8, 28)]
    contexts = contextfit.fit([samples[1:]], classes)
    bits = 8 * len(check_round_trip([samples[0]], classes, contexts))
    assert bits < 1.12 * entropy(4.0) * samples[0, :6].size


def test_a_floor_costs_little():
    """Maps as after a ReLU: the flat part costs next to nothing."""
    rng = np.random.default_rng(9)
    waves = np.sin(np.arange(64) / 6)[:, None] + rng.normal(size=(9, 4, 64, 64)) * 0.05
    samples = np.maximum(np.rint(40 * waves).astype(np.int64), 0)
    classes = [np.full(4, 34)]
    contexts = contextfit.fit([samples[1:]], classes)
    assert context.from_numbers(contexts[0], 4).floor
    bits = 8 * len(check_round_trip([samples[0]], classes, contexts))
    assert bits < 1.15 * entropy(2.1) * (samples[0] > 0).sum()


def test_a_latent_that_is_too_large():
    with pytest.raises(ValueError, match="out of range"):
        latents.encode([np.full((1, 1, 1), 2**31 + 1)], [np.array([20])])


def test_classes_of_another_tensor():
    with pytest.raises(ValueError, match="class"):
        latents.encode([np.zeros((2, 1, 1), np.int64)], [np.array([20])])


def test_damage_is_an_error_or_other_numbers():
    rng = np.random.default_rng(6)
    tensors = [laplace(rng, 2.0, (4, 1, 1)), laplace(rng, 40.0, (3, 12, 12))]
    classes = [np.full(4, 24), np.full(3, 8)]
    data = latents.encode(tensors, classes)
    shapes, told = [tensor.shape for tensor in tensors], 0
    for _ in range(150):
        spoilt = bytearray(data[: rng.integers(len(data) + 1)] if rng.random() < 0.3 else data)
        for place in rng.integers(0, max(len(spoilt), 1), rng.integers(1, 9)):
            if spoilt:
                spoilt[place] = rng.integers(256)
        try:
            back = latents.decode(bytes(spoilt), shapes, classes)
        except ValueError:
            told += 1
        else:
            assert [tensor.shape for tensor in back] == shapes
            assert max(np.abs(tensor).max() for tensor in back) <= 2**31
    assert told > 20


def test_numbers_of_a_context_come_back():
    rng = np.random.default_rng(7)
    (numbers,) = contextfit.fit([laplace(rng, 1.0, (4, 3, 16, 16))], [np.full(3, 20)])
    again = context.from_numbers(numbers, 3).to_numbers()
    assert np.array_equal(again, numbers)


@pytest.mark.parametrize("spoil", ["cut", "long", "table", "gain", "empty"])
def test_numbers_that_are_no_context(spoil):
    rng = np.random.default_rng(7)
    (numbers,) = contextfit.fit([laplace(rng, 1.0, (4, 3, 16, 16))], [np.full(3, 20)])
    numbers = numbers.astype(np.int64)
    if spoil == "cut":
        numbers = numbers[:-1]
    elif spoil == "long":
        numbers = np.append(numbers, 0)
    elif spoil == "table":
        numbers[0] = 99
    elif spoil == "gain":
        numbers[3] = 1 << 30
    else:
        numbers = numbers[:1]
    with pytest.raises(ValueError, match="context"):
        context.from_numbers(numbers, 3)


def test_bytes_that_were_stored():
    """With taps that make every forecast a fraction, and errors of all kinds."""
    plain = context.from_numbers((), 3)
    slots = []
    for slot in plain.slots:
        taps = np.arange(slot.taps.size).reshape(slot.taps.shape) * 37 % 401 - 100.0
        slots.append(replace(slot, taps=taps))
    numbers = context.Context(tuple(slots)).to_numbers()
    raw = np.random.PCG64(1).random_raw(147).reshape(3, 7, 7)
    tensor = (raw % 7 + raw // 7 % 7).astype(np.int64) - 6
    tensor[1, 3, 2] = 9000
    data = check_round_trip([tensor], [np.array([24, 28, 41])], [numbers])
    assert data.hex() == STORED


def test_deflated_latents_that_are_damaged():
    blocks = np.indices((64, 64)).sum(0) // 16 % 2 * 301
    tensor, classes = blocks[None].astype(np.int64), [np.full(1, 40)]
    data = latents.encode([tensor], classes)
    for spoilt in (data[:-1], data + b"\x00", data[:9] + b"\xff\xff" + data[11:]):
        with pytest.raises(ValueError, match="deflated"):
            latents.decode(spoilt, [tensor.shape], classes)
    with pytest.raises(ValueError, match="length"):
        latents.decode(data, [(1, 4, 4)], classes)
