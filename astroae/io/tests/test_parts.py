"""Planes, previews, spans, atomic outputs and checksums, each by itself."""

import bz2
import io
import lzma

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS

import astroae
from astroae.io.atomic import atomic_output
from astroae.io.checksums import with_checksums
from astroae.io.planes import plane_of, settings_for
from astroae.io.preview import binned, make_preview, preview_header
from astroae.io.spans import plain_source, scan
from astroae.io.tests.helpers import mixed_file, sky
from astroae.settings import from_keywords


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("SCI", "image"),
        ("", "image"),
        ("AREA", "image"),
        ("MASKED_SCIENCE", "image"),
        ("DQ", "exact"),
        ("dq2", "exact"),
        ("sci-mask", "exact"),
        ("FLAGS_BAD", "exact"),
        ("PSFIMAGE", "exact"),
        ("ERR", "relative"),
        ("VAR_POISSON", "relative"),
        ("WHT3", "relative"),
        ("UNCERT", "relative"),
        ("IVAR", "relative"),
    ],
)
def test_roles(name, role):
    assert plane_of(fits.Header([("EXTNAME", name)])).role == role


def test_role_by_utype():
    header = fits.Header([("EXTNAME", "X"), ("UTYPE", "StdDevUncertainty")])
    assert plane_of(header).role == "relative"


def test_settings_of_roles():
    bounded, lossless = from_keywords(error_bound=1), from_keywords()
    assert settings_for("image", bounded, -32) is bounded
    assert settings_for("exact", bounded, -32).mode.name == "lossless"
    assert settings_for("relative", bounded, 16).mode.name == "lossless"
    assert settings_for("relative", bounded, -64).mode.relative_error == 1 / 512
    for role in ("image", "exact", "relative"):
        assert settings_for(role, lossless, -32).mode.name == "lossless"


def test_binned_leaves_out_what_is_blank():
    data = np.arange(36, dtype="f4").reshape(6, 6)
    data[0, 0], data[4:, 4:] = np.nan, np.inf
    small = binned(data, 2, fits.Header())
    assert small.shape == (3, 3)
    assert small[0, 0] == np.float32(14 / 3)
    assert np.isnan(small[2, 2])
    header = fits.Header([("BLANK", -1), ("BSCALE", 2.0), ("BZERO", 5.0)])
    whole = np.array([[1, 3], [-1, 2]], "i2")
    assert binned(whole, 2, header)[0, 0] == 2 * 2 + 5


@pytest.mark.parametrize("distorted", [False, True])
@pytest.mark.parametrize("style", ["CD", "PC", "CDELT"])
def test_preview_wcs_points_at_the_same_sky(style, distorted):
    kind = "TAN-SIP" if distorted else "TAN"
    header = fits.Header(
        [
            ("CTYPE1", f"RA---{kind}"),
            ("CTYPE2", f"DEC--{kind}"),
            ("CRVAL1", 10.0),
            ("CRVAL2", 20.0),
            ("CRPIX1", 700.5),
            ("CRPIX2", 900.0),
        ]
    )
    if style == "CD":
        header.update(CD1_1=-1e-4, CD1_2=2e-5, CD2_1=2e-5, CD2_2=1e-4)
    if style == "PC":
        header.update(PC1_1=-1e-4, PC1_2=2e-5, PC2_1=2e-5, PC2_2=1e-4)
    if style == "CDELT":
        header.update(CDELT1=-1e-4, CDELT2=1e-4, CROTA2=12.0)
    if distorted:
        header.update(A_ORDER=2, B_ORDER=2, A_2_0=1e-6, A_1_1=2e-6, B_0_2=-1e-6)
    small = WCS(preview_header(header, 5, {}))
    for x, y in ((0, 0), (999, 1300)):
        block = (x + 0.5) / 5 - 0.5, (y + 0.5) / 5 - 0.5
        np.testing.assert_allclose(
            small.all_pix2world(*block, 0), WCS(header).all_pix2world(x, y, 0), rtol=1e-10
        )


@pytest.mark.parametrize("shape", [(2000, 1000), (3, 900, 1000), (700, 64)])
def test_preview_keeps_to_its_budget(shape):
    data = sky(shape, "i2")
    for budget in (8_000, 30_000, 10**6):
        coded = make_preview(data, fits.Header(), budget, {"AEPREV": True})
        if coded is None:
            assert budget == 8_000
            continue
        assert len(coded) <= budget
        stream = io.BytesIO()
        fits.PrimaryHDU().writeto(stream)
        with fits.open(io.BytesIO(stream.getvalue() + coded)) as hdus:
            assert 64 <= max(hdus[1].shape) <= 512
            assert abs(np.median(hdus[1].data) - 1000) < 2


