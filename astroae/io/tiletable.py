"""The tiles of a compressed image as an astropy table: where each lies, what is in it.

Positions, sky coordinates and footprints are worked out from shape and WCS; the
rest was measured by the encoder and stands in the file.  All values are physical,
with units from BUNIT.
"""

import numpy as np
from astropy import units as u
from astropy.table import Table

from astroae.io.spans import quiet_headers

__all__ = ["celestial_of", "tile_table", "unit_of_pixels"]

STRUCTURE = ("SIMPLE", "XTENSION", "BITPIX", "NAXIS", "PCOUNT", "GCOUNT", "EXTEND", "")


def tile_table(hdu):
    """One row per tile of a compressed image.

    Parameters
    ----------
    hdu : AEImageHDU

    Returns
    -------
    `~astropy.table.Table`
        ``tile`` (number), ``start`` and ``shape`` (pixels, C order, from 0),
        ``ra``, ``dec`` (ICRS, centre) and ``footprint`` (four corners, the pixel
        edges) where the WCS is celestial, ``background`` (median), ``noise``
        (1 sigma), ``flux`` (sum over the background), ``step`` (0: exact),
        ``max_error``, ``method``, ``bits_per_pixel``, and in latent mode ``LATENT``
        (NaN where the model did not take the tile).  ``meta`` holds the image's header and, under ``astroae``, the
        settings.

    Examples
    --------
    >>> import numpy as np
    >>> from astroae import AEImageHDU
    >>> from astroae.io.tiletable import tile_table
    >>> hdu = AEImageHDU(np.ones((300, 300), "f4"))
    >>> tile_table(hdu)["tile", "start", "shape"].pformat()[2:]
    ['   0     0 ..   0 256 .. 256', '   1   0 .. 256  256 .. 44', \
'   2   256 .. 0  44 .. 256', '   3 256 .. 256   44 .. 44']
    """
    encoded, header = hdu.encoded, hdu.header
    table = Table()
    if encoded is None:
        return table
    grid = encoded.grid
    places = [grid.slices(i) for i in range(len(grid))]
    table["tile"] = np.arange(len(grid))
    table["start"] = np.array([[s.start for s in place] for place in places])
    table["shape"] = np.array([[s.stop - s.start for s in place] for place in places])
    _add_sky(table, header)
    _add_measures(table, encoded, header)
    table["method"] = encoded.tile_methods
    bits = 8 * np.array([len(stream) for stream in encoded.streams])
    table["bits_per_pixel"] = (bits / table["shape"].prod(axis=1)).astype(np.float32)
    if encoded.latents is not None:
        table["LATENT"] = encoded.latents
    table.meta.update(_header_of(header), astroae=hdu.settings.to_dict())
    return table


def _add_measures(table, encoded, header):
    unit = unit_of_pixels(header)
    scale, zero = float(header.get("BSCALE", 1)), float(header.get("BZERO", 0))
    for name, column, factor, offset in (
        ("background", "BACKGROUND", scale, zero),
        ("noise", "SIGMA", abs(scale), 0),
        ("flux", "FLUX", scale, 0),
        ("step", "SCALE", abs(scale), 0),
        ("max_error", "MAXERR", abs(scale), 0),
    ):
        values = encoded.tiles[column].astype(np.float64) * factor + offset
        table[name] = values.astype(encoded.tiles[column].dtype)
        table[name].unit = unit


def unit_of_pixels(header):
    """The unit that BUNIT names, or None."""
    text = str(header.get("BUNIT", "")).strip()
    if text.lower() == "adu":  # written in capitals as often as not
        text = "adu"
    if not text:
        return None
    unit = u.Unit(text, parse_strict="silent")
    return None if isinstance(unit, u.UnrecognizedUnit) else unit


def _add_sky(table, header):
    wcs = celestial_of(header)
    if wcs is None:
        return
    start, size = table["start"][:, -2:], table["shape"][:, -2:]
    centre = wcs.pixel_to_world(*(start + (size - 1) / 2).T[::-1]).icrs
    table["ra"], table["dec"] = centre.ra.deg * u.deg, centre.dec.deg * u.deg
    corners = np.array([(0, 0), (0, 1), (1, 1), (1, 0)])  # (y, x)
    edges = start[:, None] - 0.5 + corners * size[:, None]
    sky = wcs.pixel_to_world(edges[..., 1], edges[..., 0]).icrs
    table["footprint"] = np.stack([sky.ra.deg, sky.dec.deg], axis=-1) * u.deg


def celestial_of(header):
    """WCS of the last two axes, or None where it is not of the sky."""
    from astropy.wcs import WCS  # slow to import

    try:
        with quiet_headers():
            wcs = WCS(header)
        if not wcs.has_celestial or {wcs.wcs.lng, wcs.wcs.lat} != {0, 1}:
            return None
        return wcs.celestial
    except Exception:  # wcslib raises many kinds; a header without a usable WCS is no error here
        return None


def _header_of(header):
    """Cards of the image, without its layout; those that repeat as a list."""
    meta = {}
    for card in header.cards:
        if card.keyword.rstrip("0123456789") in STRUCTURE:
            continue
        if card.keyword in ("COMMENT", "HISTORY"):
            meta.setdefault(card.keyword, []).append(card.value)
        else:
            meta[card.keyword] = card.value
    return meta
