"""``format="astroae"`` of `~astropy.nddata.CCDData`, NDData, Table and QTable.

Thin glue, as for astropy's own formats: readers, writers, an identifier, and the
registrations at the bottom.  Priority 1 puts them before ``fits``, whose
identifier says yes to the same files.
"""

import functools
import os
import tempfile
from pathlib import Path

from astropy.io import fits, registry
from astropy.nddata import CCDData, NDData
from astropy.nddata.ccddata import fits_ccddata_reader
from astropy.table import QTable, Table
from astropy.units import Unit, UnrecognizedUnit

from astroae.container.keywords import is_extra
from astroae.errors import InputError, UnsupportedDataError
from astroae.io.atomic import check_target
from astroae.io.files import compress
from astroae.io.hdu import AEImageHDU
from astroae.io.identify import first_image, identify, primary_of
from astroae.io.spans import chunks
from astroae.io.tiletable import tile_table

__all__ = ["read_ccddata", "read_nddata", "read_table", "write_ccddata"]

FORMAT = "astroae"
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
        hdu = _image_of(source)
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


def _image_of(source):
    found = first_image(source)
    if found is None:
        raise InputError(
            "no image compressed by astroae in it",
            where=str(getattr(source, "name", source)),
            found="no HDU with AEIMAGE = T",
            hint='read it with format="fits"',
        )
    return found


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


def read_table(source, hdu=None, *, cls=Table, **options):
    """Read the tile table of a compressed image: one row per tile.

    Parameters
    ----------
    source : str, path-like, file object, `~astropy.io.fits.HDUList` or AEImageHDU
    hdu : int or str, optional
        By default the first compressed image.  A table that passed through whole-file
        compression is read as it is.
    cls : type
        `~astropy.table.Table` or `~astropy.table.QTable`.
    **options
        For a table that is read as it is: those of ``Table.read(format="fits")``.

    Returns
    -------
    `~astropy.table.Table`
        See `astroae.io.tiletable.tile_table`.
    """
    if isinstance(source, AEImageHDU):
        return cls(tile_table(source))
    if isinstance(source, fits.HDUList):
        return _table_of(source, hdu, cls, options)
    hdu = _image_of(source) if hdu is None else hdu
    hdus = fits.open(source)
    try:
        return _table_of(hdus, hdu, cls, options)
    finally:
        hdus.close(closed=isinstance(source, (str, os.PathLike)))


def _table_of(hdus, hdu, cls, options):
    chosen = hdus[_image_of(hdus) if hdu is None else hdu]
    if isinstance(chosen, AEImageHDU):
        return cls(tile_table(chosen))
    if not is_extra(chosen.header):
        return cls.read(chosen, format="fits", **options)
    # Units that FITS does not know, such as the electron, are astropy's own.
    table = Table.read(chosen, format="fits", **{"unit_parse_strict": "silent"} | options)
    for column in table.columns.values():
        if isinstance(column.unit, UnrecognizedUnit):
            column.unit = Unit(column.unit.name, parse_strict="silent")
    return cls(table)


def refuse_table(table, target, *args, **options):
    """``Table.write(format="astroae")`` has no meaning; the message says what has."""
    raise UnsupportedDataError(
        "a table cannot be written as a compressed image",
        where=str(target),
        found=f"got a {type(table).__name__} of {len(table)} rows",
        hint='write it with format="fits"; astroae.compress of a file with images and tables'
        " carries the tables along unchanged",
    )


with registry.delay_doc_updates(CCDData):
    registry.register_reader(FORMAT, CCDData, read_ccddata, priority=1)
    registry.register_writer(FORMAT, CCDData, write_ccddata, priority=1)
    registry.register_identifier(FORMAT, CCDData, identify)

# Priorities are looked up for the exact class: QTable does not have Table's.
for _class in (Table, QTable):
    registry.register_reader(FORMAT, _class, functools.partial(read_table, cls=_class), priority=1)
    registry.register_writer(FORMAT, _class, refuse_table, priority=1)
    registry.register_identifier(FORMAT, _class, identify)
