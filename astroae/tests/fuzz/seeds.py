"""Small whole files of every kind, from which mutants are made."""

import io
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from astropy.io import fits

import astroae
from astroae.nets.tests.models import any_size, random_model

TILE = (24, 32)


@dataclass(frozen=True)
class Seed:
    """A compressed file and what it holds.

    Parameters
    ----------
    name : str
    content : bytes
        Of the file.
    pixels : ndarray
        Stored values that it decodes to.
    """

    name: str
    content: bytes
    pixels: np.ndarray


def make_seeds():
    """One file per way in which pixels are coded, of two to six tiles each."""
    rng = np.random.default_rng(20)
    sky = rng.normal(100, 5, (40, 60)).astype(np.float32)
    sky[7, 9] += 4000
    holes = sky.copy()
    holes[3:5, 20:30], holes[0, 0] = np.nan, np.inf
    counts = np.rint(sky).astype(np.int16)
    counts[10, 10:14] = -32768
    mask = (rng.random((40, 60)) > 0.97).astype(np.uint8)
    model = random_model(any_size(), input={"kind": "minmax", "stretch": "asinh"})
    with_model = {"model": model, "embed_model": True}
    # Large enough to become smaller than what ``fpack`` makes of it, or it is kept as it is.
    tall = rng.normal(100, 5, (200, 60)).astype(np.float32)
    return [
        _seed("int16 lossless", counts, blank=-32768),
        _seed("int16 bounded", counts, blank=-32768, quantize_level=1, lossy_integers=True),
        _seed("uint8 mask", mask),
        _seed("int32 levels", rng.choice([-70000, 5, 12, 90000], (40, 60)).astype(np.int32)),
        _seed("int64 wide", rng.integers(-(2**62), 2**62, (25, 33))),
        _seed("constant", np.full((40, 60), 7, np.int16)),
        _seed("float32 bounded", holes, quantize_level=4),
        _seed("float32 zeros", np.where(mask, 0, sky), quantize_level=2, dither=2),
        _seed("float32 lossless", holes),
        _seed("float64 lossless", rng.normal(size=(25, 33))),
        _seed("float32 relative", np.abs(sky), relative_error=1 / 512),
        _seed("float32 cube", rng.normal(size=(2, 20, 30)).astype("f4"), quantize_level=1),
        _seed("float32 line", rng.normal(size=500).astype("f4"), quantize_level=1),
        # No two tiles of one shape: rows that change places are a valid file.
        _file_seed("latents", fits.PrimaryHDU(tall), tile_shape=(150, 40), **with_model),
        _file_seed("whole file", fits.PrimaryHDU(sky), quantize_level=4),
        _file_seed("taken over", fits.CompImageHDU(tall, quantize_level=4, dither_seed=7)),
    ]


def _seed(name, data, *, blank=None, **options):
    hdu = fits.ImageHDU(data, name="SCI")
    if blank is not None:
        hdu.header["BLANK"] = blank
    hdu.header["OBJECT"] = "fuzz"
    hdu.header["HISTORY"] = "a seed"
    tile = (1,) * (data.ndim - 2) + TILE if data.ndim > 1 else (200,)
    coded = astroae.AEImageHDU.from_hdu(hdu, tile_shape=tile, **options)
    table = fits.BinTableHDU.from_columns([fits.Column("A", "J", array=np.arange(3))], name="TAB")
    out = io.BytesIO()
    fits.HDUList([fits.PrimaryHDU(), coded, table]).writeto(out)
    return _with_pixels(name, out.getvalue())


def _file_seed(name, hdu, **options):
    """What `astroae.compress` makes of a file: with its notes, and with its grid."""
    first = [] if isinstance(hdu, fits.PrimaryHDU) else [fits.PrimaryHDU()]
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "a.fits", Path(folder) / "a.aae.fits"
        fits.HDUList([*first, hdu]).writeto(source)
        astroae.compress(source, target, **{"tile_shape": TILE, **options})
        return _with_pixels(name, target.read_bytes())


def _with_pixels(name, content):
    with fits.open(io.BytesIO(content), do_not_scale_image_data=True) as hdus:
        return Seed(name, content, np.array(hdus[1].data))
