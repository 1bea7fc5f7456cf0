"""Latent mode: the model that an image was or will be coded with, and its tiles."""

from astroae.codec.forms.latent import LARGEST_TILE, latent_vector, tile_of, vector_length
from astroae.errors import ModelError, SettingError
from astroae.nets import store
from astroae.pixels.tiling import TileGrid
from astroae.settings import Latent, ModelName

__all__ = ["find_model", "latent_vector", "tile_grid", "vector_length"]


def find_model(wanted):
    """The model that settings name.

    Parameters
    ----------
    wanted : Model or astroae.settings.ModelName

    Raises
    ------
    ModelError
        It is not among the models here (`astroae.nets.store.find`).
    """
    if not isinstance(wanted, ModelName):
        return wanted
    try:
        return store.find(wanted.sha256)
    except ModelError as exc:
        raise ModelError(
            "the model that the image was written with is not here",
            where="AEMODEL and AEMODHSH",
            found=f"model {wanted.name!r}, SHA-256 {wanted.sha256}; {exc.found}",
            hint="put its file into the folder ASTROAE_MODEL_DIR, or ask whoever wrote the image "
            "to embed it (--embed-model); header, latents and info need no model",
        ) from exc


def tile_grid(shape, settings):
    """Tiles of an image of this shape, before it is encoded.

    Raises
    ------
    SettingError
        Tiles that the model of latent mode does not take.
    """
    mode, asked = settings.mode, settings.tile_shape
    if not isinstance(mode, Latent) or len(shape) < 2:
        large = settings.effort == "high"
        return TileGrid(shape, asked or TileGrid.default(shape, large).tile_shape)
    model = find_model(mode.model)
    grid = TileGrid(shape, asked or tile_of(shape, model))
    height, width = grid.tile_shape[-2:]
    side = model.network.side
    if side is None and height * width > LARGEST_TILE or side and max(height, width) > side:
        raise SettingError(
            "tile_shape is too large for the model",
            where="tile_shape",
            found=f"{height} x {width} pixels; {model.name} takes "
            + (f"{side} x {side}" if side else f"{LARGEST_TILE}"),
            hint="leave it out for tiles of the model's own size",
        )
    return grid
