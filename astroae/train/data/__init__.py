"""Images for training: read, cut into stamps, split by instrument or source image."""

from astroae.train.data.load import load_data, open_source
from astroae.train.data.origin import Source, Stamp, StampOrigin
from astroae.train.data.stampset import StampSet, make_stamps
from astroae.train.data.view import View

__all__ = [
    "Source",
    "Stamp",
    "StampOrigin",
    "StampSet",
    "View",
    "load_data",
    "make_stamps",
    "open_source",
]
