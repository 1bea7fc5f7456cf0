"""The program: names of outputs, reports for people and for machines, the bar, plug-ins."""

import io
import json
import subprocess
import sys

import pytest
from astropy.io import fits

import astroae
from astroae.cli import find_verbs, one_verb
from astroae.cli.__main__ import main
from astroae.cli._names import compressed_name, restored_name
from astroae.cli._progress import ProgressBar
from astroae.io.tests.helpers import digest, mixed_file, sky


@pytest.fixture
def plain(tmp_path):
    fits.writeto(tmp_path / "a.fits", sky())
    return tmp_path / "a.fits"


@pytest.mark.parametrize(
    ("name", "packed", "restored"),
    [
        ("a.fits", "a.aae.fits", "a.fits"),
        ("a.fits.gz", "a.aae.fits", "a.fits"),
        ("a.fits.fz", "a.aae.fits", "a.fits"),
        ("n1.r.fit", "n1.r.aae.fits", "n1.r.fits"),
        ("dir.fits/a.FTS", "dir.fits/a.aae.fits", "dir.fits/a.fits"),
    ],
)
def test_names(name, packed, restored):
    assert str(compressed_name(name)) == packed
    assert str(restored_name(packed)) == restored
    assert str(restored_name(packed, fpack=True)) == restored + ".fz"


def test_there_and_back(plain, capsys):
    original = digest(plain)
    assert main(["compress", str(plain)]) == 0
    plain.unlink()
    assert main(["decompress", str(plain.with_name("a.aae.fits"))]) == 0
    assert digest(plain) == original
    assert "ratio" in capsys.readouterr().out


def test_json_is_one_document(plain, capsys):
    assert main(["compress", str(plain), "-q", "4", "--json"]) == 0
    out, err = capsys.readouterr()
    report = json.loads(out)
    assert err == ""
    assert report["exit_code"] == 0
    (file,) = report["files"]
    assert file["ratio"] > 4
    assert 0.5 < file["largest_error_over_bound"] <= 1.0001
    assert file["hdus"][0]["mode"] == "bounded"


