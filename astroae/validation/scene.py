"""What kind of image it is: which measurements make sense on it, and why not the others."""

from dataclasses import dataclass

import numpy as np

__all__ = ["Scene", "describe"]

_FEWEST = 5  # sources for any statistic
_FULL = 0.3  # part of the frame above 5 sigma, from which it is all structure
# Part of the frame within 1.5 FWHM of a source; confusion never lets it grow above 0.25.
_CROWDED = 0.15
_LABELS = 16  # distinct whole numbers, up to which an image is a mask
_SAMPLED = 2.0  # pixels of FWHM
_SUN = ("HPL", "HGL", "CRL", "SOLAR")  # what the axes of solar images are called


@dataclass(frozen=True)
class Scene:
    """Kinds of an image, as far as measuring is concerned.

    Attributes
    ----------
    kinds : tuple of str
        Of "labels", "counts", "noiseless", "solar", "structure", "empty", "crowded",
        "undersampled", "point sources".
    no_sources : str
        Why sources cannot be measured on it; empty where they can.
    no_noise : str
        Why there is no noise to measure against.
    no_shapes : str
        Why shapes make no sense, where sources do.
    """

    kinds: tuple[str, ...]
    no_sources: str
    no_noise: str
    no_shapes: str


def describe(original):
    """See `Scene`.

    Parameters
    ----------
    original : `~astroae.validation.original.Original`
    """
    if _is_labels(original):
        why = "a mask or labels: few distinct whole numbers"
        return Scene(("labels",), why, why, why)
    kinds = ["counts"] if original.is_counts else []
    if not original.noise > 0:  # or NaN
        why = "no noise to measure against: most pixels are equal, or there are too few"
        return Scene((*kinds, "noiseless"), why, why, why)
    if str(original.header.get("CTYPE1", "")).upper().startswith(_SUN):
        why = "an image of the Sun: no sources on a sky"
        return Scene((*kinds, "solar"), why, "", why)
    covered = float(np.mean(np.abs(original.detected[original.good]) > 5))
    n = len(original.sources.clean)
    if covered > _FULL:
        why = f"structure above 5 sigma covers {covered:.0%} of the frame: no sources on a sky"
        return Scene((*kinds, "structure"), why, "", why)
    if n < _FEWEST:
        why = f"{n} unflagged sources of 5 sigma, fewer than {_FEWEST}"
        return Scene((*kinds, "empty"), why, "", why)
    beams = n * np.pi * (1.5 * original.fwhm) ** 2 / max(1, int(original.good.sum()))
    shapes = ""
    if beams > _CROWDED:
        kinds.append("crowded")
        shapes = f"crowded: {beams:.0%} of the frame lie within 1.5 FWHM of a source"
    if original.fwhm < _SAMPLED:
        kinds.append("undersampled")
        shapes = f"undersampled: FWHM of {original.fwhm:.1f} pixels, below {_SAMPLED:.0f}"
    return Scene((*kinds, "point sources"), "", "", shapes)


def _is_labels(original):
    if original.dtype.kind not in "iub":
        return False
    values = original.data[original.good]
    few = np.unique(values[:: max(1, values.size // 100_000)])
    return len(few) <= _LABELS
