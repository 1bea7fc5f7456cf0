"""`latents`: images as a table of feature vectors, one row for each tile or stamp."""

import os
from dataclasses import dataclass, replace

import numpy as np
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.nddata import NDData
from astropy.table import QTable

from astroae.codec.models import latent_vector, tile_grid
from astroae.container.keywords import is_extra
from astroae.errors import InputError, SettingError, UnsupportedDataError
from astroae.io.hdu import AEImageHDU
from astroae.io.planes import plane_of
from astroae.io.spans import quiet_headers
from astroae.io.tiletable import celestial_of, unit_of_pixels
from astroae.nets import store
from astroae.settings import Latent, Settings

__all__ = ["latents"]


@dataclass
class _Image:
    """One image: where it is from, its header, and its pixels when they are asked for."""

    file: str
    hdu: int
    header: fits.Header
    shape: tuple
    source: object  # array, or HDU with a section
    unit: object = None

    def part(self, place):
        """Physical values of some tiles, NaN where undefined."""
        if isinstance(self.source, (np.ndarray, np.ma.MaskedArray)):
            values = self.source[place]
        elif self.source._data_loaded:  # astropy's section is of files
            values = self.source.data[place]
        else:
            values = self.source.section[place]
        if isinstance(values, np.ma.MaskedArray):
            values = values.astype(np.float64).filled(np.nan)
        return np.asarray(values)


def latents(images, model, *, tile_shape=None, progress=None):
    """Latent vectors of images: features for machine learning.

    Images are cut into tiles of the model's own size, as `astroae.compress` does in
    latent mode; a stamp no larger than a tile is one row, padded by reflection.  Of a
    compressed file in latent mode of the same model the stored vectors are taken, which
    are rounded to its quantisation steps; all others are computed from pixels.

    Parameters
    ----------
    images : str, path-like, HDU, HDUList, NDData, CCDData, array, or a list of these
        Arrays have two axes, or more: then each plane is cut (the planes of a cube that
        are as many as the model's channels go together).  Of a file all images are
        taken, but for masks, uncertainties, previews and images of one axis.
    model : str, path-like or astroae.nets.modelfile.Model
        Name, path or SHA-256.
    tile_shape : (int, int), optional
        Height and width of a tile, at most the model's own.
    progress : callable, optional
        ``progress(done, total)``, tiles of one image after the other.

    Returns
    -------
    `~astropy.table.QTable`
        ``file`` (empty for arrays), ``hdu``, ``plane`` (from 0), ``tile`` (number
        within the image), ``x``, ``y`` (centre, pixels from 0), ``sky`` (ICRS, only
        where all images have a celestial WCS), ``flux`` (sum of the tile's defined
        pixels, physical units), ``latent`` (float32, a vector each; NaN where the model
        does not take a tile: constant, undefined, or beyond 1e300).  ``meta`` holds
        ``model`` and ``model_sha256``.

    Raises
    ------
    ModelError
        No such model.
    InputError
        A file that cannot be read, or without an image.
    UnsupportedDataError
        Something that is no image, or has one axis only.

    Examples
    --------
    >>> import numpy as np
    >>> import astroae
    >>> stamps = np.random.default_rng(1).normal(100, 5, (10, 64, 64))
    >>> table = astroae.latents(stamps, "multires")
    >>> table["latent"].shape
    (10, 44)
    """
    model, rows = store.find(model), []
    settings = Settings(Latent(model))
    if tile_shape is not None:
        settings = replace(settings, tile_shape=_two(tile_shape))
    several = isinstance(images, (list, tuple)) and not isinstance(images, fits.HDUList)
    for given in images if several else [images]:
        for image in _images(given):
            rows.append(_rows(image, model, settings, progress))
    return _table(rows, model)


def _two(tile_shape):
    shape = tuple(tile_shape)
    if len(shape) != 2:
        raise SettingError(
            "tile_shape of latents is height and width",
            where="tile_shape",
            found=f"got {tile_shape!r}",
            hint="leave it out for the model's own",
        )
    return shape


# ---- what may be given -------------------------------------------------------------------


def _images(given):
    """The images of a file, an HDU, NDData or array, one at a time."""
    if isinstance(given, (str, os.PathLike)):
        yield from _of_file(os.fspath(given))
    elif isinstance(given, fits.HDUList):
        yield from _of_hdus(given, given.filename() or "")
    elif isinstance(given, NDData):
        data = np.ma.MaskedArray(given.data, given.mask) if given.mask is not None else given.data
        header = given.wcs.to_header() if given.wcs is not None else fits.Header()
        yield _checked("", 0, header, np.asanyarray(data), given.unit)
    elif hasattr(given, "header"):
        yield _of_hdu(given, "", 0)
    else:
        yield _checked("", 0, fits.Header(), np.asanyarray(given))


