"""Kron fluxes: linear, deblended, and wrong where the image is."""

import numpy as np
import pytest

pytest.importorskip("photutils")
pytest.importorskip("scipy")

from astroae.validation.measure import validate_pair  # noqa: E402
from astroae.validation.metrics.kron import measure  # noqa: E402
from astroae.validation.metrics.tests.fields import clean, original, restored  # noqa: E402
from astroae.validation.original import Original  # noqa: E402
from astroae.validation.pair import Pair  # noqa: E402


def verdicts(image):
    found = validate_pair(Pair(original(), image), only=["kron"])
    return {r.name: r.verdict for r in found.results}


def stars(*places, size=128):
    """Original of equally bright stars on a flat sky."""
    y, x = np.mgrid[:size, :size]
    image = np.random.default_rng(8).normal(100, 1, x.shape)
    for px, py in places:
        image += 200 * np.exp(-((x - px) ** 2 + (y - py) ** 2) / (2 * 1.8**2))
    return Original(image)


def test_clean_passes():
    assert set(verdicts(restored(16)).values()) == {"pass"}
    assert "fail" not in verdicts(restored(4)).values()


def test_nothing_changed_is_exactly_zero():
    for one in measure(clean(None)).values():
        assert (one.estimate.value, one.estimate.low, one.estimate.high) == (0.0, 0.0, 0.0)


def test_fainter_sources_fail():
    image = restored(16) - 0.002 * original().signal
    assert verdicts(image)["kron.bias"] == "fail"
    found = measure(Pair(original(), image))["bias"].estimate.value
    assert found == pytest.approx(-2500 * np.log10(1 - 0.002), abs=0.1)


def test_offset_of_the_sky_fails():
    assert verdicts(restored(16) + 0.05 * original().noise)["kron.pull"] == "fail"


def test_change_is_the_difference_of_two_catalogues():
    from photutils.segmentation import SourceCatalog

    pair = clean(4)
    measure(pair)
    catalog, segments, kept = original().keep("kron", None)
    after = SourceCatalog(pair.signal, segments, detection_catalog=catalog).kron_flux
    change = SourceCatalog(pair.change, segments, detection_catalog=catalog).kron_flux
    difference = (after - catalog.kron_flux)[kept]
    assert np.abs(difference - change[kept]).max() < 1e-9 * catalog.kron_flux[kept].max()


def test_blends_are_taken_apart():
    blended = stars((30, 30), (38, 30), (90, 40), (40, 90), (90, 90), (65, 60))
    assert measure(clean(16, blended))["pull"].note == "6 ellipses"


def test_ellipses_beyond_the_edge_are_left_out():
    whole = stars((30, 30), (90, 30), (30, 90), (90, 90), (60, 60))
    y, x = np.mgrid[:128, :128]
    galaxy = 100 * np.exp(-((x - 13) ** 2 + (y - 64) ** 2) / (2 * 5**2))
    cut_off = Original(whole.data + galaxy)
    assert measure(clean(16, cut_off))["pull"].note == "5 ellipses"
    catalog, _, kept = cut_off.keep("kron", None)
    assert (catalog.n_labels, int(np.sum(~kept))) == (6, 1)


def test_spoilt_ellipses_are_left_out():
    places = [(20, 20), (60, 20), (100, 20), (20, 70), (60, 70), (100, 70)]
    whole, spoilt = stars(*places), stars(*places)
    spoilt = Original(spoilt.data, mask=np.hypot(*(np.indices(spoilt.shape) - 20)) < 1)
    for one, number in ((whole, 6), (spoilt, 5)):
        assert measure(clean(16, one))["pull"].note == f"{number} ellipses"


def test_no_sources_no_kron_fluxes():
    empty = Original(np.random.default_rng(3).normal(100, 3, (200, 200)))
    assert {"fewer than 5" in one.reason for one in measure(clean(4, empty)).values()} == {True}
