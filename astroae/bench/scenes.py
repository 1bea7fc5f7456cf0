"""What of an image is coded: the settings astroae gets, the levels rivals get.

All coders get the same integers.  With one step for the whole image
(``sigma="image"``) these are the pixels in steps, rounded; with astroae's own
steps (``sigma="tile"``) they are read from its output.  Undefined pixels take the
median level, which is kinder to rivals than the markers that FITS writes;
astroae pays for its masks.  The least level is subtracted.
"""

import math
from dataclasses import dataclass

import numpy as np

from astroae.bench.rivals import Scene
from astroae.codec.image import decode_image
from astroae.pixels.noise import noise_sigma
from astroae.settings import Bounded, Lossless, Settings

__all__ = ["Case", "levels_per_tile", "lossless_case", "quantized_case", "scene_of"]

MAX_LEVEL = 2**31 - 1


@dataclass(frozen=True)
class Case:
    """One image under one setting.

    Parameters
    ----------
    label : str
        ``"q=4"``, ``"lossless"``: what is averaged with what.
    settings : Settings
        For astroae.
    step : float
        Distance of two levels in stored units; NaN where each tile has its own.
    """

    label: str
    settings: Settings
    step: float


def lossless_case():
    """Every stored integer as it is."""
    return Case("lossless", Settings(Lossless()), 1.0)


def quantized_case(plate, q, sigma="image"):
    """The image at a step of sigma/q, or None where that is lossless.

    Integer images whose step would be 1 are lossless, and counted there; floats
    without noise have no step.
    """
    noise = noise_sigma(plate.data, plate.good)
    whole = plate.data.dtype.kind != "f"
    half = math.floor(noise / q / 2) if whole else noise / q / 2
    if half <= 0:
        return None
    step = 2 * half + 1 if whole else 2 * half
    if sigma == "tile":
        asked = Bounded(quantize_level=q, dither=0, lossy_integers=True)
        return Case(f"q={q:g}", Settings(asked), math.nan)
    asked = Bounded(error_bound=half, dither=0, lossy_integers=True)
    return Case(f"q={q:g}", Settings(asked), float(step))


def scene_of(plate, case, encoded):
    """The `Scene` for rivals, or None where a level is beyond 31 bits."""
    good = plate.good
    if math.isnan(case.step):
        values = levels_per_tile(encoded)
        scaled = None
    else:
        # Integers stay integers where nothing is divided: float64 has no room for all 64 bits.
        exact = case.step == 1
        values = np.where(good, plate.data, 0).astype(np.int64 if exact else np.float64)
        values = values if exact else values / case.step
        scaled = values if plate.data.dtype.kind == "f" else None
    fill = np.rint(np.median(values[good])) if good.any() else 0
    values = np.where(good, values, values.dtype.type(fill))
    least = values.min()
    if not 0 <= float(values.max()) - float(least) <= MAX_LEVEL:
        return None
    flat = (-1, plate.data.shape[-1])
    levels = np.rint(values).astype(np.int64).reshape(flat)
    if scaled is not None:
        scaled = (values - least).astype(plate.data.dtype).reshape(flat)
    return Scene(levels - levels.min(), scaled)


def levels_per_tile(encoded):
    """Levels of each pixel on its tile's own step, absolute: ``value / SCALE``.

    A tile that was stored exactly takes the median step of the others, so that
    every coder has integers for it.
    """
    decoded = decode_image(encoded).astype(np.float64)
    scales = encoded.tiles["SCALE"]
    usual = np.median(scales[scales > 0]) if (scales > 0).any() else 1.0
    for i in range(len(scales)):
        where = encoded.grid.slices(i)
        with np.errstate(invalid="ignore"):
            decoded[where] = np.rint(decoded[where] / (scales[i] if scales[i] > 0 else usual))
    return decoded
