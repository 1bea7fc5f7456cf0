"""Fields of sky with known truth, to see what compression does to measurements.

Nothing here knows of the rest of the package.  `make_field` does it all; the
pieces (PSFs, `Population`, `Detector`) are settings.
"""

from .detector import Detector
from .field import Field, FieldSettings, make_field
from .oddities import ODDITIES, OddStamps, faint_settings, make_odd_stamps, oddity
from .psf import AiryPSF, GaussianPSF, MoffatPSF
from .resample import shift_image
from .sources import Population

__all__ = [
    "ODDITIES",
    "AiryPSF",
    "Detector",
    "Field",
    "FieldSettings",
    "GaussianPSF",
    "MoffatPSF",
    "OddStamps",
    "Population",
    "faint_settings",
    "make_field",
    "make_odd_stamps",
    "oddity",
    "shift_image",
]
