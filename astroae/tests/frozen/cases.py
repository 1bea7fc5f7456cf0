"""The frozen files: which images they hold, and how they were compressed.

Pixels come from the raw words of a bit generator, which numpy promises to keep, and
headers are written card by card: the inputs are the same bytes wherever they are made.
"""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

import astroae
from astroae.nets.tests.models import any_size, random_model

__all__ = ["CASES", "FOLDER", "FPACKED", "Case"]

FOLDER = Path(__file__).parent
#: A tile-compressed file that is taken over: an input, made once by astropy.
FPACKED = FOLDER / "fpacked.fits.fz"
BLOCK, BLANK = 2880, -32768
BITPIX = {"u1": 8, "i2": 16, "i4": 32, "i8": 64, "f4": -32, "f8": -64}
SHAPE, TILE = (48, 64), (24, 32)


@dataclass(frozen=True)
class Case:
    """A file: its images by name, further cards of them, and the options of `compress`."""

    name: str
    images: dict = field(default_factory=dict)
    options: dict = field(default_factory=dict)
    cards: dict = field(default_factory=dict)

    @property
    def file(self):
        """The frozen file."""
        return FOLDER / f"{self.name}.aae.fits"

    def source(self):
        """Bytes of the original."""
        if not self.images:
            return FPACKED.read_bytes()
        parts = [_header([("SIMPLE", True), ("BITPIX", 8), ("NAXIS", 0), ("EXTEND", True)])]
        for name, data in self.images.items():
            parts += _extension(name, data, self.cards.get(name, ()))
        return b"".join(parts)

    def compress(self, folder):
        """Bytes of the compressed file, made anew in a folder."""
        source, target = Path(folder) / f"{self.name}.fits", Path(folder) / "made.aae.fits"
        source.write_bytes(self.source())
        astroae.compress(source, target, preview=False, overwrite=True, **self.options)
        return target.read_bytes()


def _extension(name, data, cards):
    axes = [(f"NAXIS{n}", size) for n, size in enumerate(reversed(data.shape), 1)]
    values = [("XTENSION", "IMAGE"), ("BITPIX", BITPIX[data.dtype.str[1:]]), ("NAXIS", data.ndim)]
    values += [*axes, ("PCOUNT", 0), ("GCOUNT", 1), ("EXTNAME", name), *cards]
    raw = data.astype(data.dtype.newbyteorder(">")).tobytes()
    return _header(values), raw, bytes(-len(raw) % BLOCK)


