"""Latent mode in files: written, read by name, by hash or with the model inside, edited."""

import json

import numpy as np
import pytest
from astropy import units as u
from astropy.io import fits
from astropy.nddata import CCDData
from astropy.table import QTable, Table
from astropy.wcs import WCS

import astroae
from astroae.cli.__main__ import main
from astroae.errors import CorruptFileError, InputError, ModelError, SettingError
from astroae.nets import store
from astroae.nets.tests.models import any_size, every_operation, random_model
from astroae.settings import ModelName


@pytest.fixture(scope="module")
def model():
    return random_model(any_size(), input={"kind": "minmax", "stretch": "asinh"})


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """The user's own models."""
    monkeypatch.setenv("ASTROAE_MODEL_DIR", str(tmp_path / "models"))
    return tmp_path / "models"


@pytest.fixture
def model_file(model, tmp_path):
    return store.save(model, tmp_path / "elsewhere" / "mine.safetensors")


@pytest.fixture
def plain(tmp_path):
    """A sky with a WCS, a mask, a table."""
    header = fits.Header([("OBJECT", "field"), ("BUNIT", "adu")])
    wcs = WCS(naxis=2)
    wcs.wcs.ctype, wcs.wcs.crpix = ["RA---TAN", "DEC--TAN"], [150, 140]
    wcs.wcs.crval, wcs.wcs.cdelt = [150.0, 2.0], [-1e-4, 1e-4]
    header.update(wcs.to_header())
    data = np.random.default_rng(4).normal(100, 5, (280, 300)).astype("f4")
    data[10:13, 20:40] = np.nan
    hdus = [fits.PrimaryHDU(data, header), fits.ImageHDU((data > 101).astype("u1"), name="DQ")]
    hdus.append(fits.BinTableHDU(Table({"a": np.arange(3)})))
    fits.HDUList(hdus).writeto(tmp_path / "a.fits")
    return tmp_path / "a.fits"


def cards(header):
    return [str(card) for card in header.cards]


def test_there_and_back(plain, model_file, model, folder):
    target, back = plain.with_name("a.aae.fits"), plain.with_name("b.fits")
    result = astroae.compress(plain, target, model=model_file)
    image, mask, _ = result.hdus
    assert (image.mode, mask.mode, result.byte_identical) == ("latent", "lossless", False)
    assert 0 < image.rms_error < image.largest_error and 0 < image.rms_error_in_noise
    assert (folder / f"{model.sha256}.safetensors").is_file() and str(folder) in result.model
    model_file.unlink()
    astroae.decompress(target, back)
    with fits.open(plain) as one, fits.open(back) as two, fits.open(target) as read:
        assert cards(one[0].header) == cards(two[0].header)
        assert cards(one[1].header) == cards(two[1].header)
        assert np.array_equal(one[1].data, two[1].data)
        assert np.array_equal(two[0].data, read[1].data, equal_nan=True)
        assert np.array_equal(np.isnan(one[0].data), np.isnan(two[0].data))
        error = two[0].data - one[0].data
        assert np.nanmax(np.abs(error)) == pytest.approx(image.largest_error, rel=1e-5)
        assert np.sqrt(np.nanmean(error**2)) == pytest.approx(image.rms_error, rel=1e-3)
        assert np.array_equal(
            read[1].section[100:120, 200:290], read[1].data[100:120, 200:290], equal_nan=True
        )
    assert astroae.verify(target, against=plain).ok
    assert "no bound" in astroae.verify(target).verdict
    about = astroae.info(target)["hdus"][1]
    assert (about["model"], about["model_sha256"]) == (model.name, model.sha256)
    assert (about["mode"], about["latents"], about["tiles_as_latents"]) == ("latent", 3, 4)
    assert about["rms_error"] == pytest.approx(image.rms_error)


def test_what_is_read_without_the_model(plain, model, folder):
    target = plain.with_name("a.aae.fits")
    astroae.compress(plain, target, model=model)
    with fits.open(target, disable_image_compression=True) as hdus:
        stored = hdus[1].data["LATENT"].copy()  # plain astropy sees a column of vectors
    assert stored.shape == (4, 3) and stored.dtype == ">f4"
    for file in folder.iterdir():
        file.unlink()
    table = Table.read(target, format="astroae")
    assert np.array_equal(table["LATENT"], stored) and {"ra", "dec", "flux"} <= {*table.colnames}
    assert astroae.info(target)["hdus"][1]["model_sha256"] == model.sha256
    with fits.open(target) as hdus:
        assert hdus[1].header["OBJECT"] == "field" and hdus[1].shape == (280, 300)
        with pytest.raises(ModelError, match=model.sha256):
            hdus[1].data  # noqa: B018
    with pytest.raises(ModelError, match="ASTROAE_MODEL_DIR") as caught:
        astroae.decompress(target, plain.with_name("b.fits"))
    assert "a.aae.fits" in str(caught.value) and not plain.with_name("b.fits").exists()
    assert main(["decompress", str(target), "-o", str(plain.with_name("b.fits"))]) == 6
    with pytest.raises(ModelError):
        astroae.verify(target)


