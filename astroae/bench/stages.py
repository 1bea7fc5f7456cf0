"""Cost of each stage of the compiled core: ``python -m astroae.bench.stages``.

White noise at q = 4 as float32, in tiles of some sizes; the best of many runs in ns per
pixel and thread, so that a machine that is busy now and then tells the same.  With a grid:
integers dithered by known shifts, as at q below 2.
"""

import argparse
import time
import zlib

import numpy as np

from astroae.core import decode_plane, encode_plane
from astroae.core.pixels import dequantize, noise_sigma, quantize

SEED = 1
WRITTEN = ("noise", "quantize", "encode and verify", "checksum")
READ = ("decode", "dequantize", "checksum")


def best(run, pixels, seconds):
    """Least ns per pixel of runs that take some seconds in all, three at least."""
    found, end = [], time.perf_counter() + seconds
    while len(found) < 3 or time.perf_counter() < end:
        begin = time.perf_counter()
        run()
        found.append(time.perf_counter() - begin)
    return 1e9 * min(found) / pixels


def stages(side, q=4.0):
    """{stage: function} of a square tile."""
    rng = np.random.default_rng(SEED)
    values = rng.normal(size=(side, side)).astype(np.float32)
    step = noise_sigma(values) / q
    k = quantize(values, step, 0.0, dtype=np.int32)
    dither = rng.random(values.shape)
    shift = np.rint((0.5 - dither) * 4096).astype(np.int64)
    dithered = quantize(values, step, 0.0, dither, np.int32)
    coded, wide, grid = encode_plane(k), k.astype(np.int64), (None, shift)
    on_grid = encode_plane(dithered, grid=grid)
    high = encode_plane(k, effort="high")
    return {
        "noise": lambda: noise_sigma(values),
        "quantize": lambda: quantize(values, step, 0.0, dtype=np.int32),
        "quantize, dithered": lambda: quantize(values, step, 0.0, dither, np.int32),
        "encode": lambda: encode_plane(k),
        "encode and verify": lambda: encode_plane(k, verify=True),
        "encode int64": lambda: encode_plane(wide),
        "encode on a grid": lambda: encode_plane(dithered, grid=grid),
        "encode, high": lambda: encode_plane(k, effort="high"),
        "checksum": lambda: zlib.crc32(values),
        "decode": lambda: decode_plane(coded, k.shape, dtype=np.int32),
        "decode to int64": lambda: decode_plane(coded, k.shape),
        "decode on a grid": lambda: decode_plane(on_grid, k.shape, grid=grid, dtype=np.int32),
        "decode, high": lambda: decode_plane(high, k.shape, dtype=np.int32),
        "dequantize": lambda: dequantize(k, step, 0.0, None, np.float32),
    }


def measure(side, seconds=0.3):
    """{stage: ns per pixel}, with the sums of what a write and a read of floats take."""
    cost = {name: best(run, side * side, seconds) for name, run in stages(side).items()}
    cost["write"] = sum(cost[name] for name in WRITTEN)
    cost["read"] = sum(cost[name] for name in READ)
    return cost


def main():
    """Print a table."""
    parser = argparse.ArgumentParser(prog="python -m astroae.bench.stages", description=__doc__)
    parser.add_argument("--side", type=int, nargs="+", default=[64, 256, 1024])
    parser.add_argument("--seconds", type=float, default=0.3, help="per stage and side")
    options = parser.parse_args()
    found = [measure(side, options.seconds) for side in options.side]
    print(f"{'ns/px':20}" + "".join(f"{side:8}" for side in options.side))
    for name in found[0]:
        print(f"{name:20}" + "".join(f"{cost[name]:8.2f}" for cost in found))


if __name__ == "__main__":
    main()
