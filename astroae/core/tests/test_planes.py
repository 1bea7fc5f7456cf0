"""Planes: what goes in comes out, from core and reference alike; other bytes are refused."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from astroae.core import CorruptPlaneError, decode_plane, encode_plane
from astroae.entropy import reference

METHODS = {0: "constant", 1: "packed", 2: "coded"}


def fields(shape, seed=0):
    """Tiles of every kind that has a form of its own."""
    rng = np.random.default_rng(seed)
    y, x = np.indices(shape)
    noise = rng.normal(size=shape)
    small = rng.integers(0, 1000, (shape[0] // 3 + 1, shape[1] // 3 + 1))
    return {
        "noise": 3 * noise + 20 * np.sin(x / 9),
        "fine noise": 0.4 * noise + 30 * np.sin((x + y) / 40),
        "stars": 5000 * np.exp(-((x - 20) ** 2 + (y - 20) ** 2) / 30) + noise,
        "wide": 1e7 * noise,
        "very wide": 4e17 * noise,
        "outliers": np.where(rng.random(shape) < 0.01, -(2.0**62), 5 + 2 * noise),
        "counts": rng.poisson(0.1, shape),
        "two values": rng.integers(0, 2, shape),
        "constant": np.full(shape, -7),
        "random": rng.integers(-(2**60), 2**60, shape),
        "mosaic": 2 * noise + 200 * (x % 2) + 90 * (y % 2) + 50 * np.cos(x / 7),
        "repeated": np.repeat(np.repeat(small, 3, 0), 3, 1)[: shape[0], : shape[1]],
        "stairs": (x // 9 + y // 5) * 100,
    }


KINDS = list(fields((4, 4)))


def check_both(k, valid=None, levels=None, **options):
    """Core and reference give back what was coded; the bytes."""
    coded = encode_plane(k, valid, levels=levels, verify=True, **options)
    expected = k if valid is None else np.where(valid, k, 0)
    np.testing.assert_array_equal(decode_plane(coded, k.shape, valid, levels=levels), expected)
    np.testing.assert_array_equal(reference.decode(coded, k.shape, valid, levels), expected)
    return coded


@pytest.mark.parametrize("effort", ["default", "high"])
@pytest.mark.parametrize("kind", KINDS)
def test_core_and_reference_agree(kind, effort):
    k = fields((66, 70))[kind].astype(np.int64)
    rng = np.random.default_rng(1)
    check_both(k, effort=effort)
    check_both(k[:30, :40], rng.random((30, 40)) < 0.7, effort=effort)


@pytest.mark.parametrize("shape", [(1, 1), (1, 90), (90, 1), (2, 3), (3, 5, 7), (17, 2), (5, 100)])
@pytest.mark.parametrize("effort", ["default", "high"])
def test_shapes(shape, effort):
    rng = np.random.default_rng(2)
    check_both(np.cumsum(rng.integers(-9, 10, shape), -1), effort=effort)
    check_both(rng.integers(0, 9, shape), np.zeros(shape, bool), effort=effort)


@pytest.mark.parametrize("seed", [71, 102, 104, 108])
@pytest.mark.parametrize("effort", ["default", "high"])
def test_pixels_as_far_from_their_mean_as_can_be(seed, effort):
    """The mean may be at one end of what a plane holds, the value at the other."""
    rng = np.random.default_rng(seed)
    far = rng.choice([-1, 1], (30, 40)) * rng.integers(2**25, 2**28, (30, 40))
    k = np.where(rng.random((30, 40)) < 0.02, far, rng.integers(-2, 3, (30, 40)))
    check_both(k, effort=effort)


integers = st.one_of(
    st.integers(-3, 3), st.integers(-(2**15), 2**15), st.integers(-(2**27), 2**27),
    st.integers(-(2**63), 2**63 - 1), st.sampled_from([-(2**63), 2**63 - 1, 2**26, -(2**26), 2**14]),
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(st.data(), st.integers(1, 9), st.integers(1, 9), st.sampled_from(["default", "high"]))
def test_any_integers(data, h, w, effort):
    few = data.draw(st.lists(integers, min_size=1, max_size=12))
    picks = data.draw(st.lists(st.sampled_from(few), min_size=h * w, max_size=h * w))
    masked = data.draw(st.lists(st.booleans(), min_size=h * w, max_size=h * w))
    k = np.array(picks, np.int64).reshape(h, w)
    check_both(k, effort=effort)
    check_both(k, np.reshape(masked, (h, w)), effort=effort)
    check_both(k, levels=np.unique(k), effort=effort)


@pytest.mark.parametrize("kind", ["haar", "wide"])
def test_a_mixture_agrees_and_earns_its_time(kind):
    rng = np.random.default_rng(10)
    blocks = 30 + 8 * np.rint(rng.normal(size=(48, 50))).astype(np.int64)
    k = np.repeat(np.repeat(blocks, 2, 0), 2, 1) + 4 * (rng.random((96, 100)) < 0.1)
    if kind == "wide":
        k = 30 * k * k
    valid = rng.random(k.shape) < 0.9
    for known in (None, valid):
        coded = check_both(k, known, effort="high")
        assert mixed(coded)
        assert len(coded) < 0.985 * len(encode_plane(k, known))
    shift = rng.integers(-2048, 2049, k.shape)
    coded = encode_plane(k, valid, grid=(None, shift), effort="high", verify=True)
    found = reference.decode(coded, k.shape, valid, grid=(None, shift))
    np.testing.assert_array_equal(found, np.where(valid, k, 0))


def blocks_of_two(shape, seed=5):
    """Few coefficients in blocks of two by two pixels, as old plate surveys were kept."""
    rng = np.random.default_rng(seed)
    h, w = (n // 2 + 1 for n in shape)
    whole = np.cumsum(rng.integers(-9, 10, (h, w)), 1).repeat(2, 0).repeat(2, 1)
    across = (8 * rng.choice([-1, 0, 0, 1], (h, w))).repeat(2, 0).repeat(2, 1)
    down = (8 * rng.choice([-1, 0, 0, 0, 0, 1], (h, w))).repeat(2, 0).repeat(2, 1)
    y, x = np.indices(whole.shape)
    return (whole + across * (x & 1) + down * (y & 1))[: shape[0], : shape[1]]


@pytest.mark.parametrize("effort", ["default", "high"])
def test_repeated_pixels_have_a_mixture_of_their_own(effort):
    k = blocks_of_two((96, 96))
    coded = check_both(k, effort=effort)
    assert repeats(coded) == (1, 1)
    assert len(coded) * 8 < 2.6 * k.size
    noise = np.rint(np.random.default_rng(6).normal(0, 0.7, (96, 96))).astype(np.int64)
    assert repeats(check_both(noise, effort=effort))[1] == 0


def repeats(coded):
    """A mixture, and one of pixels that repeat."""
    _, at = reference.varint(coded, 1)
    size, at = reference.varint(coded, at)
    for _ in range(5):
        _, at = reference.varint(coded, at)
    model = reference.read_model(coded[at : at + size], 96)
    return model.mix, model.repeats


def mixed(coded):
    """Whether the model of a coded tile has the flag of a mixture."""
    _, at = reference.varint(coded, 1)
    at += bool(coded[0] & 32)
    for _ in range(6):
        _, at = reference.varint(coded, at)
    return coded[at + 1] >> 3 & 1


def test_a_list_of_levels_is_used():
    rng = np.random.default_rng(3)
    levels = np.cumsum(rng.integers(1, 500, 40))
    k = levels[np.clip(rng.normal(20, 2, (64, 64)).astype(int), 0, 39)]
    assert len(check_both(k, levels=levels)) < 0.7 * len(encode_plane(k))
    with pytest.raises(CorruptPlaneError):
        decode_plane(encode_plane(k, levels=levels), k.shape, levels=levels[:3])


@pytest.mark.parametrize("effort", ["default", "high"])
def test_a_grid_with_many_steps(effort):
    rng = np.random.default_rng(7)
    y, x = np.indices((40, 50))
    sky = 20 * np.sin(x / 9) + 2 * rng.normal(size=x.shape)
    step = np.broadcast_to(4096 + 900 * (y % 3), x.shape)
    shift = rng.integers(-2048, 2049, x.shape) + 10000 * y
    k = (np.rint(sky * 4096).astype(np.int64) - shift) // step
    for valid in (None, rng.random(x.shape) < 0.8):
        coded = encode_plane(k, valid, grid=(step, shift), effort=effort, verify=True)
        expected = k if valid is None else np.where(valid, k, 0)
        found = reference.decode(coded, k.shape, valid, grid=(step, shift))
        np.testing.assert_array_equal(found, expected)
    assert len(coded) < 0.9 * len(encode_plane(k, valid, effort=effort))
    with pytest.raises(CorruptPlaneError):
        decode_plane(coded, k.shape, valid)


def test_known_dither_costs_nothing():
    rng = np.random.default_rng(8)
    values, dither = rng.normal(size=(128, 128)), rng.random((128, 128))
    plain = encode_plane(np.rint(values).astype(np.int64))
    k = np.floor(values + dither).astype(np.int64)
    shift = np.rint((0.5 - dither) * 4096).astype(np.int64)
    assert len(encode_plane(k, grid=(None, shift))) < 1.005 * len(plain)
    assert len(encode_plane(k)) > 1.015 * len(plain)


@pytest.mark.parametrize("step, shift", [(100, 0), (2**31, 0), (4096, 2**50)])
def test_grids_that_sums_cannot_hold(step, shift):
    grid = np.full((3, 3), step), np.full((3, 3), shift)
    with pytest.raises(ValueError, match="a grid has steps"):
        encode_plane(np.zeros((3, 3), int), grid=grid)


def test_levels_serve_where_packed_places_would_be_larger():
    rng = np.random.default_rng(9)
    levels = np.cumsum(rng.integers(3, 7, 32))
    k = levels[np.clip(np.rint(rng.normal(16, 1.2, (96, 96))).astype(int), 0, 31)]
    assert len(check_both(k, levels=levels)) < 0.8 * len(encode_plane(k))


def test_never_much_larger_than_packed():
    k = np.random.default_rng(4).integers(-(2**63), 2**63 - 1, (50, 50))
    assert len(encode_plane(k)) <= k.nbytes + 20


def test_noise_costs_what_it_must():
    noise = np.random.default_rng(5).normal(size=(512, 512))
    k = np.rint(4 * noise).astype(np.int32)
    tiles = [k[y : y + 256, x : x + 256] for y in (0, 256) for x in (0, 256)]
    assert sum(len(encode_plane(t)) for t in tiles) * 8 / k.size < 4.051 + 0.015


def test_both_integer_types_give_the_same_bytes():
    for k in fields((40, 60)).values():
        k = np.clip(k, -(2**31), 2**31 - 1).astype(np.int32)
        coded = encode_plane(k)
        assert coded == encode_plane(k.astype(np.int64))
        np.testing.assert_array_equal(decode_plane(coded, k.shape, dtype=np.int32), k)


def test_a_value_that_does_not_fit_is_refused():
    coded = encode_plane(np.full((3, 3), 2**40))
    with pytest.raises(CorruptPlaneError, match="does not fit"):
        decode_plane(coded, (3, 3), dtype=np.int32)


@pytest.mark.parametrize("kind", KINDS)
def test_mutated_bytes_end_alike_in_core_and_reference(kind):
    rng = np.random.default_rng(6)
    k = fields((20, 24))[kind].astype(np.int64)
    coded = encode_plane(k, effort="high" if kind == "noise" else "default")
    for _ in range(25):
        bad = bytearray(coded)
        bad[rng.integers(len(bad))] ^= 1 << rng.integers(8)
        try:
            found = decode_plane(bytes(bad), k.shape)
        except CorruptPlaneError:
            with pytest.raises(reference.Corrupt):
                reference.decode(bytes(bad), k.shape)
        else:
            np.testing.assert_array_equal(found, reference.decode(bytes(bad), k.shape))


def test_truncated_bytes_are_refused():
    coded = encode_plane(fields((30, 30))["noise"].astype(np.int64))
    for n in range(len(coded)):
        with pytest.raises(CorruptPlaneError):
            decode_plane(coded[:n], (30, 30))


@pytest.mark.parametrize(
    "k, valid, error",
    [
        (np.zeros((3, 3)), None, TypeError),
        (np.zeros(3, int), None, TypeError),
        (np.zeros((0, 3), int), None, ValueError),
        (np.zeros((3, 3), int), np.ones((2, 3), bool), TypeError),
        (np.zeros((3, 3), int), np.ones((3, 3)), TypeError),
    ],
)
def test_what_is_no_plane(k, valid, error):
    with pytest.raises(error):
        encode_plane(k, valid)


def test_unsorted_levels():
    with pytest.raises(ValueError, match="sorted"):
        encode_plane(np.zeros((3, 3), int), levels=[3, 1])
