"""What is measured of an original: background, noise, PSF, header, masks."""

import numpy as np
import pytest
from astropy import units as u
from astropy.io import fits

from astroae.simulate import FieldSettings, GaussianPSF, MoffatPSF, Population, make_field
from astroae.validation.original import Original
from astroae.validation.sky import measure_sky

pytest.importorskip("photutils")


@pytest.fixture(scope="module")
def sky():
    """Noise of 12 on a slope."""
    rng = np.random.default_rng(1)
    slope = np.linspace(500, 510, 300)[:, None] * np.ones(320)
    return slope, slope + rng.normal(0, 12, (300, 320))


def test_background_and_noise(sky):
    slope, image = sky
    original = Original(image)
    assert original.noise == pytest.approx(12, rel=0.03)
    assert np.abs(original.level - slope).mean() < 1
    assert abs(original.signal.mean()) < 0.2


@pytest.mark.parametrize("psf", [GaussianPSF(2.5), GaussianPSF(5.0), MoffatPSF(3.5)])
def test_fwhm(psf):
    made = make_field(
        FieldSettings(
            shape=(384, 384), psf=psf, population=Population(stars=80, galaxies=0, faintest=2000)
        )
    )
    assert Original(made.image, header=made.header).fwhm == pytest.approx(psf.fwhm, rel=0.15)


def test_significance_of_noise_is_one(sky):
    """White noise: a spread of 1 after the filter, whatever its width."""
    original = Original(sky[1])
    assert original.detected.std() == pytest.approx(1, abs=0.05)
    wide = original.significance(original.data, fwhm=5.0)
    assert wide.std() == pytest.approx(1, abs=0.15)


def test_significance_of_a_source_is_its_best_signal_to_noise():
    """Matched filter: flux / (sigma sqrt(4 pi) s)."""
    rows, columns = np.mgrid[:200, :200]
    width, flux = 1.6, 2000.0
    star = np.exp(-((rows - 100) ** 2 + (columns - 80) ** 2) / (2 * width**2))
    noise = np.random.default_rng(2).normal(0, 5, (200, 200))
    original = Original(noise + flux * star / (2 * np.pi * width**2))
    found = original.significance(original.data, fwhm=2.3548 * width)[100, 80]
    assert found == pytest.approx(flux / (5 * np.sqrt(4 * np.pi) * width), rel=0.05)


def test_correlated_noise_gives_no_more_sources():
    made = make_field(
        FieldSettings(
            shape=(512, 512), product="coadd", population=Population(stars=0, galaxies=0), seed=3
        )
    )
    original = Original(made.image, header=made.header, mask=made.mask)
    assert len(original.sources.clean) <= 3


def test_masked_pixels_count_for_nothing(sky):
    _, image = sky
    spoilt, mask = image.copy(), np.zeros(image.shape, bool)
    spoilt[50:60, 50:60], mask[50:60, 50:60] = 1e9, True
    original = Original(spoilt, mask=mask)
    assert original.bad.sum() == 100 and not original.signal[original.bad].any()
    assert original.noise == pytest.approx(12, rel=0.03)
    assert len(original.sources.clean) == len(Original(image).sources.clean)


def test_inf_and_nan_are_bad():
    image = np.ones((32, 32))
    image[3, 4], image[5, 6], image[7, 8] = np.nan, np.inf, -np.inf
    assert Original(image).bad.sum() == 3


def test_header():
    header = fits.Header(
        {"BUNIT": "adu", "GAIN": 2.5, "SATURATE": 900.0, "MAGZERO": 25.1, "EGAIN": 1.0}
    )
    original = Original(np.full((32, 32), 899.0), header=header)
    assert (original.unit, original.gain) == (u.adu, 2.5)
    assert (original.saturation, original.zero_point) == (900, 25.1)
    assert not original.saturated.any()
    assert Original(np.full((32, 32), 900), header=header).saturated.all()


def test_arguments_beat_the_header():
    header = fits.Header({"BUNIT": "adu", "GAIN": 2.5, "SATURATE": 900.0, "MAGZERO": 25.1})
    original = Original(
        np.ones((8, 8)), header=header, unit="electron", gain=1.5, saturation=5.0, zero_point=30.0
    )
    found = (original.unit, original.gain, original.saturation, original.zero_point)
    assert found == (u.electron, 1.5, 5.0, 30.0)


@pytest.mark.parametrize(
    ("cards", "gain"),
    [
        ({"BUNIT": "electron", "GAIN": 3.0}, 1.0),
        ({"BUNIT": "Jy/beam", "GAIN": 3.0}, None),
        ({"BUNIT": "furlongs per fortnight", "GAIN": 3.0}, None),
        ({"GAIN": 3.0}, None),
        ({"BUNIT": "adu", "GAIN": -1.0}, None),
        ({"BUNIT": "adu", "GAIN": "high"}, None),
        ({"BUNIT": "adu", "EGAIN": 1.4}, 1.4),
    ],
)
def test_gain_only_where_it_means_something(cards, gain):
    assert Original(np.ones((8, 8)), header=fits.Header(cards)).gain == gain


def test_wcs_and_pixel_scale():
    made = make_field(FieldSettings(shape=(64, 64), pixel_scale=0.26, rotation=33.0))
    assert Original(made.image, header=made.header).pixel_mas == pytest.approx(260, rel=1e-6)
    assert Original(made.image).pixel_mas is None
    spectrum = fits.Header({"CTYPE1": "WAVE", "CTYPE2": "LINEAR", "CUNIT1": "m"})
    assert Original(made.image, header=spectrum).wcs is None
    broken = fits.Header({"CTYPE1": "RA---TAN", "CTYPE2": "GLAT-TAN"})
    assert Original(made.image, header=broken).wcs is None


def test_what_is_kept_is_measured_once():
    calls = []
    original = Original(np.ones((8, 8)))
    for _ in range(3):
        assert original.keep("a", lambda: calls.append(1) or 5) == 5
    assert calls == [1]


def test_integers_and_byte_orders_give_the_same():
    """Physical values: BZERO's uint16, FITS's byte order, float32 of the same numbers."""
    raw = make_field(FieldSettings(shape=(256, 256), product="raw"))
    reference = Original(raw.image)
    hdu = fits.PrimaryHDU(raw.image)
    again = fits.HDUList.fromstring(_bytes(hdu))[0].data
    for data in (again, raw.image.astype(">u2"), raw.image.astype(np.float32)):
        assert Original(data).noise == reference.noise
        assert len(Original(data).sources) == len(reference.sources)


def _bytes(hdu):
    from io import BytesIO

    buffer = BytesIO()
    fits.HDUList([hdu]).writeto(buffer)
    return buffer.getvalue()


def test_sky_of_counts_is_a_mean():
    """Medians of few photons are 0 or 1; the mean is what there is."""
    counts = np.random.default_rng(6).poisson(0.4, (256, 256)).astype(float)
    sky = measure_sky(counts, np.zeros(counts.shape, bool), counts=True)
    assert np.median(sky.level) == pytest.approx(0.4, rel=0.25)
    assert np.median(sky.sigma) == pytest.approx(np.sqrt(0.4), rel=0.2)


@pytest.mark.parametrize("shape", [(1, 1), (1, 500), (7, 9), (64, 3), (130, 70)])
def test_sky_of_any_shape(shape):
    data = np.random.default_rng(7).normal(10, 1, shape)
    sky = measure_sky(data, np.zeros(shape, bool))
    assert sky.level.shape == sky.sigma.shape == shape
    assert np.abs(sky.level - 10).max() < 3
