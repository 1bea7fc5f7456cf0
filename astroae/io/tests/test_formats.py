"""CCDData, NDData, Table and QTable through astropy's registry."""

import io
import subprocess
import sys

import numpy as np
import pytest
from astropy import units as u
from astropy.io import fits
from astropy.nddata import CCDData, StdDevUncertainty, VarianceUncertainty
from astropy.table import QTable, Table
from astropy.wcs import WCS

import astroae
from astroae.io.tests.helpers import mixed_file, sky

#: Whether astroae's reader is registered for a class.
CHECK = """
from astropy.io import registry
print(registry.get_reader("astroae", {name}) is not None)
"""


@pytest.mark.parametrize("first, then", [("astroae", "sys"), ("sys", "astroae")])
def test_formats_are_there_whatever_is_imported_first(first, then):
    code = f"import {first}\n"
    for module, name in (("table", "Table"), ("table", "QTable"), ("nddata", "CCDData")):
        code += f"from astropy.{module} import {name}\nimport {then}" + CHECK.format(name=name)
    words = [sys.executable, "-W", "error", "-c", code]
    printed = subprocess.run(words, capture_output=True, text=True, check=True)
    assert printed.stdout.split() == ["True"] * 3


def test_formats_are_there_though_somebody_looked_for_their_modules_before():
    """Completion, say, looks for a module without importing it."""
    code = "import astroae, importlib.util\n"
    for module, name in (("table", "Table"), ("nddata", "CCDData")):
        code += f"importlib.util.find_spec('astropy.{module}')\n" * 2
        code += f"from astropy.{module} import {name}" + CHECK.format(name=name)
    words = [sys.executable, "-W", "error", "-c", code]
    printed = subprocess.run(words, capture_output=True, text=True, check=True)
    assert printed.stdout.split() == ["True"] * 2


def tan_wcs():
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    wcs.wcs.crval = [10, 20]
    wcs.wcs.crpix = [150, 150]
    wcs.wcs.cdelt = [-1e-4, 1e-4]
    wcs.wcs.set()
    return wcs


@pytest.fixture
def ccd():
    data = sky(dtype="f8")
    return CCDData(
        data,
        unit="adu",
        mask=data > 1010,
        uncertainty=StdDevUncertainty(np.sqrt(data)),
        flags=(data > 1005).astype("u1") * 3,
        psf=np.full((40, 40), 1 / 1600),
        wcs=tan_wcs(),
        meta={"OBJECT": "M 31", "AIRMASS": 1.2},
    )


def test_ccddata_round_trip(tmp_path, ccd):
    ccd.write(tmp_path / "a.aae.fits")
    back = CCDData.read(tmp_path / "a.aae.fits")
    assert back.unit == u.adu
    assert (back.data == ccd.data).all()
    assert (back.mask == ccd.mask).all() and back.mask.dtype == bool
    assert isinstance(back.uncertainty, StdDevUncertainty)
    assert (back.uncertainty.array == ccd.uncertainty.array).all()
    assert (back.flags == ccd.flags).all()
    assert (back.psf == ccd.psf).all()
    assert back.meta["OBJECT"] == "M 31" and back.meta["AIRMASS"] == 1.2
    np.testing.assert_allclose(
        back.wcs.pixel_to_world_values(3, 4), ccd.wcs.pixel_to_world_values(3, 4), rtol=1e-14
    )


def test_ccddata_planes_when_the_image_may_lose(tmp_path, ccd):
    ccd.uncertainty = VarianceUncertainty(np.where(ccd.mask, 0, ccd.data))
    ccd.write(tmp_path / "a.aae.fits", error_bound=0.5)
    back = CCDData.read(tmp_path / "a.aae.fits")
    assert 0 < np.abs(back.data - ccd.data).max() <= 0.5 * (1 + 1e-9)
    assert (back.mask == ccd.mask).all()
    assert (back.flags == ccd.flags).all()
    before, after = ccd.uncertainty.array, back.uncertainty.array
    assert isinstance(back.uncertainty, VarianceUncertainty)
    assert (after[before == 0] == 0).all()
    assert (np.abs(after - before) <= before / 512).all()


def test_decompressed_ccddata_is_what_fits_would_write(tmp_path, ccd):
    ccd.write(tmp_path / "a.aae.fits")
    astroae.decompress(tmp_path / "a.aae.fits", tmp_path / "a.fits")
    ccd.write(tmp_path / "b.fits", hdu_flags="FLAGS")
    assert (tmp_path / "a.fits").read_bytes() == (tmp_path / "b.fits").read_bytes()


def test_sources_of_ccddata(tmp_path, ccd):
    path = tmp_path / "a.aae.fits"
    ccd.write(path)
    raw = path.read_bytes()
    with open(path, "rb") as file:
        assert (CCDData.read(file).data == ccd.data).all()
    assert (CCDData.read(io.BytesIO(raw)).data == ccd.data).all()
    assert (CCDData.read(str(path)).data == ccd.data).all()
    assert (CCDData.read(path, format="fits", hdu=1).data == ccd.data).all()
    stream = io.BytesIO()
    ccd.write(stream, format="astroae")
    assert (CCDData.read(io.BytesIO(stream.getvalue())).data == ccd.data).all()


