"""The page: whole, harmless, small, in the right order, and true to what was measured."""

import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

from astroae.simulate import FieldSettings, make_field
from astroae.validation.measure import validate_pair, versions
from astroae.validation.original import Original
from astroae.validation.pair import Pair
from astroae.validation.report import to_html, words
from astroae.validation.report.figures import FIGURES, draw
from astroae.validation.result import ImageValidation, Result, Validation
from astroae.validation.tolerances import load_tolerances

for _package in ("jinja2", "matplotlib", "photutils", "skimage", "pytorch_msssim"):
    pytest.importorskip(_package)

_HOSTILE = '<script>alert("x")</script>'
_VOID = {"meta", "br", "link", "img", "input", "hr"}


class Outline(HTMLParser):
    """Tags in order; every one that opens closes."""

    def __init__(self, page):
        super().__init__()
        self.open, self.seen, self.attributes, self.said = [], [], [], []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.seen.append(tag)
        self.attributes += [(tag, *pair) for pair in attrs]
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.seen.append(tag)
        self.attributes += [(tag, *pair) for pair in attrs]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.said.append(data)

    @property
    def text(self):
        """All that is read, in one line."""
        return " ".join(" ".join(self.said).split())


def validated(image, restored, name="", only=("aperture", "background", "pixels"), **more):
    pair = Pair(Original(image, name=name, **more.pop("original", {})), restored, **more)
    found = validate_pair(pair, only=only)
    return replace(found, figures=draw(pair, found))


def whole(*images, original="a.fits", restored="b.fits"):
    known = load_tolerances()
    tolerance = {"name": known.name, "sha256": known.sha256}
    return Validation(original, restored, tolerance, images, ("a note",), versions(), 1.5)


@pytest.fixture(scope="module")
def field():
    return make_field(FieldSettings(shape=(256, 320), seed=5))


@pytest.fixture(scope="module")
def image(field):
    noise = np.random.default_rng(1).uniform(-2, 2, field.image.shape)
    given = {"header": field.header}
    return validated(field.image, field.image + noise, _HOSTILE, bound=2.0, original=given)


@pytest.fixture(scope="module")
def page(image):
    return to_html(whole(image))


def test_well_formed(page):
    outline = Outline(page)
    assert outline.open == []
    assert outline.seen.count("svg") == len(FIGURES)
    assert outline.seen.count("h1") == 1


def test_loads_nothing(page):
    for tag, name, value in Outline(page).attributes:
        if name in ("src", "href", "xlink:href", "srcset", "data", "action"):
            assert value.startswith(("#", "data:image/")), (tag, value)
    assert all(target.startswith("#") for target in re.findall(r"url\(([^)]*)\)", page))
    assert "@import" not in page


def test_no_script_and_no_handlers(page):
    outline = Outline(page)
    assert "script" not in outline.seen
    assert not [name for _, name, _ in outline.attributes if name.startswith("on")]


def test_hostile_names(image):
    page = to_html(whole(image, image, original=_HOSTILE, restored=f"{_HOSTILE}.fits"))
    assert "script" not in Outline(page).seen
    assert page.count("&lt;script&gt;") >= 6


def test_verdict_then_table_then_figures(page):
    places = [
        page.index(one) for one in ('id="verdict"', 'class="metrics cards"', "<svg", "To repeat")
    ]
    assert places == sorted(places)


def test_every_quantity(page, image):
    text = Outline(page).text
    for result in image.results:
        assert result.title in text
        assert result.name in text
        if result.verdict != "skipped":
            assert words.number(result.value) in text
            assert result.source in text
        else:
            assert result.note in text
    assert load_tolerances().sha256 in text
    assert f"numpy {np.__version__}" in text


def test_bytes(page, image):
    assert len(page.encode()) < 800_000
    many = [replace(image, name=str(number)) for number in range(3)]
    assert len(to_html(whole(*many)).encode()) < 2_000_000


def test_figures_stand_apart(page):
    """Marks of one figure must not be looked up in another."""
    clips = re.findall(r'<clipPath id="([^"]+)"', page)
    assert len(clips) == len(set(clips)) > 3


def test_several_images(image):
    other = replace(image, name="second")
    page = to_html(whole(image, other))
    assert {"#image-1", "#image-2"} <= {
        v for _, name, v in Outline(page).attributes if name == "href"
    }
    assert 'id="image-1"' in page and 'id="image-2"' in page


def test_without_figures(image):
    page = to_html(whole(replace(image, figures={})))
    assert "<svg" not in page and "only where they are asked for" in page


def test_an_image_without_facts():
    """Light curves of many images have no shape of their own."""
    result = Result("series.scatter", "scatter", "%", "at most", "skipped", note="one image only")
    text = Outline(to_html(whole(ImageValidation("series", (result,))))).text
    assert "Nothing could be judged" in text
    assert "one image only" in text and "series.scatter" in text