@pytest.mark.parametrize("verb", ["info", "verify"])
def test_json_of_the_other_verbs(plain, capsys, verb):
    packed = plain.with_name("a.aae.fits")
    astroae.compress(plain, packed)
    assert main([verb, str(packed), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["files"][0]["file"] == str(packed)


def test_quiet_is_quiet(plain, capsys):
    assert main(["compress", str(plain), "--quiet"]) == 0
    assert capsys.readouterr() == ("", "")


def test_hint_for_lossless_floats_only(plain, capsys):
    main(["compress", str(plain)])
    assert "-q 4 would" in capsys.readouterr().out
    main(["compress", str(plain), "--lossless", "--overwrite"])
    assert "-q 4" not in capsys.readouterr().out
    fits.writeto(plain, sky(dtype="i2"), overwrite=True)
    main(["compress", str(plain), "--overwrite"])
    assert "-q 4" not in capsys.readouterr().out


def test_verify_against_and_info_say_what_comes_back(plain, capsys):
    packed = plain.with_name("a.aae.fits")
    astroae.compress(plain, packed)
    assert main(["verify", str(packed), "--against", str(plain)]) == 0
    assert "byte for byte" in capsys.readouterr().out
    assert main(["info", str(packed)]) == 0
    out = capsys.readouterr().out
    assert digest(plain) in out and "byte for byte" in out
    astroae.compress(plain, packed, quantize_level=4, overwrite=True)
    main(["info", str(packed)])
    assert "within what was promised" in capsys.readouterr().out


def test_diff(plain, capsys):
    packed = plain.with_name("a.aae.fits")
    astroae.compress(plain, packed)
    assert main(["diff", str(plain), str(packed)]) == 0
    astroae.compress(plain, packed, error_bound=1, overwrite=True)
    assert main(["diff", str(plain), str(packed)]) == 1
    assert "Data contains differences" in capsys.readouterr().out
    assert main(["diff", str(plain), str(packed), "--atol", "1.001"]) == 0


def test_planes_and_dry_run(tmp_path, capsys):
    source = mixed_file(tmp_path / "a.fits")
    argv = ["compress", str(source), "-q", "4", "--plane", "SCI=exact", "--dry-run", "--json"]
    assert main(argv) == 0
    hdus = json.loads(capsys.readouterr().out)["files"][0]["hdus"]
    assert [hdu["mode"] for hdu in hdus] == ["", "lossless", "relative", "", "lossless", "lossless"]
    assert list(tmp_path.iterdir()) == [source]


def test_every_verb_keeps_the_protocol():
    verbs = find_verbs()
    assert {"compress", "decompress", "info", "verify", "diff"} <= set(verbs)
    for name, module in verbs.items():
        assert module.HELP and "\n" not in module.HELP, name
        assert callable(module.add_arguments) and callable(module.run), name


def test_a_verb_in_two_modules_is_an_error(tmp_path, monkeypatch):
    package = tmp_path / "some_verbs"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "one.py").write_text("VERB = 'same'\n")
    (package / "two.py").write_text("VERB = 'same'\n")
    (package / "_hidden.py").write_text("raise ImportError\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(RuntimeError, match="same"):
        find_verbs("some_verbs", [str(package)])
    assert one_verb("one", "some_verbs", [str(package)]) is None
    assert one_verb("_hidden", "some_verbs", [str(package)]) is None


def test_version_and_help(capsys):
    for argv, word in ((["--version"], astroae.__version__), (["--help"], "compress")):
        with pytest.raises(SystemExit) as caught:
            main(argv)
        assert caught.value.code == 0
        assert word in capsys.readouterr().out


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self):
        return True


def test_bar_on_a_terminal_only():
    terminal, file = Terminal(), io.StringIO()
    for stream, quiet in ((terminal, False), (file, False), (Terminal(), True)):
        with ProgressBar("a.fits", quiet, stream) as bar:
            for i in range(1, 11):
                bar(i, 10)
        shown = stream.getvalue()
        assert ("100%" in shown and "a.fits" in shown) == (stream is terminal)
        assert not shown or shown.endswith("\r")


def test_closed_pipe_is_no_traceback(plain):
    packed = plain.with_name("a.aae.fits")
    astroae.compress(plain, packed)
    files = " ".join([str(packed)] * 50)
    done = subprocess.run(
        f"{sys.executable} -m astroae.cli info {files} | head -1",
        shell=True,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert "Traceback" not in done.stderr and "Exception" not in done.stderr


def test_header_prints_long_strings_card_by_card(tmp_path, capsys):
    hdu = fits.PrimaryHDU(sky((2, 2)))
    hdu.header["LONGTEXT"] = "many words " * 20
    hdu.writeto(tmp_path / "a.fits")
    assert main(["header", str(tmp_path / "a.fits")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert sum(line.startswith("CONTINUE") for line in lines) == 3
    assert max(map(len, lines[1:])) <= 80


def test_header_is_the_image_s_own(plain, capsys):
    fits.setval(plain, "OBJECT", value="M 31")
    packed = plain.with_name("a.aae.fits")
    astroae.compress(plain, packed)
    assert main(["header", str(packed), "-e", "1", "-k", "OBJECT", "-k", "NAXIS1"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["#", "NAXIS1", "OBJECT"]
    assert "320" in lines[1] and "M 31" in lines[2]
    assert main(["header", str(plain.with_name("nope.fits"))]) == 3


def test_image_that_does_not_get_smaller_is_an_image_of_astroae(tmp_path, capsys):
    source = tmp_path / "tiny.fits"
    fits.writeto(source, sky((4, 4)))
    assert main(["compress", str(source)]) == 0
    assert "does not get smaller" in capsys.readouterr().out
    packed, back = tmp_path / "tiny.aae.fits", tmp_path / "b.fits"
    with fits.open(packed) as hdus:
        assert len(hdus) == 2 and hdus[1].shape == (4, 4)
    assert main(["verify", str(packed)]) == 0
    assert main(["decompress", str(packed), "-o", str(back)]) == 0
    assert digest(back) == digest(source)


def test_file_that_never_was_compressed_is_refused(tmp_path, capsys):
    fits.writeto(tmp_path / "plain.fits", sky((4, 4)))
    assert main(["decompress", str(tmp_path / "plain.fits"), "-o", str(tmp_path / "b.fits")]) == 3
    assert "nothing in the file was compressed" in capsys.readouterr().err
    assert not (tmp_path / "b.fits").exists()


@pytest.mark.parametrize("overwrite", [[], ["--overwrite"]])
def test_two_inputs_never_share_an_output(tmp_path, capsys, overwrite):
    first, second = tmp_path / "a.fits", tmp_path / "a.fits.gz"
    fits.writeto(first, sky())
    fits.writeto(second, sky(seed=2))
    assert main(["compress", str(first), str(second), *overwrite]) == 7
    assert "same output" in capsys.readouterr().err
    packed = tmp_path / "a.aae.fits"
    assert (fits.getdata(packed) == fits.getdata(first)).all()
    (tmp_path / "a.aae.fits.gz").write_bytes(packed.read_bytes())
    first.unlink()
    assert main(["decompress", str(packed), f"{packed}.gz", *overwrite]) == 7
