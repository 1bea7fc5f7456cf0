"""Compression of FITS images, with a bound on every pixel, behind astropy.io.fits.

Importing it is enough for `astropy.io.fits` to open compressed images as images,
and for `~astropy.nddata.CCDData`, `~astropy.table.Table` and
`~astropy.table.QTable` to read them.
"""

from importlib import import_module

try:
    from astroae._version import version as __version__
except ImportError:  # a source tree that nobody installed: setuptools_scm did not run
    __version__ = "0+unknown"

from astroae.errors import (
    AstroAEError,
    CorruptFileError,
    FormatVersionError,
    InputError,
    MissingDependencyError,
    ModelError,
    OutputError,
    ReadBackError,
    SettingError,
    ToleranceError,
    UnsupportedDataError,
)
from astroae.io.above import at, offer
from astroae.io.arrays import decode, encode
from astroae.io.files import compress
from astroae.io.hdu import AEImageHDU
from astroae.io.inspect import info
from astroae.io.later import when_imported
from astroae.io.preview import preview
from astroae.io.restore import decompress
from astroae.io.verify import verify

__all__ = [
    "AEImageHDU",
    "AstroAEError",
    "CorruptFileError",
    "FormatVersionError",
    "InputError",
    "MissingDependencyError",
    "ModelError",
    "OutputError",
    "ReadBackError",
    "SettingError",
    "ToleranceError",
    "UnsupportedDataError",
    "compress",
    "decode",
    "decompress",
    "encode",
    "info",
    "latents",
    "preview",
    "read_nddata",
    "verify",
]

#: Functions that need more than reading does: imported when first used.
_PUBLIC = {
    "latents": "astroae.io.latents:latents",
    "read_nddata": "astroae.io.formats:read_nddata",
    "recommend": "astroae.validation.recommend:recommend",
    "validate": "astroae.validation.files:validate",
}
offer("certify", "astroae.validation.certificate:certify")
offer("certificate_tolerances", "astroae.validation.certificate:checked_tolerances")
offer("recommend", "astroae.validation.recommend:recommend_array")
offer("tolerances", "astroae.validation.tolerances:load_tolerances")
when_imported("astropy.nddata", lambda: import_module("astroae.io.formats"))
when_imported("astropy.table", lambda: import_module("astroae.io.tables"))


def __getattr__(name):
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return at(_PUBLIC[name])


def __dir__():
    return sorted({*globals(), *_PUBLIC})
