"""What a recipe is made of."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import lru_cache
from importlib import import_module
from pkgutil import iter_modules

from astroae.nets.spec import Network

__all__ = ["Recipe", "find_recipes"]


@dataclass(frozen=True)
class Recipe:
    """All that decides how a model is trained.

    Attributes
    ----------
    name, summary, origin : str
        The earlier project that it continues stands in ``origin``.
    build : callable
        ``build(**options) -> Network``.
    options : dict
        Of ``build``: widths, latent size; a sweep changes them.
    fit : {"resize", "crop"}
        How a picture of another size becomes a stamp: area-weighted resizing of the
        whole, or a cut-out at its own resolution.
    crop : int or None
        Side of the random cut-outs that a network of any size is trained on.
    normalisation : dict
        Arguments of `astroae.pixels.stamps.Normalisation`, for measured images.
    picture_normalisation : dict or None
        The same for 8-bit pictures, where it differs.
    loss : tuple of (str, float)
        Terms of `astroae.train.losses` and their weights.
    learning_rate, batch, epochs, schedule, augment, checkpoint_every, split, seed,
    precision
        Of the training; ``schedule`` is ``"constant"`` or ``"cosine"``, ``split`` the
        part that is trained on, ``precision`` is Lightning's.
    norm_epochs : int or None
        Epochs in which batch norm follows each batch; after them its statistics stand.
        None: always.
    latent_levels, skip_levels : float or None
        Quantisation steps in a channel's standard deviation; None: the network was
        trained for steps of 1.
    step_range : (float, float) or None
        Latent steps that a rate-trained network meets in training: it serves them all.
    decisions : tuple of str
        What the earlier project leaves open, and what was chosen.
    intended_use, known_failures : str
    """

    name: str
    summary: str
    origin: str
    build: Callable[..., Network]
    options: dict
    fit: str
    normalisation: dict
    loss: tuple[tuple[str, float], ...]
    epochs: int
    intended_use: str
    known_failures: str
    decisions: tuple[str, ...]
    picture_normalisation: dict | None = None
    crop: int | None = None
    learning_rate: float = 1e-3
    batch: int = 16
    schedule: str = "constant"
    augment: bool = True
    checkpoint_every: int = 10
    split: float = 0.8
    seed: int = 1
    precision: str = "bf16-mixed"
    norm_epochs: int | None = None
    latent_levels: float | None = 16.0
    skip_levels: float | None = 16.0
    step_range: tuple[float, float] | None = None

    def network(self, **options):
        """The network, with some of its options changed."""
        return self.build(**{**self.options, **options})

    def to_dict(self):
        """As plain values, for a model's card."""
        values = {key: value for key, value in asdict(self).items() if key != "build"}
        return {**values, "build": self.build.__module__}


@lru_cache(maxsize=1)
def find_recipes():
    """Recipes by name.

    Raises
    ------
    RuntimeError
        If two files claim one name.
    """
    package = __name__.rpartition(".")[0]
    found = {}
    for info in iter_modules(import_module(package).__path__):
        if info.name.startswith("_"):
            continue
        recipe = import_module(f"{package}.{info.name}").RECIPE
        if recipe.name in found:
            raise RuntimeError(f"two recipes are called {recipe.name!r}")
        found[recipe.name] = recipe
    return found
