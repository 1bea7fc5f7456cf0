"""Fields of sky with known truth, to see what compression does to measurements.

Nothing here knows of the rest of the package.  `make_field` does it all; the
pieces (PSFs, `Population`, `Detector`) are settings.
"""

from .detector import Detector
from .field import Field, FieldSettings, make_field
from .psf import AiryPSF, GaussianPSF, MoffatPSF
from .resample import shift_image
from .sources import Population

__all__ = [
    "AiryPSF",
    "Detector",
    "Field",
    "FieldSettings",
    "GaussianPSF",
    "MoffatPSF",
    "Population",
    "make_field",
    "shift_image",
]
