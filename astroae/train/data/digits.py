"""scikit-learn's digits as MNIST's files: ``python -m astroae.train.data.digits DIR``.

1797 digits of 8 x 8 pixels with levels of 0 to 16 (E. Alpaydin & C. Kaynak, Optical
Recognition of Handwritten Digits, UCI, CC BY 4.0) become 28 x 28 pixels with levels of
0 to 255, resized by area and rounded.  The first 1437 are for training, the other 360
are the test set; neighbours in the list come from one hand, so it is cut, not shuffled.
"""

import argparse
from pathlib import Path

import numpy as np

from astroae.errors import MissingDependencyError
from astroae.pixels.resize import resize_levels
from astroae.train.data.arrays import write_idx

__all__ = ["TRAINING", "digits", "write_digits"]

TRAINING = 1437
_SIDE, _LEVELS = 28, 16


def digits():
    """All digits: images (1797, 28, 28) and labels (1797,), both uint8.

    Raises
    ------
    MissingDependencyError
        Without scikit-learn.
    """
    try:
        from sklearn.datasets import load_digits
    except ImportError as exc:
        raise MissingDependencyError(
            "scikit-learn, which holds the digits, is not installed",
            where="astroae.train.data.digits",
            found=str(exc),
            hint="pip install astroae[explore]",
        ) from exc
    found = load_digits()
    large = resize_levels(found.images, (_SIDE, _SIDE)) * (255 / _LEVELS)
    return np.rint(large).astype(np.uint8), found.target.astype(np.uint8)


def write_digits(folder):
    """Write the four files of a set like MNIST, gzipped.

    Parameters
    ----------
    folder : path-like
        Made where it is missing.

    Returns
    -------
    list of Path
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    images, labels = digits()
    written = []
    for part, chosen in (("train", slice(TRAINING)), ("t10k", slice(TRAINING, None))):
        for name, values in (("images-idx3", images), ("labels-idx1", labels)):
            written.append(folder / f"{part}-{name}-ubyte.gz")
            write_idx(written[-1], values[chosen])
    return written


def main(argv=None):
    """Write the files and say which."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path, help="where the four files are written")
    for path in write_digits(parser.parse_args(argv).folder):
        print(path)


if __name__ == "__main__":
    main()
