"""What validation found, for people and for programs."""

import math
from dataclasses import asdict, dataclass, field, replace

from astroae.validation.statistics import FEWEST, needed, verdict

__all__ = ["ImageValidation", "Result", "Validation", "judge", "worst"]

_JUDGED = ("pass", "fail", "undetermined", "pooled")
_ORDER = ("pass", "undetermined", "fail")
_SHOWN = ("fail", "undetermined", "pass", "pooled", "reported", "skipped")


@dataclass(frozen=True)
class Result:
    """One quantity of one image.

    Attributes
    ----------
    name : str
        Such as ``"aperture.bias"``.
    title, unit, direction : str
        See `astroae.validation.metrics.Quantity`.
    verdict : str
        "pass", "fail", "undetermined", "skipped"; "reported" where no tolerance is set;
        "pooled" where this image could not decide and all images of the file together did.
    value, low, high : float or None
        With the 95 % interval; None where skipped.
    n : int
        Of how many sources, tiles or pixels.
    limit : float or None
    source : str
        Of the tolerance.
    needed : int or None
        How many would decide, where undetermined.
    decides : str
        The same in words: what would decide it, where undetermined.
    note : str
        How it was measured, or why it was skipped.
    bins : tuple of dict
        By magnitude: label, value, low, high, n, verdict.
    """

    name: str
    title: str
    unit: str
    direction: str
    verdict: str
    value: float | None = None
    low: float | None = None
    high: float | None = None
    n: int = 0
    limit: float | None = None
    source: str = ""
    needed: int | None = None
    decides: str = ""
    note: str = ""
    bins: tuple = ()

    @property
    def text(self):
        """Value, interval and tolerance in a line."""
        if self.verdict == "skipped":
            return f"skipped: {self.note}"
        unit = f" {self.unit}" if self.unit else ""
        text = f"{_short(self.value)}{unit}"
        if self.low != self.high:
            text += f" ({_short(self.low)} to {_short(self.high)})"
        if self.limit is not None:
            sign = {"within": "+-", "at most": "<=", "at least": ">="}[self.direction]
            text += f", tolerance {sign} {_short(self.limit)}{unit}"
        return f"{text}; {self.decides}" if self.decides else text


@dataclass(frozen=True)
class ImageValidation:
    """One image, before and after.

    Attributes
    ----------
    name : str
        EXTNAME and number, or what the caller said.
    results : tuple of Result
    facts : dict
        Shape, noise, FWHM, number of sources, kinds of image, unit, zero point.
    figures : dict of str to bytes
        SVG figures for the report, where they were asked for.
    """

    name: str
    results: tuple
    facts: dict = field(default_factory=dict)
    figures: dict = field(default_factory=dict, repr=False)

    @property
    def verdict(self):
        """The worst of its quantities; headers alone let no image pass."""
        pixels = [result for result in self.results if not result.name.startswith("header.")]
        verdict = worst(result.verdict for result in self.results)
        if verdict == "pass" and pixels and not any(r.verdict in _JUDGED for r in pixels):
            return "undetermined"
        return verdict

    def __getitem__(self, name):
        """Result of a quantity by its full name."""
        for result in self.results:
            if result.name == name:
                return result
        raise KeyError(name)

    def to_dict(self):
        """Plain values, without the figures; no NaN or infinity, which JSON has not."""
        return {
            "name": self.name,
            "verdict": self.verdict,
            "facts": _plain(self.facts),
            "results": [_plain(asdict(result)) for result in self.results],
        }


