"""``astroae explore``: what it writes, says and refuses."""

import json

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table

from astroae.cli.__main__ import main
from astroae.explore.tests.conftest import random_model, skip_network, spatial_network
from astroae.nets.store import save
from astroae.simulate import Detector, FieldSettings, Population, make_field

pytest.importorskip("sklearn")
pytest.importorskip("matplotlib")


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    """Two fields and two models."""
    folder = tmp_path_factory.mktemp("explore")
    for seed in (1, 2):
        settings = FieldSettings(shape=(96, 128), population=Population(40, 10), seed=seed)
        make_field(settings).to_hdu().writeto(folder / f"field{seed}.fits")
    save(random_model(spatial_network(), stretch="asinh"), folder / "spatial.safetensors")
    save(random_model(skip_network()), folder / "skip.safetensors")
    return folder


def explore(inputs, out, action, *args, model="spatial", files=("field1.fits", "field2.fits")):
    paths = [str(inputs / name) for name in files]
    options = ["--model", str(inputs / f"{model}.safetensors"), "-o", str(out), *map(str, args)]
    return main(["explore", action, *paths, *options])


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_embed(inputs, tmp_path, capsys):
    assert explore(inputs, tmp_path, "embed", "--side", 32, "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert document["stamps"] == 24 and document["model"]["name"] == "tiny"
    assert names(tmp_path) == ["embedding.ecsv", "pca.png", "tsne.png"]
    table = Table.read(tmp_path / "embedding.ecsv")
    assert table["latent"].shape == (24, 5) and np.isfinite(table["tsne_2"]).all()
    assert table.meta["embeddings"]["pca"] == document["embeddings"]["pca"]
    assert table["ra"].unit == "deg" and np.isfinite(table["dec"]).all()


def test_traverse(inputs, tmp_path, capsys):
    one = ("field1.fits",)
    options = ("--at", 40, 50, "--latents", 1, 3, "--steps", 5)
    assert explore(inputs, tmp_path, "traverse", *options, model="skip", files=one) == 0
    assert "5 images for each of z_1, z_3" in capsys.readouterr().out
    with fits.open(tmp_path / "traversal.fits", checksum=True) as hdus:
        assert hdus[0].shape == (16, 16)
        assert [(hdu.name, hdu.shape) for hdu in hdus[1:]] == [
            ("Z_1", (5, 16, 16)),
            ("Z_3", (5, 16, 16)),
        ]
        assert hdus[1].header["STEP1"] == -3.0
    between = tmp_path / "between"
    assert explore(inputs, between, "traverse", "--quiet", "--side", 20) == 0
    with fits.open(between / "traversal.fits") as hdus:
        assert hdus[1].shape == (7, 20, 20)
    assert capsys.readouterr().out == ""


def test_maps(inputs, tmp_path, capsys):
    assert explore(inputs, tmp_path, "maps", "--side", 32, "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert [entry["shape"] for entry in document["maps"]] == [[5, 7], [5, 7]]
    assert len(names(tmp_path)) == 4 and "field2_latents.fits" in names(tmp_path)


def test_files_of_one_name(inputs, tmp_path, capsys):
    other = tmp_path / "other"
    other.mkdir()
    (other / "field1.fits").write_bytes((inputs / "field2.fits").read_bytes())
    files = ("field1.fits", str(other / "field1.fits"))
    out = tmp_path / "out"
    assert explore(inputs, out, "maps", "--side", 64, "--quiet", files=files) == 0
    assert "field1_latents.fits" in names(out) and "field1~2_latents.fits" in names(out)


def test_neighbours(inputs, tmp_path, capsys):
    assert explore(inputs, tmp_path, "neighbours", "--side", 32, "--count", 3, "--of", 5, 0) == 0
    table = Table.read(tmp_path / "neighbours.ecsv")
    assert table["stamp"].tolist() == [5, 5, 5, 0, 0, 0] and table["rank"].tolist() == [1, 2, 3] * 2
    assert len(Table.read(tmp_path / "stamps.ecsv")) == 24
    assert "3 neighbours of 2 stamps among 24" in capsys.readouterr().out


def test_compressed_files_give_the_same(inputs, tmp_path):
    assert (
        main(["compress", str(inputs / "field1.fits"), "--output-dir", str(tmp_path), "--quiet"])
        == 0
    )
    for name, folder in ((inputs / "field1.fits", "a"), (tmp_path / "field1.aae.fits", "b")):
        out = tmp_path / folder
        assert explore(inputs, out, "maps", "--quiet", "--side", 32, files=(str(name),)) == 0
    found = []
    for path in (tmp_path / "a/field1_latents.fits", tmp_path / "b/field1.aae_latents.fits"):
        with fits.open(path) as hdus:
            found.append([hdu.data for hdu in hdus[1:]])
    assert np.array_equal(*found)


def test_nothing_is_overwritten_unasked(inputs, tmp_path, capsys):
    figure, options = tmp_path / "pca.png", ("--side", 32, "--method", "pca")
    figure.write_bytes(b"mine")
    assert explore(inputs, tmp_path, "embed", *options) == 7
    assert "output exists" in capsys.readouterr().err
    assert names(tmp_path) == ["pca.png"] and figure.read_bytes() == b"mine"
    assert explore(inputs, tmp_path, "embed", *options, "--overwrite", "--quiet") == 0
    assert figure.read_bytes() != b"mine"


@pytest.mark.parametrize("action", ["neighbours", "maps"])
def test_the_rest_go_on_where_one_file_fails(action, inputs, tmp_path, capsys):
    (tmp_path / "no.fits").write_bytes(b"no" * 3000)
    files = (str(tmp_path / "no.fits"), "field1.fits")
    out = tmp_path / "out"
    assert explore(inputs, out, action, "--side", 32, "--json", files=files) == 3
    said = capsys.readouterr()
    assert json.loads(said.out)["failed"][0]["exit_code"] == 3
    assert "no.fits: not readable as FITS" in said.err and len(names(out)) >= 2


@pytest.mark.parametrize(
    "action, options, files, code",
    [
        ("embed", (), ("absent.fits",), 3),
        ("embed", ("--hdu", 4), ("field1.fits",), 4),
        ("embed", ("--side", 0), ("field1.fits",), 2),
        ("embed", ("--side", 500), ("field1.fits",), 2),  # one stamp
        ("maps", ("--side", 500), ("field1.fits",), 4),
        ("neighbours", ("--count", 99), ("field1.fits",), 2),
        ("traverse", ("--latents", 77), ("field1.fits",), 2),
        ("traverse", ("--at", 1, 2, 3), ("field1.fits",), 2),
        ("traverse", (), ("field1.fits",) * 3, 2),
    ],
)
def test_what_is_refused(action, options, files, code, inputs, tmp_path, capsys):
    assert explore(inputs, tmp_path, action, *options, files=files) == code
    assert capsys.readouterr().err.startswith("astroae explore: ")
    assert not names(tmp_path)


def test_no_such_model(inputs, tmp_path, capsys):
    code = main(["explore", "embed", str(inputs / "field1.fits"), "--model", "nothing-like-it"])
    assert code == 6 and "no such model" in capsys.readouterr().err


def test_anomalies(tmp_path, capsys):
    pytest.importorskip("scipy")
    settings = FieldSettings(
        shape=(200, 240),
        population=Population(10, 0, brightest=3000.0),
        detector=Detector(bad_columns=0, cosmic_rays=0.0),
    )
    made = make_field(settings)
    made.image[80:120, 100] += 40
    made.to_hdu().writeto(tmp_path / "a.fits")
    out = tmp_path / "out"
    options = ["--side", "40", "-o", str(out), "--json"]
    assert main(["explore", "anomalies", str(tmp_path / "a.fits"), *options]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["model"] is None
    table = Table.read(out / "a_anomalies.ecsv")
    assert abs(float(table["x"][0]) - 100) <= 1 and np.isfinite(table["ra"]).all()
    assert document["anomalies"][0]["oddest"]["score"] == table["score"][0]
    assert (out / "a_anomalies.png").read_bytes().startswith(b"\x89PNG")


def test_denoise(inputs, tmp_path, capsys):
    model = random_model(spatial_network(), kind="fixed", low=-8.0, high=56.0)
    save(model, tmp_path / "any.safetensors")
    options = ["--model", str(tmp_path / "any.safetensors"), "-o", str(tmp_path), "--no-flux"]
    assert main(["explore", "denoise", str(inputs / "field1.fits"), *options]) == 0
    assert "rms taken" in capsys.readouterr().out
    with fits.open(tmp_path / "field1_denoised.fits", checksum=True) as hdus:
        header, original = hdus[0].header, fits.getheader(inputs / "field1.fits")
        assert hdus[0].data.shape == (96, 128) and header["BITPIX"] == -32
    assert header["MODELSHA"] == model.sha256
    for key in ("CRVAL1", "CRPIX2", "BUNIT", "GAIN"):
        assert header[key] == original[key]
