"""Other people's packages on astroae files: nothing but ``import astroae`` and a file name.

Each test needs the package it names, and is skipped without it.
"""

import shutil
import subprocess
import warnings

import numpy as np
import pytest
from astropy import units as u
from astropy.io import fits
from astropy.nddata import CCDData, Cutout2D, StdDevUncertainty
from astropy.wcs import WCS

import astroae

BOUND = 0.5


def celestial(shape):
    """A TAN projection around the middle of an image."""
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    wcs.wcs.crval = [150, 2]
    wcs.wcs.crpix = [shape[1] / 2, shape[0] / 2]
    wcs.wcs.cdelt = [-1e-4, 1e-4]
    return wcs


def stars(shape=(300, 320), seed=1):
    """Gaussian stars of FWHM 3.5 px on noise; positions (x, y) and the image."""
    rng = np.random.default_rng(seed)
    image = rng.normal(100, 2, shape)
    places = [(x, y) for x in range(30, shape[1] - 20, 60) for y in range(30, shape[0] - 20, 60)]
    y, x = np.indices(shape)
    for i, (px, py) in enumerate(places):
        image += (200 + 20 * i) * np.exp(-((x - px - 0.3) ** 2 + (y - py) ** 2) / (2 * 1.5**2))
    return places, image.astype("f4")


@pytest.fixture
def field(tmp_path):
    """Path of a compressed field, its pixels within `BOUND`, and the original image."""
    _, image = stars()
    header = celestial(image.shape).to_header()
    header["BUNIT"] = "adu"
    fits.writeto(tmp_path / "a.fits", image, header)
    astroae.compress(tmp_path / "a.fits", tmp_path / "a.aae.fits", error_bound=BOUND)
    return tmp_path / "a.aae.fits", image


def test_cutout_of_a_section(field):
    path, image = field
    with fits.open(path) as hdus:
        wcs = WCS(hdus[1].header)
        cutout = Cutout2D(hdus[1].section, (200, 150), (40, 30), wcs=wcs, copy=True)
        assert not hdus[1]._data_loaded, "the cut-out loaded the whole image"
    y, x = cutout.slices_original
    assert np.abs(cutout.data - image[y, x]).max() <= BOUND * 1.0001
    sky = cutout.wcs.pixel_to_world(3, 4)
    there = wcs.pixel_to_world(3 + x.start, 4 + y.start)
    assert sky.separation(there).arcsec < 1e-6


def test_convenience_functions(field):
    path, image = field
    assert np.abs(fits.getdata(path) - image).max() <= BOUND * 1.0001
    assert fits.getheader(path, 1)["BUNIT"] == "adu"
    before = astroae.info(path)["hdus"][1]["bytes"]
    fits.setval(path, "OBSERVER", value="me", ext=1)
    assert fits.getval(path, "OBSERVER", 1) == "me"
    assert astroae.info(path)["hdus"][1]["bytes"] == before
    assert astroae.verify(path).ok


def test_astropy_visualization(field):
    pytest.importorskip("matplotlib")
    from astropy.visualization import AsinhStretch, ImageNormalize, ZScaleInterval

    path, image = field
    low, high = ZScaleInterval().get_limits(fits.getdata(path))
    assert abs(low - ZScaleInterval().get_limits(image)[0]) < 2 * BOUND
    shown = ImageNormalize(fits.getdata(path), interval=ZScaleInterval(), stretch=AsinhStretch())
    assert 0.2 < np.ma.median(shown(fits.getdata(path))) < 0.8
    assert high > low


def test_reproject_takes_the_hdu(field):
    reproject = pytest.importorskip("reproject")
    path, image = field
    target = celestial(image.shape).to_header()
    target["NAXIS"], target["NAXIS1"], target["NAXIS2"] = 2, 320, 300
    target["CRPIX1"] -= 7.5
    with fits.open(path) as hdus:
        ours, covered = reproject.reproject_interp(hdus[1], target)
    theirs, _ = reproject.reproject_interp((image, celestial(image.shape)), target)
    both = (covered > 0) & np.isfinite(theirs)
    assert both.sum() > 80_000
    assert np.abs(ours - theirs)[both].max() <= BOUND * 1.001


