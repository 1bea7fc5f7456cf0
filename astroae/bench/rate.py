"""Sizes: astroae beside its rivals on the same integers.

Counted are rows and heap of astroae's table, whole files of other formats, and
rows and heap of FITS tables; never image headers.  Nothing is dithered.
"""

import hashlib
import json
import math
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from astroae.bench.scenes import lossless_case, quantized_case, scene_of
from astroae.codec.image import decode_image, encode_image
from astroae.container.rows import pack
from astroae.settings import Bounded, Settings

__all__ = [
    "Measured",
    "SizeCache",
    "bytes_of",
    "measure",
    "noise_rates",
    "rows_to_dicts",
    "summary",
]

LEAST_SIDE = 256
#: bits/px of white noise at a step of sigma/q: the entropy of rounded Gaussian noise.
NOISE_LIMITS = {0.5: 1.254, 1.0: 2.105, 4.0: 4.051, 16.0: 6.047}
SMOOTHED_TARGET = 2.38  # bits/px at q = 4, noise smoothed by a Gaussian of sigma 1 px
NOISE_SIDE = 2048


@dataclass(frozen=True)
class Measured:
    """One image under one setting, sizes in bits per pixel.

    Parameters
    ----------
    name, instrument, kind, dtype : str
    lossy : bool
        Lossy before it came to us.
    shape : tuple of int
    setting : str
        ``"q=4"``, ``"q=1"``, ``"lossless"``.
    astroae : float
        Bits per pixel, rows and heap.
    rivals : dict of str to float
        Likewise; NaN where a rival cannot express the image.
    """

    name: str
    instrument: str
    kind: str
    dtype: str
    lossy: bool
    shape: tuple[int, ...]
    setting: str
    astroae: float
    rivals: dict[str, float] = field(default_factory=dict)

    def ratio(self, rival):
        """Size of astroae over that of a rival; NaN where there is none."""
        return self.astroae / self.rivals.get(rival, math.nan)

    @property
    def counts(self):
        """Whether headline averages hold it: a picture, 256 px or more, not lossy before."""
        large = len(self.shape) > 1 and min(self.shape[-2:]) >= LEAST_SIDE
        return large and self.kind != "planes" and not self.lossy


class SizeCache:
    """Sizes of rivals by their input, kept in a JSON file: they are slow and do not change."""

    def __init__(self, path=None):
        self._path = Path(path) if path else None
        self._sizes = {}
        if self._path and self._path.is_file():
            self._sizes = json.loads(self._path.read_text())

    def size(self, rival, scene):
        """Bytes that a rival needs, NaN where it cannot express the scene."""
        if rival.refuses(scene):
            return math.nan
        content = scene.levels if rival.exact else scene.scaled
        digest = hashlib.sha256(repr((content.shape, content.dtype.str)).encode())
        digest.update(np.ascontiguousarray(content))
        key = f"{rival.name} {digest.hexdigest()}"
        if key not in self._sizes:
            self._sizes[key] = rival.size(rival.encode(scene))
        return self._sizes[key]

    def save(self):
        """Write the file, if one was named."""
        if self._path:
            self._path.write_text(json.dumps(self._sizes))


def bytes_of(encoded):
    """Bytes of rows and heap of an `~astroae.codec.image.EncodedImage`."""
    return sum(len(piece) for piece in pack(encoded).pieces)


def measure(plate, rivals, *, levels=(4.0, 1.0), lossless=True, sigma="image", cache=None):
    """All that one image gives.

    Parameters
    ----------
    plate : `~astroae.bench.images.Plate`
    rivals : dict of str to Rival
    levels : sequence of float
        Quantisation levels q.
    lossless : bool
        Integer images also without loss.
    sigma : {"image", "tile"}
        One step for the image, or astroae's own per tile.
    cache : SizeCache, optional

    Yields
    ------
    Measured
    """
    cache = cache or SizeCache()
    cases = [quantized_case(plate, q, sigma) for q in levels]
    if lossless and plate.data.dtype.kind != "f":
        cases.append(lossless_case())
    for case in filter(None, cases):
        encoded = encode_image(plate.data, case.settings, blank=plate.blank)
        scene = scene_of(plate, case, encoded)
        pixels = plate.data.size
        yield Measured(
            plate.name,
            plate.instrument,
            plate.kind,
            plate.data.dtype.name,
            plate.lossy,
            plate.data.shape,
            case.label,
            bytes_of(encoded) * 8 / pixels,
            {
                name: (cache.size(rival, scene) if scene else math.nan) * 8 / pixels
                for name, rival in rivals.items()
            },
        )


def summary(rows, rival):
    """Ratio to one rival: mean over instruments of their means, and the extremes.

    Parameters
    ----------
    rows : list of Measured
        Of one setting; those that do not count are passed over.
    rival : str

    Returns
    -------
    dict
        ``mean``, ``images``, ``instruments``, ``worst`` (list of name and ratio,
        five at most, largest first), ``by_instrument``.
    """
    ratios = [(row.ratio(rival), row) for row in rows if row.counts]
    ratios = [(ratio, row) for ratio, row in ratios if math.isfinite(ratio)]
    groups = {}
    for ratio, row in ratios:
        groups.setdefault(row.instrument, []).append(ratio)
    means = {name: float(np.mean(group)) for name, group in groups.items()}
    ratios.sort(key=lambda pair: -pair[0])
    return {
        "mean": float(np.mean(list(means.values()))) if means else math.nan,
        "images": len(ratios),
        "instruments": len(means),
        "worst": [(row.name, float(ratio)) for ratio, row in ratios[:5]],
        "by_instrument": means,
    }


def noise_rates(side=NOISE_SIDE, seed=1):
    """Pure noise against its limits, and smoothed noise against its target.

    Yields
    ------
    dict
        ``field``, ``q``, ``bits`` per pixel, ``limit``, and ``over``: bits above it.
    """
    noise = np.random.default_rng(seed).normal(size=(side, side)).astype(np.float32)
    for q, limit in NOISE_LIMITS.items():
        yield _noise_rate("white", noise, q, limit)
    yield _noise_rate("smoothed", smoothed(noise), 4.0, SMOOTHED_TARGET)


def smoothed(noise, sigma=1.0):
    """Noise filtered by a Gaussian, with periodic edges, scaled to a deviation of 1."""
    wave = [2 * np.pi * np.fft.fftfreq(n) for n in noise.shape]
    window = np.exp(-0.5 * sigma**2 * (wave[0][:, None] ** 2 + wave[1][None, :] ** 2))
    field = np.fft.ifft2(np.fft.fft2(noise) * window).real
    return (field / field.std()).astype(np.float32)


def _noise_rate(name, field, q, limit):
    encoded = encode_image(field, Settings(Bounded(error_bound=0.5 / q, dither=0)))
    worst = float(np.abs(decode_image(encoded) - field).max()) * q
    bits = bytes_of(encoded) * 8 / field.size
    return {
        "field": name,
        "q": q,
        "bits": bits,
        "limit": limit,
        "over": bits - limit,
        "error in steps": worst,
    }


def rows_to_dicts(rows):
    """Plain values for JSON and CSV: one flat dict per row."""
    flat = []
    for row in rows:
        values = asdict(row)
        sizes = values.pop("rivals")
        values["shape"] = "x".join(str(n) for n in row.shape)
        flat.append(values | sizes | {f"ratio to {name}": row.ratio(name) for name in sizes})
    return flat
