"""Networks of one recipe side by side: what width, depth, latents and rate are worth.

A TOML file says what is tried::

    epochs = 20              # of each training; batch, seed and side may stand here too
    plan = "one-at-a-time"   # or "product"

    [options]                # of the recipe's network
    width = [8, 16, 32]
    latent = [48, 192]

    [training]
    learning_rate = [3e-4, 1e-3]

``"one-at-a-time"`` starts from the recipe and changes one thing in each run;
``"product"`` tries every combination.  The term ``perceptual`` is left out of the loss.
"""

import csv
import inspect
import itertools
import tomllib
from dataclasses import dataclass, replace
from pathlib import Path

from astropy.table import Table

from astroae.errors import AstroAEError, SettingError
from astroae.train.data import View, load_data
from astroae.train.loop import Training, fit
from astroae.train.recipes import get_recipe

__all__ = ["Plan", "read_plan", "sweep"]

_WHOLE = {"epochs": 1, "batch": 1, "seed": 0, "side": 1}  # and the least of each
_PLANS = ("one-at-a-time", "product")


@dataclass(frozen=True)
class Plan:
    """What a sweep tries.

    Attributes
    ----------
    kind : {"one-at-a-time", "product"}
    values : dict of str to list
        By the name of a network's option, or ``"learning_rate"``.
    changes : dict
        ``epochs``, ``batch``, ``seed`` of every run.
    side : int or None
        Of the stamps, where a network takes cut-outs of larger ones.
    """

    kind: str
    values: dict
    changes: dict
    side: int | None = None

    def runs(self, recipe):
        """The values of each run, a list of dict, the recipe's own first if it is among them."""
        own = {key: _own(recipe, key) for key in self.values}
        if self.kind == "product":
            found = [dict(zip(own, row)) for row in itertools.product(*self.values.values())]
        else:
            found = [own] + [own | {key: v} for key, vs in self.values.items() for v in vs]
        kept = [run for i, run in enumerate(found) if run not in found[:i]]
        return sorted(kept, key=lambda run: run != own)


def read_plan(path, recipe):
    """A sweep's TOML file, checked.

    Parameters
    ----------
    path : path-like
    recipe : Recipe

    Returns
    -------
    Plan

    Raises
    ------
    SettingError
        Not TOML, or keys and values that are not allowed.
    """
    try:
        told = tomllib.loads(Path(path).read_text())
    except (OSError, ValueError) as exc:
        raise _wrong(path, f"{type(exc).__name__}: {exc}") from exc
    options, rates = told.pop("options", {}), told.pop("training", {})
    kind = told.pop("plan", _PLANS[0])
    if kind not in _PLANS:
        raise _wrong(path, f"plan = {kind!r}, allowed are {', '.join(_PLANS)}")
    _check_whole(path, told)
    _check_lists(path, "options", options, inspect.signature(recipe.build).parameters)
    _check_lists(path, "training", rates, ("learning_rate",))
    if not options and not rates:
        raise _wrong(path, "nothing to try: no [options] and no [training]")
    return Plan(kind, {**options, **rates}, told, told.pop("side", None))


def sweep(recipe, data, toml_file, folder, *, data_dir=None, threads=None):
    """Train every network of a plan, and write table and plot.

    A sweep that was stopped goes on: runs that are done are read from the folder.

    Parameters
    ----------
    recipe : str
    data : str or path-like
        See `astroae.train.data.load_data`.
    toml_file : path-like
        See `astroae.train.sweep`.
    folder : path-like
        Gets ``sweep.ecsv``, ``sweep.csv``, ``sweep.png`` and the runs' checkpoints.
    data_dir : path-like, optional
        Of a stamp list's images.
    threads : int, optional

    Returns
    -------
    astropy.table.Table
        One row a run: what was varied, ``parameters``, ``latents`` (numbers that cross
        for one image), ``validation_mse`` (of the last epoch) and ``seconds``.

    Raises
    ------
    SettingError, InputError
    """
    recipe = get_recipe(recipe)
    plan = read_plan(toml_file, recipe)
    folder = Path(folder)
    view = parts = None
    rows = []
    told = [(run, _changed(recipe, run, plan)) for run in plan.runs(recipe)]
    # All of them first: what cannot be built is told before hours of training.
    for run, changed, network in [(*pair, _network(toml_file, *pair)) for pair in told]:
        wanted = View.of(changed, network)
        if wanted != view:
            stamps = load_data(
                data, replace(wanted, side=plan.side or wanted.side), data_dir=data_dir
            )
            view, parts = wanted, stamps.split(changed.split, seed=changed.seed)
        name = ",".join(f"{key}={value}" for key, value in run.items())
        training = Training(folder / "runs" / name.replace(" ", ""), "cpu", threads=threads)
        rows.append(run | _outcome(changed, network, parts, training))
        table = _table(rows, recipe, data, plan)
        table.write(folder / "sweep.ecsv", overwrite=True)
        table.write(folder / "sweep.csv", overwrite=True)
    _plot(table, plan, recipe, folder / "sweep.png")
    return table


