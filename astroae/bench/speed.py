"""Throughput, cost per pixel, memory: astroae beside fpack and JPEG XL in one run.

Times are the best of a few, on as many threads as the machine has cores; a coder
that works on files is timed with reading and writing, in a temporary folder.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from astropy.io import fits

import astroae
from astroae.bench.images import Plate
from astroae.bench.rivals import choose
from astroae.bench.scenes import quantized_case, scene_of
from astroae.codec.image import decode_image, encode_image

__all__ = ["field", "large_image", "opening", "scaling", "small_images", "throughput"]

LEVEL = 4.0
RUNS = 2
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


@dataclass(frozen=True)
class Speed:
    """Throughput of one coder, in Mpx/s, and its size in bits per pixel."""

    coder: str
    compress: float
    decompress: float
    bits: float


def throughput(side=2048, runs=RUNS):
    """Compress and decompress one field with every coder.

    Parameters
    ----------
    side : int
        Of the square float32 field.
    runs : int
        The best counts.

    Yields
    ------
    Speed
    """
    image = field(side)
    plate = Plate("field", "", "", False, image, None)
    case = quantized_case(plate, LEVEL)
    settings = case.settings
    encoded = encode_image(image, settings)
    yield _speed(
        "astroae, arrays",
        image.size,
        runs,
        lambda: encode_image(image, settings),
        decode_image,
        lambda coded: sum(len(stream) for stream in coded.streams) + coded.tiles.nbytes,
    )
    scene = scene_of(plate, case, encoded)
    rivals, _ = choose()
    for name in ("JPEG XL e3", "JPEG XL e7", "RICE_1"):
        if name in rivals:
            rival = rivals[name]
            yield _speed(
                f"{name}, arrays",
                image.size,
                runs,
                lambda rival=rival: rival.encode(scene),
                lambda coded, rival=rival: rival.decode(coded, scene),
                rival.size,
            )
    with tempfile.TemporaryDirectory() as folder:
        yield from _file_speeds(image, Path(folder), runs, "fpack" in rivals)


def _file_speeds(image, folder, runs, has_fpack):
    source, packed, back = (folder / name for name in ("a.fits", "a.aae.fits", "b.fits"))
    fits.writeto(source, image)
    yield _speed(
        "astroae, files",
        image.size,
        runs,
        lambda: astroae.compress(source, packed, quantize_level=LEVEL, overwrite=True),
        lambda _: astroae.decompress(packed, back, overwrite=True),
        lambda _: packed.stat().st_size,
    )
    if has_fpack:
        fpacked = folder / "a.fits.fz"
        yield _speed(
            "fpack, files",
            image.size,
            runs,
            lambda: _program(fpacked, "fpack", "-q", str(LEVEL), "-O", fpacked, source),
            lambda _: _program(back, "funpack", "-O", back, fpacked),
            lambda _: fpacked.stat().st_size,
        )


def _program(target, *words):
    target.unlink(missing_ok=True)  # they overwrite nothing
    subprocess.run([str(w) for w in words], check=True, capture_output=True, timeout=TIMEOUT)


def _speed(coder, pixels, runs, encode, decode, size):
    coding, coded = _best(encode, runs)
    decoding, _ = _best(lambda: decode(coded), runs)
    return Speed(coder, pixels / coding / 1e6, pixels / decoding / 1e6, size(coded) * 8 / pixels)


def _best(job, runs):
    times = []
    for _ in range(runs):
        started = time.perf_counter()
        answer = job()
        times.append(time.perf_counter() - started)
    return min(times), answer


def scaling(sides=(1024, 2048, 4096, 8192), runs=RUNS):
    """Cost per pixel of squares of growing size.

    Yields
    ------
    dict
        ``side``, and nanoseconds per pixel of ``compress`` and ``decompress``.
    """
    for side in sides:
        yield _cost(side, runs)


def _cost(side, runs):
    image = field(side)
    settings = quantized_case(Plate("", "", "", False, image, None), LEVEL).settings
    # Small images are over soon: more runs, or the clock measures the machine's other work.
    often = max(runs, min(8, 4096 // side))
    coding, encoded = _best(lambda: encode_image(image, settings), often)
    decoding, _ = _best(lambda: decode_image(encoded), often)
    return {
        "side": side,
        "compress [ns/px]": coding / image.size * 1e9,
        "decompress [ns/px]": decoding / image.size * 1e9,
    }


def small_images(count=200, side=64, runs=RUNS):
    """Whole processes on one file of many small float32 images, beside fpack.

    Parameters
    ----------
    count : int
        HDUs.
    side : int
        Pixels of each, square.
    runs : int
        The best counts.

    Yields
    ------
    dict
        ``coder``, and seconds of compressing and decompressing, imports included.
    """
    program = [sys.executable, "-m", "astroae"]
    with tempfile.TemporaryDirectory() as folder:
        source, packed, back = (Path(folder) / name for name in ("a.fits", "a.aae", "b.fits"))
        pixels = field(side * 16)  # as many pieces as are needed, over and over
        tiles = pixels.reshape(16, side, 16, side).swapaxes(1, 2).reshape(256, side, side)
        images = [fits.ImageHDU(tiles[i % 256], name=f"IMAGE{i}") for i in range(count)]
        fits.HDUList([fits.PrimaryHDU(), *images]).writeto(source)
        words = ("--quiet", "--overwrite", "-o")
        jobs = {
            "astroae": (
                (packed, *program, "compress", "-q", LEVEL, *words, packed, source),
                (back, *program, "decompress", *words, back, packed),
            )
        }
        if shutil.which("fpack") and shutil.which("funpack"):
            fpacked = Path(folder) / "a.fits.fz"
            jobs["fpack"] = (
                (fpacked, "fpack", "-q", LEVEL, "-O", fpacked, source),
                (back, "funpack", "-O", back, fpacked),
            )
        for coder, (coding, decoding) in jobs.items():
            yield {
                "coder": coder,
                "images": f"{count} of {side} x {side}",
                "compress [s]": _best(lambda: _program(*coding), runs)[0],
                "decompress [s]": _best(lambda: _program(*decoding), runs)[0],
            }


def opening(side=16384, part=100, runs=RUNS):
    """A small part of a large compressed file, opening included, beside astropy and RICE_1.

    Yields
    ------
    dict
        ``file``, ``tiles`` of it, and milliseconds.
    """
    tile = TILE // 2
    piece = field(min(side, 2 * TILE))
    image = np.tile(piece, (-(-side // len(piece)),) * 2)[:side, :side]
    at = side // 2 - part // 2
    with tempfile.TemporaryDirectory() as folder:
        source, packed, rice = (Path(folder) / name for name in ("a.fits", "b.fits", "c.fits"))
        fits.writeto(source, image)
        astroae.compress(source, packed, quantize_level=LEVEL, tile_shape=(tile, tile))
        source.unlink()
        hdu = fits.CompImageHDU(image, quantize_level=LEVEL, tile_shape=(tile, tile))
        hdu.writeto(rice)
        for coder, path in (("astroae", packed), ("RICE_1, astropy", rice)):
            yield {
                "file": f"{coder}, {side} x {side}",
                "tiles": (-(-side // tile)) ** 2,
                f"{part} x {part} [ms]": 1e3 * _best(lambda: _section(path, at, part), runs)[0],
            }


def _section(path, at, part):
    with fits.open(path) as hdus:
        return hdus[1].section[at : at + part, at : at + part]


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
