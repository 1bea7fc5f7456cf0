"""One setting after the other, tried on one image: coded, decoded, validated."""

import time
from dataclasses import asdict, dataclass, field
from functools import cached_property

import numpy as np

from astroae.codec.image import decode_image
from astroae.container.rows import pack
from astroae.io.coded import is_exact
from astroae.io.encoding import encode_stored
from astroae.io.pixels import unit_of
from astroae.io.scaling import Scaling
from astroae.settings import Bounded, Lossless, Settings
from astroae.validation.measure import validate_pair
from astroae.validation.metrics import metrics
from astroae.validation.original import Original
from astroae.validation.pair import Pair
from astroae.validation.promises import coder

__all__ = ["Bench", "Trial", "mode_of"]

_ZEROS = 1e-3  # part of the pixels that are exactly 0, from which they must stay so


@dataclass(frozen=True)
class Trial:
    """What one setting does to an image.

    Attributes
    ----------
    quantize_level : float or None
        None: lossless.
    dither : int or None
    bytes : int
        Of the part that was tried: streams and tile table.
    bits_per_pixel, ratio : float
        Ratio to the stored pixels as FITS has them.
    verdict : str
        "pass", "fail", "undetermined"; "not smaller" than lossless: not validated.
    open : tuple of dict
        What was broken or undetermined, the worst first: name, verdict, text.
    seconds : float
    """

    quantize_level: float | None
    dither: int | None
    bytes: int
    bits_per_pixel: float
    ratio: float
    verdict: str
    open: tuple = ()
    seconds: float = field(default=0.0, compare=False)

    @property
    def setting(self):
        """As the command line has it."""
        if self.quantize_level is None:
            return "lossless"
        return f"-q {self.quantize_level:g}" + ("" if self.dither != 2 else " --dither 2")

    def to_dict(self):
        """Plain values, for JSON."""
        return asdict(self) | {"setting": self.setting}


class Bench:
    """An image and its measurements, on which settings are tried.

    Parameters
    ----------
    stored : array (y, x)
        Stored values of a FITS type.
    header : `~astropy.io.fits.Header`
        With BITPIX, BSCALE, BZERO and BLANK of these.
    about : dict
        What else `~astroae.validation.original.Original` is to know.
    tolerances : `~astroae.validation.tolerances.Tolerances`
    lossy_integers : bool
        Integers may lose too.
    dither : {0, 1, 2}, optional
        By default 2 where 0.1 % of the pixels are exactly 0, which stay so, else 1.
    tile_shape : tuple of int, optional
    threads : int, optional
    """

    def __init__(
        self,
        stored,
        header,
        *,
        about,
        tolerances,
        lossy_integers=False,
        dither=None,
        tile_shape=None,
        threads=None,
    ):
        stored = np.asarray(stored)
        self.stored = np.ascontiguousarray(stored, stored.dtype.newbyteorder("="))
        self.header, self.tolerances = header, tolerances
        self.tile_shape, self.threads = tile_shape, threads
        self._lossy_integers = lossy_integers
        self._scaling = Scaling(header)
        self.original = Original(self._physical(self.stored), **about)
        self.dither = self._dither() if dither is None else dither

    def _physical(self, stored):
        return self._scaling.to_physical(stored.copy())

    def _dither(self):
        if self.stored.dtype.kind != "f":
            return None
        return 2 if np.mean(self.stored == 0) > _ZEROS else 1

    @cached_property
    def lossless(self):
        """What always passes."""
        start = time.monotonic()
        size = _size(self._encoded(Settings(Lossless(), self.tile_shape)))
        return self._trial(None, size, "pass", start)

    def attempt(self, level, progress=None):
        """A `Trial` of one level.

        Parameters
        ----------
        level : float
        progress : callable, optional
            ``progress(done, total)``, metrics.
        """
        start = time.monotonic()
        mode = mode_of(level, self.dither, self._lossy_integers)
        settings = Settings(mode, self.tile_shape)
        encoded = self._encoded(settings)
        size = _size(encoded)
        if size >= self.lossless.bytes or is_exact(encoded, settings):
            return self._trial(level, size, "not smaller", start)
        restored = self._physical(decode_image(encoded, threads=self.threads))
        codec = coder(settings, self.stored.dtype, unit_of(self.header), self.threads)
        pair = Pair(self.original, restored, codec=codec)
        # Without a tolerance there is no verdict, and nothing to be measured for.
        judged = metrics().keys() & {name.partition(".")[0] for name in self.tolerances.limits}
        found = validate_pair(pair, tolerance=self.tolerances, only=judged, progress=progress)
        return self._trial(level, size, found.verdict, start, _open(found))

    def _encoded(self, settings):
        unit = unit_of(self.header)
        return encode_stored(self.stored, self.header, settings, unit, threads=self.threads)

    def _trial(self, level, size, verdict, start, left=()):
        dither = None if level is None else self.dither
        seconds = time.monotonic() - start
        bits, ratio = 8 * size / self.stored.size, self.stored.nbytes / size
        return Trial(level, dither, size, bits, ratio, verdict, left, seconds)


def mode_of(level, dither, lossy_integers=False):
    """Bounded mode of that level, or lossless for None."""
    if level is None:
        return Lossless()
    return Bounded(level, dither=1 if dither is None else dither, lossy_integers=lossy_integers)


def _size(encoded):
    packed = pack(encoded)
    return packed.rows.nbytes + sum(len(piece) for piece in packed.heap)


def _open(found):
    """What keeps an image from passing: failures before the undecided."""
    plain = zip(found.results, found.to_dict()["results"])
    left = [(r, values) for r, values in plain if r.verdict in ("fail", "undetermined")]
    if found.verdict != "pass" and not left:
        return ({"name": "validation", "verdict": "undetermined", "text": "nothing was measured"},)
    left.sort(key=lambda each: each[0].verdict != "fail")
    keys = ("name", "verdict", "value", "low", "high", "limit", "unit", "n", "needed")
    return tuple({key: values[key] for key in keys} | {"text": r.text} for r, values in left)
