"""The compiled core beside JPEG XL on the same integers: ``python -m astroae.bench.core``.

Sizes are means over instruments of the images that count (256 px or more, no masks, not
lossy before), tiles of 256 px (high effort: 512), the level list of sparse images paid;
times are of one thread, in ns per pixel.  The first version is the numpy coder of file
format 3: ``docs/tables/first_version.csv`` keeps the bytes of its streams and image record
of the same integers, lossless, made once by its own ``encode_image``.
"""

import argparse
import csv
import math
import time
from pathlib import Path

import numpy as np

from astroae.bench.images import find_files, load, read_sources
from astroae.bench.rate import LEAST_SIDE, NOISE_LIMITS, SizeCache, smoothed
from astroae.bench.rivals import Scene
from astroae.bench.rivals.jpegxl import JpegXL
from astroae.core import decode_plane, encode_plane
from astroae.pixels.noise import noise_sigma

MOST_LEVELS = 60_000
FIRST_VERSION = Path("docs") / "tables" / "first_version.csv"


def integers_of(plate, q):
    """The image in steps of sigma / q, lossless for q = 0; None where that is no case."""
    good = plate.good
    if not good.any():
        return None
    whole = plate.data.dtype.kind != "f"
    sigma = noise_sigma(plate.data, good) if q else 0
    if q and not sigma > 0 or not q and not whole:
        return None
    values = np.where(good, plate.data, 0)
    if whole:
        half = math.floor(sigma / q / 2) if q else 0
        if q and half < 1:
            return None
        values = (values.astype(np.int64) + half) // (2 * half + 1)
    else:
        values = np.rint(values.astype(np.float64) * (q / sigma))
        if not np.abs(values).max() < 2**31:
            return None
    values = values.astype(np.int64)
    values = np.where(good, values, int(np.median(values[good])))
    values -= values.min()
    return None if values.max() >= 2**31 else values.reshape(-1, values.shape[-1]).astype(np.int32)


def levels_of(k):
    """(list of used levels, its bytes) where they are few in their range, else (None, 0)."""
    used = np.unique(k)
    if len(used) > MOST_LEVELS or 1.5 * len(used) >= int(k.max()):
        return None, 0
    gaps = np.diff(used.astype(np.int64))
    return used, 8 + math.ceil(float(np.sum(np.ceil(np.log2(gaps + 1)) + 2)) / 8)


def coded_size(k, side, effort, clock):
    """Bytes of an image, every tile decoded and compared; seconds are added to the clock."""
    levels, list_size = levels_of(k)
    size = with_list = 0
    for y in range(0, k.shape[0], side):
        for x in range(0, k.shape[1], side):
            tile = np.ascontiguousarray(k[y : y + side, x : x + side])
            begin = time.thread_time()
            coded = encode_plane(tile, effort=effort)
            middle = time.thread_time()
            back = decode_plane(coded, tile.shape, dtype=np.int32)
            clock += (middle - begin, time.thread_time() - middle, tile.size)
            if not np.array_equal(back, tile):
                raise AssertionError(f"the tile at {y}, {x} does not decode to what was coded")
            size += len(coded)
            if levels is not None:
                with_list += len(encode_plane(tile, effort=effort, levels=levels))
    return size if levels is None else min(size, with_list + list_size)


def first_version(group, q):
    """Bytes of the first version by image."""
    if not FIRST_VERSION.is_file():
        return {}
    with open(FIRST_VERSION, newline="") as file:
        lines = [line for line in csv.DictReader(file) if line["group"] == group]
    return {line["image"]: int(line["bytes"]) for line in lines if int(line["q"]) == q}


def ratios(data, group, q, options):
    """Ratio to JPEG XL and the first version: {instrument: [(name, ratio, first), ...]}."""
    rival, cache, clock = JpegXL(9), SizeCache(options.cache), np.zeros(3)
    found, sources, first = {}, read_sources(data), first_version(group, q)
    for path in find_files(data, group):
        plate = load(path, sources)
        shape = plate.data.shape
        if len(shape) < 2 or min(shape[-2:]) < LEAST_SIDE or plate.kind == "planes" or plate.lossy:
            continue
        k = integers_of(plate, q)
        if k is None:
            continue
        size = coded_size(k, options.tile, options.effort, clock)
        before = size / first.get(plate.name, math.nan)
        other = cache.size(rival, Scene(k.astype(np.int64), None))
        if math.isfinite(other):
            found.setdefault(plate.instrument, []).append((plate.name, size / other, before))
    cache.save()
    return found, clock


def main():
    """Print a table."""
    parser = argparse.ArgumentParser(prog="python -m astroae.bench.core", description=__doc__)
    parser.add_argument("--data", default="../shared/data")
    parser.add_argument("--group", default="measure")
    parser.add_argument("--tile", type=int, help="256 by default, 512 at high effort")
    parser.add_argument("--effort", choices=("default", "high"), default="default")
    parser.add_argument("--cache", help="JSON file that keeps the rival's sizes")
    options = parser.parse_args()
    options.tile = options.tile or (512 if options.effort == "high" else 256)
    _print_noise(options)
    for q in (4, 1, 0):
        found, clock = ratios(options.data, options.group, q, options)
        means = {name: float(np.mean([row[1] for row in rows])) for name, rows in found.items()}
        images = [row for rows in found.values() for row in rows]
        name, worst, _ = max(images, key=lambda row: row[1])
        known = [row for row in images if row[2] > 0]
        encode, decode = 1e9 * clock[:2] / clock[2]
        print(
            f"{'lossless' if not q else f'q = {q}':9} size / JPEG XL e9 {np.mean(list(means.values())):.3f}"
            f" ({len(means)} instruments), worst {worst:.3f} ({name});"
            f" ns/px {encode:.0f} to encode, {decode:.0f} to decode"
        )
        if known:
            name, _, worst = max(known, key=lambda row: row[2])
            mean = float(np.mean([row[2] for row in known]))
            print(f"          size / first version {mean:.3f}, worst {worst:.3f} ({name})")
        print("         ", ", ".join(f"{name} {mean:.3f}" for name, mean in sorted(means.items())))


def _print_noise(options):
    noise = np.random.default_rng(1).normal(size=(2048, 2048))
    fields = [("white", noise, q, limit) for q, limit in NOISE_LIMITS.items()]
    fields.append(("smoothed", smoothed(noise), 4.0, 2.10))
    for name, field, q, limit in fields:
        clock = np.zeros(3)
        k = np.rint(field * q).astype(np.int32)
        bits = coded_size(k, options.tile, options.effort, clock) * 8 / k.size
        encode, decode = 1e9 * clock[:2] / clock[2]
        print(
            f"{name:8} noise, q = {q:<4g} {bits:.3f} bits/px (limit {limit});"
            f" ns/px {encode:.0f} to encode, {decode:.0f} to decode"
        )


if __name__ == "__main__":
    main()
