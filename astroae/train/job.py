"""From a recipe and data to a model file, in one call."""

import platform
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from astroae.errors import SettingError
from astroae.nets.modelfile import Model
from astroae.train.data import View, load_data
from astroae.train.freeze import freeze
from astroae.train.loop import fit
from astroae.train.recipes import get_recipe

__all__ = ["TrainingResult", "train_model"]

#: What a recipe's own numbers may be replaced by.
CHANGES = ("epochs", "batch", "learning_rate", "seed")


@dataclass(frozen=True)
class TrainingResult:
    """What a training gave.

    Attributes
    ----------
    model : Model
    log : Path
        CSV, one row an epoch.
    card : dict
        As stored in the model.
    """

    model: Model
    log: Path
    card: dict


def train_model(
    recipe,
    data,
    training,
    *,
    name=None,
    data_dir=None,
    options=None,
    side=None,
    vgg_weights=None,
    perceptual=True,
    command=None,
    **changes,
):
    """Train a recipe and freeze what it learned.

    Parameters
    ----------
    recipe : str or Recipe
    data : str or path-like
        See `astroae.train.data.load_data`.
    training : Training
        Folder, device, threads; checkpoints there are gone on from.
    name : str, optional
        Of the model; the recipe's by default.
    data_dir : path-like, optional
        Of a stamp list's images.
    options : dict, optional
        Of the recipe's network, as ``{"channels": 3}``.
    side : int, optional
        Of the stamps, for a recipe that trains on cut-outs of them.
    vgg_weights : path-like or "hub", optional
        For the term ``perceptual``.
    perceptual : bool
        False leaves that term out, and the card says so.
    command : str, optional
        That gave the model, for its card.
    **changes
        ``epochs``, ``batch``, ``learning_rate``, ``seed``.

    Returns
    -------
    TrainingResult

    Raises
    ------
    SettingError
        An unknown recipe, or a loss that cannot be computed.

    Examples
    --------
    >>> from astroae.train.job import train_model
    >>> from astroae.train.loop import Training
    >>> training = Training("mine.checkpoints", device="cpu", threads=1)
    >>> result = train_model("dense784", "digits/", training)  # doctest: +SKIP
    """
    recipe = get_recipe(recipe) if isinstance(recipe, str) else recipe
    recipe = _changed(recipe, options, changes, perceptual)
    _check_side(recipe, side)
    distance = _perceptual(recipe, vgg_weights)
    network = recipe.network()
    view = View.of(recipe, network)
    stamps = load_data(data, replace(view, side=side or view.side), data_dir=data_dir)
    kept, held = stamps.split(recipe.split, seed=recipe.seed)
    trained = fit(recipe, network, kept, held, training, distance)
    log = Path(training.folder) / "log.csv"
    card = _card(recipe, name, data, kept, held, training, log)
    card["command"] = command or f"train_model({recipe.name!r}, {Path(data).name!r}, ...)"
    model = freeze(trained, recipe, kept, card)
    return TrainingResult(model, log, model.card)


def _changed(recipe, options, changes, perceptual):
    changes = {key: value for key, value in changes.items() if value is not None}
    unknown = set(changes) - set(CHANGES)
    if unknown:
        raise TypeError(f"unknown arguments {sorted(unknown)}")
    for key, value in changes.items():
        if value < 0 or (value == 0 and key != "seed"):
            raise SettingError(
                f"{key} is too small", where=key, found=f"got {value!r}", hint="leave it out"
            )
    loss = recipe.loss
    if not perceptual:
        loss = tuple(term for term in loss if term[0] != "perceptual")
    return replace(recipe, loss=loss, options={**recipe.options, **(options or {})}, **changes)


def _check_side(recipe, side):
    if side is not None and (recipe.crop is None or side < recipe.crop):
        least = "the side is fixed" if recipe.crop is None else f"{recipe.crop} is the least"
        raise SettingError(
            f"{recipe.name} cannot be trained on stamps of this side",
            where="side",
            found=f"got {side}, {least}",
            hint="leave --side out",
        )


def _perceptual(recipe, weights):
    if "perceptual" not in dict(recipe.loss):
        return None
    from astroae.train.vgg import WEIGHTS_URL, load_perceptual

    if weights is None:
        raise SettingError(
            "the recipe's loss needs VGG16",
            where="perceptual",
            found="no weights were given",
            hint=f"give --vgg-weights FILE (from {WEIGHTS_URL}) or --vgg-weights hub to fetch them, "
            "or --no-perceptual to train without that term",
        )
    return load_perceptual(weights)


def _card(recipe, name, data, kept, held, training, log):
    packages = ("astroae", "torch", "lightning", "numpy", "astropy")
    return {
        "name": name or recipe.name,
        "made": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "seed": recipe.seed,
        "versions": {"python": platform.python_version()}
        | {package: version(package) for package in packages},
        "device": training.device,
        "precision": training.precision or recipe.precision,
        "data": str(Path(data).name),
        "split": {
            "rule": "by instrument or source image",
            "training": {"stamps": len(kept), "groups": kept.groups},
            "validation": {"stamps": len(held), "groups": held.groups},
        },
        "files": kept.card(),
        "training_log": _last_row(log),
        "intended_use": recipe.intended_use,
        "known_failures": recipe.known_failures,
        "licence": "BSD-3-Clause; of the training images see files",
    }


def _last_row(log):
    lines = log.read_text().splitlines()
    return dict(zip(lines[0].split(","), lines[-1].split(","), strict=True))
