"""Sources: found where they are, flagged, and sampled evenly."""

import numpy as np
import pytest

from astroae.simulate import FieldSettings, Population, make_field
from astroae.validation.original import Original
from astroae.validation.sources import (
    BAD,
    BLENDED,
    EDGE,
    SATURATED,
    Sources,
    aperture_sums,
    flux_errors,
    magnitudes,
    peaks,
)

pytest.importorskip("photutils")


@pytest.fixture(scope="module")
def field():
    return make_field(
        FieldSettings(shape=(512, 512), population=Population(stars=250, galaxies=0), seed=5)
    )


@pytest.fixture(scope="module")
def original(field):
    return Original(field.image, header=field.header, mask=field.mask)


def matched(original, x, y, reach=1.5):
    """Distance of every true place to the next source, and its index."""
    sources = original.sources
    apart = np.hypot(x[:, None] - sources.x, y[:, None] - sources.y)
    return apart.min(1) < reach, apart.argmin(1)


def test_bright_stars_are_found_where_they_are(field, original):
    x, y, flux = (field.truth[name].value for name in ("x", "y", "flux"))
    apart = np.hypot(x[:, None] - x, y[:, None] - y) + 1e9 * np.eye(len(x))
    inside = (np.minimum(x, y) > 10) & (np.maximum(x, y) < 501)
    bright = inside & (flux > 2000) & (apart.min(1) > 10)
    found, index = matched(original, x[bright], y[bright])
    assert bright.sum() > 25 and found.mean() > 0.97
    sources = original.sources[index[found]]
    assert abs(np.median(sources.x - x[bright][found])) < 0.02
    assert abs(np.median(sources.y - y[bright][found])) < 0.02
    assert np.median(sources.flux / flux[bright][found]) == pytest.approx(0.85, abs=0.1)


def test_what_is_found_is_there(field, original):
    x, y = field.truth["x"].value, field.truth["y"].value
    sources = original.sources.clean
    apart = np.hypot(sources.x[:, None] - x, sources.y[:, None] - y).min(1)
    assert np.mean(apart < 2) > 0.97


def test_few_sources_in_pure_noise():
    noise = np.random.default_rng(1).normal(100, 5, (512, 512)).astype(np.float32)
    assert len(Original(noise).sources) <= 2  # 5 sigma: a few in 10^7 independent pixels


def test_the_brightest_come_first(original):
    assert (np.diff(original.sources.snr) <= 0).all()
    assert original.sources.snr.min() >= 5


def test_snr_of_the_filter_is_flux_over_error_of_the_best_aperture(original):
    clean = original.sources.isolated
    ratio = (clean.flux / clean.flux_err / clean.snr)[clean.snr < 50]
    assert np.median(ratio) == pytest.approx(0.85, abs=0.25)


def test_peaks_of_a_plateau_and_of_the_corner():
    image = np.zeros((9, 9))
    image[0, 0], image[4, 6] = 9, 12
    x, y, snr = peaks(image, 5, 2)
    assert (x.tolist(), y.tolist(), snr.tolist()) == ([6, 0], [4, 0], [12.0, 9.0])
    assert len(peaks(image, 20, 2)[0]) == 0


def test_peaks_are_local_within_their_radius():
    image = np.zeros((1, 20))
    image[0, [3, 5, 9]] = 7, 8, 6
    assert peaks(image, 1, 2)[0].tolist() == [5, 9]
    assert peaks(image, 1, 1)[0].tolist() == [5, 3, 9]


def test_errors_are_those_of_empty_apertures():
    """Scatter of sums on sky alone; with photons, of the source too."""
    rng = np.random.default_rng(3)
    noise = Original(rng.normal(0, 7, (512, 512)), gain=2.0)
    y, x = (grid.ravel().astype(float) for grid in np.mgrid[20:500:12, 20:500:12])
    sums = aperture_sums(noise.signal, x, y, 4.0)
    expected = flux_errors(noise, x, y, 4.0, np.zeros(len(x)))
    assert sums.std() == pytest.approx(np.median(expected), rel=0.06)
    brighter = flux_errors(noise, x, y, 4.0, np.full(len(x), 1000.0))
    assert brighter**2 - expected**2 == pytest.approx(500, rel=1e-6)