def test_primary_header_reaches_ccddata(tmp_path):
    astroae.compress(mixed_file(tmp_path / "a.fits"), tmp_path / "a.aae.fits")
    ccd = CCDData.read(tmp_path / "a.aae.fits")
    assert ccd.header["TELESCOP"] == "none"
    assert ccd.unit == u.adu


def test_note_of_the_primary_does_not(tmp_path, ccd):
    ccd.write(tmp_path / "a.aae.fits")
    assert "COMMENT" not in CCDData.read(tmp_path / "a.aae.fits").header


def test_plain_fits_is_still_read_as_fits(tmp_path, ccd):
    ccd.write(tmp_path / "a.fits")
    assert (CCDData.read(tmp_path / "a.fits").data == ccd.data).all()
    Table({"a": [1, 2]}).write(tmp_path / "t.fits")
    assert Table.read(tmp_path / "t.fits")["a"].tolist() == [1, 2]


def test_nddata(tmp_path, ccd):
    ccd.write(tmp_path / "a.aae.fits")
    nd = astroae.read_nddata(tmp_path / "a.aae.fits")
    assert type(nd).__name__ == "NDData"
    assert nd.unit == u.adu and (nd.mask == ccd.mask).all()


def test_tile_table(tmp_path, ccd):
    ccd.write(tmp_path / "a.aae.fits", quantize_level=4)
    table = QTable.read(tmp_path / "a.aae.fits")
    assert len(table) == 4
    assert table["start"][3].tolist() == [256, 256]
    assert table["shape"][3].tolist() == [44, 64]
    assert table["noise"].unit == u.adu
    assert abs(table["noise"][0].value - 5) < 0.5
    assert abs(table["background"][0].value - 1000) < 1
    np.testing.assert_allclose(table["step"].value, table["noise"].value / 4, rtol=1e-5)
    assert (table["max_error"] <= table["step"] * 0.50001).all()
    assert table.meta["OBJECT"] == "M 31"
    assert table.meta["astroae"]["mode"]["quantize_level"] == 4


def test_tile_table_knows_the_sky(tmp_path, ccd):
    ccd.write(tmp_path / "a.aae.fits")
    table = Table.read(tmp_path / "a.aae.fits")
    centre = tan_wcs().pixel_to_world(127.5, 127.5)
    assert abs(table["ra"][0] - centre.ra.deg) < 1e-9
    assert abs(table["dec"][0] - centre.dec.deg) < 1e-9
    corner = tan_wcs().pixel_to_world(-0.5, -0.5)
    np.testing.assert_allclose(table["footprint"][0, 0], [corner.ra.deg, corner.dec.deg])
    assert table["ra"].unit == u.deg


def test_tile_table_of_scaled_integers_is_physical(tmp_path):
    stream = io.BytesIO()
    fits.writeto(stream, sky(dtype="i2"))
    stream.seek(0)
    with fits.open(stream, do_not_scale_image_data=True) as hdus:
        for key, value in (("BSCALE", 0.5), ("BZERO", 100.0), ("BUNIT", "mJy")):
            hdus[0].header[key] = value
        hdus.writeto(tmp_path / "a.fits", overwrite=True)
    astroae.compress(tmp_path / "a.fits", tmp_path / "a.aae.fits")
    table = QTable.read(tmp_path / "a.aae.fits")
    physical = fits.getdata(tmp_path / "a.fits")[:256, :256]
    assert table["background"].unit == u.mJy
    assert abs(table["background"][0].value - np.median(physical)) < 1


def test_sources_of_tables(tmp_path):
    path = tmp_path / "a.aae.fits"
    astroae.compress(mixed_file(tmp_path / "a.fits"), path)
    with fits.open(path) as hdus:
        assert len(Table.read(hdus)) == 4
        assert len(Table.read(hdus["DQ"])) == 4
    with open(path, "rb") as file:
        assert len(Table.read(file)) == 4
    assert len(Table.read(path, hdu="ERR")) == 4
    assert Table.read(path, hdu="CAT")["flux"].sum() == 1225


def test_writing_a_table_is_refused_with_a_way_out(tmp_path):
    for cls in (Table, QTable):
        with pytest.raises(astroae.UnsupportedDataError, match="compress"):
            cls({"a": [1]}).write(tmp_path / "t.aae.fits")
    assert not (tmp_path / "t.aae.fits").exists()


def test_identifying_moves_no_file_object(tmp_path, ccd):
    from astroae.io.identify import identify

    ccd.write(tmp_path / "a.aae.fits")
    with open(tmp_path / "a.aae.fits", "rb") as file:
        assert identify("read", None, file)
        assert file.tell() == 0 and not file.closed
    assert not identify("read", None, io.BytesIO(b"SIMPLE  = but no more"))
    assert not identify("read", None, io.BytesIO(b"not FITS at all"))
