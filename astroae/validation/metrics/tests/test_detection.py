"""Sources lost and gained: counted right, pooled, and nothing where nothing happened."""

import numpy as np
import pytest

pytest.importorskip("photutils")

import astroae  # noqa: E402
from astroae.simulate import FieldSettings, Population, make_field  # noqa: E402
from astroae.simulate.sources import paint  # noqa: E402
from astroae.validation.measure import validate_pair  # noqa: E402
from astroae.validation.metrics import detection  # noqa: E402
from astroae.validation.original import Original  # noqa: E402
from astroae.validation.pair import Pair  # noqa: E402
from astroae.validation.statistics import Limit, verdict  # noqa: E402

LIMIT = Limit(0.1)
NAMES = ["completeness", "vanished", "appeared", "false"]


@pytest.fixture(scope="module")
def field():
    """512 x 512, 1200 stars."""
    population = Population(stars=1200, galaxies=0, faintest=300.0)
    return make_field(FieldSettings(shape=(512, 512), population=population, seed=4))


@pytest.fixture(scope="module")
def original(field):
    return Original(field.image, mask=field.mask, header=field.header)


def seen(original, restored):
    return validate_pair(Pair(original, restored), only=["detection"])


def test_nothing_changed(field, original):
    assert detection.counts(Pair(original, field.image))[:2] == (0, 0)
    found = seen(original, field.image)
    assert found["detection.vanished"].value == found["detection.appeared"].value == 0
    assert "2000 would decide" in found["detection.completeness"].note


@pytest.mark.parametrize("level", [16, 4])
def test_the_codec_loses_nothing(field, original, level):
    restored = astroae.decode(astroae.encode(field.image, quantize_level=level))
    lost, gained, n = detection.counts(Pair(original, restored))
    assert lost == gained == 0
    assert n > 300
    assert seen(original, restored).verdict == "pass"


def test_a_lost_star_is_counted_once(field, original):
    clean = original.sources.isolated
    star = clean[clean.snr > 20]
    nearest = np.argmin(
        np.hypot(
            field.truth["x"].value - star.x[0],
            field.truth["y"].value - star.y[0],
        )
    )
    light = paint(field.truth[nearest : nearest + 1], field.image.shape, field.psf, level=0.01)
    gone = seen(original, field.image - light)
    assert gone["detection.vanished"].value == 1
    assert gone["detection.vanished"].verdict == "fail"
    assert gone["detection.appeared"].value == 0


def test_a_new_star_is_counted_once_even_on_an_empty_sky():
    sky = np.random.default_rng(2).normal(100, 5, (128, 128))
    y, x = np.mgrid[:128, :128]
    star = 60 * np.exp(-((x - 70) ** 2 + (y - 50) ** 2) / 2.5)
    found = seen(Original(sky), sky + star)
    assert found["detection.appeared"].value == 1
    assert found["detection.appeared"].verdict == "fail"


def test_a_planted_loss_shows_in_the_pooled_counts(field, original):
    snr = field.truth["flux"].value / (original.noise * np.sqrt(4 * np.pi) * original.fwhm / 2.3548)
    faint = np.flatnonzero((snr > 4) & (snr < 10))
    gone = np.random.default_rng(1).choice(faint, 40, replace=False)
    light = paint(field.truth[gone], field.image.shape, field.psf, level=0.01)
    lost, gained, n = detection.counts(Pair(original, field.image - light))
    assert 10 <= lost <= 40 and gained <= 2
    assert verdict(detection.completeness(lost, gained, n), LIMIT) == "fail"
    assert seen(original, field.image - light)["detection.completeness"].verdict == "fail"
    # Exchanged, the same sources are gained.
    back = Pair(Original(field.image - light, mask=field.mask), field.image)
    assert detection.counts(back)[1] >= 10


@pytest.mark.parametrize(
    "lost, gained, expected",
    [
        (0, 0, "pass"),
        (4, 0, "pass"),
        (10, 10, "pass"),
        (12, 0, "undetermined"),
        (20, 0, "fail"),
        (33, 0, "fail"),
        (60, 2, "fail"),
        (0, 33, "fail"),
    ],
)
def test_ten_fields_decide(lost, gained, expected):
    """10 700 peaks, as `bench faults` pools them; the interval does not jump with the count."""
    assert verdict(detection.completeness(lost, gained, 10_700), LIMIT) == expected


@pytest.mark.parametrize("lost, gained", [(5, 0), (30, 0), (3, 3), (40, 25)])
def test_the_interval_covers(lost, gained):
    rng = np.random.default_rng(3)
    truth, n, covered = 100 * (gained - lost) / 10_000, 10_000, 0
    for _ in range(500):
        found = detection.completeness(int(rng.poisson(lost)), int(rng.poisson(gained)), n)
        covered += found.low <= truth <= found.high
    assert covered > 0.88 * 500


def test_new_holes_are_false_peaks(field, original):
    rng = np.random.default_rng(5)
    y, x = np.mgrid[-4:5, -4:5]
    hole = 8 * original.noise * np.exp(-(x**2 + y**2) / 3.0)
    image = field.image.astype(float)
    for row, column in rng.integers(20, 490, (60, 2)):
        image[row - 4 : row + 5, column - 4 : column + 5] -= hole
    assert seen(original, image)["detection.false"].verdict == "fail"


def test_flagged_places_do_not_count(field):
    mask = field.mask.copy()
    x, y = (round(float(field.truth[axis].value[0])) for axis in "xy")
    mask[y, x] = True
    restored = field.image.astype(float)
    restored[y - 5 : y + 6, x - 5 : x + 6] = np.median(restored)
    pair = Pair(Original(field.image, mask=mask, header=field.header), restored)
    assert validate_pair(pair, only=["detection"])["detection.vanished"].value == 0


def test_labels_have_no_sources():
    labels = np.random.default_rng(1).integers(0, 3, (64, 64)).astype(np.uint8)
    found = seen(Original(labels), labels)
    assert {found[f"detection.{name}"].verdict for name in NAMES} == {"skipped"}
    assert detection.counts(Pair(Original(labels), labels)) == (0, 0, 0)
