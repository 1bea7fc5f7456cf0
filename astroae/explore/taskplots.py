"""The figure of the labelled tasks."""

import numpy as np

from astroae.explore.classes import CLASSES
from astroae.explore.drawing import COLOURS, FAINT, new_figure
from astroae.explore.tasks import CLASSIFIERS, share

__all__ = ["plot_tasks"]

KINDS = {"latents": (COLOURS[0], "o", 0.09), "PCA of pixels": (COLOURS[1], "s", -0.09)}
BINS = 5  # of brightness


def plot_tasks(results):
    """Accuracy with its error, per model and classifier; by brightness where it is known.

    Parameters
    ----------
    results : list of (Task, list of Outcome)

    Returns
    -------
    matplotlib.figure.Figure
    """
    lines = [
        (task, model, classifier)
        for task, outcomes in results
        for model in dict.fromkeys(o.model for o in outcomes)
        for classifier in CLASSIFIERS
    ]
    faint = [(task, outcomes) for task, outcomes in results if task.brightness is not None]
    models = dict.fromkeys(o.model for _, outcomes in faint for o in outcomes)
    columns = 1 + len(models)
    figure, style = new_figure(4.6 + 3.3 * len(models), 1.6 + 0.42 * max(len(lines), 7))
    with style:
        ratios = [1.25] + [1] * len(models)
        panels = figure.subplots(1, columns, squeeze=False, gridspec_kw={"width_ratios": ratios})[0]
        _overview(panels[0], results, lines)
        for axes, model in zip(panels[1:], models):
            _by_brightness(axes, faint[0], model)
        figure.legend(
            *panels[0].get_legend_handles_labels(), loc="upper right", ncols=3, frameon=False
        )
        figure.suptitle("Latents as features: test accuracy", x=0.012, ha="left", fontsize=12)
        figure.tight_layout(rect=(0, 0, 1, 0.95))
    return figure


def _overview(axes, results, lines):
    by = {
        (id(task), o.model, o.classifier, o.features): (task, o)
        for task, outs in results
        for o in outs
    }
    rows = np.arange(len(lines))[::-1]
    for kind, (colour, marker, shift) in KINDS.items():
        points = [by[id(task), model, name, kind] for task, model, name in lines]
        means, errors = np.array([share(o.right, task.groups) for task, o in points]).T
        axes.errorbar(
            means,
            rows + shift,
            xerr=errors,
            fmt=marker,
            color=colour,
            ms=5,
            lw=1.3,
            capsize=0,
            label=kind,
        )
    labels = []
    for task, model, name in lines:
        _, latents = by[id(task), model, name, "latents"]
        labels.append(f"{task.name}, {model} ({latents.numbers})\n{name}")
    axes.set_yticks(rows, labels, color="#222222", fontsize=8)
    axes.set(xlabel="share of test images right", ylim=(-0.6, len(lines) - 0.4))
    axes.grid(axis="x", color="#e6e6e6")
    axes.set_axisbelow(True)


def _by_brightness(axes, result, model):
    """Logistic regression, in bins of signal-to-noise ratio."""
    task, outcomes = result
    edges = np.quantile(task.brightness, np.linspace(0, 1, BINS + 1))
    number = np.clip(np.searchsorted(edges, task.brightness, "right") - 1, 0, BINS - 1)
    middle = [np.exp(np.log(task.brightness[number == k]).mean()) for k in range(BINS)]
    for outcome in outcomes:
        if outcome.model != model or outcome.classifier != CLASSIFIERS[0]:
            continue
        colour, marker, _ = KINDS[outcome.features]
        bins = [(outcome.right[number == k], task.groups[number == k]) for k in range(BINS)]
        means, errors = np.array([share(*values) for values in bins]).T
        axes.errorbar(middle, means, errors, fmt=marker + "-", color=colour, ms=5, lw=1.3)
    axes.axhline(1 / len(CLASSES), color=FAINT, ls=":", lw=1)
    axes.annotate("chance", (edges[-1], 1 / len(CLASSES) + 0.01), ha="right", color=FAINT)
    axes.set(xscale="log", ylim=(0.15, 1.02), xlabel="signal-to-noise ratio")
    axes.set_xticks([], minor=True)
    ticks = [t for t in (10, 20, 50, 100, 200) if edges[0] <= t <= edges[-1]]
    axes.set_xticks(ticks, [str(t) for t in ticks])
    axes.set_title(f"objects, {model}, {CLASSIFIERS[0]}", fontsize=9, loc="left")
    axes.grid(color="#e6e6e6")
