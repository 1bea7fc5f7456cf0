"""Compression of FITS images, with a bound on every pixel, behind astropy.io.fits."""

try:
    from astroae._version import version as __version__
except ImportError:  # a source tree that nobody installed: setuptools_scm did not run
    __version__ = "0+unknown"
