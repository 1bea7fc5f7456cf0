"""Write ``shapes.npy``, the frozen error distributions (run once; see `tables`).

``python -m astroae.entropy.make_shapes`` writes it again.  The file, not this
program, defines the format: a libm that rounds otherwise must not change a
probability.
"""

from math import erfc, sqrt
from pathlib import Path

import numpy as np

STEPS_PER_SCALE = 64
LENGTH = 16 * STEPS_PER_SCALE + 1
TOTAL = 1 << 30

#: Mixtures of zero-mean Gaussians as (weight, width) pairs, light to heavy tails.
MIXTURES = (
    ((1.0, 1.0),),
    ((0.90, 0.93), (0.10, 1.6)),
    ((0.30, 0.55), (0.50, 1.0), (0.20, 1.7)),
    ((0.35, 0.45), (0.40, 0.9), (0.20, 2.0), (0.05, 4.0)),
    ((0.45, 0.35), (0.30, 0.8), (0.17, 2.0), (0.08, 5.0)),
)


def upper_tail(mixture):
    """Probability above z scales, z in steps of 1/64, as integers out of 2^30."""
    z = np.arange(LENGTH) / STEPS_PER_SCALE
    return [round(TOTAL * sum(w * erfc(x / s / sqrt(2)) / 2 for w, s in mixture)) for x in z]


def main():
    """Write the file beside this module."""
    tails = np.array([upper_tail(m) for m in MIXTURES], "<u4")
    np.save(Path(__file__).with_name("shapes.npy"), tails)


if __name__ == "__main__":
    main()
