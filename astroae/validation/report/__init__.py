"""The report: one page that needs nothing else, for people who have to be convinced."""

from datetime import UTC, datetime
from pathlib import Path

from astroae.validation.extras import needed
from astroae.validation.report import words
from astroae.validation.report.figures import FIGURES, absent

__all__ = ["to_html"]
__doctest_requires__ = {"to_html": ["photutils", "jinja2"]}

_PAGE = Path(__file__).with_name("page.html")


def to_html(validation):
    """A self-contained page: verdict, table, figures, and how it was measured.

    Names of files, images and units are escaped; figures are taken as they are, and
    come from `~astroae.validation.report.figures.draw`.

    Parameters
    ----------
    validation : `~astroae.validation.result.Validation`
        Its images may carry figures.

    Returns
    -------
    str
        HTML without script and without anything to load.

    Raises
    ------
    MissingDependencyError
        Without jinja2.

    Examples
    --------
    >>> from astroae.simulate import FieldSettings, make_field
    >>> from astroae.validation.measure import validate_pair
    >>> from astroae.validation.original import Original
    >>> from astroae.validation.pair import Pair
    >>> from astroae.validation.report import to_html
    >>> from astroae.validation.result import Validation
    >>> field = make_field(FieldSettings(shape=(256, 256)))
    >>> pair = Pair(Original(field.image, header=field.header), field.image + 1)
    >>> image = validate_pair(pair, only=["pixels"])
    >>> page = to_html(Validation("a.fits", "b.fits", {"name": "default"}, (image,)))
    >>> page.splitlines()[0]
    '<!doctype html>'
    """
    jinja2 = needed("jinja2")
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    template = environment.from_string(_PAGE.read_text(encoding="utf-8"))
    return template.render(
        validation=validation,
        figures=_figures,
        absences=_absences,
        words=words,
        written=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
    )


def _figures(image):
    """(name, caption, SVG) of the figures that are there; the SVG needs no escaping."""
    safe = needed("markupsafe").Markup
    return [
        (name, caption, safe(image.figures[name].decode()))
        for name, caption in FIGURES.items()
        if name in image.figures
    ]


def _absences(image):
    """Reason: titles of the figures that are not there."""
    if not image.figures:
        why = "they are drawn of pictures, not of planes, and only where they are asked for"
        return {absent("original", image.facts) or why: ["All figures"]}
    found = {}
    for name, caption in FIGURES.items():
        if name not in image.figures:
            found.setdefault(absent(name, image.facts), []).append(caption.title)
    return found