def _of_file(path):
    try:
        with quiet_headers(), fits.open(path) as hdus:
            yield from _of_hdus(hdus, path)
    except OSError as exc:
        if isinstance(exc, InputError):
            raise
        raise InputError(
            "input could not be read",
            where=path,
            found=exc.strerror or str(exc),
            hint="check that the file is there, whole, and FITS",
        ) from exc


def _of_hdus(hdus, path):
    found = False
    for number, hdu in enumerate(hdus):
        if isinstance(hdu, (fits.PrimaryHDU, fits.ImageHDU, fits.CompImageHDU)):
            role = plane_of(hdu.header, number).role
            if (
                len(hdu.shape) > 1
                and 0 not in hdu.shape
                and role == "image"
                and not is_extra(hdu.header)
            ):
                found = True
                yield _of_hdu(hdu, path, number)
    if not found:
        raise InputError(
            "no image to encode",
            where=str(path),
            found=f"{len(hdus)} HDUs, none an image of two axes or more",
            hint="give an HDU itself to encode a mask or an uncertainty",
        )


def _of_hdu(hdu, path, number):
    if not hasattr(hdu, "section"):
        raise _no_image(type(hdu).__name__)
    return _checked(path, number, hdu.header, hdu)


def _checked(path, number, header, source, unit=None):
    shape = tuple(source.shape)
    if len(shape) < 2 or 0 in shape:
        raise _no_image(f"shape {shape}")
    if isinstance(source, np.ndarray) and source.dtype.kind not in "iufb":
        raise _no_image(f"values of type {source.dtype}")
    return _Image(path, number, header, shape, source, unit or unit_of_pixels(header))


def _no_image(found):
    return UnsupportedDataError(
        "not an image that a model takes",
        where="images",
        found=f"got {found}",
        hint="give files, image HDUs, NDData, or arrays of two axes or more",
    )


# ---- rows --------------------------------------------------------------------------------


def _rows(image, model, settings, progress):
    """Columns of one image, a dict, one tile in memory at a time."""
    stored = _stored(image, model, settings)
    grid = stored.grid if stored is not None else _grid(image.shape, settings)
    count = len(grid)
    columns = {
        "file": np.full(count, str(image.file)),
        "hdu": np.full(count, image.hdu),
        "plane": np.zeros(count, int),
        "tile": np.arange(count),
        "x": np.zeros(count),
        "y": np.zeros(count),
        "flux": np.zeros(count),
        "latent": None if stored is None else stored.latents,
    }
    vectors = []
    for i in range(count):
        place = grid.slices(i)
        rows, cols = place[-2:]
        columns["y"][i], columns["x"][i] = _middle(rows), _middle(cols)
        if len(place) > 2:
            starts = [s.start for s in place[:-2]]
            columns["plane"][i] = np.ravel_multi_index(starts, image.shape[:-2])
        values = image.part(place)
        columns["flux"][i] = np.where(np.isfinite(values), values, 0).sum(dtype=np.float64)
        if stored is None:
            vectors.append(latent_vector(_planes(values), model))
        if progress is not None:
            progress(i + 1, count)
    if stored is None:
        columns["latent"] = np.array(vectors, np.float32)
    return columns, _sky(image, columns), image.unit


def _grid(shape, settings):
    if settings.tile_shape is not None:
        tile = (1,) * (len(shape) - 2) + settings.tile_shape
        settings = replace(settings, tile_shape=tile)
    return tile_grid(shape, settings)


def _stored(image, model, settings):
    """The compressed image, where its own vectors are those that are asked for."""
    if not isinstance(image.source, AEImageHDU) or settings.tile_shape is not None:
        return None
    mode, encoded = image.source.settings.mode, image.source.encoded
    if not isinstance(mode, Latent) or mode.model.sha256 != model.sha256:
        return None
    return encoded if encoded.latents is not None else None


def _middle(part):
    return (part.start + part.stop - 1) / 2


def _planes(values):
    """(planes, y, x) of native type."""
    values = np.ascontiguousarray(values, values.dtype.newbyteorder("="))
    return values.reshape(-1, *values.shape[-2:])


def _sky(image, columns):
    """Sky positions of tile centres, or None."""
    wcs = celestial_of(image.header)
    if wcs is None:
        return None
    return wcs.pixel_to_world(columns["x"], columns["y"]).icrs


def _table(rows, model):
    table = QTable()
    table.meta.update(model=model.name, model_sha256=model.sha256)
    if not rows:
        return table
    parts, skies, units = zip(*rows)
    for name in parts[0]:
        table[name] = np.concatenate([part[name] for part in parts])
    if all(sky is not None for sky in skies):
        ra = np.concatenate([sky.ra.deg for sky in skies])
        dec = np.concatenate([sky.dec.deg for sky in skies])
        table.add_column(SkyCoord(ra * u.deg, dec * u.deg), name="sky", index=6)
    if units[0] is not None and all(unit == units[0] for unit in units):
        table["flux"] = table["flux"] * units[0]
    return table
