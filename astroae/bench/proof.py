"""What proof costs: validating and certifying a large field, as programs, beside compressing it."""

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from astropy.io import fits

from astroae.simulate import FieldSettings, Population, make_field

__all__ = ["proof_times"]

LEVEL = "4"
STARS, GALAXIES = 45_000, 5_000  # of which some 21 000 are found in 4096 x 4096 pixels


def proof_times(side=4096):
    """Seconds and memory of each program.

    Parameters
    ----------
    side : int
        Pixels; the density of sources is the same at every size.

    Returns
    -------
    list of dict
        ``job``, ``wall [s]``, ``cpu [s]``, ``peak memory [MB]``.
    """
    part = (side / 4096) ** 2
    population = Population(stars=int(STARS * part), galaxies=int(GALAXIES * part))
    with tempfile.TemporaryDirectory() as folder:
        plain, packed = (str(Path(folder) / name) for name in ("field.fits", "field.aae.fits"))
        field = make_field(FieldSettings(shape=(side, side), population=population, seed=3))
        field.to_hdu().writeto(plain)
        del field
        jobs = {
            "compress": ["compress", "-q", LEVEL, plain, "-o", packed],
            "compress --certify": [
                *("compress", "-q", LEVEL, "--certify", "--overwrite", plain, "-o", packed)
            ],
            "validate": ["validate", plain, packed],
            "validate --html": ["validate", plain, packed, "--html", str(Path(folder) / "r.html")],
        }
        rows = [_timed(name, words) for name, words in jobs.items()]
        sources = fits.getval(packed, "AESOURCE", "PHOTOMETRY")
    return [row | {"sources": sources} for row in rows]


def _timed(name, words):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    begun = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "astroae", *words, "--quiet"], check=True, stdout=subprocess.DEVNULL
    )
    wall = time.perf_counter() - begun
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {
        "job": name,
        "wall [s]": wall,
        "cpu [s]": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
        # Of the largest child so far: jobs come in the order of their memory.
        "peak memory so far [MB]": after.ru_maxrss / 1024,
    }
