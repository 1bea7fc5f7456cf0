"""A compressed file in the hands of programs that know binary tables and not astroae.

Whatever copies a table correctly must leave the image readable, of every mode; what does
not must be found out, never read as other pixels.
"""

import shutil
import subprocess
import sys

import numpy as np
import pytest
from astropy.io import fits

import astroae
from astroae.nets.tests.models import any_size, random_model

TILES = (64, 64)
WIDE = random_model(any_size(), input={"kind": "minmax", "stretch": "asinh"})
PLAIN_ASTROPY = """
import shutil, sys
from astropy.io import fits
assert "astroae" not in sys.modules

def opened(path, **options):
    return fits.open(path, disable_image_compression=True, **options)

for path in sys.argv[1:]:
    with opened(path) as hdus:
        hdus.writeto(path + ".unread")
    with opened(path) as hdus:
        for name in hdus[1].columns.names:
            hdus[1].data[name][0]
        hdus.writeto(path + ".read")
    with opened(path) as hdus:
        table = fits.BinTableHDU(hdus[1].data, hdus[1].header)
        fits.HDUList([fits.PrimaryHDU(), table]).writeto(path + ".rebuilt", checksum=True)
    shutil.copy(path, path + ".looked_at")
    with opened(path + ".looked_at", mode="update") as hdus:
        for name in hdus[1].columns.names:
            hdus[1].data[name][-1]
    shutil.copy(path, path + ".edited")
    with opened(path + ".edited", mode="update") as hdus:
        hdus[1].header["NOTE"] = 1
        hdus[1].data
    shutil.copy(path, path + ".longer")
    with opened(path + ".longer", mode="update") as hdus:
        for n in range(80):
            hdus[1].header[f"NOTE{n}"] = n
        hdus[1].data["SCALE"]
"""
COPIES = ("unread", "read", "rebuilt", "looked_at", "edited", "longer")


def field():
    image = np.random.default_rng(3).normal(300, 5, (150, 140)).astype("f4")
    image[40:44, 9] = np.nan
    return image


def plane(image, name):
    return fits.HDUList([fits.PrimaryHDU(), fits.ImageHDU(image, name=name)])


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """One file of each mode, and its pixels."""
    folder = tmp_path_factory.mktemp("copies")
    with pytest.MonkeyPatch.context() as patch:  # where copies find the model
        patch.setenv("ASTROAE_MODEL_DIR", str(folder / "models"))
        yield made(folder)


def made(folder):
    image, taken = field(), fits.CompImageHDU(field(), quantize_method=1, tile_shape=(1, 140))
    sources = {
        "lossless": (plane(image, "SCI"), {}),
        "bounded": (plane(image, "SCI"), {"quantize_level": 4}),
        "relative": (plane(np.abs(image), "ERR"), {"quantize_level": 4}),
        "integers": (plane(np.nan_to_num(image).astype("i4"), "SCI"), {}),
        "one tile": (plane(image[:50, :50], "SCI"), {}),
        "taken over": (fits.HDUList([fits.PrimaryHDU(), taken]), {}),
        "latent": (plane(image, "SCI"), {"model": WIDE}),
    }
    found = {}
    for name, (hdus, settings) in sources.items():
        source, packed = folder / f"{name}.fits", folder / f"{name}.aae.fits"
        hdus.writeto(source)
        astroae.compress(
            source,
            packed,
            preview=False,
            tile_shape=TILES,
            **settings,
        )
        found[name] = packed, fits.getdata(packed, 1)
    return found


MODES = ("lossless", "bounded", "relative", "integers", "one tile", "taken over", "latent")


def check_readable(path, pixels):
    found = fits.getdata(path, 1)
    assert found.dtype.newbyteorder("=") == pixels.dtype.newbyteorder("=")
    assert np.array_equal(found, pixels, equal_nan=pixels.dtype.kind == "f"), path


@pytest.fixture(scope="module")
def by_astropy(files):
    paths = [str(path) for path, _ in files.values()]
    subprocess.run([sys.executable, "-W", "ignore", "-c", PLAIN_ASTROPY, *paths], check=True)


@pytest.mark.parametrize("mode", MODES)
def test_plain_astropy(files, by_astropy, mode):
    path, pixels = files[mode]
    for copy in COPIES:
        check_readable(f"{path}.{copy}", pixels)


@pytest.mark.skipif(not shutil.which("fitscopy"), reason="CFITSIO's programs are not here")
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    "part", ["", "[1]", "[1][col *]", "[1][#row>0]", "[1][col MORE=SIGMA*2;*]"]
)
def test_cfitsio(files, tmp_path, mode, part):
    path, pixels = files[mode]
    shutil.copy(path, tmp_path / "a.fits")
    subprocess.run(["fitscopy", f"a.fits{part}", "b.fits"], cwd=tmp_path, check=True)
    check_readable(tmp_path / "b.fits", pixels)


@pytest.mark.skipif(not shutil.which("fitscopy"), reason="CFITSIO's programs are not here")
def test_rows_that_cfitsio_drops(files, tmp_path):
    shutil.copy(files["bounded"][0], tmp_path / "a.fits")
    subprocess.run(["fitscopy", "a.fits[1][#row>3]", "b.fits"], cwd=tmp_path, check=True)
    with fits.open(tmp_path / "b.fits") as hdus:
        with pytest.raises(astroae.CorruptFileError, match="6 rows for 9 tiles"):
            _ = hdus[1].data


@pytest.mark.parametrize("mode", MODES)
def test_fitsio(files, tmp_path, mode):
    fitsio = pytest.importorskip("fitsio")
    path, pixels = files[mode]
    with (
        fitsio.FITS(str(path), vstorage="object") as old,
        fitsio.FITS(str(tmp_path / "b.fits"), "rw") as new,
    ):
        new.write(None)
        new.write(old[1].read(), header=old[1].read_header())
    check_readable(tmp_path / "b.fits", pixels)
    shutil.copy(path, tmp_path / "c.fits")
    with fitsio.FITS(str(tmp_path / "c.fits"), "rw") as edited:
        edited[1].write_key("NOTE", 1)
        edited[1].write_checksum()
    check_readable(tmp_path / "c.fits", pixels)


def test_heap_that_was_left_behind_is_found_out(files, tmp_path):
    """astropy's ``from_columns`` writes descriptors in place of what they point to."""
    with fits.open(files["bounded"][0], disable_image_compression=True) as hdus:
        table = fits.BinTableHDU.from_columns(hdus[1].columns, header=hdus[1].header)
        fits.HDUList([fits.PrimaryHDU(), table]).writeto(tmp_path / "b.fits")
    with fits.open(tmp_path / "b.fits") as hdus:
        with pytest.raises(astroae.CorruptFileError, match="did not keep its heap"):
            _ = hdus[1].data
