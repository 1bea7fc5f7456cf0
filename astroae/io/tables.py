"""``format="astroae"`` of `~astropy.table.Table` and QTable: one row per tile.

As `astroae.io.formats`, apart from which it stands so that reading a table does not import
`astropy.nddata`.
"""

import functools
import os

from astropy.io import fits, registry
from astropy.table import QTable, Table
from astropy.units import Unit, UnrecognizedUnit

from astroae.container.keywords import is_extra
from astroae.errors import UnsupportedDataError
from astroae.io.hdu import AEImageHDU
from astroae.io.identify import FORMAT, identify, image_of
from astroae.io.tiletable import tile_table

__all__ = ["read_table"]


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
    hdu = image_of(source) if hdu is None else hdu
    hdus = fits.open(source)
    try:
        return _table_of(hdus, hdu, cls, options)
    finally:
        hdus.close(closed=isinstance(source, (str, os.PathLike)))


def _table_of(hdus, hdu, cls, options):
    chosen = hdus[image_of(hdus) if hdu is None else hdu]
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


# Priorities are looked up for the exact class: QTable does not have Table's.
for _class in (Table, QTable):
    registry.register_reader(FORMAT, _class, functools.partial(read_table, cls=_class), priority=1)
    registry.register_writer(FORMAT, _class, refuse_table, priority=1)
    registry.register_identifier(FORMAT, _class, identify)
