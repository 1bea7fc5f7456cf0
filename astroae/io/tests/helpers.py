"""Files that the tests of whole-file work share."""

import hashlib

import numpy as np
from astropy.io import fits

import astroae

__all__ = ["check_round_trip", "digest", "mixed_file", "sky"]


def sky(shape=(300, 320), dtype="f4", seed=1):
    """A field of noise with a few bright pixels."""
    rng = np.random.default_rng(seed)
    field = rng.normal(1000, 5, shape)
    field.flat[:: max(field.size // 40, 1)] += 500
    return field.astype(dtype)


def digest(path):
    """SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def mixed_file(path):
    """Science, error, quality, a table, a tiny image: as a pipeline writes them."""
    primary = fits.PrimaryHDU()
    primary.header["TELESCOP"] = "none"
    science = fits.ImageHDU(sky(), name="SCI")
    science.header["BUNIT"] = "adu"
    error = fits.ImageHDU(np.sqrt(sky(seed=2)), name="ERR")
    error.data[:9] = 0
    quality = fits.ImageHDU((sky(seed=3) > 1005).astype("i2"), name="DQ")
    table = fits.BinTableHDU.from_columns(
        [fits.Column("flux", "D", array=np.arange(50.0))], name="CAT"
    )
    tiny = fits.ImageHDU(np.eye(3, dtype="f4"), name="KERNEL")
    fits.HDUList([primary, science, error, table, quality, tiny]).writeto(path)
    return path


def check_round_trip(path, folder, **settings):
    """Compress and decompress; what is said of the way back must be true.

    Returns the result and the two files.
    """
    before = digest(path)
    packed, back = folder / "packed.aae.fits", folder / "back.fits"
    result = astroae.compress(path, packed, overwrite=True, **settings)
    astroae.decompress(packed, back, overwrite=True)
    assert digest(path) == before, "the input was touched"
    assert (digest(back) == result.sha256) == result.byte_identical
    assert astroae.info(packed)["original"]["byte_identical"] == result.byte_identical
    return result, packed, back
