"""The programs ``fpack`` and ``funpack`` of CFITSIO, where they are installed.

They are run on files, so their times hold reading and writing, as a user has it.
"""

import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np
from astropy.io import fits

TIMEOUT = 600  # seconds


class Fpack:
    name = "fpack"
    exact = True

    def missing(self):
        absent = [name for name in ("fpack", "funpack") if shutil.which(name) is None]
        return f"{' and '.join(absent)} not installed" if absent else ""

    def refuses(self, scene):
        return "more than 31 bits" if scene.bits > 31 else ""

    def encode(self, scene):
        kind, base = (np.int16, 1 << 15) if scene.bits <= 16 else (np.int32, 0)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "a.fits"
            fits.PrimaryHDU((scene.levels - base).astype(kind)).writeto(path)
            _run("fpack", path)
            return (Path(folder) / "a.fits.fz").read_bytes()

    def size(self, coded):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "a.fits.fz"
            path.write_bytes(coded)
            with fits.open(path, disable_image_compression=True) as hdus:
                header = hdus[1].header
                return header["NAXIS1"] * header["NAXIS2"] + header["PCOUNT"]

    def decode(self, coded, scene):
        base = 1 << 15 if scene.bits <= 16 else 0
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "a.fits.fz"
            path.write_bytes(coded)
            _run("funpack", path)
            return fits.getdata(Path(folder) / "a.fits").astype(np.int64) + base


def _run(program, path):
    subprocess.run([program, str(path)], check=True, capture_output=True, timeout=TIMEOUT)


RIVALS = [Fpack()]