def test_a_model_in_the_file(plain, model, folder):
    target, back = plain.with_name("a.aae.fits"), plain.with_name("b.fits")
    result = astroae.compress(plain, target, model=model, embed_model=True)
    assert "embedded" in result.model and not folder.exists()
    assert astroae.verify(target, against=plain).ok
    astroae.decompress(target, back)
    with fits.open(back) as hdus, fits.open(target) as read:
        assert len(hdus) == 3 and len(read) == 5  # the image moved to 1, and the model is last
        assert read[4].name == "AEMODEL" and read[4].header["AEMODHSH"] == model.sha256
        assert np.array_equal(read[1].data, hdus[0].data, equal_nan=True)
    assert [hdu["kind"] for hdu in astroae.info(target)["hdus"]][-1] == "model"
    content = target.read_bytes()
    assert content.count(b"EXTNAME = 'AEMODEL") == 1
    with fits.open(target.open("rb")) as read:  # a file object
        assert np.array_equal(read[1].data, fits.getdata(back), equal_nan=True)


def test_a_damaged_model_in_the_file(plain, model):
    target = plain.with_name("a.aae.fits")
    astroae.compress(plain, target, model=model, embed_model=True)
    content = bytearray(target.read_bytes())
    place = content.index(b"EXTNAME = 'AEMODEL") // 2880 * 2880 + 2880 + 2000
    content[place] ^= 1
    target.write_bytes(content)
    with pytest.raises(CorruptFileError, match="AEMODEL"):
        astroae.decompress(target, plain.with_name("b.fits"))


def test_an_hdu_in_memory(plain, model, folder):
    data = fits.getdata(plain)
    hdu = astroae.AEImageHDU(data, fits.getheader(plain), "SCI", model=model, latent_step=2)
    assert hdu.tile_shape == (256, 256) and not folder.exists()
    target = plain.with_name("c.fits")
    fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(target)
    with fits.open(target) as hdus:
        assert hdus["SCI"].settings.mode.model == ModelName(model.name, model.sha256)
        assert hdus["SCI"].settings.mode.latent_step == 2
        assert np.array_equal(hdus["SCI"].data, astroae.decode(hdu.encoded), equal_nan=True)
        assert (hdus["SCI"].error_map >= 0).all()


@pytest.mark.parametrize("embed", [False, True])
def test_editing_keeps_the_rest(plain, model, embed):
    target = plain.with_name("a.aae.fits")
    astroae.compress(plain, target, model=model, embed_model=embed)
    with fits.open(target, mode="update") as hdus:
        before = hdus[1].data.copy()
        latents = hdus[1].encoded.latents.copy()
        hdus[1].data[5, 290] = 77
    before[5, 290] = 77
    with fits.open(target) as hdus:
        assert np.array_equal(hdus[1].data, before, equal_nan=True)
        found = hdus[1].latents
        assert np.array_equal(found[[0, 2, 3]], latents[[0, 2, 3]])
        assert not np.array_equal(found[1], latents[1])
        hdus[1].copy().data[0, 0] = 3
    assert astroae.verify(target).ok


def test_scaled_integers(tmp_path, model):
    data = np.random.default_rng(1).normal(33000, 300, (60, 70)).astype("u2")
    fits.writeto(tmp_path / "u.fits", data)
    result = astroae.compress(tmp_path / "u.fits", tmp_path / "u.aae.fits", model=model)
    assert result.hdus[0].mode == "latent"
    found = fits.getdata(tmp_path / "u.aae.fits", 1)
    assert found.dtype == np.uint16 and found.mean() == pytest.approx(data.mean(), rel=1e-5)
    assert astroae.verify(tmp_path / "u.aae.fits", against=tmp_path / "u.fits").ok


def test_where_a_model_makes_no_sense(plain, model):
    target = plain.with_name("a.aae.fits")
    for options, error in (
        ({"model": model, "quantize_level": 4}, SettingError),
        ({"embed_model": True}, SettingError),
        ({"model": "unheard-of"}, ModelError),
        ({"model": plain}, ModelError),
    ):
        with pytest.raises(error):
            astroae.compress(plain, target, **options)
        assert not target.exists()


def test_fpack_writes_what_is_decoded(plain, model):
    target, back = plain.with_name("a.aae.fits"), plain.with_name("b.fits.fz")
    astroae.compress(plain, target, model=model)
    result = astroae.decompress(target, back, fpack=True)
    assert np.array_equal(fits.getdata(back, 1), fits.getdata(target, 1), equal_nan=True)
    assert "latent" in result.hdus[0].note


