"""Fields hold what their truth says, with the noise that their settings say."""

from dataclasses import replace

import numpy as np
import pytest
from astropy import units as u
from astropy.wcs import WCS

from astroae.simulate import (
    AiryPSF,
    Detector,
    FieldSettings,
    GaussianPSF,
    MoffatPSF,
    Population,
    make_field,
    shift_image,
)
from astroae.simulate.sources import draw, paint

EMPTY = Population(stars=0, galaxies=0)
CLEAN = Detector(bad_columns=0, cosmic_rays=0, flat_gradient=0, bias_structure=0)


def one_source(kind, flux=1e5, **shape):
    population = Population(stars=kind == "star", galaxies=kind == "galaxy")
    truth = draw(population, (401, 401), np.random.default_rng(3))
    truth["x"], truth["y"], truth["flux"] = [200.2] * u.pix, [199.7] * u.pix, [flux] * u.electron
    for name, value in shape.items():
        truth[name] = [value] * (truth[name].unit or u.dimensionless_unscaled)
    return truth


@pytest.mark.parametrize("kind", ["star", "galaxy"])
@pytest.mark.parametrize("psf", [GaussianPSF(1.2), GaussianPSF(4), MoffatPSF(3, 4.5), AiryPSF(1.5)])
def test_flux_of_the_image_is_that_of_the_truth(kind, psf):
    image = paint(one_source(kind), (401, 401), psf, level=0.001)
    assert image.sum() == pytest.approx(1e5, rel=0.01)
    assert image.min() >= 0


def test_sersic_has_half_its_light_within_the_effective_radius():
    truth = one_source("galaxy", r_eff=20.0, n=1.0, axis_ratio=1.0)
    image = paint(truth, (401, 401), GaussianPSF(1.0), level=0.001)
    y, x = np.indices(image.shape)
    inside = np.hypot(y - 199.7, x - 200.2) < 20
    assert image[inside].sum() == pytest.approx(5e4, rel=0.02)


def test_galaxy_lies_as_its_angle_says():
    truth = one_source("galaxy", r_eff=10.0, n=1.0, axis_ratio=0.3, theta=30.0)
    image = paint(truth, (401, 401), GaussianPSF(1.0), level=0.001)
    y, x = np.indices(image.shape)
    y, x = y - 199.7, x - 200.2
    xx, yy, xy = ((image * a).sum() / image.sum() for a in (x * x, y * y, x * y))
    angle = np.degrees(0.5 * np.arctan2(2 * xy, xx - yy))
    assert angle == pytest.approx(30, abs=0.5)


def test_sources_at_the_edge_are_clipped_not_wrapped():
    truth = one_source("star", flux=1e6)
    truth["x"], truth["y"] = [0.0] * u.pix, [200.0] * u.pix
    image = paint(truth, (401, 401), MoffatPSF(3.0), level=0.01)
    assert image[:, 390:].max() < image[200, 20]
    assert image.sum() < 0.75e6


@pytest.mark.parametrize("sky", [20.0, 2000.0])
def test_noise_of_an_empty_field(sky):
    field = make_field(
        FieldSettings((512, 512), population=EMPTY, detector=CLEAN, sky=sky, sky_gradient=0)
    )
    variance = sky + CLEAN.read_noise**2 + CLEAN.gain**2 / 12
    assert field.image.mean() == pytest.approx(sky, abs=0.1 * np.sqrt(variance / 100))
    assert field.image.var(dtype=float) == pytest.approx(variance, rel=0.015)
    neighbours = np.corrcoef(field.image[:, 1:].ravel(), field.image[:, :-1].ravel())[0, 1]
    assert abs(neighbours) < 0.01


def test_sources_bring_poisson_noise():
    field = make_field(FieldSettings((256, 256), detector=CLEAN))
    good = ~field.mask
    variance = field.expected + CLEAN.read_noise**2 + CLEAN.gain**2 / 12
    chi2 = ((field.image - field.expected)[good] ** 2 / variance[good]).mean()
    assert chi2 == pytest.approx(1, abs=0.03)


def test_coadd_has_correlated_noise():
    settings = FieldSettings((512, 512), population=EMPTY, detector=CLEAN, sky_gradient=0)
    field = make_field(replace(settings, product="coadd", shift=(0.5, 0.5)))
    neighbours = np.corrcoef(field.image[:, 1:].ravel(), field.image[:, :-1].ravel())[0, 1]
    taps = np.array([0.0243, -0.1359, 0.6116, 0.6116, -0.1359, 0.0243])  # Lanczos-3 at half a pixel
    assert neighbours == pytest.approx((taps[1:] @ taps[:-1]) / (taps @ taps), abs=0.02)


