"""Whatever the pixels are, what stands in the file keeps the promise.

Images go through the bytes of a file and are judged by `astroae.tests.oracle`, which
shares no line with the package.
"""

import io
import warnings

import numpy as np
import pytest
from astropy.io import fits
from hypothesis import given
from hypothesis import strategies as st

import astroae
from astroae.codec.image import decode_image, decode_integers, encode_image
from astroae.container.fpack import takeover
from astroae.container.fpack_read import read_fpack
from astroae.container.rows import pack, read_layout, unpack
from astroae.container.structure import Structure, read_structure, structure_cards
from astroae.settings import from_keywords
from astroae.tests.oracle import broken_promise
from astroae.tests.strategies import DTYPES, MODES, Picture, asked, pictures

any_type = pytest.mark.parametrize("dtype", DTYPES)
FAR_APART = [
    ("f8", [-2, 2]),
    ("f8", [-999, *range(10, 41)]),
    ("f8", [-1e300, 0, 1e300]),
    ("f8", [-5e-324, 5e-324]),
    ("f4", [-3e38, 3e38]),
    ("i8", [-5 * 10**18, 5 * 10**18]),
    ("i8", [-(2**63), 2**63 - 1]),
    ("i8", [-(2**63), 0, 1, 2**63 - 1]),
]


def as_read(encoded):
    """The image that a reader makes of the bytes which `encoded` becomes."""
    structure = Structure(
        encoded.shape, encoded.dtype, encoded.tile_shape, encoded.settings, 1.0, encoded.blank, 0, 0
    )
    packed = pack(encoded)
    cards = "".join([*packed.cards, *structure_cards(structure, 0)])
    header, data = fits.Header.fromstring(cards), b"".join(packed.pieces)
    layout = read_layout(header)

    def read_heap(offset, n):
        return data[layout.heap_start + offset : layout.heap_start + offset + n]

    return unpack(read_structure(header), layout, data[: layout.rows_size], read_heap)


def check(picture, keywords):
    encoded = encode_image(
        picture.data,
        from_keywords(tile_shape=picture.tile_shape, **keywords),
        blank=picture.blank,
        threads=1,
    )
    after = decode_image(as_read(encoded), threads=1)
    fault = broken_promise(picture.data, after, keywords, picture.tile_shape, picture.blank)
    assert not fault, fault


@any_type
@pytest.mark.parametrize("mode", MODES)
def test_what_a_file_holds_keeps_the_promise(dtype, mode):
    @given(pictures(dtype), asked(mode))
    def holds(picture, keywords):
        check(picture, keywords)

    holds()


@pytest.mark.parametrize(("dtype", "values"), FAR_APART)
@pytest.mark.parametrize("keywords", [{}, {"quantize_level": 4}, {"error_bound": 0.5}])
@pytest.mark.parametrize("lossy", [False, True])
def test_few_levels_far_apart(dtype, values, keywords, lossy):
    """Their differences are beyond int64, as the bits of -2.0 and 2.0 are."""
    keywords = keywords | {"lossy_integers": lossy} if keywords else keywords
    rng = np.random.default_rng(0)
    check(Picture(rng.choice(np.array(values, dtype), (60, 50)), (16, 50), None), keywords)


@any_type
def test_an_hdu_keeps_the_promise(dtype):
    @given(pictures(dtype), st.sampled_from(MODES).flatmap(asked))
    def holds(picture, keywords):
        hdu = fits.ImageHDU(picture.data)
        if picture.blank is not None:
            hdu.header["BLANK"] = picture.blank
        coded = astroae.AEImageHDU.from_hdu(hdu, tile_shape=picture.tile_shape, **keywords)
        file = io.BytesIO()
        fits.HDUList([fits.PrimaryHDU(), coded]).writeto(file)
        with fits.open(io.BytesIO(file.getvalue()), do_not_scale_image_data=True) as hdus:
            after = np.array(hdus[1].data)
        after = after.astype(after.dtype.newbyteorder("="))
        fault = broken_promise(picture.data, after, keywords, picture.tile_shape, picture.blank)
        assert not fault, fault

    holds()


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_what_was_fpacked_keeps_its_integers_and_pixels(dtype):
    """They stay on the scale, zero and dither of each row, as another program reads them."""

    @given(pictures(dtype), st.sampled_from([1, 4, 16]), st.sampled_from([1, 2, -1]))
    def holds(picture, level, method):
        row = (1,) * (picture.data.ndim - 1) + picture.data.shape[-1:]
        options = {"quantize_level": level, "quantize_method": method, "tile_shape": row}
        file = io.BytesIO()
        with np.errstate(all="ignore"), warnings.catch_warnings(action="ignore"):
            hdu = fits.CompImageHDU(picture.data, dither_seed=7, **options)
            fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(file)
        with fits.open(io.BytesIO(file.getvalue()), disable_image_compression=True) as hdus:
            place, header = hdus.fileinfo(1), hdus[1].header.copy()
        table = file.getvalue()[place["datLoc"] : place["datLoc"] + place["datSpan"]]
        source, taken = read_fpack(header, table), takeover(header, table)
        read = as_read(taken.encoded)
        assert decode_image(read).tobytes() == source.values.tobytes()
        if source.grid is None:
            assert read.source is None
            return
        assert np.array_equal(decode_integers(read), source.integers)
        for name in ("scale", "zero", "exact"):
            assert getattr(read.source, name).tobytes() == getattr(source.grid, name).tobytes()

    holds()
