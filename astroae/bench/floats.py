"""Lossless floats beside GZIP_2 and pcodec: ``python -m astroae.bench.floats``.

Sizes are rows and heap of astroae's table and of the FITS table that ``fpack -g -q 0``
writes (byte-shuffled deflate of rows), and pcodec's bytes at its level 8, every pixel read
back.  Times are of one thread.
"""

import argparse
import io
import time

import numpy as np
from astropy.io import fits

from astroae.bench.images import find_files, load, read_sources
from astroae.bench.rate import bytes_of
from astroae.codec.image import decode_image, encode_image
from astroae.settings import from_keywords

SIDE = 2048  # of the array that is timed
RUNS = 3


def gzip_2(data):
    """Bytes of rows and heap."""
    hdu = fits.CompImageHDU(data, compression_type="GZIP_2", quantize_level=0)
    out = io.BytesIO()
    fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(out)
    with fits.open(io.BytesIO(out.getvalue()), disable_image_compression=True) as hdus:
        header = hdus[1].header
        return header["NAXIS1"] * header["NAXIS2"] + header["PCOUNT"]


def pcodec(data):
    """Bytes, NaN without the package."""
    try:
        from pcodec import ChunkConfig, standalone
    except ImportError:
        return np.nan
    flat = np.ascontiguousarray(data).reshape(-1)
    return len(standalone.simple_compress(flat, ChunkConfig(compression_level=8)))


def coded(data, settings):
    """(bytes, seconds to encode, to decode); every bit is compared."""
    begin = time.perf_counter()
    encoded = encode_image(data, settings, threads=1)
    middle = time.perf_counter()
    back = decode_image(encoded, threads=1)
    end = time.perf_counter()
    if back.tobytes() != np.ascontiguousarray(data).astype(back.dtype).tobytes():
        raise AssertionError("an image does not come back as it was")
    return bytes_of(encoded), middle - begin, end - middle


def main():
    """Print a table."""
    parser = argparse.ArgumentParser(prog="python -m astroae.bench.floats", description=__doc__)
    parser.add_argument("--data", default="../shared/data")
    parser.add_argument("--group", default="measure")
    parser.add_argument("--effort", choices=("default", "high"), default="default")
    parser.add_argument("--speed", action="store_true", help="time an array instead")
    options = parser.parse_args()
    settings = from_keywords(effort=options.effort)
    if options.speed:
        _print_speed(settings)
        return
    rows, sources = [], read_sources(options.data)
    for path in find_files(options.data, options.group):
        plate = load(path, sources)
        if plate.data.dtype.kind != "f":
            continue
        size, encode, decode = coded(plate.data, settings)
        row = size / gzip_2(plate.data), size / pcodec(plate.data)
        rows.append(row)
        ns = 1e9 / plate.data.size
        print(
            f"{plate.name:32} {8 * size / plate.data.size:6.2f} bits/px  / GZIP_2 {row[0]:.3f}"
            f"  / pcodec {row[1]:.3f}  ns/px {encode * ns:5.0f} {decode * ns:5.0f}",
            flush=True,
        )
    mean, worst = np.nanmean(rows, 0), np.nanmax(rows, 0)
    print(f"{len(rows)} images: / GZIP_2 mean {mean[0]:.4f}, worst {worst[0]:.3f}")
    print(f"{len(rows)} images: / pcodec mean {mean[1]:.4f}, worst {worst[1]:.3f}")


def _print_speed(settings):
    noise = np.random.default_rng(1).normal(size=(SIDE, SIDE)).astype(np.float32)
    for name, field in (("sky of 100", noise + 100), ("sky of 0", noise)):
        _, encode, decode = np.min([coded(field, settings) for _ in range(RUNS)], axis=0)
        print(
            f"{name}: Mpx/s {field.size / encode / 1e6:.1f} to encode, {field.size / decode / 1e6:.1f} to decode"
        )


if __name__ == "__main__":
    main()
