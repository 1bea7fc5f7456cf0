"""Bad input through the real program: class, four parts, exit code, nothing touched."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from astropy.io import fits

import astroae
from astroae.cli.__main__ import main
from astroae.io.spans import scan
from astroae.io.tests.helpers import sky

PROGRAM = [sys.executable, "-m", "astroae.cli"]


def contents(folder):
    """Every file below a folder, hidden ones too, with its hash."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def check_fails(capsys, folder, argv, code, wrong, *words):
    """The program fails as it should, and the folder is as it was."""
    before = contents(folder)
    assert main([*map(str, argv), "--json"]) == code
    out, err = capsys.readouterr()
    assert "Traceback" not in err
    assert contents(folder) == before
    error = json.loads(out)["files"][0]["error"]
    assert error["class"] == wrong.__name__
    assert error["exit_code"] == code == wrong.exit_code
    for part in ("what", "where", "found", "hint"):
        assert error[part], f"no {part!r} in {error['message']!r}"
    for word in words:
        assert word in error["message"], f"{word!r} is not in {error['message']!r}"
    assert error["message"] in err


@pytest.fixture
def plain(tmp_path):
    fits.writeto(tmp_path / "a.fits", sky((600, 500)))
    return tmp_path / "a.fits"


@pytest.fixture
def packed(plain):
    target = plain.with_name("a.aae.fits")
    astroae.compress(plain, target)
    plain.unlink()
    return target


def not_fits(path):
    path.write_text("This is no FITS file.\n" * 200)


def empty_file(path):
    path.write_bytes(b"")


def truncated(path):
    fits.writeto(path, sky())
    os.truncate(path, 100_000)


def truncated_header(path):
    fits.HDUList([fits.PrimaryHDU(sky()), fits.ImageHDU(sky())]).writeto(path)
    os.truncate(path, scan(path)[1].start + 1000)


def no_end_card(path):
    path.write_bytes(b"SIMPLE  =                    T".ljust(80) * 36 * 5)


def lying_size(path):
    fits.writeto(path, sky())
    raw = path.read_bytes()
    path.write_bytes(
        raw.replace(b"NAXIS1  =                  320", b"NAXIS1  =         320000000000")
    )


def no_image(path):
    column = fits.Column("a", "J", array=np.arange(5))
    fits.HDUList([fits.PrimaryHDU(), fits.BinTableHDU.from_columns([column])]).writeto(path)


def no_pixels(path):
    fits.HDUList([fits.PrimaryHDU(), fits.ImageHDU(np.zeros((0, 5), "f4"))]).writeto(path)


def damaged_gzip(path):
    import gzip

    path.write_bytes(gzip.compress(sky().tobytes())[:-5000])


@pytest.mark.parametrize(
    "make",
    [
        not_fits,
        empty_file,
        truncated,
        truncated_header,
        no_end_card,
        lying_size,
        no_image,
        no_pixels,
        damaged_gzip,
    ],
)
def test_input_that_cannot_be_used(tmp_path, capsys, make):
    make(tmp_path / "bad.fits")
    argv = ["compress", tmp_path / "bad.fits"]
    check_fails(capsys, tmp_path, argv, 3, astroae.InputError, "bad.fits")


@pytest.mark.parametrize("verb", ["compress", "decompress", "info", "verify"])
def test_input_that_is_not_there(tmp_path, capsys, verb):
    argv = [verb, tmp_path / "nope.fits"]
    check_fails(capsys, tmp_path, argv, 3, astroae.InputError, "nope.fits", "No such file")


@pytest.mark.parametrize("data", [np.float32(3), np.zeros((0, 4)), np.zeros(4, complex)])
def test_arrays_that_no_fits_image_holds(data):
    with pytest.raises(astroae.UnsupportedDataError) as caught:
        astroae.encode(data)
    error = caught.value
    assert error.exit_code == 4
    assert all((error.what, error.where, error.found, error.hint)), str(error)


def check_wrong_setting(capsys, folder, argv, *words):
    """Wrong settings are one error for all files, before any is read."""
    before = contents(folder)
    assert main([str(part) for part in argv]) == 2
    out, err = capsys.readouterr()
    assert "Traceback" not in err and out == ""
    assert contents(folder) == before
    for word in words:
        assert word in err


@pytest.mark.parametrize("value", ["0", "-4", "nan", "inf", "four", ""])
@pytest.mark.parametrize("option", ["-q", "-e"])
def test_wrong_setting(plain, capsys, option, value):
    argv = ["compress", plain, f"{option}{value}"] if value else ["compress", plain, option, ""]
    check_wrong_setting(capsys, plain.parent, argv, "above 0")


def test_two_modes_at_once(plain, capsys):
    argv = ["compress", plain, "-q", "4", "-e", "0.5"]
    check_wrong_setting(capsys, plain.parent, argv, "quantize_level and error_bound")