def test_apertures_are_exact():
    flat = np.ones((40, 40))
    assert aperture_sums(flat, [19.3], [20.8], 6.0)[0] == pytest.approx(np.pi * 36)
    assert aperture_sums(flat, [0.0], [20.0], 6.0)[0] < np.pi * 36  # half of it is beyond
    assert len(aperture_sums(flat, [], [], 6.0)) == 0


def test_magnitudes():
    flux = np.array([100.0, 1.0, 0.0, -5.0])
    without = magnitudes(Original(np.zeros((8, 8))), flux)
    assert without[:2].tolist() == [-5.0, 0.0] and np.isnan(without[2:]).all()
    assert magnitudes(Original(np.zeros((8, 8)), zero_point=25.0), flux)[0] == 20


def test_flags():
    """Four stars: on a bad pixel, saturated, at the edge, untouched; and a close pair."""
    rng = np.random.default_rng(4)
    image = rng.normal(100, 3, (200, 200))
    places = {"bad": (50, 60), "full": (120, 50), "edge": (3, 100), "clean": (150, 150)}
    pair = {"one": (60, 140), "other": (66, 140)}
    rows, columns = np.mgrid[:200, :200]
    for name, (x, y) in (places | pair).items():
        height = 9000 if name == "full" else 800
        image += height * np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * 1.4**2))
    image[60, 52] = np.nan
    original = Original(image, saturation=6000.0)
    sources, flags = original.sources, {}
    for name, (x, y) in (places | pair).items():
        nearest = np.argmin(np.hypot(sources.x - x, sources.y - y))
        assert np.hypot(sources.x[nearest] - x, sources.y[nearest] - y) < 1.5, name
        flags[name] = int(sources.flags[nearest])
    assert flags == {
        "bad": BAD,
        "full": SATURATED,
        "edge": EDGE,
        "clean": 0,
        "one": BLENDED,
        "other": BLENDED,
    }
    assert len(sources.isolated) == 1
    assert len(sources.clean) == 3


def many(n, seed=1):
    """Sources whose S/N falls as in a real field: most are faint."""
    snr = np.sort(5 * (1 - np.random.default_rng(seed).random(n)) ** -0.8)[::-1]
    same = np.arange(n, dtype=float)
    return Sources(same, same, snr, snr, np.ones(n), -2.5 * np.log10(snr), np.zeros(n, int))


def test_stratified_keeps_all_where_they_are_few():
    sources = many(100)
    assert sources.stratified(100) is sources


@pytest.mark.parametrize("most", [1, 50, 500, 4999])
def test_stratified_size_and_repeatability(most):
    sources = many(5000)
    chosen = sources.stratified(most)
    assert len(chosen) == most
    assert len(set(chosen.x)) == most
    assert (np.diff(chosen.snr) <= 0).all()
    assert (chosen.x == sources.stratified(most).x).all()
    assert most == 4999 or set(chosen.x) != set(sources.stratified(most, seed=2).x)


def test_stratified_is_even_over_magnitudes():
    """Every bin of S/N gives as many, or all that it has."""
    sources = many(20000)
    edges = np.geomspace(5, 5000, 25)
    before = np.bincount(np.digitize(sources.snr, edges), minlength=26)
    after = np.bincount(np.digitize(sources.stratified(1000).snr, edges), minlength=26)
    share = after[after < before].max()
    assert np.all(np.abs(np.minimum(before, share) - after) <= 1)
    assert after[1] < before[1] / 50  # the faintest are a crowd


def test_the_sample_is_that_of_its_size(field):
    original = Original(field.image, header=field.header, max_sources=40)
    assert len(original.sample) == 40 < len(original.sources)
    assert np.ptp(original.sample.mag[np.isfinite(original.sample.mag)]) > 4


def test_no_sources_without_noise():
    for image in (np.ones((64, 64)), np.full((64, 64), np.nan)):
        found = Original(image).sources
        assert len(found) == 0 and len(found.clean) == 0 and len(found.stratified(5)) == 0
