"""A field to be timed with, and time and memory of a large one, each job in its own process."""

import json
import os
import subprocess
import sys
import tempfile

import numpy as np
from astropy.io import fits

__all__ = ["field", "large_image"]

TIMEOUT = 1800  # seconds
TILE = 1024


def field(side, seed=3):
    """A float32 image: sky, gradient, noise, and a star every 4000 pixels or so.

    Blocks of 1024 px are drawn one by one, so that a large field needs no more
    memory than itself.
    """
    rng = np.random.default_rng(seed)
    image = np.empty((side, side), np.float32)
    for y in range(0, side, TILE):
        for x in range(0, side, TILE):
            part = image[y : y + TILE, x : x + TILE]
            part[...] = rng.normal(200 + 20 * (y + x) / side, 6, part.shape)
            _add_stars(part, rng)
    return image


def _add_stars(part, rng, box=10):
    grid = np.arange(-box, box + 1)
    for _ in range(part.size // 4000):
        cy, cx = (rng.uniform(0, n) for n in part.shape)
        iy, ix = int(cy), int(cx)
        rows = slice(max(iy - box, 0), iy + box + 1)
        columns = slice(max(ix - box, 0), ix + box + 1)
        dy = (grid + iy)[(grid + iy >= 0) & (grid + iy < part.shape[0])] - cy
        dx = (grid + ix)[(grid + ix >= 0) & (grid + ix < part.shape[1])] - cx
        peak = 30 * rng.pareto(1.2)
        star = np.exp(-(dy[:, None] ** 2 + dx**2) / 4.5)
        part[rows, columns] += np.float32(min(peak, 5e4)) * star.astype(np.float32)


#: Each runs in a process of its own, so that its peak memory is its own.
_JOBS = {
    "compress": "astroae.compress({source!r}, {packed!r}, quantize_level=4)",
    "decompress": "astroae.decompress({packed!r}, {back!r})",
    "read .data": "fits.open({packed!r})[1].data.sum()",
    "section": "hdus = fits.open({packed!r}); hdus[1].section[{at}:{at}+100, {at}:{at}+100].sum()",
}
_CHILD = """
import json, re, time
import numpy as np
from astropy.io import fits
import astroae
from astroae.codec import image as codec
tiles = 0
decode_tile = codec.decode_tile
def counted(*args, **kwargs):
    global tiles
    tiles += 1
    return decode_tile(*args, **kwargs)
codec.decode_tile = counted
started = time.perf_counter()
{job}
seconds = time.perf_counter() - started
# Not getrusage: its peak starts at that of the process that started this one.
with open("/proc/self/status") as file:
    peak = int(re.search(r"VmHWM:\\s+(\\d+)", file.read())[1]) / 1024
print(json.dumps({{"seconds": seconds, "peak memory [MB]": peak, "tiles decoded": tiles}}))
"""


def large_image(side=8192):
    """Time and peak memory of a large float32 image, each job in a fresh process.

    Yields
    ------
    dict
        ``job``, ``seconds`` (imports left out), ``peak memory [MB]`` of the whole
        process, ``tiles decoded``.
    """
    with tempfile.TemporaryDirectory() as folder:
        paths = {
            name: os.path.join(folder, file)
            for name, file in (("source", "a.fits"), ("packed", "a.aae.fits"), ("back", "b.fits"))
        }
        fits.writeto(paths["source"], field(side))
        at = side // 2 - 96  # 4000 of 8192: across the corner of four tiles
        for job, code in _JOBS.items():
            found = subprocess.run(
                [sys.executable, "-c", _CHILD.format(job=code.format(at=at, **paths))],
                capture_output=True,
                text=True,
                check=True,
                timeout=TIMEOUT,
            )
            yield {"job": job} | json.loads(found.stdout)
