"""The speed that users feel, beside fitsio and fpack in the same run.

Every row is a ratio of times measured one after the other, again and again: the median of
a few runs each.  Pixels are noise with a gradient and stars (`astroae.bench.speed.field`).
"""

import io
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from astropy.io import fits

import astroae
from astroae.bench.speed import field
from astroae.codec.image import decode_image, encode_image
from astroae.settings import from_keywords

__all__ = ["Lap", "arrays", "files", "opening", "programs", "small_images"]

RUNS = 5
LEVEL = 4.0
TIMEOUT = 600  # seconds


@dataclass(frozen=True)
class Lap:
    """One job done by astroae and by a rival, in Mpx/s.

    Parameters
    ----------
    job : str
    speed : float
    rival : str
        Empty where there is none.
    rival_speed : float
    """

    job: str
    speed: float
    rival: str = ""
    rival_speed: float = 0.0

    @property
    def ratio(self):
        """How many times faster than the rival."""
        return self.speed / self.rival_speed if self.rival_speed else None


def whole_numbers(image):
    """A field as raw unsigned integers."""
    return np.clip(np.rint(image), 0, 65535).astype(np.uint16)


def arrays(sides=(256, 1024, 2048, 8192), side=2048):
    """Arrays in memory, one thread, checks and checksums included.

    Yields
    ------
    Lap
    """
    for each in sides:
        yield from _array_laps(f"float32 q=4, {each} px", field(each), quantize_level=4)
    image = field(side)
    stored = (whole_numbers(image).astype(np.int32) - 32768).astype(np.int16)
    yield from _array_laps(f"uint16 lossless, {side} px", stored)
    yield from _array_laps(f"float32 lossless, {side} px", image, rival=_gzip_2)
    part = image[:1024, :1024].copy()
    yield from _array_laps(
        "float32 q=4 effort high, 1024 px", part, quantize_level=4, effort="high"
    )


def _array_laps(name, image, rival=None, **keywords):
    settings = from_keywords(**keywords)
    encoded = encode_image(image, settings, threads=1)
    jobs = [
        lambda: encode_image(image, settings, threads=1),
        lambda: decode_image(encoded, threads=1),
    ]
    others = [None, None] if rival is None else rival(image)
    for what, job, other in zip(("encode", "decode"), jobs, others):
        yield _lap(f"{what} {name}", image.size, job, "GZIP_2 (astropy)" if other else "", other)


def _gzip_2(image):
    """Jobs of the same with astropy's lossless tiles, in memory."""

    def code():
        hdu = fits.CompImageHDU(image, compression_type="GZIP_2", quantize_level=0)
        file = io.BytesIO()
        fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(file)
        return file.getvalue()

    coded = code()

    def read():
        with fits.open(io.BytesIO(coded)) as hdus:
            return hdus[1].data

    return code, read


def files(side=2048):
    """Arrays to files and back, on all cores, beside fitsio's RICE_1.

    Yields
    ------
    Lap
    """
    image = field(side)
    kinds = {"float32 q=4": (image, {"quantize_level": 4}), "uint16": (whole_numbers(image), {})}
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        own, other = Path(folder) / "a.fits", Path(folder) / "b.fits"
        for kind, (pixels, keywords) in kinds.items():
            rival = _fitsio_jobs(pixels, other)
            jobs = (
                lambda pixels=pixels, keywords=keywords: _write(own, pixels, keywords),
                lambda: _read(own),
            )
            for what, job, theirs in zip(("write", "read"), jobs, rival):
                yield _lap(f"{what} {kind}", pixels.size, job, "fitsio RICE", theirs)


def _write(path, pixels, keywords):
    hdus = fits.HDUList([fits.PrimaryHDU(), astroae.AEImageHDU(pixels, **keywords)])
    hdus.writeto(path, overwrite=True)


def _read(path):
    with fits.open(path) as hdus:
        return hdus[1].data


def _fitsio_jobs(pixels, path):
    try:
        import fitsio
    except ImportError:
        return None, None
    how = {"compress": "RICE", "clobber": True}
    if pixels.dtype.kind == "f":
        how |= {"qlevel": 4, "qmethod": "SUBTRACTIVE_DITHER_1"}
    return lambda: fitsio.write(path, pixels, **how), lambda: fitsio.read(path, ext=1)


def programs(count=10, side=2048):
    """Whole processes: many files in one call, beside fpack and funpack.

    Yields
    ------
    Lap
    """
    with tempfile.TemporaryDirectory() as folder:
        sources = [Path(folder) / f"a{i}.fits" for i in range(count)]
        for i, path in enumerate(sources):
            fits.writeto(path, field(side, seed=i))
        own = [path.with_name(path.stem + ".aae.fits") for path in sources]
        theirs = [path.with_name(path.name + ".fz") for path in sources]
        astroae_ = [sys.executable, "-m", "astroae"]
        has_fpack = shutil.which("fpack") and shutil.which("funpack")

        def pack():
            _run(own, *astroae_, "compress", "-q", "4", "--quiet", *sources)

        def unpack():
            _run(sources, *astroae_, "decompress", "--quiet", "--output-dir", folder, *own)

        def fpack():
            _run(theirs, "fpack", "-q", "4", *sources)

        def funpack():
            _run(sources, "funpack", *theirs)

        pixels = count * side * side
        yield _lap(f"compress {count} files", pixels, pack, "fpack", fpack if has_fpack else None)
        yield _lap(
            f"decompress {count} files", pixels, unpack, "funpack", funpack if has_fpack else None
        )


def _run(targets, *words):
    for target in targets:
        target.unlink(missing_ok=True)  # fpack overwrites nothing
    subprocess.run([str(w) for w in words], check=True, capture_output=True, timeout=TIMEOUT)


def _lap(name, pixels, job, rival="", other=None):
    """Both in turn, so that other work on the machine hits both."""
    own, theirs = [], []
    for _ in range(RUNS):
        own.append(_seconds(job))
        if other is not None:
            theirs.append(_seconds(other))
    speed = pixels / statistics.median(own) / 1e6
    if other is None:
        return Lap(name, speed)
    return Lap(name, speed, rival, pixels / statistics.median(theirs) / 1e6)


def _seconds(job):
    started = time.perf_counter()
    job()
    return time.perf_counter() - started


def small_images(count=200, side=64, runs=2):
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
                ([packed], *program, "compress", "-q", LEVEL, *words, packed, source),
                ([back], *program, "decompress", *words, back, packed),
            )
        }
        if shutil.which("fpack") and shutil.which("funpack"):
            fpacked = Path(folder) / "a.fits.fz"
            jobs["fpack"] = (
                ([fpacked], "fpack", "-q", LEVEL, "-O", fpacked, source),
                ([back], "funpack", "-O", back, fpacked),
            )
        for coder, (coding, decoding) in jobs.items():
            yield {
                "coder": coder,
                "images": f"{count} of {side} x {side}",
                "compress [s]": _fastest(runs, _run, *coding),
                "decompress [s]": _fastest(runs, _run, *decoding),
            }


def opening(side=16384, part=100, runs=2):
    """A small part of a large compressed file, opening included, beside astropy and RICE_1.

    Yields
    ------
    dict
        ``file``, ``tiles`` of it, and milliseconds.
    """
    tile = 512
    piece = field(min(side, 2048))
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
                f"{part} x {part} [ms]": 1e3 * _fastest(runs, _section, path, at, part),
            }


def _section(path, at, part):
    with fits.open(path) as hdus:
        return hdus[1].section[at : at + part, at : at + part]


def _fastest(runs, job, *args):
    return min(_seconds(partial(job, *args)) for _ in range(runs))