def _own(recipe, key):
    if key == "learning_rate":
        return recipe.learning_rate
    built = inspect.signature(recipe.build).parameters[key].default
    own = recipe.options.get(key, built)
    return list(own) if isinstance(own, tuple) else own


def _changed(recipe, run, plan):
    options = {key: value for key, value in run.items() if key != "learning_rate"}
    rate = run.get("learning_rate", recipe.learning_rate)
    loss = tuple(term for term in recipe.loss if term[0] != "perceptual")
    options = {**recipe.options, **options}
    return replace(recipe, learning_rate=rate, options=options, loss=loss, **plan.changes)


def _network(path, run, recipe):
    """The network, its shapes worked out: values that cannot be built are told here."""
    try:
        network = recipe.network()
        network.shapes()
    except (AstroAEError, ArithmeticError, TypeError, ValueError) as exc:
        raise _wrong(path, f"{run} cannot be built: {exc}") from exc
    return network


def _outcome(recipe, network, parts, training):
    trained = fit(recipe, network, *parts, training)
    with open(Path(training.folder) / "log.csv", newline="") as file:
        last = list(csv.DictReader(file))[-1]
    shapes = network.shapes()
    return {
        "parameters": sum(weights.numel() for weights in trained.parameters()),
        "latents": sum(c * h * w for c, h, w in (shapes[name] for name in network.crossing)),
        "validation_mse": float(last["validation_mse"]),
        "seconds": float(last["seconds"]),
    }


def _table(rows, recipe, data, plan):
    plain = [{k: str(v) if isinstance(v, list) else v for k, v in row.items()} for row in rows]
    table = Table(rows=plain)
    table.meta = {"recipe": recipe.name, "data": Path(data).name, "plan": plan.kind, **plan.changes}
    return table


def _plot(table, plan, recipe, path):
    """Validation MSE against each thing that was varied, and against parameters."""
    from matplotlib.figure import Figure

    names = [*plan.values, "parameters"]
    figure = Figure((3.2 * len(names), 3), layout="constrained")
    for axes, name in zip(figure.subplots(1, len(names), sharey=True, squeeze=False)[0], names):
        rows = table if name == "parameters" else _alone(table, plan, recipe, name)
        if name == "parameters":
            values = [count / 1e6 for count in rows[name]]
            axes.set_xlabel("parameters, millions")
        else:
            values = [str(value) for value in sorted(rows[name])]
            rows = rows[rows[name].argsort()]
            axes.set_xlabel(name.replace("_", " "))
        axes.plot(values, list(rows["validation_mse"]), "o", color="tab:blue")
    figure.axes[0].set_ylabel("validation MSE")
    figure.savefig(path, dpi=120)


def _alone(table, plan, recipe, name):
    """Rows in which nothing but ``name`` differs from the recipe; of a product all."""
    if plan.kind == "product":
        return table
    own = {key: _own(recipe, key) for key in plan.values if key != name}
    own = {key: str(value) if isinstance(value, list) else value for key, value in own.items()}
    return table[[all(row[key] == value for key, value in own.items()) for row in table]]


def _check_whole(path, told):
    for key, value in told.items():
        if key not in _WHOLE:
            raise _wrong(path, f"{key!r}, allowed are plan, options, training, {', '.join(_WHOLE)}")
        if type(value) is not int or value < _WHOLE[key]:
            raise _wrong(path, f"{key} = {value!r}, a whole number from {_WHOLE[key]} is needed")


def _check_lists(path, table, lists, allowed):
    if not isinstance(lists, dict):
        raise _wrong(path, f"{table} = {lists!r}, a table is needed")
    for key, values in lists.items():
        if key not in allowed:
            raise _wrong(path, f"{key!r} in [{table}], allowed are {', '.join(allowed)}")
        if not isinstance(values, list) or not values:
            raise _wrong(path, f"{key} = {values!r} in [{table}], a list of values is needed")
        flat = itertools.chain.from_iterable(v if isinstance(v, list) else [v] for v in values)
        if not all(type(v) in (int, float) and v > 0 for v in flat):
            raise _wrong(path, f"{key} = {values!r} in [{table}], numbers above 0 are needed")


def _wrong(path, found):
    return SettingError(
        "a sweep cannot be read",
        where=str(path),
        found=found,
        hint="see the example in astroae.train.sweep",
    )
