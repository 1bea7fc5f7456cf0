"""Original and restored: what counts as change, and what as lost."""

import numpy as np
import pytest

from astroae.errors import InputError
from astroae.validation.original import Original
from astroae.validation.pair import Pair

pytest.importorskip("photutils")
hypothesis = pytest.importorskip("hypothesis")
from hypothesis import given  # noqa: E402
from hypothesis import strategies as st  # noqa: E402

SPECIAL = st.sampled_from([0.0, 1.0, -3.5, 1e30, -1e30, np.nan, np.inf, -np.inf])


@pytest.fixture(scope="module")
def image():
    rng = np.random.default_rng(1)
    rows, columns = np.mgrid[:96, :96]
    stars = [(20, 30), (60, 40), (70, 75), (30, 70), (45, 15), (80, 20)]
    image = rng.normal(100, 2, (96, 96))
    for y, x in stars:
        image += 300 * np.exp(-((rows - y) ** 2 + (columns - x) ** 2) / (2 * 1.5**2))
    return image


@pytest.mark.parametrize("shape", [(96,), (96, 95), (96, 96, 1), (1, 96, 96), ()])
def test_another_shape(image, shape):
    with pytest.raises(InputError) as caught:
        Pair(Original(image, name="SCI"), np.zeros(shape))
    assert "(96, 96)" in str(caught.value) and str(shape) in str(caught.value)
    assert "SCI" in str(caught.value)


def test_change(image):
    pair = Pair(Original(image), image + 0.5)
    assert pair.change == pytest.approx(0.5)
    assert pair.difference == pytest.approx(0.5)
    assert not pair.lost.any()
    assert pair.signal - pair.original.signal == pytest.approx(0.5)


def test_nan_in_the_restored_image_only(image):
    restored = image.copy()
    restored[5, 6], restored[7, 8], restored[9, 10] = np.nan, np.inf, -np.inf
    pair = Pair(Original(image), restored)
    assert list(zip(*np.nonzero(pair.lost))) == [(5, 6), (7, 8), (9, 10)]
    assert np.isnan(pair.difference[5, 6]) and pair.change[5, 6] == 0
    assert np.isfinite(pair.change).all() and np.isfinite(pair.significance).all()


def test_pixels_have_a_value_where_both_images_have_one(image):
    spoilt, restored = image.copy(), image + 1
    spoilt[5, 6], restored[7, 8], restored[9, 10] = np.nan, np.inf, 1e200
    pixels = Pair(Original(spoilt), restored).pixels
    assert list(zip(*np.nonzero(np.isnan(pixels)))) == [(5, 6), (7, 8), (9, 10)]
    assert pixels[0, 0] == restored[0, 0]


def test_nan_in_the_original_only(image):
    spoilt = image.copy()
    spoilt[5, 6], spoilt[7, 8] = np.nan, np.inf
    pair = Pair(Original(spoilt), image)
    assert not pair.lost.any()
    assert pair.change[5, 6] == pair.change[7, 8] == 0 and pair.signal[5, 6] == 0


def test_masked_pixels_may_become_anything(image):
    mask = np.zeros(image.shape, bool)
    mask[10:20, 10:20] = True
    restored = np.where(mask, np.nan, image)
    pair = Pair(Original(image, mask=mask), restored)
    assert not pair.lost.any() and not pair.change.any()


@given(st.lists(st.tuples(SPECIAL, SPECIAL), min_size=4, max_size=4))
def test_any_values(values):
    """Change is finite, and not zero only where both images have a value."""
    before, after = np.array(values).T.reshape(2, 2, 2)
    pair = Pair(Original(before), after)
    assert np.isfinite(pair.change).all()
    assert (pair.lost == (np.isfinite(before) & ~np.isfinite(after))).all()
    both = np.isfinite(before) & np.isfinite(after)
    assert np.array_equal(pair.change, np.where(both, np.where(both, after, 0) - np.where(both, before, 0), 0))  # fmt: skip


def test_integers_do_not_wrap():
    before, after = np.full((16, 16), 5, np.uint16), np.full((16, 16), 2, np.uint16)
    assert (Pair(Original(before), after).change == -3).all()


def test_aperture_changes_are_differences_of_sums(image):
    rng = np.random.default_rng(2)
    restored = image + rng.normal(0, 1, image.shape)
    pair = Pair(Original(image), restored)
    sources = pair.original.sources.clean
    from astroae.validation.sources import aperture_sums

    after = aperture_sums(pair.signal, sources.x, sources.y, 3.0)
    before = aperture_sums(pair.original.signal, sources.x, sources.y, 3.0)
    assert len(sources) == 6
    assert pair.aperture_changes(sources, 3.0) == pytest.approx(after - before, abs=1e-6)


def test_an_unchanged_image_is_as_significant(image):
    pair = Pair(Original(image), image)
    assert np.array_equal(pair.significance, pair.original.detected)