def _header(values):
    text = "".join(_card(*value) for value in values) + "END".ljust(80)
    return text.ljust(-(-len(text) // BLOCK) * BLOCK).encode()


def _card(key, value):
    if isinstance(value, bool):
        text = f"{'T' if value else 'F':>20s}"
    else:
        text = f"'{value:8s}'" if isinstance(value, str) else f"{value!r:>20s}"
    return f"{key:8s}= {text}".ljust(80)


# ---- pixels --------------------------------------------------------------------------------


def _words(shape, seed):
    return np.random.PCG64(seed).random_raw(int(np.prod(shape))).astype("<u8").reshape(shape)


def _noise(shape, seed):
    """Nearly Gaussian whole numbers, sigma 209."""
    raw = _words(shape, seed).view("u1").reshape(*shape, 8)
    return raw.sum(-1, dtype=np.int64) - 1020


def _sky(shape, seed, dtype="f4"):
    """Noise of sigma 5.2 on a slope, with a few stars."""
    field = 100 + _noise(shape, seed) / 40 + np.arange(shape[-1]) / 7
    field.flat[11 :: max(97, field.size // 9)] += 4000
    return field.astype(dtype)


def _half(data):
    """Constant in its second half: what cannot be made smaller is kept as it is."""
    data = data.copy()
    data[..., data.shape[-1] // 2 :] = 1
    return data


def _holes(data):
    """With a NaN that has a payload, infinities and a negative zero."""
    data = data.copy()
    data[..., 3:9, 10:30], data[..., 40, 7], data[..., 41, 7] = np.nan, np.inf, -np.inf
    data[..., 30, 9] = -0.0
    data.view("u4")[..., 5, 15] = 0x7FC12345
    return data


def _blank(data):
    data = data.copy()
    data[10:14, 30:50], data[-1, -1] = BLANK, BLANK
    return data


def _chains():
    """Numbers that tell what follows them, mostly."""
    steps = np.where(_words(SHAPE, 23) % 29 == 0, 2, 1)
    chain = np.array([7, 3000, 7, 120, 7, 41, 7, 2999, 7, 500, 7, 41, 7, 120], "i2")
    return chain[np.cumsum(steps).reshape(SHAPE) % len(chain)]


def _copied():
    """Pixels twice as large as they were, of few levels."""
    return np.repeat(np.repeat(_noise((48, 56), 24) // 64, 2, 0), 2, 1).astype("i2")


def _integers():
    far_apart = np.array([-(2**63), -70000, 5, 12, 90000, 2**63 - 1])
    wide = _words(SHAPE, 3).view("i8").copy()
    wide[:, 32:] = np.where(wide % 5 == 0, wide, -7)[:, 32:]
    wide[24:] = -7
    return {
        "BYTES": (_words(SHAPE, 4) % 251 // 240).astype("u1"),
        "SHORTS": _blank(_sky(SHAPE, 5, "i2")),
        "LEVELS": far_apart[_words(SHAPE, 6) % 6],
        "CHAINS": _chains(),
        "WIDE": wide,
    }


def _floats():
    few = np.array([np.nan, -999, -2, 2.1, 10.5, 40], "f4")
    return {
        "LEVELS": few[_words(SHAPE, 7) % 6],
        "QUARTERS": np.round(_sky(SHAPE, 10) * 4) / 4,
        "SPLIT": _half(_holes(_sky(SHAPE, 11))),
        "DOUBLES": _half(_half(_sky(SHAPE, 12, "f8")).T).T,
    }


def _planes():
    return {
        "SCI": _holes(_sky((2, *SHAPE), 13)),
        "LINE": _sky((3000,), 14),
        "ERR": np.abs(_sky(SHAPE, 15)) / 10,
        "DQ": (_words(SHAPE, 16) % 97 == 0).astype("i2"),
    }


def _zeros():
    return np.where(_words(SHAPE, 17) % 5 == 0, 0, _holes(_sky(SHAPE, 18))).astype("f4")


def _case(name, images, cards=(), **options):
    return Case(name, images, {"tile_shape": TILE, **options}, dict.fromkeys(images, cards))


BLANKED = [("BLANK", BLANK)]
DOUBLED = [("BSCALE", 2.0)]
MODEL = random_model(any_size(), input={"kind": "minmax", "stretch": "asinh"})
CASES = (
    _case("integers", _integers(), BLANKED),
    _case("floats", _floats()),
    _case("dither1", _planes(), quantize_level=4),
    _case("dither2", {"SCI": _zeros()}, DOUBLED, error_bound=0.5, dither=2, dither_seed=9999),
    _case("dither0", {"SCI": _sky(SHAPE, 19, "f8")}, quantize_level=1, dither=0),
    # A tile of full size, with those at its edge: every level of a predictor.
    Case("full_tile", {"SCI": _sky((144, 264), 22)}, {"error_bound": 10}),
    _case(
        "steps",
        {"LONGS": _blank(_sky(SHAPE, 20, "i4"))},
        BLANKED,
        quantize_level=1,
        lossy_integers=True,
        planes={"LONGS": "image"},
    ),
    Case("high", {"SCI": _sky((96, 112), 25), "COPIED": _copied()}, {"effort": "high"}),
    _case("latents", {"SCI": _sky((72, 64), 21)}, model=MODEL, embed_model=True),
    Case("taken_over"),
)