def test_no_preview_of_small_or_flat_things():
    assert make_preview(sky((63, 63)), fits.Header(), 10**6, {}) is None
    assert make_preview(sky((5000,)), fits.Header(), 10**6, {}) is None


def test_public_preview(tmp_path):
    fits.writeto(tmp_path / "a.fits", sky((1400, 1500)))
    astroae.compress(tmp_path / "a.fits", tmp_path / "a.aae.fits")
    astroae.compress(tmp_path / "a.fits", tmp_path / "b.aae.fits", preview=False)
    stored = astroae.preview(tmp_path / "a.aae.fits")
    made = astroae.preview(tmp_path / "b.aae.fits", hdu=1)
    assert stored.header["AEPREV"] is True
    assert "AEPREV" not in made.header and max(made.shape) == 500
    fits.HDUList([fits.PrimaryHDU()]).writeto(tmp_path / "c.fits")
    with pytest.raises(astroae.InputError, match="no image"):
        astroae.preview(tmp_path / "c.fits")


def test_spans_are_those_of_astropy(tmp_path):
    path = mixed_file(tmp_path / "a.fits")
    with fits.open(path) as hdus:
        for span, hdu in zip(scan(path), hdus, strict=True):
            places = hdu.fileinfo()
            assert (span.start, span.data) == (places["hdrLoc"], places["datLoc"])
            assert span.end == places["datLoc"] + places["datSpan"]
            assert span.name == hdu.name.replace("PRIMARY", "")


@pytest.mark.parametrize("pack", [bz2.compress, lzma.compress])
def test_other_packers(tmp_path, pack):
    path = mixed_file(tmp_path / "a.fits")
    (tmp_path / "packed").write_bytes(pack(path.read_bytes()))
    with plain_source(tmp_path / "packed") as plain:
        assert plain.read_bytes() == path.read_bytes()
    assert not plain.exists()


def test_random_groups_are_left_alone(tmp_path):
    groups = fits.GroupData(
        np.ones((5, 1, 1, 4), "f4"), bitpix=-32, parnames=["U"], pardata=[np.arange(5)]
    )
    fits.HDUList([fits.GroupsHDU(groups), fits.ImageHDU(sky())]).writeto(tmp_path / "a.fits")
    result = astroae.compress(tmp_path / "a.fits", tmp_path / "a.aae.fits")
    assert [hdu.action for hdu in result.hdus] == ["kept", "compressed"]
    astroae.decompress(tmp_path / "a.aae.fits", tmp_path / "b.fits")
    assert (tmp_path / "b.fits").read_bytes() == (tmp_path / "a.fits").read_bytes()


def test_output_appears_whole_or_not_at_all(tmp_path):
    target = tmp_path / "a.bin"
    with pytest.raises(KeyError):
        with atomic_output(target) as out:
            out.write(b"half")
            assert not target.exists()
            raise KeyError
    assert list(tmp_path.iterdir()) == []
    with atomic_output(target) as out:
        out.write(b"abcdef")
        with pytest.raises(AssertionError, match="other bytes"):
            out.patch(2, b"ab", b"XY")
        out.patch(2, b"cd", b"XY")
        out.write(b"g")
        assert out.flushed().read_bytes() == b"abXYefg"
    assert target.read_bytes() == b"abXYefg"
    with pytest.raises(astroae.OutputError, match="exists"):
        with atomic_output(target) as out:
            out.write(b"other")
    assert target.read_bytes() == b"abXYefg"
    assert list(tmp_path.iterdir()) == [target]


def test_checksums_are_those_of_astropy():
    rng = np.random.default_rng(5)
    for i in range(20):
        stream = io.BytesIO()
        data = rng.normal(size=(rng.integers(1, 40), 7)).astype("f4")
        fits.writeto(stream, data, fits.Header([("OBJECT", str(i))]), checksum=True)
        raw = stream.getvalue()
        end = raw.index(b"END     ")
        cards = [raw[k : k + 80].decode() for k in range(0, end, 80)]
        spoilt = [
            card.replace(card[10:20], "'123456789") if "SUM " in card[:9] else card
            for card in cards
        ]
        assert with_checksums(spoilt, [raw[2880:3003], raw[3003:]]) == cards


def test_encode_and_decode_take_the_same_keywords():
    data = sky((300, 300), "f8")
    assert (astroae.decode(astroae.encode(data)) == data).all()
    encoded = astroae.encode(data, error_bound=0.25, dither=0, tile_shape=(100, 300))
    assert len(encoded.tiles) == 3
    part = astroae.decode(encoded, (slice(90, 110), slice(0, 50)))
    assert np.abs(part - data[90:110, :50]).max() <= 0.25 * (1 + 1e-12)
    with pytest.raises(astroae.SettingError, match="two modes"):
        astroae.encode(data, error_bound=1, quantize_level=4)