def test_photutils_measures_the_same(field):
    aperture = pytest.importorskip("photutils.aperture")
    places, _ = stars()
    path, image = field
    ccd = CCDData.read(path)
    apertures = aperture.CircularAperture(places, r=4)
    ours = aperture.aperture_photometry(ccd, apertures)["aperture_sum"]
    theirs = aperture.aperture_photometry(image * u.adu, apertures)["aperture_sum"]
    assert ours.unit == u.adu
    # Errors are uniform in +-BOUND and independent: their sum grows as the root of the area.
    assert np.abs(ours - theirs).max() < 5 * u.adu * BOUND / 3**0.5 * apertures.area**0.5


def test_photutils_finds_the_same_stars(field):
    detection = pytest.importorskip("photutils.detection")
    path, image = field
    finder = detection.DAOStarFinder(50, 3.5)
    ours, theirs = finder(CCDData.read(path).data - 100), finder(image - 100)
    assert len(ours) == len(theirs) == len(stars()[0])


@pytest.fixture
def night(tmp_path):
    """A folder of four compressed exposures, two filters."""
    for i in range(4):
        _, image = stars(seed=i)
        ccd = CCDData(
            image,
            unit="adu",
            uncertainty=StdDevUncertainty(np.sqrt(image)),
            mask=np.random.default_rng(10 + i).random(image.shape) < 0.01,
            meta={"FILTER": "gr"[i % 2], "EXPTIME": 30.0 + i, "IMAGETYP": "LIGHT"},
        )
        ccd.write(tmp_path / f"n{i}.aae.fits", error_bound=BOUND)
    return tmp_path


def test_image_file_collection(night):
    ccdproc = pytest.importorskip("ccdproc")
    files = ccdproc.ImageFileCollection(night, ext=1)
    assert files.summary["filter"].tolist() == ["g", "r", "g", "r"]
    assert files.summary["exptime"].tolist() == [30, 31, 32, 33]
    assert list(files.files_filtered(filter="r")) == ["n1.aae.fits", "n3.aae.fits"]
    found = list(files.ccds(filter="g"))
    assert len(found) == 2
    for ccd, seed in zip(found, (0, 2)):
        assert ccd.unit == u.adu and ccd.mask.any()
        assert np.abs(ccd.data - stars(seed=seed)[1]).max() <= BOUND * 1.0001
    assert [hdr["FILTER"] for hdr in files.headers(filter="r")] == ["r", "r"]
    assert [data.shape for data in files.data(filter="g")] == [(300, 320)] * 2


def test_ccdproc_combines(night):
    ccdproc = pytest.importorskip("ccdproc")
    names = [str(path) for path in sorted(night.glob("*.aae.fits"))]
    ours = ccdproc.combine(names, method="average", format="astroae")
    read = [CCDData.read(name) for name in names]
    mean = np.ma.mean(np.ma.array([c.data for c in read], mask=[c.mask for c in read]), axis=0)
    assert ours.unit == u.adu
    np.testing.assert_allclose(ours.data, mean.data, rtol=1e-5)
    # Dither differs from exposure to exposure, so errors average down.
    truth = np.mean([stars(seed=i)[1] for i in range(4)], axis=0)
    unmasked = ~np.any([c.mask for c in read], axis=0)
    error = (ours.data - truth)[unmasked]
    assert abs(error.std() / (BOUND / 3**0.5 / 2) - 1) < 0.05


