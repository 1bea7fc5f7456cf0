"""What tests of the HDU share."""

import numpy as np
from astropy.io import fits

from astroae.container.header import raw_cards
from astroae.io.hdu import AEImageHDU

ALL_TYPES = ["u1", "i1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8", ">i2", ">u2", ">f4"]


def noise(shape=(60, 80), dtype="f4", seed=1):
    """An image of sky noise."""
    rng = np.random.default_rng(seed)
    return rng.normal(100, 8, shape).astype(dtype)


def scaled_hdu(shape=(60, 80)):
    """Integers with BSCALE, BZERO and BLANK among other cards."""
    hdu = fits.ImageHDU(noise(shape, "i2"), name="SCI")
    hdu.data[0, :5] = -1
    hdu.header["OBJECT"] = "M 31"
    hdu.header["BSCALE"] = (0.5, "half a count")
    hdu.header["BZERO"] = 10.0
    hdu.header["BLANK"] = -1
    hdu.header["BUNIT"] = "adu"
    return hdu


def save(path, *hdus, **keywords):
    """Write HDUs behind an empty primary HDU."""
    fits.HDUList([fits.PrimaryHDU(), *hdus]).writeto(path, overwrite=True, **keywords)
    return path


def plain_and_coded(folder, hdu, **settings):
    """The same image twice: as astropy writes it, and compressed from that file.

    An image of the usual 60 x 80 pixels is cut into four tiles.
    """
    if hdu.shape == (60, 80):
        settings = {"tile_shape": (48, 64)} | settings
    plain = save(folder / "plain.fits", hdu)
    with fits.open(plain) as hdul:
        coded = save(folder / "coded.fits", AEImageHDU.from_hdu(hdul[1], **settings))
    return plain, coded


def table_bytes(path, i=1):
    """Data unit of an HDU as it stands in the file."""
    with fits.open(path, disable_image_compression=True) as hdul:
        place = hdul[i].fileinfo()
    with open(path, "rb") as file:
        file.seek(place["datLoc"])
        return file.read(place["datSpan"])


def check_same_header(found, expected):
    assert raw_cards(found) == raw_cards(expected)


def check_same_pixels(found, expected):
    assert found.dtype.newbyteorder("=") == expected.dtype.newbyteorder("=")
    np.testing.assert_array_equal(found, expected)
