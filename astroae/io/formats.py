"""``format="astroae"`` of `~astropy.nddata.CCDData` and NDData.

Thin glue, as for astropy's own formats: readers, writers, an identifier, and the
registrations at the bottom.  Priority 1 puts them before ``fits``, whose
identifier says yes to the same files.  `astroae.io.tables` is the same for tables.
"""

import os
import tempfile
from pathlib import Path

from astropy.io import registry
from astropy.nddata import CCDData, NDData
from astropy.nddata.ccddata import fits_ccddata_reader

from astroae.io.atomic import check_target
from astroae.io.files import compress
from astroae.io.identify import FORMAT, identify, image_of, primary_of
from astroae.io.spans import chunks

__all__ = ["read_ccddata", "read_nddata", "write_ccddata"]

FLAGS = "FLAGS"


def read_ccddata(source, hdu=None, hdu_flags=FLAGS, **options):
    """Read a CCDData from a compressed file.

    Parameters
    ----------
    source : str, path-like or file object
    hdu : int, str or tuple, optional
        By default the first compressed image.
    hdu_flags : str or None
        Extension, or prefix of extensions, with the flags.
    **options
        As for ``CCDData.read(format="fits")``: ``unit``, ``hdu_mask``, ...

    Returns
    -------
    `~astropy.nddata.CCDData`

    Raises
    ------
    InputError
        No compressed image in it.
    """
    if hdu is None:
        hdu = image_of(source)
    primary = primary_of(source)
    ccd = fits_ccddata_reader(source, hdu=hdu, hdu_flags=hdu_flags, **options)
    if primary is not None:  # as astropy does where the image is an extension
        ccd.header.extend(primary, unique=True)
    return ccd


def read_nddata(source, **options):
    """Read an `~astropy.nddata.NDData`, which astropy gives no ``read`` of its own.

    Parameters
    ----------
    source, **options
        As in `read_ccddata`; a file without BUNIT needs a ``unit``.

    Returns
    -------
    `~astropy.nddata.NDData`

    Examples
    --------
    >>> import io
    >>> import numpy as np
    >>> from astropy.io import fits
    >>> import astroae
    >>> buffer = io.BytesIO()
    >>> image = astroae.AEImageHDU(np.ones((40, 50), "f4"))
    >>> fits.HDUList([fits.PrimaryHDU(), image]).writeto(buffer)
    >>> position = buffer.seek(0)
    >>> astroae.read_nddata(buffer, unit="adu").data.shape
    (40, 50)
    """
    return NDData(read_ccddata(source, **options))


def write_ccddata(ccd, target, *, hdu_flags=FLAGS, overwrite=False, **options):
    """Write a CCDData, its image compressed as asked for.

    Mask and flags stay exact, uncertainties keep 0.2 % of themselves, see
    `astroae.io.planes`.  `astroae.decompress` gives the file that
    ``ccd.write(format="fits")`` would have written.

    Parameters
    ----------
    ccd : `~astropy.nddata.CCDData`
    target : str, path-like or file object
    hdu_flags : str or None
        EXTNAME of the flags.
    overwrite : bool
        An existing file may be replaced.
    **options
        Those of `astroae.compress`, and of ``CCDData.to_hdu``.

    Raises
    ------
    SettingError, UnsupportedDataError, OutputError
        As for `astroae.compress`.
    """
    names = ("hdu_mask", "hdu_uncertainty", "key_uncertainty_type", "hdu_psf", "wcs_relax")
    kept = {key: options.pop(key) for key in names if key in options}
    hdus = ccd.to_hdu(hdu_flags=hdu_flags, **kept)
    with tempfile.TemporaryDirectory(prefix="astroae-") as folder:
        plain = Path(folder) / "ccddata.fits"
        hdus.writeto(plain)
        if isinstance(target, (str, os.PathLike)):
            check_target(target, overwrite=overwrite)
            compress(plain, target, overwrite=overwrite, **options)
            return
        packed = Path(folder) / "ccddata.aae.fits"
        compress(plain, packed, **options)
        for chunk in chunks(packed):
            target.write(chunk)


with registry.delay_doc_updates(CCDData):
    registry.register_reader(FORMAT, CCDData, read_ccddata, priority=1)
    registry.register_writer(FORMAT, CCDData, write_ccddata, priority=1)
    registry.register_identifier(FORMAT, CCDData, identify)