@pytest.mark.parametrize("shift", [(0.4, -0.3), (-0.5, 0.5), (0.0, 0.0)])
def test_shift_moves_sources_with_their_truth(shift):
    star = GaussianPSF(5.0).stamps([0.0], [0.0], 20)[0]
    expected = GaussianPSF(5.0).stamps([-shift[0]], [-shift[1]], 20)[0]
    # Lanczos interpolation of a star is good to half a percent of its peak.
    np.testing.assert_allclose(shift_image(star, *shift), expected, atol=5e-3 * star.max())


def test_raw_frames_are_digits_with_bias():
    settings = FieldSettings((300, 200), population=EMPTY, product="raw")
    field = make_field(settings)
    assert field.image.dtype == np.uint16 and field.unit == u.adu
    level = settings.detector.bias + settings.sky / settings.detector.gain
    assert np.median(field.image) == pytest.approx(level, rel=0.02)
    columns = np.median(field.image[:, ~field.mask.all(axis=0)], axis=0)
    assert columns.std() > 0.5 * settings.detector.bias_structure


def test_defects_are_masked_and_nothing_else():
    detector = replace(CLEAN, bad_columns=3, cosmic_rays=200, full_well=20_000)
    population = Population(stars=100, galaxies=0, faintest=1e6, brightest=2e6)
    settings = FieldSettings((400, 400), population=population, detector=detector)
    field = make_field(settings)
    assert field.mask.all(axis=0).sum() == 3
    saturated = field.expected > 25_000
    assert saturated.any() and field.mask[saturated].all()
    away = (field.image - field.expected) / np.sqrt(field.expected + 25)
    assert np.abs(away[~field.mask]).max() < 8 < np.abs(away[field.mask]).max()


def test_flat_gradient_tilts_a_raw_frame():
    detector = replace(CLEAN, flat_gradient=0.4)
    field = make_field(
        FieldSettings(
            (200, 200), population=EMPTY, detector=detector, product="raw", sky_gradient=0
        )
    )
    light = field.image - detector.bias
    ratio = light[-50:, -50:].mean() / light[:50, :50].mean()
    assert ratio == pytest.approx((1 + 0.2 * 0.75) / (1 - 0.2 * 0.75), rel=0.01)


@pytest.mark.parametrize("rotation", [0.0, 37.0])
def test_wcs_takes_truth_to_the_sky_and_back(rotation):
    settings = FieldSettings((300, 400), rotation=rotation, center=(359.99, -60.0))
    field = make_field(settings)
    wcs = WCS(field.header)
    x, y = wcs.world_to_pixel_values(field.truth["ra"].value, field.truth["dec"].value)
    np.testing.assert_allclose(x, field.truth["x"].value, atol=1e-6)
    np.testing.assert_allclose(y, field.truth["y"].value, atol=1e-6)
    scale = wcs.proj_plane_pixel_scales()[0].to_value(u.arcsec)
    assert scale == pytest.approx(settings.pixel_scale, rel=1e-6)


def test_same_settings_same_pixels():
    settings = FieldSettings((100, 100))
    again, other = make_field(settings), make_field(replace(settings, seed=2))
    np.testing.assert_array_equal(make_field(settings).image, again.image)
    assert (other.image != again.image).any()


def test_hdu_holds_image_and_header():
    field = make_field(FieldSettings((64, 48)))
    hdu = field.to_hdu()
    np.testing.assert_array_equal(hdu.data, field.image)
    assert hdu.header["BUNIT"] == "electron" and hdu.header["CTYPE1"] == "RA---TAN"


def test_crowded_field_counts_and_fluxes():
    population = Population(stars=20_000, galaxies=0, faintest=100, brightest=1e5, slope=1.0)
    field = make_field(FieldSettings((512, 512), population=population))
    flux = field.truth["flux"].value
    assert len(flux) == 20_000 and (np.diff(flux) <= 0).all()
    assert flux.min() >= 100 and flux.max() <= 1e5
    assert np.sum(flux > 1000) == pytest.approx(2000, rel=0.1)  # N(> f) falls as 1 / f
    assert field.expected.sum() - 300 * 512**2 == pytest.approx(flux.sum(), rel=0.03)


@pytest.mark.parametrize(
    "make",
    [
        lambda: FieldSettings(product="photo"),
        lambda: FieldSettings(shape=(0, 4)),
        lambda: FieldSettings(sky=-1.0),
        lambda: Population(stars=-1),
        lambda: Population(faintest=10, brightest=1),
        lambda: Population(sersic_index=(0.1, 4)),
        lambda: Population(effective_radius=(0, 4)),
        lambda: Detector(gain=0),
        lambda: Detector(read_noise=-1),
        lambda: Detector(flat_gradient=1),
        lambda: shift_image(np.zeros((4, 4)), 0.6, 0),
    ],
)
def test_settings_out_of_range_are_refused(make):
    with pytest.raises(ValueError, match="got"):
        make()
