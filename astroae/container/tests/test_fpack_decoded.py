"""Tiles that are only decoded: HCOMPRESS_1, PLIO_1, and GZIP tiles of another width."""

import zlib

import numpy as np
import pytest
from astropy.io import fits

from astroae.codec.image import decode_image, decode_integers
from astroae.container.fpack import give_back, other_card, takeover
from astroae.container.fpack_read import read_fpack
from astroae.container.fpack_tiles import Coder
from astroae.container.header import raw_cards
from astroae.container.tests.test_fpack import by_astropy, same, sky, stored, table_of
from astroae.errors import CorruptFileError

IMAGES = {
    "bytes": ("u1", {}),
    "shorts": ("i2", {}),
    "unsigned": ("u2", {}),
    "longs, lossy": ("i4", {"hcomp_scale": 3}),
    "longs, smoothed": ("i4", {"hcomp_scale": 3, "hcomp_smooth": 1}),
    "whole image": ("i4", {"tile_shape": (61, 70)}),
    "floats": ("f4", {"quantize_method": 1, "dither_seed": 9999}),
    "floats without dither": ("f8", {"quantize_method": -1}),
    "floats with zeros": ("f4", {"quantize_method": 2}),
    "lossy floats": ("f4", {"quantize_method": 1, "hcomp_scale": 2}),
}


def image_of(dtype):
    return sky(dtype=dtype) if dtype[0] == "f" else sky(dtype="i4").clip(0, 200).astype(dtype)


def check_given_back(header, data, taken):
    """RICE_1 tiles with the same integers, grid and pixels, under the same image cards."""
    cards, again, note = give_back(taken.encoded, taken.header, taken.recipe)
    assert note == f"{header['ZCMPTYPE']} comes back as RICE_1"
    assert other_card(cards, raw_cards(header)) is None
    first = read_fpack(header, data)
    back = read_fpack(fits.Header.fromstring("".join(cards)), again)
    assert same(back.values, first.values) and back.blank == first.blank
    assert (back.grid is None) == (first.grid is None)
    if back.grid is not None:
        assert np.array_equal(back.integers, first.integers)
        assert np.array_equal(back.integers, decode_integers(taken.encoded))
        for name in ("scale", "zero", "exact", "dither", "seed"):
            assert np.array_equal(getattr(back.grid, name), getattr(first.grid, name))


@pytest.mark.parametrize("name", IMAGES)
def test_hcompress(name):
    dtype, options = IMAGES[name]
    raw = by_astropy(image_of(dtype), compression_type="HCOMPRESS_1", **options)
    header, data = table_of(raw)
    taken = takeover(header, data)
    assert same(decode_image(taken.encoded), stored(raw))
    check_given_back(header, data, taken)


def test_hcompress_of_planes():
    cube = sky((3, 61, 70), "i4")
    raw = by_astropy(cube, compression_type="HCOMPRESS_1", tile_shape=(1, 16, 70))
    taken = takeover(*table_of(raw))
    assert np.array_equal(decode_image(taken.encoded), cube)


@pytest.mark.parametrize("dtype", ["u1", "i2", "i4"])
def test_plio(dtype):
    mask = np.zeros((61, 9000), dtype)
    mask[10:20, 5000:], mask[3, 7], mask[:, 8000] = 1, 100, 5
    raw = by_astropy(mask, compression_type="PLIO_1")
    header, data = table_of(raw)
    taken = takeover(header, data)
    assert np.array_equal(decode_image(taken.encoded), mask)
    check_given_back(header, data, taken)


def test_plio_of_unsigned_integers_is_as_cfitsio_has_it():
    """It compresses what 16-bit integers with BZERO = 32768 mean; astropy adds that again."""
    meant = np.zeros((20, 50), "i2")
    meant[4:9, 30:] = 300
    header, data = table_of(by_astropy(meant, compression_type="PLIO_1"))
    for bzero, offset in ((32768, 32768), (32768.0, 32768), (100, 0)):
        header["BZERO"] = bzero
        found = decode_image(takeover(header, data).encoded)
        assert np.array_equal(found, meant.astype(int) - offset)


