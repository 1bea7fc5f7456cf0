"""Make the stamp lists: ``python -m astroae.train.stamps.make DATA FOLDER``.

``DATA`` holds ``train/``, ``measure/`` and ``SOURCES.csv``; the lists are written
into ``FOLDER``.  Every image gives at most `MOST` cut-outs of `SIDE` pixels, side by
side around its centre, from the middle plane of a cube; one that is smaller, down to
`SMALLEST` pixels, gives one square of its shorter side.  Left out are masks, weights
and noise maps (``kind=planes``), simulated images, spectra of one axis, and cut-outs
that are constant or of which less than `DEFINED` is defined.
"""

import argparse
import csv
from pathlib import Path

import numpy as np

from astroae.train.data.fitsimages import FitsFiles, read_sources, whole_image
from astroae.train.data.lists import COLUMNS, LISTS
from astroae.train.data.origin import hashed, sha256_of
from astroae.train.data.view import cut_up

SIDE, SMALLEST, MOST, DEFINED = 187, 100, 12, 0.99


def list_stamps(data, group):
    """Lines of one stamp list.

    Parameters
    ----------
    data : Path
    group : str
        Sub-folder.

    Returns
    -------
    list of dict
        With the keys `COLUMNS`, in the order of file names.
    """
    lines = []
    for _, about in sorted(read_sources(data).items()):
        if about["group"] == group and about["kind"] != "planes" and about["simulated"] != "yes":
            file = about["file"]
            whole = whole_image(data / file, file, about["instrument"])
            kept = _pick(FitsFiles(data, [whole]), whole)
            lines += [_line(origin, about["kind"], sha256_of(data / file)) for origin in kept]
    return lines


def _pick(source, whole):
    shorter = min(whole.height, whole.width)
    if shorter < SMALLEST:
        return []
    side, most = (SIDE, whole.height * whole.width) if shorter >= SIDE else (shorter, 1)
    good = [origin for origin in cut_up(whole, side, most) if is_usable(source.read(origin))]
    good.sort(key=lambda o: hashed("list", o.file, o.plane, o.y, o.x))
    return sorted(good[:MOST], key=lambda o: (o.y, o.x))


def is_usable(values):
    """Whether a cut-out is defined nearly everywhere, and not constant."""
    finite = values[np.isfinite(values)]
    return finite.size >= DEFINED * values.size and bool(finite.max() > finite.min())


def _line(origin, kind, sha256):
    values = (origin.file, origin.hdu, origin.plane, origin.y, origin.x, origin.height)
    return dict(zip(COLUMNS, (*values, kind, origin.group, sha256)))


def main(argv=None):
    """Write both lists."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("data", type=Path, help="folder with train/, measure/ and SOURCES.csv")
    parser.add_argument("folder", type=Path, help="where the lists are written")
    options = parser.parse_args(argv)
    for group in LISTS:
        lines = list_stamps(options.data, group)
        with open(options.folder / f"{group}.csv", "w", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
            writer.writeheader()
            writer.writerows(lines)
        images = len({line["file"] for line in lines})
        print(f"{group}: {len(lines)} stamps of {images} images")


if __name__ == "__main__":
    main()
