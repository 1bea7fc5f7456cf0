"""The input is never written to, and what is renamed has reached the disk."""

import os

import pytest

from astroae.errors import OutputError
from astroae.io.atomic import atomic_output, check_target


@pytest.mark.parametrize("make", [os.symlink, os.link], ids=["symbolic link", "hard link"])
def test_the_input_by_another_name(tmp_path, make):
    source, other = tmp_path / "a.fits", tmp_path / "b.fits"
    source.write_bytes(b"the only copy")
    make(source, other)
    for target in (other, tmp_path / "." / "sub" / ".." / "a.fits"):
        (tmp_path / "sub").mkdir(exist_ok=True)
        with pytest.raises(OutputError, match="the input itself"):
            check_target(target, source=source, overwrite=True)


def test_bytes_reach_the_disk_before_the_name_does(tmp_path, monkeypatch):
    done = []

    def logged(name):
        whole = getattr(os, name)

        def call(*args):
            done.append((name, (tmp_path / "a.bin").exists()))
            return whole(*args)

        monkeypatch.setattr(os, name, call)

    for name in ("fsync", "replace"):
        logged(name)
    with atomic_output(tmp_path / "a.bin") as out:
        out.write(b"whole")
    assert done[:2] == [("fsync", False), ("replace", False)]
    if os.name == "posix":
        assert done[2:] == [("fsync", True)]