@dataclass(frozen=True)
class Validation:
    """All images of a file, or of several.

    Attributes
    ----------
    original, restored : str
        Names of the files, or what was compared.
    tolerance : dict
        Name and SHA-256 of the tolerance set.
    images : tuple of ImageValidation
    notes : tuple of str
        What was not compared, and why.
    versions : dict
        Of the packages that measured.
    seconds : float
        How long it took.
    unjudged : tuple of str
        What keeps it from passing though no metric judges it: HDUs that are neither image
        nor table.
    whole : tuple of Result
        Of the file as a whole: images and tables that are lost, their order and names.
    """

    original: str
    restored: str
    tolerance: dict
    images: tuple
    notes: tuple = ()
    versions: dict = field(default_factory=dict)
    seconds: float = 0.0
    unjudged: tuple = ()
    whole: tuple = ()

    @property
    def verdict(self):
        """ "pass" if all that applies passes, and nothing is left unjudged."""
        left = ("undetermined",) if self.unjudged else ()
        whole = (result.verdict for result in self.whole)
        return worst((*left, *whole, *(image.verdict for image in self.images)))

    @property
    def ok(self):
        """Whether no tolerance is broken: "undetermined" is not broken."""
        return self.verdict != "fail"

    def to_dict(self):
        """Plain values, as ``schema.json`` describes them."""
        return {
            "schema": 1,
            "original": self.original,
            "restored": self.restored,
            "verdict": self.verdict,
            "tolerance": dict(self.tolerance),
            "whole": [_plain(asdict(result)) for result in self.whole],
            "images": [image.to_dict() for image in self.images],
            "notes": list(self.notes),
            "unjudged": list(self.unjudged),
            "versions": dict(self.versions),
            "seconds": self.seconds,
        }

    def summary(self):
        """The verdict and every quantity in lines, what did not pass first."""
        lines = [f"{self.restored}: {self.verdict} (tolerance set {self.tolerance['name']})"]
        lines += [f"  not judged: {text}" for text in self.unjudged]
        if self.whole:
            lines += [f"  the file as a whole: {worst(r.verdict for r in self.whole)}"]
            lines += _lines(self.whole)
        for image in self.images:
            lines.append(f"  {image.name}: {image.verdict}; {', '.join(image.facts['kinds'])}")
            lines += _lines(image.results)
        return "\n".join(lines + [f"  note: {note}" for note in self.notes])


def _lines(results):
    """A line each, what did not pass first."""
    return [
        f"    {r.verdict:12s} {r.name:24s} {r.text.removeprefix('skipped: ')}{_why(r)}"
        for r in sorted(results, key=lambda r: _SHOWN.index(r.verdict))
    ]


def _why(result):
    """What counts say nothing of without it: which card, which image."""
    named = result.name.startswith(("header.", "file.")) and result.verdict != "skipped"
    return f" ({result.note})" if named and result.note else ""


def judge(metric, quantity, measured, tolerances):
    """One quantity as a `Result`, with its verdict.

    Parameters
    ----------
    metric : module
        See `astroae.validation.metrics`.
    quantity : Quantity
    measured : Measured or Skipped
    tolerances : Tolerances
    """
    name = f"{metric.NAME}.{quantity.name}"
    blank = Result(name, quantity.title, quantity.unit, quantity.direction, "skipped")
    if not hasattr(measured, "estimate"):
        return replace(blank, note=measured.reason)
    estimate, tolerance = measured.estimate, tolerances.get(name)
    result = replace(
        blank,
        verdict="reported",
        value=estimate.value,
        low=estimate.low,
        high=estimate.high,
        n=estimate.n,
        note=measured.note,
        bins=tuple(_bin(b.label, b.estimate) for b in measured.bins),
    )
    if tolerance is None:
        return result
    limit = quantity.limit(tolerance.limit)
    verdicts = [verdict(b.estimate, limit) for b in measured.bins]
    decided = worst(verdicts) if measured.joint else verdict(estimate, limit)
    return replace(
        result,
        verdict=decided,
        limit=tolerance.limit,
        source=tolerance.source,
        needed=needed(estimate, limit) if decided == "undetermined" else None,
        decides=_decides(metric, estimate, limit) if decided == "undetermined" else "",
        bins=tuple({**b, "verdict": v} for b, v in zip(result.bins, verdicts)),
    )


def _bin(label, found):
    return {"label": label, **{k: getattr(found, k) for k in ("value", "low", "high", "n")}}


def _decides(metric, estimate, limit):
    """What would decide it: how many more things, and so how much more sky."""
    things = getattr(metric, "THINGS", "sources")
    enough = needed(estimate, limit)
    if enough is None and not math.isfinite(estimate.high - estimate.low):
        found = f"{FEWEST} {things} at least are needed, {estimate.n} were there"
        return f"{found}: a larger image, or more images of its kind in one file"
    if enough is None:
        return f"at its limit: no number of {things} would decide, only another tolerance"
    times = f"an image {enough / estimate.n:.2g} times as large"
    return f"{enough} {things} would decide, {estimate.n} were there: {times}, or as many images"


def worst(verdicts):
    """ "fail" before "undetermined" before "pass"; "undetermined" where nothing was judged."""
    judged = [_ORDER.index(one) for one in verdicts if one in _ORDER]
    return _ORDER[max(judged)] if judged else "undetermined"


def _short(value):
    return f"{value:.4g}"


def _plain(value):
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    value = value.item() if hasattr(value, "item") else value
    return None if isinstance(value, float) and not math.isfinite(value) else value
