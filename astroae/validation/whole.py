"""What of a file no pair of images shows: whether all of it is there.

Images, tables, their names and their order, and the cards of HDUs that hold no image.  It
is a metric over two files, and has a metric's names.
"""

import math
import sys

from astropy.io import fits

from astroae.container.keywords import is_extra
from astroae.validation.headers import changes, wcs_cards
from astroae.validation.metrics import Measured, Quantity, Skipped
from astroae.validation.result import judge
from astroae.validation.statistics import exact

__all__ = ["measure", "unjudged", "whole_results"]

NAME = "file"
TITLE = "The file as a whole"
QUANTITIES = (
    Quantity("images", "images", "at most", "images that are lost, or have another shape"),
    Quantity("names", "images", "at most", "images that have another EXTNAME or EXTVER"),
    Quantity("order", "images", "at most", "images that stand in another order"),
    Quantity("tables", "tables", "at most", "tables that are lost, or hold other values"),
    Quantity("cards", "cards", "at most", "changed unit, gain, ... in HDUs without an image"),
)
_KINDS = ("reference", "unit", "gain", "exposure", "zero_point", "time")
_NAMED = 6


def whole_results(before, after, wanted, pairs, tolerances, *, parts=True):
    """Two files as a whole, judged.

    Parameters
    ----------
    before, after : `~astroae.validation.pairing.Contents`
    wanted : list of `~astroae.validation.pairing.Image`
        Of the original, those that were asked for.
    pairs : list of (Image, Image)
    tolerances : `~astroae.validation.tolerances.Tolerances`
    parts : bool
        Compare HDUs without an image too.

    Returns
    -------
    tuple of `~astroae.validation.result.Result`
        Empty where one of the two is no file: there is nothing but one image.
    """
    if before.hdus is None or after.hdus is None:
        return ()
    measured = measure(before, after, wanted, pairs, parts=parts)
    metric = sys.modules[__name__]
    return tuple(judge(metric, q, measured[q.name], tolerances) for q in QUANTITIES)


def measure(before, after, wanted, pairs, *, parts=True):
    """See `QUANTITIES` and `whole_results`.

    Returns
    -------
    dict of str to Measured or Skipped
    """
    paired = [one.index for one, _ in pairs]
    lost = [f"{one.label} {one.shape}" for one in wanted if one.index not in paired]
    lost += _hollow(before.hdus, after.hdus) if parts else []
    renamed = [f"{one.label} became {other.label}" for one, other in pairs if _renamed(one, other)]
    found = {
        "images": _count([f"{text} is not in the restored file" for text in lost], len(wanted)),
        "names": _count(renamed, len(pairs)),
        "order": _count(_moved(pairs), len(pairs)),
    }
    if not parts:
        return found | dict.fromkeys(("tables", "cards"), Skipped("one image was asked for"))
    return found | {
        "tables": _tables(before.hdus, after.hdus),
        "cards": _cards(before.hdus, after.hdus),
    }


def unjudged(before):
    """HDUs that are neither image nor table: nothing looks at them.

    Parameters
    ----------
    before : `~astroae.validation.pairing.Contents`

    Returns
    -------
    list of str
    """
    known = (fits.PrimaryHDU, fits.ImageHDU, fits.BinTableHDU, fits.TableHDU)
    return [
        f"HDU {i} is neither an image nor a table, and was not compared; as one of them it would be"
        for i, hdu in enumerate(before.hdus or ())
        if not isinstance(hdu, known) or isinstance(hdu, fits.GroupsHDU)
    ]


def _hollow(before, after):
    """Extensions without pixels, of whose headers something may depend, that are lost."""
    kept = [_key_of(hdu) for hdu in after[1:]]
    return [
        f"HDU {i}, which has no pixels,"
        for i, hdu in enumerate(before)
        if i and not _is_table(hdu) and not _pixels(hdu) and _key_of(hdu) not in kept
    ]


def _pixels(hdu):
    return bool(hdu.shape and math.prod(hdu.shape))


