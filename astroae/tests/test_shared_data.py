"""Small images of many instruments, from beside the repository; all: `astroae bench real`."""

import gzip

import numpy as np
import pytest
from astropy.io import fits

import astroae

SMALL = 60_000  # bytes of the gzipped file: some twenty images, a few seconds


@pytest.fixture(scope="module")
def small_images(real_images):
    return [row["path"] for row in real_images if row["path"].stat().st_size < SMALL]


# Real headers hold cards that are not FITS standard, as astropy says each time.
@pytest.mark.filterwarnings("ignore::astropy.utils.exceptions.AstropyUserWarning")
def test_lossless_files_come_back_byte_for_byte(small_images, tmp_path):
    assert len(small_images) > 10
    for path in small_images:
        packed, again = tmp_path / "a.aae.fits", tmp_path / "a.fits"
        result = astroae.compress(path, packed, overwrite=True)
        astroae.decompress(packed, again, overwrite=True)
        with gzip.open(path) as file:
            assert result.byte_identical is (again.read_bytes() == file.read()), path.name
        with fits.open(path) as before, fits.open(again) as after:
            for one, other in zip(before, after, strict=True):
                if one.is_image and one.data is not None:
                    assert np.array_equal(
                        one.data, other.data, equal_nan=one.data.dtype.kind == "f"
                    )
