"""Are latents good features?  ``python -m astroae.explore.tasks``

Two labelled tasks, each with latents of a model beside as many principal components of
the pixels that the model was given, under the same classifiers:

digits
    scikit-learn's, at 28 x 28 pixels; all that is fitted sees the first 1437, which
    `dense784` was trained on; the other 360, of other hands, are the test.
objects
    Star, galaxy, cosmic ray or satellite trail (`astroae.explore.classes`), faint to
    bright; cross-validated by field, so that no test field was seen in fitting.

A share's error is that of a mean over fields, or over digits.
"""

import argparse
import sys
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from astropy.table import Table, vstack

from astroae.explore.classes import simulate_classes
from astroae.explore.coding import rule_of
from astroae.explore.extras import needed
from astroae.explore.outputs import Outputs
from astroae.nets.store import find, names
from astroae.pixels.resize import resize_levels

__all__ = ["CLASSIFIERS", "Outcome", "Task", "compare", "digits_task", "objects_task", "summarise"]

CLASSIFIERS = ("logistic regression", "nearest neighbours")
MODELS = ("dense784", "unet187", "hubble128", "multires")  # those of recipes for one plane
SIDE = 28  # of a digit: models of this side are compared on digits, the others on objects
SEEN = 1437  # digits that dense784 is trained on: the first, see astroae.train.data.digits
FOLDS = 5


@dataclass(frozen=True)
class Task:
    """Images, their labels, and what may be fitted on what.

    Attributes
    ----------
    name : str
    images : ndarray (N, H, W)
    labels : ndarray (N,)
    groups : ndarray (N,)
        Images of one group are not independent.
    folds : list of (ndarray, ndarray)
        Rows to fit and rows to test.
    pictures : bool
    brightness : ndarray (N,) or None
        Signal-to-noise ratio, to tell faint from bright.
    """

    name: str
    images: np.ndarray
    labels: np.ndarray
    groups: np.ndarray
    folds: list
    pictures: bool = False
    brightness: np.ndarray | None = None


@dataclass(frozen=True)
class Outcome:
    """Which test rows one set of features got right.

    Attributes
    ----------
    model, features, classifier : str
    numbers : int
        Features of an image.
    right : ndarray (N,) of float64
        1 right, 0 wrong, NaN not tested.
    """

    model: str
    features: str
    classifier: str
    numbers: int
    right: np.ndarray = field(repr=False)


def digits_task():
    """scikit-learn's digits at 28 x 28 pixels, levels of 0 to 255.

    Returns
    -------
    Task
    """
    found = needed("sklearn.datasets").load_digits()
    images = np.rint(resize_levels(found.images, (SIDE, SIDE)) * (255 / 16))
    rows = np.arange(len(images))
    return Task("digits", images, found.target, rows, [(rows[:SEEN], rows[SEEN:])], True)


def objects_task(fields=10, each=20, seed=1):
    """Simulated stamps of four classes, in folds of whole fields.

    Parameters
    ----------
    fields, each, seed : int
        As for `astroae.explore.classes.simulate_classes`.

    Returns
    -------
    Task
    """
    made = simulate_classes(fields, each, seed)
    split = needed("sklearn.model_selection").GroupKFold(min(FOLDS, fields))
    folds = list(split.split(made.values, made.labels, made.fields))
    return Task(
        "objects", made.values, made.labels, made.fields, folds, brightness=made.signal_to_noise
    )


def compare(task, model):
    """Latents and as many principal components of the pixels, under both classifiers.

    Parameters
    ----------
    task : Task
    model : str, path-like or astroae.nets.modelfile.Model

    Returns
    -------
    list of Outcome
    """
    from astroae.explore.transformer import LatentTransformer

    model = find(model)
    latents = LatentTransformer(model, pictures=task.pictures).fit_transform(task.images)
    rule = rule_of(model, task.pictures)
    pixels = np.array([rule.normalise(image)[0].ravel() for image in task.images], np.float32)
    count = latents.shape[1]
    pca = needed("sklearn.decomposition").PCA(count, svd_solver="randomized", random_state=0)
    kinds = {"latents": (latents, []), "PCA of pixels": (pixels, [pca])}
    return [
        Outcome(model.name, kind, classifier, count, _right(task, columns, steps, classifier))
        for kind, (columns, steps) in kinds.items()
        for classifier in CLASSIFIERS
    ]