def _count(wrong, n):
    if not n:
        return Skipped("no image has its partner")
    more = f"; and {len(wrong) - _NAMED} more" if len(wrong) > _NAMED else ""
    return Measured(exact(len(wrong), n), note="; ".join(wrong[:_NAMED]) + more)


def _renamed(one, other):
    same = (one.extname, one.version) == (other.extname, other.version)
    return bool(one.extname) and not same


def _moved(pairs):
    """Those that stand before one which they stood behind."""
    places = [other.index for _, other in pairs]
    return [
        f"{one.label} stands before what it stood behind"
        for i, (one, other) in enumerate(pairs)
        if places[:i] and other.index < max(places[:i])
    ]


# ---- HDUs without an image ----------------------------------------------------------------


def _tables(before, after):
    tables, there = _tables_of(before), _tables_of(after)
    if not tables:
        return Skipped("no table")
    wrong = []
    for i, one in tables:
        match = next((k for k, other in there if _key(other) == _key(one)), None)
        label = f"table {one.name},{one.ver}" if one.name else f"the table of HDU {i}"
        if match is None:
            wrong.append(f"{label} is not in the restored file")
            continue
        text = _difference(one, after[match])
        there = [(k, other) for k, other in there if k != match]
        wrong += [f"{label}: {text}"] if text else []
    return _count(wrong, len(tables))


def _tables_of(hdus):
    """Numbers and tables, without those that astroae added."""
    tables = [(i, hdu) for i, hdu in enumerate(hdus) if _is_table(hdu)]
    return [(i, hdu) for i, hdu in tables if not is_extra(hdu.header)]


def _is_table(hdu):
    return isinstance(hdu, (fits.BinTableHDU, fits.TableHDU))


def _key(hdu):
    """Tables belong together by name, nameless ones in their order by their columns."""
    return (hdu.name, hdu.ver) if hdu.name else tuple(hdu.columns.names)


def _difference(one, other):
    """In words; empty where the values are the same, whatever the order of columns."""
    names = one.columns.names
    if gone := [name for name in names if name not in other.columns.names]:
        return f"column {gone[0]} is gone"
    units = [(name, one.columns[name].unit, other.columns[name].unit) for name in names]
    if changed := [each for each in units if each[1] and each[1] != each[2]]:
        return "unit of column {} was {}, is {}".format(*changed[0])
    rows = len(one.data) if one.data is not None else 0
    after = len(other.data) if other.data is not None else 0
    if rows != after:
        return f"{after} rows, it had {rows}"
    if not rows:
        return ""
    diff = fits.TableDataDiff(one.data, other.data, numdiffs=1, ignore_fields=_new(one, other))
    if not diff.diff_total:
        return ""
    (name, row), _ = diff.diff_values[0]
    return f"{diff.diff_total} values differ, the first in column {name}, row {row}"


def _new(one, other):
    return [name for name in other.columns.names if name not in one.columns.names]


def _cards(before, after):
    """Cards that hold for the whole file stand in the primary HDU, which often has no image."""
    wrong, total = [], 0
    for i, hdu in enumerate(before):
        if not _is_table(hdu) and _pixels(hdu):
            continue
        other = _partner(hdu, i, after)
        if is_extra(hdu.header) or (other is None and _is_table(hdu)):  # see file.tables
            continue
        there = {} if other is None else other.header
        for found, *_, n in (
            wcs_cards(hdu.header, there),
            *(changes(kind, hdu.header, there) for kind in _KINDS),
        ):
            total += n
            wrong += [f"HDU {i}: {text}" for text in found]
    return _count(wrong, total) if total else Skipped("no such card outside of images")


def _partner(hdu, i, after):
    if i == 0:
        return after[0] if len(after) else None
    named = [other for other in after[1:] if hdu.name and _key_of(other) == _key_of(hdu)]
    return named[0] if named else None


def _key_of(hdu):
    return hdu.name, hdu.ver, _is_table(hdu)
