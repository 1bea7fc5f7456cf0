"""What the report says in words and signs."""

import math
import shlex
from itertools import groupby
from pathlib import Path

from astroae.validation.tolerances import measures

__all__ = [
    "MEANINGS",
    "SIGNS",
    "command",
    "counts",
    "facts",
    "gauge",
    "interval",
    "metric_groups",
    "number",
    "sentence",
    "skipped",
    "tolerance",
]

#: Told by their form, not by colour alone.
SIGNS = {
    "pass": "✓",
    "fail": "✗",
    "undetermined": "?",
    "skipped": "–",
    "reported": "•",
    "pooled": "∑",
}
MEANINGS = {
    "pass": "Passed",
    "fail": "Failed",
    "undetermined": "Undetermined",
    "skipped": "Skipped",
    "reported": "Reported",
    "pooled": "Pooled",
}
_FACTS = {
    "shape": "Rows x columns",
    "kinds": "Kind",
    "unit": "Unit",
    "noise": "Noise (median of the pixels)",
    "fwhm": "FWHM (pixels)",
    "pixel_mas": "Pixel (mas)",
    "zero_point": "Zero point (mag)",
    "gain": "Gain (electrons per unit)",
    "bad_pixels": "Bad pixels",
    "sources": "Sources of 5 sigma",
    "clean_sources": "of these without a flag",
    "measured_sources": "of these measured one by one",
    "why_no_sources": "Why no sources",
}
_NAMED = 6  # quantities of a sentence
_SPAN = 1.25  # of the gauge, in tolerances


def number(value):
    """Four digits, with a true minus sign; infinity as its sign.

    Examples
    --------
    >>> from astroae.validation.report.words import number
    >>> number(-0.00012345), number(None)
    ('−0.0001234', 'not known')
    """
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "not known"
    if isinstance(value, float) and math.isinf(value):
        return "∞" if value > 0 else "−∞"
    text = str(value) if isinstance(value, int) else f"{value:.4g}"
    if text == "1" and value != 1:  # likeness: what is missing to 1 is the number
        text = f"1 {'+' if value > 1 else '-'} {abs(1 - value):.2g}"
    return text.replace("-", "−")


def interval(low, high):
    """``"low to high"``; empty where there is none."""
    if low is None or low == high:
        return ""
    if math.isinf(low) and math.isinf(high):
        return "too few to say"
    return f"{number(low)} to {number(high)}"


def tolerance(result):
    """Tolerance of a `~astroae.validation.result.Result`, with its sign."""
    if result.limit is None:
        return ""
    sign = {"within": "±", "at most": "≤ ", "at least": "≥ "}[result.direction]
    return f"{sign}{number(result.limit)}"


def gauge(result):
    """Where value and interval lie against the tolerance, in per cent of a bar.

    Returns
    -------
    dict or None
        ``allowed``, ``interval``: (left, width); ``value``: left.  None where a bar says
        nothing: no tolerance, a tolerance of 0, or one from below.
    """
    if not result.limit or result.direction == "at least" or not math.isfinite(result.value):
        return None
    lowest = -_SPAN if result.direction == "within" else 0.0

    def place(value):
        part = min(max(value / result.limit, lowest), _SPAN)
        return round(100 * (part - lowest) / (_SPAN - lowest), 2)

    left = place(-result.limit) if result.direction == "within" else 0.0
    low, high = place(result.low), place(result.high)
    return {
        "allowed": (left, round(place(result.limit) - left, 2)),
        "interval": (low, round(high - low, 2)),
        "value": place(result.value),
    }


def sentence(images, whole=()):
    """What the verdict means, in a few plain sentences.

    Parameters
    ----------
    images : sequence of ImageValidation
        Quantities are named if it is one; several have their own sections.
    whole : sequence of Result
        Of the file as a whole.

    Returns
    -------
    list of str
    """
    of = _by_verdict(result for image in images for result in image.results)
    judged = sum(len(of[verdict]) for verdict in ("pass", "fail", "undetermined", "pooled"))
    broken = [result for result in whole if result.verdict == "fail"]
    said = [f"{result.title}: {result.note}." for result in broken]
    if of["fail"]:
        said += [f"{_many(of['fail'])} out of tolerance{_which(of['fail'], images, _title)}."]
    elif broken:
        said.append("Of the images that could be compared no tolerance is broken.")
    elif not judged:
        said = ["Nothing could be judged: no quantity with a tolerance applies."]
    elif of["undetermined"]:
        said = ["No tolerance is broken, but not all of them could be tested."]
    else:
        said = [f"Every quantity that applies stays inside its tolerance: {judged} of {judged}."]
    if of["undetermined"]:
        which = _which(of["undetermined"], images, _enough)
        said.append(f"{_many(of['undetermined'])} undecided{which}.")
    if of["pooled"]:
        said.append(f"{_many(of['pooled'])} decided by all images of the file together.")
    if of["skipped"]:
        said.append(f"{_many(of['skipped'])} skipped, for the reasons given below.")
    return said


def counts(results):
    """(verdict, number of results), of the verdicts that occur."""
    return [(verdict, len(found)) for verdict, found in _by_verdict(results).items() if found]


def metric_groups(results):
    """Results that were measured, by metric.

    Returns
    -------
    list of (str, list of Result)
        Title of the metric, and its results.
    """
    known = {metric.NAME: metric for metric in measures()}
    groups = groupby((r for r in results if r.verdict != "skipped"), lambda r: _metric(r.name))
    return [(known[n].TITLE if n in known else n, list(group)) for n, group in groups]


def skipped(results):
    """Results that were not measured, by reason.

    Returns
    -------
    dict of str to list of Result
    """
    found = {}
    for result in results:
        if result.verdict == "skipped":
            found.setdefault(result.note, []).append(result)
    return found


def facts(known):
    """Facts of an image as (name, text), the known ones first and in a fixed order."""
    names = [name for name in _FACTS if name in known] + [n for n in known if n not in _FACTS]
    return [
        (_FACTS.get(name, name), _fact(name, known[name]))
        for name in names
        if known[name] is not None
    ]


def command(validation):
    """How to repeat it: on the shell for files, else in Python."""
    name = validation.tolerance["name"]
    if not Path(validation.original).suffix:
        return f"astroae.validate(original, restored, tolerance={name!r})"
    parts = ["astroae", "validate", validation.original, validation.restored, "--tolerance", name]
    return shlex.join(parts)


def _by_verdict(results):
    found = {verdict: [] for verdict in SIGNS}
    for result in results:
        found[result.verdict].append(result)
    return found


def _many(results):
    return "1 quantity is" if len(results) == 1 else f"{len(results)} quantities are"


def _which(results, images, say):
    """The quantities of one image, or how many images of several."""
    if len(images) > 1:
        verdict = results[0].verdict
        names = [i.name for i in images if any(r.verdict == verdict for r in i.results)]
        rest = ", ..." if len(names) > _NAMED else ""
        listed = ", ".join(names[:_NAMED]) + rest
        return f", in {len(names)} of {len(images)} images ({listed})"
    more = len(results) - _NAMED
    rest = f"; and {more} more, marked below" if more > 0 else ""
    return ": " + "; ".join(say(result) for result in results[:_NAMED]) + rest


def _title(result):
    return f"{result.title} ({result.name})"


def _enough(result):
    return f"{_title(result)}: {result.decides}"


def _fact(name, value):
    if isinstance(value, (list, tuple)):
        return (" x " if name == "shape" else ", ").join(map(str, value))
    return value if isinstance(value, str) else number(value)


def _metric(name):
    return name.partition(".")[0]
