"""Every promise on real files: compress, decompress, and compare with the original.

Checked for each file and mode: pixels as promised (lossless: the bits), undefined
pixels, headers card for card, everything else byte for byte, the same pixels
through `astropy.io.fits`, nothing new to ``fitsverify``, and a table to astropy
without astroae.
"""

import gzip
import io
import tempfile
import time
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from astropy.io import fits
from astropy.utils.exceptions import AstropyWarning

import astroae
from astroae.bench.outside import fitsverify_missing, new_complaints, tables_seen
from astroae.bench.promise import broken_promises, table_of_tiles
from astroae.bench.rawfits import split_hdus
from astroae.errors import AstroAEError

__all__ = ["MODES", "Verdict", "check_file", "check_files"]

#: Label and keywords of `astroae.compress`.
MODES = {
    "lossless": {},
    "q=4": {"quantize_level": 4, "lossy_integers": True},
    "q=1": {"quantize_level": 1, "lossy_integers": True},
}
_TYPES = {8: "u1", 16: ">i2", 32: ">i4", 64: ">i8", -32: ">f4", -64: ">f8"}


@dataclass(frozen=True)
class Verdict:
    """One file in one mode.

    Parameters
    ----------
    file, mode : str
    images : int
        Image HDUs that were compressed.
    kept : int
        Image HDUs that were copied, since they would not get smaller.
    ratio : float
        Original over compressed file size, both plain FITS.
    identical : bool
        The way back gave the same file byte for byte.
    problems : tuple of str
        What does not hold.
    seconds : float
    """

    file: str
    mode: str
    images: int = 0
    kept: int = 0
    ratio: float = float("nan")
    identical: bool = False
    problems: tuple[str, ...] = ()
    seconds: float = 0.0


def check_files(paths, modes=None, progress=None):
    """Check many files in every mode.

    Parameters
    ----------
    paths : list of path-like
    modes : dict, optional
        Like `MODES`.
    progress : callable, optional
        Called with (done, total).

    Returns
    -------
    list of Verdict
    """
    verdicts = []
    for done, path in enumerate(paths, 1):
        verdicts += check_file(path, modes)
        if progress:
            progress(done, len(paths))
    return verdicts


def check_file(path, modes=None):
    """Check one file in every mode.

    Parameters
    ----------
    path : path-like
        FITS, plain or gzipped.
    modes : dict, optional
        Like `MODES`.

    Returns
    -------
    list of Verdict
    """
    path = Path(path)
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        # astropy's remarks on cards are about the original's cards.
        warnings.simplefilter("ignore", AstropyWarning)
        plain = Path(folder) / "original.fits"
        opener = gzip.open if path.suffix == ".gz" else open
        with opener(path, "rb") as file:
            plain.write_bytes(file.read())
        targets, verdicts = {}, []
        for number, (mode, options) in enumerate((modes or MODES).items()):
            target = Path(folder) / f"{number}.aae.fits"
            targets[mode] = target
            verdicts.append(_check_mode(path.name, plain, target, mode, options))
        seen = tables_seen([t for t in targets.values() if t.exists()])
        return [_with_table(v, seen.get(str(targets[v.mode]))) for v in verdicts]


def _with_table(verdict, seen):
    if seen is None or seen == verdict.images:
        return verdict
    problem = f"plain astropy: {seen} tables, {verdict.images} compressed images"
    return Verdict(**verdict.__dict__ | {"problems": (*verdict.problems, problem)})


def _check_mode(name, plain, target, mode, options):
    started = time.perf_counter()
    back = target.with_suffix(".back")
    try:
        result = astroae.compress(plain, target, **options)
        astroae.decompress(target, back)
    except AstroAEError as exc:
        return Verdict(name, mode, problems=(f"{type(exc).__name__}: {exc}",))
    problems = _compare(plain, target, back, result)
    coded = [hdu for hdu in result.hdus if hdu.action == "compressed"]
    same = plain.read_bytes() == back.read_bytes()
    if same != result.byte_identical:
        problems.append(f"compress said byte_identical={result.byte_identical}, found {same}")
    if not fitsverify_missing():
        problems += [f"fitsverify: {line}" for line in new_complaints(plain, target)]
    images = sum(hdu.is_image for hdu in split_hdus(plain.read_bytes())[0])
    return Verdict(
        name,
        mode,
        len(coded),
        images - len(coded),
        plain.stat().st_size / target.stat().st_size,
        same,
        tuple(problems),
        time.perf_counter() - started,
    )


def _compare(plain, target, back, result):
    """Problems of the way back, HDU by HDU."""
    before, rest = split_hdus(plain.read_bytes())
    after, rest_after = split_hdus(back.read_bytes())
    if len(before) != len(after):
        return [f"{len(before)} HDUs became {len(after)}"]
    problems = [] if rest == rest_after else ["bytes behind the last HDU changed"]
    coded = {hdu.index for hdu in result.hdus if hdu.action == "compressed"}
    lossy = {hdu.index for hdu in result.hdus if hdu.mode not in ("", "lossless")}
    content = target.read_bytes()
    places = _places(content)
    if len(places) != len(coded):
        return [*problems, f"{len(coded)} images compressed, {len(places)} found"]
    for i, (a, b) in enumerate(zip(before, after, strict=True)):
        found = _compare_cards(a, b, lossy=i in lossy)
        problems += [f"HDU {i}: {problem}" for problem in found]
        if i in coded:
            found = _compare_pixels(a, b, content, places.pop(0))
        else:
            found = [] if a.data == b.data else ["copied, but bytes differ"]
        problems += [f"HDU {i}: {problem}" for problem in found]
    return problems


def _places(content):
    """Numbers of the compressed images in the compressed file, in order."""
    hdus, _ = split_hdus(content)
    return [i for i, hdu in enumerate(hdus) if hdu.get("AEIMAGE") == "T"]


def _compare_pixels(before, after, content, place):
    original, decoded = _pixels(before), _pixels(after)
    rows, header = table_of_tiles(content, place)
    problems = broken_promises(original, decoded, before.get("BLANK"), rows, header)
    with fits.open(io.BytesIO(content), do_not_scale_image_data=True) as hdus:
        seen = np.asarray(hdus[place].data)
    if seen.astype(decoded.dtype).tobytes() != decoded.tobytes():
        problems.append("astropy.io.fits reads other pixels than decompress gives")
    return problems


def _pixels(hdu):
    stored = np.frombuffer(hdu.data, _TYPES[hdu.get("BITPIX")]).reshape(hdu.shape)
    return stored.astype(stored.dtype.newbyteorder("="))


def _compare_cards(before, after, lossy):
    """Cards that changed; where pixels changed, checksums must have, and must be right."""
    if len(before.cards) != len(after.cards):
        return [f"{len(before.cards)} cards became {len(after.cards)}"]
    changed = [pair for pair in zip(before.cards, after.cards, strict=True) if pair[0] != pair[1]]
    own = [pair for pair in changed if lossy and pair[0][:8] in (b"CHECKSUM", b"DATASUM ")]
    problems = [f"card {a!r} became {b!r}" for a, b in changed if (a, b) not in own]
    if own and before.checksum_is_right and not after.checksum_is_right:
        problems.append("pixels and CHECKSUM changed, and it is wrong")
    return problems
