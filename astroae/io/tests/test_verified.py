"""The least that is wrong is found: a pixel by a step, a tile among others, a card."""

import numpy as np
import pytest
from astropy.io import fits

import astroae
from astroae.io.tests.helpers import sky

TILES = {"tile_shape": (100, 320)}


def packed_beside(folder, data, header=None, **settings):
    """A compressed file, and a copy of the original that a test may change."""
    fits.writeto(folder / "a.fits", data, header)
    astroae.compress(folder / "a.fits", folder / "a.aae.fits", **settings, **TILES)
    return folder / "a.aae.fits"


def differs(packed, data, header=None):
    other = packed.with_name("other.fits")
    fits.writeto(other, data, header, overwrite=True)
    return astroae.verify(packed, other).differences


@pytest.mark.parametrize("place", [(0, 0), (99, 319), (100, 0), (299, 319)], ids=str)
def test_the_bound_is_kept_to_the_last_step(tmp_path, place):
    data = sky(dtype="f4")
    packed = packed_beside(tmp_path, data, error_bound=0.5)
    decoded = fits.getdata(packed)
    for error, word in ((0.49, None), (0.51, "beyond"), (0.58, "beyond"), (np.nan, "beyond")):
        changed = data.copy()
        changed[place] = decoded[place] + np.float32(error)
        found = differs(packed, changed)
        assert (
            (not found) if word is None else found == ("extension 0: 1 pixels beyond their bound",)
        )


def test_one_lossy_tile_makes_a_lossy_file(tmp_path):
    weights = np.sqrt(sky(dtype="f4"))
    weights[:200] = 2  # nothing is lost of these tiles
    packed = packed_beside(tmp_path, weights, quantize_level=4, planes={0: "relative"})
    assert not np.array_equal(fits.getdata(packed), weights)
    assert "within what was promised" in astroae.verify(packed).verdict


@pytest.mark.parametrize(("key", "value"), [("NAXIS1", 319), ("NAXIS2", 301), ("BITPIX", 16)])
def test_a_header_of_another_shape_is_refused(tmp_path, key, value):
    packed = packed_beside(tmp_path, sky(dtype="f4"))
    fits.setval(packed, f"Z{key}", value=value, ext=1, disable_image_compression=True)
    with pytest.raises(astroae.CorruptFileError, match=key):
        astroae.decompress(packed, tmp_path / "b.fits")
    assert not (tmp_path / "b.fits").exists()