def _right(task, columns, steps, classifier):
    base, pipeline = needed("sklearn.base"), needed("sklearn.pipeline").make_pipeline
    scaler = needed("sklearn.preprocessing").StandardScaler()
    if classifier == CLASSIFIERS[0]:
        last = needed("sklearn.linear_model").LogisticRegression(max_iter=5000)
    else:
        last = needed("sklearn.neighbors").KNeighborsClassifier(10, weights="distance")
    right = np.full(len(task.labels), np.nan)
    for fit, test in task.folds:
        fitted = base.clone(pipeline(*steps, scaler, last)).fit(columns[fit], task.labels[fit])
        right[test] = fitted.predict(columns[test]) == task.labels[test]
    return right


def share(right, groups):
    """Mean and its error, of values that are not independent within a group.

    Parameters
    ----------
    right : ndarray (N,)
        NaN where there is none.
    groups : ndarray (N,)

    Returns
    -------
    mean, error : float
        The error is that of the mean over groups; NaN of fewer than two.

    Examples
    --------
    >>> import numpy as np
    >>> from astroae.explore.tasks import share
    >>> share(np.array([1.0, 1, 0, 1]), np.array([0, 0, 1, 1]))
    (0.75, 0.25)
    """
    known = np.isfinite(right)
    if not known.any():
        return np.nan, np.nan
    _, number = np.unique(groups[known], return_inverse=True)
    means = np.bincount(number, right[known]) / np.bincount(number)
    error = means.std(ddof=1) / np.sqrt(len(means)) if len(means) > 1 else np.nan
    return float(right[known].mean()), float(error)


def summarise(task, outcomes):
    """The table: accuracies with errors, and how far latents are ahead of PCA.

    Parameters
    ----------
    task : Task
    outcomes : list of Outcome

    Returns
    -------
    astropy.table.Table
        ``ahead`` and ``ahead_error``: accuracy of the latents minus that of as many
        principal components, image by image; NaN in the other rows.
    """
    by = {(o.model, o.features, o.classifier): o for o in outcomes}
    rows = []
    for o in outcomes:
        ahead = (np.nan, np.nan)
        if o.features == "latents":
            other = by[o.model, "PCA of pixels", o.classifier]
            ahead = share(o.right - other.right, task.groups)
        rows.append(
            (task.name, o.model, o.features, o.numbers, o.classifier)
            + share(o.right, task.groups)
            + ahead
        )
    names = "task model features numbers classifier accuracy error ahead ahead_error".split()
    table = Table(rows=rows, names=names)
    for name in names[-4:]:
        table[name].info.format = ".3f"
    return table


def verdict(row):
    """What a row of latents says, in words."""
    ahead, error = row["ahead"], row["ahead_error"]
    if abs(ahead) < 2 * error or ahead == 0:
        word = "no better and no worse than"
    else:
        word = "better than" if ahead > 0 else "worse than"
    return (
        f"{row['task']}, {row['model']}, {row['classifier']}: {row['numbers']} latents are {word} "
        f"as many principal components ({ahead:+.3f} +- {error:.3f})"
    )


def main(argv=None):
    """Print the table, and write it and the figure where asked."""
    args = _arguments(argv)
    models = [find(name) for name in args.models or sorted(set(names()) & set(MODELS))]
    out = args.output and Outputs(args.output, ("tasks.ecsv", "tasks.png"), args.overwrite)
    results = []
    for make, chosen in (
        (digits_task, [m for m in models if m.network.side == SIDE]),
        (
            lambda: objects_task(args.fields, args.each, args.seed),
            [m for m in models if m.network.side != SIDE],
        ),
    ):
        if chosen:
            task = make()
            results.append((task, sum((compare(task, model) for model in chosen), [])))
    if not results:
        print("no model of the recipes is here: name files with --models", file=sys.stderr)
        return 6
    table = vstack([summarise(*result) for result in results])
    table.pprint(max_lines=-1, max_width=-1)
    print("\n".join(verdict(row) for row in table if row["features"] == "latents"))
    if out:
        from astroae.explore.taskplots import plot_tasks

        out.table("tasks.ecsv", table)
        out.figure("tasks.png", plot_tasks(results))
    return 0


def _arguments(argv):
    parser = argparse.ArgumentParser(prog="python -m astroae.explore.tasks", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--models", nargs="+", metavar="MODEL", help="names or files")
    parser.add_argument("--fields", type=int, default=10, help="simulated (default 10)")
    parser.add_argument("--each", type=int, default=20, help="of a class in a field (default 20)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("-o", "--output", type=Path, metavar="DIR", help="table and figure")
    parser.add_argument("--overwrite", action="store_true")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
