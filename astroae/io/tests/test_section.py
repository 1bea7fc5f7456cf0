"""``.section`` gives what ``.data[...]`` would, from the tiles it needs."""

import numpy as np
import pytest
from astropy.io import fits
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from astroae.codec import image as codec
from astroae.io.hdu import AEImageHDU
from astroae.io.tests.hdu_helpers import noise, save

SHAPE = (7, 50, 60)
DATA = noise(SHAPE)


@pytest.fixture(scope="module")
def section(tmp_path_factory):
    hdu = AEImageHDU(DATA, tile_shape=(1, 16, 16))
    path = save(tmp_path_factory.mktemp("section") / "a.fits", hdu)
    with fits.open(path) as found:
        yield found[1].section


def axis(n):
    whole = st.integers(-n, n - 1)
    end = st.none() | st.integers(-n - 3, n + 3)
    step = st.none() | st.integers(-5, 5).filter(bool)
    return whole | st.builds(slice, end, end, step)


indices = st.tuples(axis(7), axis(50), axis(60)) | st.tuples(axis(7), axis(50)) | axis(7)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(index=indices)
def test_any_basic_index(section, index):
    found, expected = section[index], DATA[index]
    assert np.shape(found) == np.shape(expected)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("index", [Ellipsis, (Ellipsis, 3), (2, Ellipsis), (slice(None), 1, -1)])
def test_ellipsis(section, index):
    np.testing.assert_array_equal(section[index], DATA[index])


def test_out_of_range(section):
    with pytest.raises(IndexError):
        section[7]


def test_shape_and_type(section):
    assert (section.shape, section.ndim, section.dtype) == (SHAPE, 3, np.float32)


def test_only_needed_tiles_are_decoded(tmp_path, monkeypatch):
    path = save(tmp_path / "a.fits", AEImageHDU(noise((200, 200)), tile_shape=(64, 64)))
    asked = []

    def decode(encoded, region=None, **options):
        asked.extend(encoded.grid.touching(region))
        return original(encoded, region, **options)

    original = codec.decode_image
    monkeypatch.setattr(codec, "decode_image", decode)
    with fits.open(path) as found:
        found[1].section[60:70, 10:20]
        assert asked == [0, 4]
        for row in range(60, 70):
            found[1].section[row, 10:20]
        assert asked == [0, 4]  # kept from the first request


def test_slices_are_the_users_own(tmp_path):
    """What is kept for the next request is not what the user may write to."""
    path = save(tmp_path / "a.fits", AEImageHDU(noise()))
    with fits.open(path) as found:
        first = found[1].section[:10, :10]
        first[:] = 0
        assert found[1].section[:10, :10].min() > 0
