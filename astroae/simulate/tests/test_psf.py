"""Profiles hold their flux and width, however coarse the pixels."""

import numpy as np
import pytest

from astroae.simulate import AiryPSF, GaussianPSF, MoffatPSF
from astroae.simulate.psf import _jinc

PSFS = [GaussianPSF, MoffatPSF, AiryPSF]


@pytest.mark.parametrize("kind", PSFS)
@pytest.mark.parametrize("fwhm", [0.8, 1.5, 3.0, 8.0])
def test_profile_has_unit_flux_and_its_fwhm(kind, fwhm):
    psf = kind(fwhm)
    r = np.linspace(0, 200 * fwhm, 400_001)
    flux = np.trapezoid(psf.profile(r) * 2 * np.pi * r, r)
    assert flux == pytest.approx(1, abs=4e-3)  # diffraction wings reach beyond
    half = r[np.argmax(psf.profile(r) < psf.profile(0.0) / 2)]
    assert 2 * half == pytest.approx(fwhm, rel=2e-3)


@pytest.mark.parametrize("kind", PSFS)
@pytest.mark.parametrize("fwhm", [0.8, 1.5, 4.0])
def test_flux_does_not_depend_on_where_in_the_pixel(kind, fwhm):
    offsets = np.linspace(-0.5, 0.5, 7)
    sums = kind(fwhm).stamps(offsets, offsets[::-1], radius=32).sum(axis=(1, 2))
    assert np.ptp(sums) < 2e-3


def test_stamp_is_the_integral_over_each_pixel():
    # The slow, obvious twin: a thousand times a thousand points in each pixel.
    psf = GaussianPSF(0.9)
    stamp = psf.stamps([0.31], [-0.17], radius=2)[0]
    inner = (np.arange(300) + 0.5) / 300 - 0.5
    for row, column in [(2, 2), (2, 1), (3, 2)]:
        y = row - 2 + inner - 0.31
        x = column - 2 + inner + 0.17
        twin = psf.profile(np.hypot(y[:, None], x)).mean()
        assert stamp[row, column] == pytest.approx(twin, rel=1e-4)


def test_stamps_are_centred():
    stamps = MoffatPSF(2.5).stamps([0.4, -0.2], [-0.3, 0.1], radius=40)
    pixels = np.arange(-40, 41)
    y = (stamps * pixels[:, None]).sum(axis=(1, 2)) / stamps.sum(axis=(1, 2))
    x = (stamps * pixels).sum(axis=(1, 2)) / stamps.sum(axis=(1, 2))
    np.testing.assert_allclose([y, x], [[0.4, -0.2], [-0.3, 0.1]], atol=0.01)


def test_bessel_function_meets_its_tables():
    # Abramowitz & Stegun, table 9.1: J1(1), J1(5), J1(17); the first zero.
    x = np.array([1.0, 5.0, 17.0, 3.8317059702, 39.99999, 40.00001])
    j1 = _jinc(x) * x / 2
    np.testing.assert_allclose(j1[:4], [0.4400505857, -0.3275791376, -0.0976684928, 0], atol=1e-9)
    assert j1[4] == pytest.approx(j1[5], abs=2e-5 * 0.2)


def test_obscuration_narrows_the_core_and_feeds_the_ring():
    full, ring = AiryPSF(3.0), AiryPSF(3.0, obscuration=0.4)
    first_ring = 3.0 * 1.635 / 1.03
    assert ring.profile(first_ring) > 1.5 * full.profile(first_ring)


@pytest.mark.parametrize("kind", PSFS)
def test_stamp_grows_with_flux_and_is_cut_below_the_level(kind):
    psf = kind(3.0)
    radii = psf.radius([1e2, 1e4, 1e6], level=1.0)
    assert (np.diff(radii) >= 0).all() and radii[-1] > radii[0]
    r = np.linspace(radii[1], 5 * radii[1], 5000)
    assert (1e4 * psf.profile(r)).max() <= 1.01


@pytest.mark.parametrize(
    "make",
    [
        lambda: GaussianPSF(0),
        lambda: GaussianPSF(float("nan")),
        lambda: MoffatPSF(3, beta=1),
        lambda: AiryPSF(2, obscuration=1.0),
    ],
)
def test_settings_out_of_range_are_refused(make):
    with pytest.raises(ValueError, match="must be"):
        make()
