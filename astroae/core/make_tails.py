"""Write the frozen tails of the coder's tables: ``src/tails.h`` and ``tails.npy``.

``TAILS[shape][i]``: probability, in 2^-30, that a residual of deviation 1 lies above
i / 32.  Shapes are mixtures of Gaussians (weight, deviation), from pure to long-tailed.
The numbers are part of the format: run this again only with a new format number.
"""

from math import erfc, sqrt
from pathlib import Path

import numpy as np

COUNT, FINE, ONE = 641, 32, 2**30
SHAPES = (
    ((1, 1),),
    ((0.9, 0.93), (0.1, 1.6)),
    ((0.3, 0.55), (0.5, 1), (0.2, 1.7)),
    ((0.35, 0.45), (0.4, 0.9), (0.2, 2), (0.05, 4)),
    ((0.45, 0.35), (0.3, 0.8), (0.17, 2), (0.08, 5)),
)


def tails():
    """Array (shape, place) of uint32."""
    places = [i / FINE for i in range(COUNT)]
    rows = [
        [round(ONE * sum(w * erfc(x / s / sqrt(2)) / 2 for w, s in shape)) for x in places]
        for shape in SHAPES
    ]
    return np.array(rows, np.uint32)


def header(table):
    """The table as C."""
    lines = [
        "/* Made by make_tails.py; part of the format. */",
        f"enum {{ TAIL_COUNT = {COUNT} }};",
        f"static const uint32_t TAILS[{len(table)}][TAIL_COUNT] = {{",
    ]
    for row in table:
        parts = [", ".join(map(str, row[i : i + 10])) for i in range(0, COUNT, 10)]
        lines += ["    {" + ",\n     ".join(parts) + "},"]
    return "\n".join([*lines, "};", ""])


if __name__ == "__main__":
    here, table = Path(__file__).parent, tails()
    (here / "src" / "tails.h").write_text(header(table))
    np.save(here / "tails.npy", table)
