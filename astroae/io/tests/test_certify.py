"""Certificates in files: where they stand, that they go again, and what they stop."""

import json
import shutil
import subprocess

import numpy as np
import pytest
from astropy import units as u
from astropy.io import fits
from astropy.nddata import CCDData
from astropy.table import QTable, Table
from astropy.utils.exceptions import AstropyUserWarning

pytest.importorskip("photutils")

import astroae
from astroae.cli.__main__ import main
from astroae.container.structure import card
from astroae.io.spans import scan
from astroae.io.tests.helpers import check_round_trip, digest, mixed_file
from astroae.simulate import FieldSettings, make_field
from astroae.validation.certificate import certify

COARSE = 0.4  # a level that breaks tolerances


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with a simulated field, ``a.fits``, and its certified file, ``a.aae.fits``."""
    folder = tmp_path_factory.mktemp("certify")
    field = make_field(FieldSettings(shape=(256, 256), seed=7))
    header = fits.Header(field.header, copy=True)
    header["BUNIT"] = "adu"
    fits.writeto(folder / "a.fits", field.image, header)
    astroae.compress(folder / "a.fits", folder / "a.aae.fits", quantize_level=8, certify=True)
    return folder


def test_certificate_stands_behind_its_image_and_opens_as_a_table(folder):
    with fits.open(folder / "a.aae.fits", checksum=True) as hdus:  # warnings are errors here
        assert isinstance(hdus[1], astroae.AEImageHDU)
        assert type(hdus[2]) is fits.BinTableHDU
        assert (hdus[2].name, hdus[2].ver) == ("PHOTOMETRY", 1)
        assert hdus[2].header["AECERT"] is True
        assert hdus[2].header["AEVERDIC"] in ("pass", "undetermined")
        assert hdus[2].header["AEFILSHA"] == digest(folder / "a.fits")
        assert len(hdus[2].data) > 30


def test_fluxes_are_those_of_the_decoded_image(folder):
    from photutils.aperture import CircularAperture

    table = Table.read(folder / "a.aae.fits", format="astroae", hdu="PHOTOMETRY")
    before, after = fits.getdata(folder / "a.fits"), fits.getdata(folder / "a.aae.fits")
    aperture = CircularAperture(np.column_stack([table["x"], table["y"]]), table.meta["AEAPRAD"])
    change = aperture.do_photometry(after.astype(float) - before)[0]
    assert np.array(table["flux_after"] - table["flux_before"]) == pytest.approx(
        change, rel=1e-4, abs=1e-3
    )


def test_tables_have_units(folder):
    for cls in (Table, QTable):
        table = cls.read(folder / "a.aae.fits", format="astroae", hdu="PHOTOMETRY")
        units = {name: table[name].unit for name in table.colnames if table[name].unit}
        assert units["x"] == units["y"] == u.pix
        assert units["ra"] == units["dec"] == u.deg
        assert units["flux_before"] == units["flux_err"] == units["flux_after"] == u.adu
        assert units["change_mag"] == u.mag
    assert isinstance(table["flux_before"], u.Quantity)


def test_bytes_and_way_back_are_the_same_with_and_without(folder, tmp_path):
    source = folder / "a.fits"
    again, bare = tmp_path / "again.aae.fits", tmp_path / "bare.aae.fits"
    astroae.compress(source, again, quantize_level=8, certify=True)
    astroae.compress(source, bare, quantize_level=8)
    assert digest(again) == digest(folder / "a.aae.fits")
    first, second = scan(bare)[1], scan(again)[1]
    assert again.read_bytes()[: second.end] == bare.read_bytes()[: first.end].replace(
        card("AENHDU", 2).encode(), card("AENHDU", 3).encode()
    )
    astroae.decompress(again, tmp_path / "b.fits")
    astroae.decompress(bare, tmp_path / "c.fits")
    assert digest(tmp_path / "b.fits") == digest(tmp_path / "c.fits")
    result, _, _ = check_round_trip(source, tmp_path, certify=True)
    assert result.byte_identical and result.verdict


def test_broken_tolerance_raises_and_leaves_nothing(folder, tmp_path):
    with pytest.raises(astroae.ToleranceError) as caught:
        astroae.compress(
            folder / "a.fits", tmp_path / "b.aae.fits", quantize_level=COARSE, certify=True
        )
    assert not list(tmp_path.iterdir())
    error = caught.value
    assert isinstance(error, ValueError) and error.exit_code == 1
    assert "a.fits, extension 0" in error.where
    assert "aperture.growth" in error.found and "tolerance <= 1 %" in error.found
    assert "recommend" in error.hint


def test_broken_tolerance_warns(folder, tmp_path):
    with pytest.warns(AstropyUserWarning, match="pixels.rms") as caught:
        result = astroae.compress(
            folder / "a.fits",
            tmp_path / "b.aae.fits",
            quantize_level=COARSE,
            certify=True,
            on_fail="warn",
        )
    assert caught[0].filename == __file__
    assert result.verdict == result.to_dict()["verdict"] == "fail"
    broken = result.to_dict()["hdus"][0]["broken"]
    assert any(line.startswith("pixels.rms") for line in broken)
    assert fits.getheader(tmp_path / "b.aae.fits", "PHOTOMETRY")["AEVERDIC"] == "fail"


def test_settings_are_checked_before_anything_is_read(tmp_path):
    for wrong in ({"on_fail": "ignore"}, {"tolerance": "no such set"}):
        with pytest.raises(astroae.SettingError):
            astroae.compress(tmp_path / "nowhere.fits", tmp_path / "b", certify=True, **wrong)


def test_tables_of_the_user_keep_their_name_and_come_back(folder, tmp_path):
    certificate = Table.read(folder / "a.aae.fits", format="astroae", hdu="PHOTOMETRY")
    image = fits.PrimaryHDU(fits.getdata(folder / "a.fits"))
    own = fits.BinTableHDU(Table({"flux": [1.0, 2.0]}), name="PHOTOMETRY")
    copied = fits.table_to_hdu(certificate)  # its AECERT = T comes along
    assert copied.header["AECERT"] is True
    fits.HDUList([image, own, copied]).writeto(tmp_path / "a.fits")
    result, packed, _ = check_round_trip(tmp_path / "a.fits", tmp_path, certify=True)
    assert result.byte_identical
    kinds = [hdu["kind"] for hdu in astroae.info(packed)["hdus"]]
    assert kinds == ["empty", "astroae image", "certificate", "bintable", "bintable"]
    assert fits.getheader(packed, 2)["EXTVER"] == 2


def test_planes_cubes_and_many_images(tmp_path):
    mixed_file(tmp_path / "a.fits")
    field = make_field(FieldSettings(shape=(128, 128), seed=3)).image
    with fits.open(tmp_path / "a.fits", mode="append") as hdus:
        hdus.append(fits.ImageHDU(field, name="B"))
        hdus.append(fits.ImageHDU(np.stack([field, field]), name="CUBE"))
        hdus.append(fits.ImageHDU(field[None], name="SLICE"))
        hdus.append(fits.ImageHDU(field[60], name="LINE"))
    result = astroae.compress(
        tmp_path / "a.fits", tmp_path / "b.aae.fits", quantize_level=16, certify=True
    )
    found = {hdu.name: hdu for hdu in result.hdus}
    assert "no table" in found["DQ"].note
    assert found["DQ"].verdict == found["ERR"].verdict == "pass"
    assert found["CUBE"].verdict in ("pass", "undetermined")
    assert found["CAT"].verdict == "" and found["KERNEL"].verdict == "pass"
    owners = [
        (span.header["EXTVER"], span.header["AEOWNER"])
        for span in scan(tmp_path / "b.aae.fits")
        if span.name == "PHOTOMETRY"
    ]
    assert owners == [(1, "SCI"), (2, "B"), (3, "CUBE"), (4, "SLICE")]


def test_a_cube_is_certified_over_its_planes(tmp_path):
    """Six planes of few stars each, and axes of length one between."""
    planes = [make_field(FieldSettings(shape=(96, 96), seed=seed)).image for seed in range(6)]
    planes[4][:] = 300 + np.random.default_rng(1).normal(0, 5, (96, 96))  # without a source
    cube = np.stack(planes).reshape(3, 1, 2, 96, 96)
    fits.writeto(tmp_path / "a.fits", cube)
    result = astroae.compress(
        tmp_path / "a.fits", tmp_path / "b.fits", quantize_level=8, certify=True
    )
    with fits.open(tmp_path / "b.fits") as hdus:
        header, table = hdus[2].header, hdus[2].data
        found = [json.loads(header[key]) for key in header if key.startswith("AEQTY")]
    assert result.verdict == header["AEVERDIC"] in ("pass", "undetermined")
    measured = [int(n) for n in header["AEPLANES"].split(",")]
    assert len(measured) >= 3 and {0, 5} <= set(measured)
    assert set(table["plane"]) <= set(measured) and header["AESOURCE"] == len(table)
    assert list(table["id"]) == list(range(1, len(table) + 1))
    assert {name: values[-1] for name, *values in found}["aperture.bias"] > 30
    astroae.decompress(tmp_path / "b.fits", tmp_path / "c.fits")
    assert fits.getdata(tmp_path / "c.fits").shape == cube.shape


def test_a_broken_plane_is_not_averaged_away(tmp_path):
    cube = np.stack([make_field(FieldSettings(shape=(96, 96), seed=s)).image for s in range(3)])
    restored = cube.copy()
    restored[1] += 3
    found = certify(cube, restored, fits.Header())
    assert found.verdict == "fail" and any("background" in line for line in found.broken)
    assert "plane 1" in found.validation["background.shift"].note


def test_a_line_is_certified_by_its_pixels(tmp_path):
    line = np.random.default_rng(2).normal(100, 5, 20_000).astype("f4")
    fits.writeto(tmp_path / "a.fits", line)
    result = astroae.compress(
        tmp_path / "a.fits", tmp_path / "b.fits", quantize_level=8, certify=True
    )
    assert result.verdict == "pass" and "no table" in result.hdus[0].note


def test_taken_over_images_lose_nothing(folder, tmp_path):
    data = fits.getdata(folder / "a.fits")
    image = fits.CompImageHDU(data, compression_type="RICE_1", quantize_level=4)
    fits.HDUList([fits.PrimaryHDU(), image]).writeto(tmp_path / "a.fits.fz")
    result = astroae.compress(tmp_path / "a.fits.fz", tmp_path / "b.aae.fits", certify=True)
    taken = result.hdus[1]
    assert (taken.action, taken.verdict) == ("taken over", "pass")
    assert "nothing is lost" in taken.note
    assert "PHOTOMETRY" not in [span.name for span in scan(tmp_path / "b.aae.fits")]


def test_verify_covers_it(folder, tmp_path):
    assert astroae.verify(folder / "a.aae.fits", against=folder / "a.fits").ok
    raw = bytearray((folder / "a.aae.fits").read_bytes())
    raw[scan(folder / "a.aae.fits")[2].data + 40] ^= 1
    (tmp_path / "b.aae.fits").write_bytes(raw)
    found = astroae.verify(tmp_path / "b.aae.fits")
    assert not found.ok
    assert [("PHOTOMETRY" in place, "CHECKSUM" in text) for place, text in found.damages] == [
        (True, True)
    ]


def test_info_tells_it(folder, capsys):
    found = astroae.info(folder / "a.aae.fits")["hdus"][2]
    assert (found["kind"], found["tolerance"]["name"]) == ("certificate", "default")
    assert found["sources"] == found["rows"] > 30
    assert {name: verdict for name, verdict, *_ in found["quantities"]}["pixels.rms"] == "pass"
    assert main(["info", str(folder / "a.aae.fits")]) == 0
    shown = capsys.readouterr().out
    assert f"{found['verdict']} (tolerance set default), {found['sources']} sources" in shown


def test_damaged_summary_is_an_error_of_ours(folder, tmp_path):
    raw = (folder / "a.aae.fits").read_bytes().replace(b"AEQTY1  = '[", b"AEQTY1  = '{")
    (tmp_path / "b.aae.fits").write_bytes(raw)
    with pytest.raises(astroae.CorruptFileError, match="certificate"):
        astroae.info(tmp_path / "b.aae.fits")


def test_program(folder, tmp_path, capsys):
    arguments = ["compress", str(folder / "a.fits"), "-o", str(tmp_path / "b.aae.fits")]
    arguments += ["-q", str(COARSE), "--certify"]
    assert main(arguments) == 1
    assert "aperture.growth" in capsys.readouterr().err
    (tmp_path / "mine.toml").write_text('name = "mine"\n[pixels.rms]\nlimit = 1.0\n')
    assert main([*arguments, "--tolerance", str(tmp_path / "mine.toml")]) == 0
    assert "certificate: pass" in capsys.readouterr().out
    assert main([*arguments, "--on-fail", "warn", "--overwrite"]) == 0
    shown = capsys.readouterr()
    assert "certificate: fail" in shown.out and "broken: pixels.rms" in shown.out
    assert main([*arguments, "--tolerance", "nothing", "--overwrite"]) == 2


def test_ccddata(folder, tmp_path):
    data = fits.getdata(folder / "a.fits")
    ccd = CCDData(data.astype("f4"), unit="adu")
    ccd.write(tmp_path / "b.aae.fits", format="astroae", quantize_level=8, certify=True)
    table = QTable.read(tmp_path / "b.aae.fits", format="astroae", hdu="PHOTOMETRY")
    assert table["flux_before"].unit == u.adu
    assert CCDData.read(tmp_path / "b.aae.fits", format="astroae").shape == data.shape


# Real headers hold cards that are not FITS standard, as astropy says each time.
@pytest.mark.filterwarnings("ignore::astropy.utils.exceptions.AstropyUserWarning")
def test_real_images(bundled_images, tmp_path):
    program, rows = shutil.which("fitsverify"), {}
    for source in bundled_images:
        if not source.name.startswith(
            ("90prime", "feder", "gemini-gn", "herschel", "hinode-sot_f")
        ):
            continue
        packed = tmp_path / "b.aae.fits"
        result = astroae.compress(
            source, packed, quantize_level=4, certify=True, on_fail="warn", overwrite=True
        )
        assert result.verdict in ("pass", "undetermined"), result.hdus
        hdu = astroae.info(packed)["hdus"][2]
        rows[source.name.partition(".")[0]] = hdu["rows"]
        assert (hdu["rows"] == 0) == bool(hdu["why_no_sources"])
        if program:
            shown = subprocess.run([program, packed], capture_output=True, text=True).stdout
            line = next(line for line in shown.splitlines() if line.startswith(" 3 "))
            assert line.split()[-2:] == ["0", "0"], shown
    assert rows["feder-cg16_kelt16"] > 50 and rows["gemini-gnirs_illum_mask"] == 0


@pytest.mark.skipif(not shutil.which("fitsverify"), reason="fitsverify is not installed")
def test_fitsverify_finds_nothing(folder):
    shown = subprocess.run(
        ["fitsverify", folder / "a.aae.fits"], capture_output=True, text=True, check=True
    ).stdout
    assert "Verification found 0 warning(s) and 0 error(s)" in shown