@pytest.fixture(scope="module")
def noise():
    return np.random.default_rng(2).normal(100, 5, (128, 200)).astype(np.float32)


def test_no_sources(noise):
    found = validated(noise, noise + 0.1)
    assert set(FIGURES) - set(found.figures) == {"magnitude", "cloud"}
    text = Outline(to_html(whole(found))).text
    assert (
        f"Left out: Magnitude difference, Astrometric cloud; {found.facts['why_no_sources']}"
        in text
    )


def test_the_same_image(noise):
    found = validated(noise, noise)
    assert set(found.figures) == {"original", "restored"}
    assert "nothing differs between the two images" in to_html(whole(found))


def _holes(data):
    return np.where(np.random.default_rng(4).random(data.shape) < 0.9, np.nan, data)


@pytest.mark.parametrize(
    "change",
    [
        _holes,
        lambda data: data[:1],
        lambda data: data[:, :1],
        lambda data: data[:3, :3],
        lambda data: np.full_like(data, 7),
        lambda data: np.zeros_like(data),
        lambda data: (data > 100).astype(np.uint8),
        lambda data: np.full_like(data, np.nan),
        lambda data: data * np.float32(1e30),
        lambda data: np.round(data).astype(np.int16),
    ],
    ids=[
        "holes",
        "row",
        "column",
        "tiny",
        "constant",
        "zero",
        "labels",
        "nan",
        "large",
        "integers",
    ],
)
def test_odd_images(noise, change):
    data = change(noise)
    with np.errstate(all="ignore"):
        found = validated(data, np.asarray(data, float) * 1.01 + 0.5)
    Outline(to_html(whole(found)))
    good = np.isfinite(np.asarray(data, float)).any()
    assert bool(found.figures) == good


@pytest.mark.parametrize("role", ["exact", "relative"])
def test_planes(noise, role):
    found = validated((noise > 100).astype(np.float32), noise / 100, role=role)
    assert {"original", "residual"} <= set(found.figures)
    assert not {"magnitude", "cloud", "spectrum"} & set(found.figures)


def test_lost_pixels(noise):
    """What came back as NaN is drawn as bad, and the rest is still there."""
    restored = noise + 0.1
    restored[10:20] = np.nan
    assert "residual" in validated(noise, restored).figures


def test_a_large_image_is_small_on_the_page():
    data = np.random.default_rng(6).normal(0, 1, (1500, 1100)).astype(np.float32)
    found = validated(data, data + 0.05, only=["background"])
    assert sum(map(len, found.figures.values())) < 1_000_000


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.123456, "0.1235"),
        (-1e-7, "−1e−07"),
        (1 - 2e-6, "1 − 2e−06"),
        (1.0, "1"),
        (12345, "12345"),
        (float("inf"), "∞"),
        (float("nan"), "not known"),
    ],
)
def test_numbers(value, text):
    assert words.number(value) == text


def test_gauge():
    result = Result("a.b", "t", "", "within", "pass", 0.0, -0.5, 0.5, 10, 1.0)
    assert words.gauge(result) == {"allowed": (10.0, 80.0), "interval": (30.0, 40.0), "value": 50.0}
    assert words.gauge(replace(result, limit=None)) is None
    far = words.gauge(replace(result, value=99.0, low=-np.inf, high=np.inf))
    assert far["value"] == 100 and far["interval"] == (0.0, 100.0)


def test_sentences(image):
    result = Result("a.b", "flux", "", "within", "pass", 0.0, -0.5, 0.5, 10, 1.0)
    passed = replace(image, results=(result,))
    open_ = replace(
        image, results=(replace(result, verdict="undetermined", decides="340 would do"),)
    )
    broken = replace(image, results=tuple(replace(result, verdict="fail") for _ in range(8)))
    assert words.sentence([passed]) == [
        "Every quantity that applies stays inside its tolerance: 1 of 1."
    ]
    assert "flux (a.b): 340 would do." in words.sentence([open_])[1]
    assert "8 quantities are out of tolerance" in words.sentence([broken])[0]
    assert "and 2 more" in words.sentence([broken])[0]
    lost = replace(result, name="file.images", verdict="fail", note="SCI is gone")
    assert words.sentence([passed], [lost])[0] == "flux: SCI is gone."
    assert f"in 1 of 3 images ({_HOSTILE})" in words.sentence([passed, broken, open_])[0]


def test_command():
    assert words.command(whole(original="my file.fits")) == (
        "astroae validate 'my file.fits' b.fits --tolerance default"
    )
    assert words.command(whole(original="array")).startswith("astroae.validate(original")
