"""Two plain FITS files, HDU by HDU: headers card for card, pixels against their bound."""

import hashlib
from dataclasses import dataclass, field

import numpy as np

from astroae.codec.promise import relative_bound
from astroae.container.fpack import is_fpacked, other_card
from astroae.container.fpack_read import read_fpack
from astroae.container.header import raw_cards
from astroae.io.checksums import CHECKSUMS
from astroae.io.coded import pixels_of
from astroae.io.spans import chunks, scan
from astroae.settings import Latent, Relative

__all__ = ["Comparison", "compare_hdus", "same_tiles"]


@dataclass
class Comparison:
    """Sentences about what differs beyond the promise, and the worst pixel within it."""

    differences: list = field(default_factory=list)
    largest_error_over_bound: float = 0.0


def compare_hdus(restored, original, where, coded):
    """Compare a restored file with the original.

    Parameters
    ----------
    restored, original : path-like
        Plain FITS files.
    where : path-like
        Name of the original in messages.
    coded : list of CodedHDU
        Compressed images of the file that was restored, in order.

    Returns
    -------
    Comparison
    """
    spans = scan(restored), scan(original, where)
    found = Comparison()
    if len(spans[0]) != len(spans[1]):
        found.differences.append(f"{len(spans[0])} HDUs, the original has {len(spans[1])}")
        return found
    waiting = list(coded)
    for back, first in zip(*spans):
        hdu = None
        if waiting and _is_of(back, waiting[0]):
            hdu = waiting.pop(0)
        lossy = hdu is not None and not hdu.is_exact
        fpacked = is_fpacked(first.header) and is_fpacked(back.header)
        if fpacked:
            cards = (raw_cards(span.header) for span in (back, first))
            same = other_card(*cards) is None
        else:
            same = _same_header(back, first, CHECKSUMS if lossy else ())
        if not same:
            found.differences.append(f"{first.label}: headers differ")
        if _digest(restored, back) == _digest(original, first):
            continue
        if back.data_end - back.data != first.data_end - first.data and not fpacked:
            found.differences.append(f"{first.label}: data of another size")
        elif lossy:
            _pixels(found, first, pixels_of(restored, back), pixels_of(original, first), hdu)
        elif not (fpacked and same_tiles(_table(restored, back), _table(original, first))):
            found.differences.append(f"{first.label}: data differ")
    return found


def _is_of(span, hdu):
    """Whether a restored HDU came from that compressed image."""
    stem = "Z" if is_fpacked(span.header) else ""
    here, there = span.header, hdu.image_header
    same = all(here.get(stem + key) == there.get(key) for key in ("BITPIX", "NAXIS"))
    return (stem or span.is_image) and same and here.get("EXTVER") == there.get("EXTVER")


def _same_header(back, first, ignored):
    back, first = (
        [card for card in raw_cards(span.header) if not card.startswith(ignored or "\0")]
        for span in (back, first)
    )
    return back == first


def _table(path, span):
    return span.header, b"".join(chunks(path, span.data, span.data_end))


def same_tiles(one, two):
    """Whether two tile-compressed tables hold the same integers, grids and pixels.

    Parameters
    ----------
    one, two : (`~astropy.io.fits.Header`, bytes)
        Header and data unit.
    """
    one, two = read_fpack(*one), read_fpack(*two)
    same = one.values.tobytes() == two.values.tobytes()
    if one.grid is None or two.grid is None:
        return same and one.grid is two.grid
    for name in ("scale", "zero", "exact"):
        same &= getattr(one.grid, name).tobytes() == getattr(two.grid, name).tobytes()
    return same and np.array_equal(one.integers, two.integers)


def _digest(path, span):
    """SHA-256 of the data unit."""
    digest = hashlib.sha256()
    for chunk in chunks(path, span.data, span.data_end):
        digest.update(chunk)
    return digest.digest()


def _pixels(found, span, back, first, hdu):
    """Every tile against its own bound."""
    grid, tiles = hdu.encoded.grid, hdu.encoded.tiles
    worst, outside = 0.0, 0
    for i in range(len(grid)):
        place = grid.slices(i)
        ratio = _over_bound(back[place], first[place], tiles[i], hdu)
        worst = max(worst, float(ratio.max(initial=0.0)))
        outside += int((ratio > 1).sum())
    found.largest_error_over_bound = max(found.largest_error_over_bound, min(worst, 1e9))
    if outside:
        found.differences.append(f"{span.label}: {outside} pixels beyond their bound")


def _over_bound(back, first, tile, hdu):
    """Error of each pixel over its bound; inf where one is finite and the other is not."""
    mode, blank = hdu.structure.stored_settings.mode, hdu.structure.blank
    kind = back.dtype.kind
    back, first = back.astype(np.float64), first.astype(np.float64)
    if kind == "f":
        special = ~(np.isfinite(back) & np.isfinite(first))
    else:
        special = (back == blank) | (first == blank)  # None equals no pixel
    with np.errstate(invalid="ignore"):
        error = np.abs(back - first)
    if isinstance(mode, Relative):
        bound = relative_bound(mode, first)
    elif isinstance(mode, Latent):
        bound = np.full(back.shape, float(tile["MAXERR"]))  # nothing was promised, but measured
    else:
        step = float(tile["SCALE"])
        bound = np.full(back.shape, step / 2 if kind == "f" else max(step - 1, 0) / 2)
    if kind == "f":
        # Half an ulp of the decoded value is the decoder's own rounding.
        bound = bound + np.spacing(np.abs(back).astype(hdu.structure.dtype)).astype(float) / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(error == 0, 0.0, error / bound)
    same = (back == first) | (np.isnan(back) & np.isnan(first))
    return np.where(special, np.where(same, 0.0, np.inf), ratio)