@pytest.mark.parametrize(
    "options",
    [
        ["--dither", "7", "-q", "4"],
        ["--dither", "1"],
        ["--dither-seed", "0"],
        ["--tile-shape", "0,5"],
        ["--tile-shape", "a,b"],
        ["--model", "classical", "--embed-model"],
        ["--latent-step", "2"],
        ["--skips", "cut", "-q", "4"],
        ["--plane", "SCI"],
        ["-o", "x.fits", "--output-dir", "y"],
    ],
)
def test_other_wrong_settings(plain, capsys, options):
    check_wrong_setting(capsys, plain.parent, ["compress", plain, *options])


def test_a_model_that_is_not_here(plain, capsys):
    before = contents(plain.parent)
    assert main(["compress", str(plain), "--model", "unheard-of"]) == 6
    assert "unheard-of: no such model" in capsys.readouterr().err
    assert contents(plain.parent) == before


def test_unknown_option_is_wrong_usage(plain, capsys):
    with pytest.raises(SystemExit) as caught:
        main(["compress", str(plain), "--no-such-option"])
    assert caught.value.code == 2
    assert "usage" in capsys.readouterr().err


def test_output_exists(plain, capsys):
    plain.with_name("a.aae.fits").write_bytes(b"precious")
    check_fails(capsys, plain.parent, ["compress", plain], 7, astroae.OutputError, "exists")


def test_output_folder_is_missing(plain, capsys):
    argv = ["compress", plain, "--output-dir", plain.parent / "no" / "such"]
    check_fails(capsys, plain.parent, argv, 7, astroae.OutputError, "no/such")


def test_output_is_the_input(plain, capsys):
    argv = ["compress", plain, "-o", plain, "--overwrite"]
    check_fails(capsys, plain.parent, argv, 7, astroae.OutputError, "the input")


def test_compressed_twice(packed, capsys):
    argv = ["compress", packed, "-o", packed.with_name("b.fits")]
    check_fails(capsys, packed.parent, argv, 3, astroae.InputError, "already")


def test_newer_format(packed, capsys):
    fits.setval(packed, "AEVERSN", value=99, ext=1, disable_image_compression=True)
    for verb in ("decompress", "verify", "info"):
        argv = [verb, packed]
        check_fails(capsys, packed.parent, argv, 6, astroae.FormatVersionError, "extension 1", "99")


