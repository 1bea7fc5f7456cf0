"""Make the frozen files anew, where the format was meant to change.

``python -m astroae.tests.frozen.make``: the commit of what it writes says why.
"""

import json
import tempfile
from pathlib import Path

import numpy as np
from astropy.io import fits

from astroae.tests.frozen.cases import CASES, FOLDER, FPACKED
from astroae.tests.frozen.record import comparable, describe, machine

__all__ = ["MANIFEST", "make"]

MANIFEST = FOLDER / "manifest.json"


def make():
    """Write every file and the manifest; the names of those that changed."""
    if not FPACKED.exists():
        _make_fpacked()
    changed, files = [], {}
    for stale in {*FOLDER.glob("*.aae.fits")} - {case.file for case in CASES}:
        stale.unlink()
        changed.append(stale.name)
    with tempfile.TemporaryDirectory() as folder:
        for case in CASES:
            made = case.compress(folder)
            old = case.file.read_bytes() if case.file.exists() else b""
            if comparable(made) != comparable(old):
                case.file.write_bytes(made)
                changed.append(case.file.name)
            files[case.name] = describe(case.file, Path(folder))
    text = json.dumps({"machine": machine(), "files": files}, indent=1)
    MANIFEST.write_text(text + "\n")
    return changed


def _make_fpacked():
    """Quantised floats, with zeros, nulls, and rows that stand as lossless floats."""
    rng = np.random.default_rng(26)
    sky = rng.normal(100, 5, (120, 80)).astype("f4")
    sky[rng.random(sky.shape) < 0.1] = 0
    sky[5:8, 50:75] = np.nan
    sky[20:23, ::2], sky[20:23, 1::2] = 1e30, 1e-3  # beyond any step
    image = fits.CompImageHDU(
        sky, name="SCI", tile_shape=(1, 80), quantize_level=4, quantize_method=2, dither_seed=7
    )
    fits.HDUList([fits.PrimaryHDU(), image]).writeto(FPACKED)


if __name__ == "__main__":
    print("\n".join(make()) or "nothing changed")