@pytest.mark.parametrize("kind", ["HCOMPRESS_1", "PLIO_1"])
def test_a_stream_that_is_cut_short_gives_no_other_pixels(kind):
    image = sky(dtype="i4").clip(0, 200)[:16]
    header, data = table_of(by_astropy(image, compression_type=kind, tile_shape=(16, 70)))
    n = header["NAXIS1"] * header["NAXIS2"]
    coder, stream = Coder(kind), data[n : n + header["PCOUNT"]]
    for size in range(len(stream)):
        try:
            found = coder.decode(stream[:size], 0, image.shape, np.dtype("i4"))
        except ValueError:
            continue
        assert np.array_equal(found, image), size


@pytest.mark.parametrize("kind", ["HCOMPRESS_1", "PLIO_1"])
def test_streams_that_lie_are_errors_not_crashes(kind):
    """Both decoders in C believe every number of the stream's head."""
    image = sky(dtype="i4").clip(0, 200)[:16]
    header, data = table_of(by_astropy(image, compression_type=kind, tile_shape=(16, 70)))
    n = header["NAXIS1"] * header["NAXIS2"]
    coder, stream = Coder(kind), data[n : n + header["PCOUNT"]]
    for place in range(26):
        for value in (0, 1, 127, 128, 255):
            forged = stream[:place] + bytes([value]) + stream[place + 1 :]
            try:
                assert coder.decode(forged, 0, image.shape, np.dtype("i4")).shape == image.shape
            except ValueError:
                pass


def gzipped(image, kind, wide):
    """A tile-compressed table, row by row, of values in another width than the image's."""
    rows, heap = [], b""
    for row in image:
        raw = row.astype(wide).tobytes()
        if kind == "GZIP_2":
            raw = np.frombuffer(raw, "u1").reshape(len(row), -1).T.tobytes()
        coder = zlib.compressobj(6, zlib.DEFLATED, 31)
        stream = coder.compress(raw) + coder.flush()
        rows.append((len(stream), len(heap)))
        heap += stream
    header, _ = table_of(by_astropy(image, compression_type=kind, quantize_level=0))
    header["PCOUNT"] = len(heap)
    return header, np.array(rows, ">i4").tobytes() + heap


@pytest.mark.parametrize("kind", ["GZIP_1", "GZIP_2"])
@pytest.mark.parametrize(
    ("dtype", "wide"),
    [("i2", ">i4"), ("u1", ">i4"), ("u1", ">i2"), ("i4", ">i8"), ("i4", ">i2"), ("f4", ">f8")],
)
def test_gzip_tiles_of_another_width(kind, dtype, wide):
    """Old CFITSIO wrote 16-bit integers in 4 bytes; the integers are what counts."""
    image = image_of(dtype)
    header, data = gzipped(image, kind, wide)
    taken = takeover(header, data)
    assert same(decode_image(taken.encoded), image)
    cards, again, note = give_back(taken.encoded, taken.header, taken.recipe)
    assert note == "" and other_card(cards, raw_cards(header)) is None
    back = read_fpack(fits.Header.fromstring("".join(cards)), again)
    assert same(back.values, image) and back.values.dtype == image.dtype


@pytest.mark.parametrize(("dtype", "wide", "value"), [("i2", ">i4", 40_000), ("f4", ">f8", 0.1)])
def test_a_value_that_the_type_cannot_hold_is_damage(dtype, wide, value):
    image = np.full((4, 50), 7, wide)
    image[2, 3] = value
    header, data = gzipped(image, "GZIP_1", wide)
    header["ZBITPIX"] = 16 if dtype == "i2" else -32
    with pytest.raises(CorruptFileError, match=f"tile 2.*{value} is no value"):
        takeover(header, data)