def corrupt_tile(path, tile=3):
    """Flip a bit of one tile's stream."""
    span = scan(path)[1]
    row = span.data + tile * span.header["NAXIS1"]
    length, offset = np.frombuffer(path.read_bytes(), ">i4", 2, row)
    start = span.data + span.header["NAXIS1"] * span.header["NAXIS2"]
    raw = bytearray(path.read_bytes())
    raw[start + int(offset) + int(length) // 2] ^= 16
    path.write_bytes(raw)


def test_corrupt_tile_is_named(packed, capsys):
    corrupt_tile(packed)
    argv = ["decompress", packed]
    check_fails(
        capsys,
        packed.parent,
        argv,
        5,
        astroae.CorruptFileError,
        "a.aae.fits",
        "extension 1",
        "tile 3",
    )
    assert main(["verify", str(packed)]) == 1
    assert "tile 3" in capsys.readouterr().out


def test_corrupt_tile_can_be_blanked(packed, capsys):
    corrupt_tile(packed)
    assert main(["decompress", str(packed), "--keep-going"]) == 5
    assert "tile 3" in capsys.readouterr().err
    back, before = fits.getdata(packed.with_name("a.fits")), sky((600, 500))
    lost = np.isnan(back)
    assert lost[256:512, 256:].all() and lost.sum() == 256 * 244
    assert (back[~lost] == before[~lost]).all()


LIES = {
    "rows": ("NAXIS2", 2**40),
    "fewer rows": ("NAXIS2", 2),
    "row width": ("NAXIS1", 10**9),
    "heap size": ("PCOUNT", 10**15),
    "small heap": ("PCOUNT", 10),
    "negative heap": ("PCOUNT", -5),
    "heap start": ("THEAP", 10**12),
    "columns": ("TFIELDS", 10**8),
    "column format": ("TFORM2", "999999999J"),
    "column name": ("TTYPE2", "NONSENSE"),
    "width of the image": ("AENAXIS1", 10**12),
    "negative axis": ("AENAXIS2", -1),
    "axes": ("AENAXIS", 1000),
    "missing axes": ("AENAXIS", 3),
    "tile": ("AETILE1", 0),
    "huge tile": ("AETILE1", 10**12),
    "type": ("AEBITPIX", 17),
    "mode": ("AEMODE", "magic"),
    "wrong type": ("AEVERSN", "one"),
}


@pytest.mark.parametrize("lie", LIES)
def test_tables_that_lie(packed, capsys, lie):
    key, value = LIES[lie]
    raw = packed.read_bytes()
    span = scan(packed)[1]
    header = span.header.copy()
    header[key] = value
    text = header.tostring().encode()
    packed.write_bytes(raw[: span.start] + text + raw[span.data :])
    before = contents(packed.parent)
    code = main(["decompress", str(packed)])
    err = capsys.readouterr().err
    assert code in (3, 5), err
    assert "Traceback" not in err and "a.aae.fits" in err
    assert contents(packed.parent) == before


@pytest.mark.parametrize("value", [2**31 - 1, -1, -(2**31)])
@pytest.mark.parametrize("word", [0, 1])
def test_streams_that_lie(packed, capsys, word, value):
    raw = bytearray(packed.read_bytes())
    place = scan(packed)[1].data + 4 * word
    raw[place : place + 4] = value.to_bytes(4, "big", signed=True)
    packed.write_bytes(raw)
    argv = ["decompress", packed]
    check_fails(capsys, packed.parent, argv, 5, astroae.CorruptFileError, "tile 0")


def test_truncated_compressed_file(packed, capsys):
    os.truncate(packed, packed.stat().st_size // 2)
    for verb in ("decompress", "info"):
        check_fails(capsys, packed.parent, [verb, packed], 5, astroae.CorruptFileError, "cut short")


def test_many_files_go_on_and_the_worst_code_is_returned(plain, capsys):
    not_fits(plain.with_name("text.fits"))
    plain.with_name("c.aae.fits").write_bytes(b"there already")
    fits.writeto(plain.with_name("c.fits"), sky())
    names = [plain.with_name(name) for name in ("text.fits", "a.fits", "c.fits", "nope.fits")]
    assert main(["compress", *map(str, names)]) == 7
    err = capsys.readouterr().err
    assert plain.with_name("a.aae.fits").exists()
    assert err.count("astroae compress:") == 4
    assert "3 of 4 failed" in err and "(7)" in err and "(3)" in err


def test_debug_prints_the_traceback(tmp_path, capsys):
    assert main(["compress", str(tmp_path / "nope.fits"), "--debug"]) == 3
    assert "Traceback" in capsys.readouterr().err


def run_limited(argv, **limits):
    """The program in a process of its own, under resource limits."""
    import resource

    def limit():
        for name, value in limits.items():
            resource.setrlimit(getattr(resource, name), (value, value))

    return subprocess.run(
        [*PROGRAM, *map(str, argv)], preexec_fn=limit, capture_output=True, text=True, timeout=120
    )


@pytest.mark.skipif(os.name != "posix", reason="resource limits are of POSIX")
def test_full_disk(plain):
    before = contents(plain.parent)
    done = run_limited(["compress", plain], RLIMIT_FSIZE=100_000)
    assert done.returncode == 7, done.stderr
    assert "could not be written" in done.stderr and "Traceback" not in done.stderr
    assert contents(plain.parent) == before, "something half-written was left"


@pytest.mark.skipif(os.name != "posix", reason="signals are of POSIX")
def test_killed_process_leaves_no_half_file(tmp_path):
    fits.writeto(tmp_path / "a.fits", sky((3000, 3000)))
    before = contents(tmp_path)
    process = subprocess.Popen([*PROGRAM, "compress", str(tmp_path / "a.fits")])
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob(".a.aae.fits.*.part")) and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    assert process.wait(30) == -signal.SIGKILL
    left = contents(tmp_path)
    assert "a.aae.fits" not in left
    assert left["a.fits"] == before["a.fits"]
    assert set(left) - set(before) <= {path.name for path in tmp_path.glob(".*.part")}


@pytest.mark.skipif(os.name != "posix", reason="signals are of POSIX")
def test_interrupted_process_cleans_up(tmp_path):
    fits.writeto(tmp_path / "a.fits", sky((3000, 3000)))
    before = contents(tmp_path)
    process = subprocess.Popen(
        [*PROGRAM, "compress", str(tmp_path / "a.fits")],
        stderr=subprocess.PIPE,
        text=True,
        # A shell makes what it runs in the background ignore it, and children inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob(".a.aae.fits.*.part")) and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "interrupted" in err and "Traceback" not in err
    assert contents(tmp_path) == before


def test_missing_extra(tmp_path):
    code = (
        "import sys; sys.modules['matplotlib'] = None\n"
        "from astroae.cli.__main__ import main\n"
        f"sys.exit(main(['demo', '--output', {str(tmp_path)!r}]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 8, done.stderr
    assert "pip install" in done.stderr and "astroae[" in done.stderr
    assert "Traceback" not in done.stderr