def test_specutils_reads_a_spectrum(tmp_path):
    specutils = pytest.importorskip("specutils")
    rng = np.random.default_rng(3)
    flux = (1000 + 50 * np.sin(np.arange(20_000) / 500) + rng.normal(0, 5, 20_000)).astype("f4")
    header = fits.Header(
        [("CTYPE1", "WAVE"), ("CUNIT1", "Angstrom"), ("CRVAL1", 4000.0), ("CDELT1", 0.1)]
    )
    header["CRPIX1"], header["BUNIT"] = 1.0, "Jy"
    fits.writeto(tmp_path / "s.fits", flux, header)
    astroae.compress(tmp_path / "s.fits", tmp_path / "s.aae.fits", error_bound=BOUND)
    with fits.open(tmp_path / "s.aae.fits") as hdus:
        spectrum = specutils.Spectrum(
            flux=hdus[1].data * u.Unit(hdus[1].header["BUNIT"]), wcs=WCS(hdus[1].header)
        )
    assert abs(spectrum.spectral_axis[10].to_value(u.AA) - 4001) < 1e-6
    assert np.abs(spectrum.flux.value - flux).max() <= BOUND * 1.0001


def test_cube_through_astropy_wcs(tmp_path):
    cube = np.random.default_rng(4).normal(10, 1, (5, 80, 90)).astype("f4")
    header = celestial((80, 90)).to_header()
    header.update(CTYPE3="FREQ", CUNIT3="Hz", CRVAL3=1.4e9, CDELT3=1e6, CRPIX3=1.0, WCSAXES=3)
    fits.writeto(tmp_path / "c.fits", cube, header)
    astroae.compress(tmp_path / "c.fits", tmp_path / "c.aae.fits", error_bound=0.1)
    with fits.open(tmp_path / "c.aae.fits") as hdus:
        assert np.abs(hdus[1].section[2:4, 10:20] - cube[2:4, 10:20]).max() <= 0.1001
        _, frequency = WCS(hdus[1].header).pixel_to_world(5, 5, 3)
    assert frequency.to_value(u.MHz) == pytest.approx(1403)


def standard_file(folder):
    """A float and an integer image as ``--fpack`` writes them, and what they hold."""
    _, image = stars()
    hdus = fits.HDUList([fits.PrimaryHDU(image), fits.ImageHDU(image.astype("i2"))])
    hdus.writeto(folder / "a.fits")
    astroae.compress(folder / "a.fits", folder / "a.aae.fits", quantize_level=4)
    astroae.decompress(folder / "a.aae.fits", folder / "a.fits.fz", fpack=True)
    with fits.open(folder / "a.aae.fits") as hdus:
        return folder / "a.fits.fz", [hdus[1].data, hdus[2].data]


def check_close(found, wanted):
    """CFITSIO may fuse multiply and add: floats differ in their last bit."""
    if wanted.dtype.kind == "f":
        assert np.abs(found - wanted).max() <= 2 * np.spacing(np.abs(wanted).max())
    else:
        assert (found == wanted).all()


def test_fitsio_reads_what_fpack_output_holds(tmp_path):
    fitsio = pytest.importorskip("fitsio")
    path, wanted = standard_file(tmp_path)
    with fitsio.FITS(str(path)) as hdus:
        for i, image in enumerate(wanted, 1):
            assert hdus[i].is_compressed()
            check_close(hdus[i].read(), image)


def test_funpack_reads_it_too(tmp_path):
    if shutil.which("funpack") is None:
        pytest.skip("funpack is not installed (Debian package libcfitsio-bin)")
    path, wanted = standard_file(tmp_path)
    subprocess.run(["funpack", "-O", tmp_path / "u.fits", path], check=True)
    with fits.open(tmp_path / "u.fits") as hdus:
        for hdu, image in zip(hdus, wanted, strict=True):
            check_close(hdu.data, image)


def test_fitsio_sees_tables_and_keeps_the_rest(field):
    """Without astroae a compressed image is a table, and its neighbours stay readable."""
    fitsio = pytest.importorskip("fitsio")
    path, _ = field
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with fitsio.FITS(str(path)) as hdus:
            assert hdus[1].get_nrows() == 4
            assert set(hdus[1].get_colnames()) >= {"STREAM", "METHOD", "SCALE", "SHARED"}
            assert (hdus[1]["CRC_S"].read() > 0).all()
