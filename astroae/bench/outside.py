"""What other people's programs say of a file: ``fitsverify``, and astropy without astroae."""

import json
import re
import shutil
import subprocess
import sys

TIMEOUT = 600  # seconds

#: Runs in a process of its own, to which astroae is a stranger.
_READ_AS_TABLES = """
import json, sys, warnings
from astropy.io import fits
warnings.simplefilter("ignore")
answer = {}
for path in sys.argv[1:]:
    try:
        tables = 0
        with fits.open(path) as hdus:
            for hdu in hdus:
                hdu.header["NAXIS"]
                if hdu.header.get("AEIMAGE") is True:
                    assert type(hdu) is fits.BinTableHDU, type(hdu)
                    assert len(hdu.data["STREAM"]) == hdu.header["NAXIS2"]
                    tables += 1
        answer[path] = tables
    except Exception as exc:
        answer[path] = repr(exc)
assert "astroae" not in sys.modules
print(json.dumps(answer))
"""


def fitsverify_missing():
    """Words for a report where ``fitsverify`` is not installed; else empty."""
    return "" if shutil.which("fitsverify") else "fitsverify is not installed"


def new_complaints(original, compressed):
    """Kinds of errors and warnings that ``fitsverify`` has for a compressed file only.

    Card numbers do not count: cards move.  Nor do the names under which a
    compressed image keeps the checksums of its original.

    Parameters
    ----------
    original, compressed : path-like
        Plain FITS files.

    Returns
    -------
    list of str
    """
    return sorted(_complaints(compressed) - _complaints(original))


def _complaints(path):
    found = subprocess.run(
        ["fitsverify", str(path)], capture_output=True, text=True, errors="replace", timeout=TIMEOUT
    )
    lines = re.findall(r"^\*\*\* (?:Warning|Error).*$", found.stdout + found.stderr, re.MULTILINE)
    kinds = {re.sub(r"#\d+", "#", line).strip() for line in lines}
    return {kind.replace("ZHECKSUM", "CHECKSUM").replace("ZDATASUM", "DATASUM") for kind in kinds}


def tables_seen(paths):
    """Number of compressed images that plain astropy opens as tables, by path.

    Parameters
    ----------
    paths : list of path-like

    Returns
    -------
    dict of str to int or str
        A string is the error that astropy raised.
    """
    if not paths:
        return {}
    found = subprocess.run(
        [sys.executable, "-c", _READ_AS_TABLES, *map(str, paths)],
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=True,
    )
    return json.loads(found.stdout)