def test_command_line(plain, model_file, capsys):
    target = plain.with_name("a.aae.fits")
    argv = ["compress", str(plain), "--model", str(model_file), "--latent-step", "2"]
    assert main([*argv, "--embed-model"]) == 0
    text = capsys.readouterr().out
    assert "promises no bound" in text and "sigma" in text and "embedded" in text
    assert main(["info", str(target)]) == 0
    text = capsys.readouterr().out
    assert "latent (latent_step 2.0, skips coded)" in text and "no bound was promised" in text
    assert main(["verify", str(target)]) == 0
    assert main(["compress", str(plain), "--model", str(model_file), "-q", "4"]) == 2
    capsys.readouterr()
    assert main(["info", "--json", str(target)]) == 0
    assert json.loads(capsys.readouterr().out)["files"][0]["hdus"][1]["latents"] == 3


# ---- astroae.latents ---------------------------------------------------------------------


def test_latents_of_stamps(model):
    stamps = np.random.default_rng(2).normal(size=(5, 12, 16))
    table = astroae.latents(stamps, model)
    assert table["latent"].shape == (5, 3) and table["latent"].dtype == np.float32
    assert table["plane"].tolist() == [0, 1, 2, 3, 4] and set(table["x"]) == {7.5}
    assert np.allclose(table["flux"], stamps.sum((1, 2)))
    assert table.meta == {"model": model.name, "model_sha256": model.sha256}
    alone = astroae.latents([stamps[3], stamps[4]], model)
    assert np.array_equal(alone["latent"], table["latent"][3:])
    scaled = astroae.latents(stamps * 8 + 64, model)
    assert np.allclose(scaled["latent"], table["latent"], atol=1e-3)


def test_latents_of_files(plain, model):
    target = plain.with_name("a.aae.fits")
    astroae.compress(plain, target, model=model, embed_model=True)
    seen = []
    table = astroae.latents([plain, target], model, progress=lambda *done: seen.append(done))
    assert isinstance(table, QTable) and len(table) == 8 and seen[-1] == (4, 4)
    assert table["file"].tolist() == [str(plain)] * 4 + [str(target)] * 4
    assert table["hdu"].tolist() == [0] * 4 + [1] * 4
    # The stored ones are rounded to the model's steps.
    first, second = table["latent"][:4], table["latent"][4:]
    assert not np.array_equal(first, second)
    assert (np.abs(first - second) <= model.latents["z"].step.max()).all()
    assert table["flux"].unit == u.adu
    assert np.allclose(table["flux"][:4], table["flux"][4:], rtol=1e-6)
    wcs = WCS(fits.getheader(plain))
    assert (table["x"][1], table["y"][1]) == (277.5, 127.5)
    assert table["sky"][1].separation(wcs.pixel_to_world(277.5, 127.5)) < 1e-6 * u.arcsec


def test_latents_where_there_are_none(model, plain):
    data = np.ones((8, 8))
    assert np.isnan(astroae.latents(data, model)["latent"]).all()
    with pytest.raises(astroae.UnsupportedDataError):
        astroae.latents(np.ones(9), model)
    with pytest.raises(InputError):
        astroae.latents(plain.with_name("missing.fits"), model)
    fits.HDUList([fits.PrimaryHDU()]).writeto(plain.with_name("empty.fits"))
    with pytest.raises(InputError):
        astroae.latents(plain.with_name("empty.fits"), model)


def test_latents_of_ccddata_and_hdus(plain, model):
    with fits.open(plain) as hdus:
        whole = astroae.latents(hdus, model)
        assert np.array_equal(astroae.latents(hdus[0], model)["latent"], whole["latent"])
        data, wcs = hdus[0].data, WCS(hdus[0].header)
        mask = np.isnan(data)
        ccd = CCDData(np.where(mask, 7, data), unit="adu", mask=mask, wcs=wcs)
    table = astroae.latents(ccd, model)
    assert np.array_equal(table["latent"], whole["latent"])
    assert table["sky"].separation(whole["sky"]).max() < 1e-6 * u.arcsec
    memory = fits.ImageHDU(data)
    assert np.array_equal(astroae.latents(memory, model)["latent"], whole["latent"])
    packed = fits.CompImageHDU(data, quantize_level=0, compression_type="GZIP_1")
    assert np.array_equal(astroae.latents(packed, model)["latent"], whole["latent"])
    integers = fits.ImageHDU(np.arange(10000, dtype="u2").reshape(100, 100))
    assert astroae.latents(integers, model)["flux"][0] == 10000 * 9999 / 2


def test_skips_that_do_not_pay(tmp_path):
    model = random_model(every_operation())
    data = np.rint(np.random.default_rng(4).normal(100, 40, (200, 200)))
    fits.writeto(tmp_path / "a.fits", data.astype("f4"))
    target = tmp_path / "a.aae.fits"
    result = astroae.compress(tmp_path / "a.fits", target, model=model, latent_step=1e-5)
    assert "--skips cut" in result.hdus[0].note and result.byte_identical
    with fits.open(target) as hdus:  # features of exact pixels
        assert np.isfinite(hdus[1].latents).all()
