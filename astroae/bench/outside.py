"""What other people's programs say of a file: ``fitsverify``, and astropy without astroae."""

import json
import re
import shutil
import subprocess
import sys
from collections import Counter

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
    """Errors and warnings of ``fitsverify`` on a compressed file that its original has not.

    Card numbers do not count: cards move.

    Parameters
    ----------
    original, compressed : path-like
        Plain FITS files.

    Returns
    -------
    list of str
    """
    return sorted((_complaints(compressed) - _complaints(original)).elements())


def _complaints(path):
    found = subprocess.run(
        ["fitsverify", str(path)], capture_output=True, text=True, errors="replace", timeout=TIMEOUT
    )
    lines = re.findall(r"^\*\*\* (?:Warning|Error).*$", found.stdout + found.stderr, re.MULTILINE)
    return Counter(re.sub(r"#\d+", "#", line).strip() for line in lines)


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
