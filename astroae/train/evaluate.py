"""A model on a set of stamps: every account, every measure, stamp by stamp.

`evaluate` gives a table with a row for each stamp and account, `summarise` its medians,
means and worst tenths.  A folder like LIVE's brings JPEG versions of its pictures:
`beside_jpeg` measures each of them, and what the model does within its bytes.
"""

from dataclasses import dataclass, replace

import numpy as np
import torch
from astropy.table import Table, vstack

from astroae.errors import SettingError
from astroae.pixels.stamps import Normalisation
from astroae.train.accounting import WAYS, Accounting, account
from astroae.train.data import StampSet, View
from astroae.train.freeze import thaw
from astroae.train.network import pad
from astroae.train.recipes import get_recipe
from astroae.validation.images import MEASURES

__all__ = [
    "METRICS",
    "Evaluation",
    "beside_jpeg",
    "check_metrics",
    "crossing_tensors",
    "evaluate",
    "picture",
    "summarise",
    "view_of",
]

METRICS = tuple(MEASURES)
_HIGHER_IS_BETTER = ("psnr", "ssim", "ms_ssim")
_STEPS = 2.0 ** np.arange(-3, 4.5, 0.5)  # of the latents, finest first
_PLACE = ("file", "hdu", "plane", "y", "x", "height", "width")


@dataclass(frozen=True)
class Evaluation:
    """What came of it.

    Attributes
    ----------
    stamps : StampSet
    accounts : dict of str to Accounting
        Images as the network gave them.
    table : Table
        One row a stamp and account: ``account``, place, ``bytes`` and ``bits_per_px``
        (NaN where nothing is counted), and the measures (NaN: not defined).
    """

    stamps: StampSet
    accounts: dict[str, Accounting]
    table: Table


def view_of(model, side=None):
    """How a model wants its stamps: a `View`; ``side`` for a model of any size."""
    view = View.of(get_recipe(model.recipe["name"]), model.network)
    if side is not None and model.network.side is not None:
        raise SettingError(
            "the model's stamps have one size only",
            where="side",
            found=f"got {side}, the model takes {model.network.side}",
            hint="leave --side out",
        )
    return replace(view, side=side or view.side)


def evaluate(
    model, stamps, *, metrics=METRICS, latent_step=1.0, device="cpu", batch=8, progress=None
):
    """A model on stamps, by every account that it has.

    Parameters
    ----------
    model : astroae.nets.modelfile.Model
    stamps : StampSet
        From ``load_data(data, view_of(model))``.
    metrics : sequence of str
        Of `METRICS`; see `astroae.validation.images`.
    latent_step : float
        Times the model's own quantisation steps.
    device : {"cpu", "cuda"}
    batch : int
    progress : callable, optional
        Called with (done, total).

    Returns
    -------
    Evaluation

    Raises
    ------
    SettingError
        An unknown measure.

    Examples
    --------
    >>> from astroae.nets.store import find
    >>> from astroae.train.data import load_data
    >>> from astroae.train.evaluate import evaluate, view_of
    >>> model = find("dense784")
    >>> stamps = load_data("t10k-images-idx3-ubyte.gz", view_of(model))  # doctest: +SKIP
    >>> evaluate(model, stamps, metrics=["psnr"]).table  # doctest: +SKIP
    """
    check_metrics(metrics)
    ways = WAYS if model.network.skips else ("free", "coded")
    before = [picture(image) for image in stamps.images]
    accounts, rows, total = {}, [], len(ways) * len(stamps)
    for way in ways:
        found = accounts[way] = account(model, stamps, way, latent_step, device, batch)
        for i, image in enumerate(found.images):
            size = np.nan if found.bytes is None else float(found.bytes[i])
            rows.append(_row(way, stamps.origins[i], size, before[i], picture(image), metrics))
            if progress:
                progress(len(rows), total)
    return Evaluation(stamps, accounts, Table(rows))


def check_metrics(metrics):
    """Refuse a measure that is not known."""
    unknown = [name for name in metrics if name not in MEASURES]
    if unknown or not metrics:
        raise SettingError(
            "no such measure",
            where="metrics",
            found=f"got {', '.join(unknown) or 'none'}, there are {', '.join(METRICS)}",
            hint="separate them by commas",
        )


def picture(stamp):
    """(C, H, W) as the measures want it: (H, W) for one channel, (H, W, C) for more."""
    return np.asarray(stamp[0] if len(stamp) == 1 else np.moveaxis(stamp, 0, -1))


def _row(name, origin, size, before, after, metrics):
    row = {"account": name} | {key: getattr(origin, key) for key in _PLACE}
    row |= {"bytes": size, "bits_per_px": 8 * size / (before.shape[0] * before.shape[1])}
    for metric in metrics:
        value = MEASURES[metric](before, after)
        row[metric] = np.nan if value is None else value
    return row


def summarise(table, metrics=None):
    """Median, mean and mean of the worst tenth of every measure, per account.

    Parameters
    ----------
    table : Table
        Of `evaluate`.
    metrics : sequence of str, optional
        By default all that the table has.

    Returns
    -------
    Table
        ``account, stamps, bytes`` (median), ``bits_per_px`` (mean), ``metric, median,
        mean, worst_tenth``.  A measure that is not defined for some stamp is NaN.
    """
    metrics = metrics or [name for name in METRICS if name in table.colnames]
    rows = []
    for name in dict.fromkeys(table["account"]):
        part = table[table["account"] == name]
        about = {
            "account": str(name),
            "stamps": len(part),
            "bytes": float(np.median(part["bytes"])),
            "bits_per_px": float(np.mean(part["bits_per_px"])),
        }
        for metric in metrics:
            values = np.sort(np.asarray(part[metric], float))
            worst = values if metric in _HIGHER_IS_BETTER else values[::-1]
            rows.append(
                about
                | {"metric": metric}
                | {"median": float(np.median(values)), "mean": float(np.mean(values))}
                | {"worst_tenth": float(np.mean(worst[: max(len(values) // 10, 1)]))}
            )
    return Table(rows)


def beside_jpeg(model, stamps, *, metrics=METRICS, device="cpu", batch=8):
    """The JPEG versions that a folder has of its pictures, and the model at their bytes.

    Parameters
    ----------
    model : Model
    stamps : StampSet
        Of a folder like LIVE's, see `astroae.train.data.live`.
    metrics, device, batch
        As for `evaluate`.

    Returns
    -------
    Table or None
        As of `evaluate`: accounts ``JPEG 1`` (the smallest version), ... and ``coded as
        JPEG 1``: with the finest of 15 latent steps (1/8 to 16) that takes no more bytes;
        a stamp for which none does is left out.  None where there are no versions.
    """
    if not hasattr(stamps.source, "versions_of"):
        return None
    check_metrics(metrics)
    versions = {
        (i, number): found
        for i in range(len(stamps))
        for number, found in enumerate(_versions(model, stamps, i), 1)
    }
    rows = [
        _row(f"JPEG {n}", stamps.origins[i], size, picture(stamps.images[i]), image, metrics)
        for (i, n), (image, size) in versions.items()
    ]
    for step in _STEPS:
        if not versions:
            break
        found = account(model, stamps, "coded", step, device, batch)
        for (i, n), (_, size) in list(versions.items()):
            if found.bytes[i] <= size:
                before, after = picture(stamps.images[i]), picture(found.images[i])
                name, own = f"coded as JPEG {n}", float(found.bytes[i])
                rows.append(_row(name, stamps.origins[i], own, before, after, metrics))
                del versions[i, n]
    if not rows:
        return None
    table = Table(rows)
    names = sorted(set(table["account"]), key=lambda name: (int(name.split()[-1]), name))
    return vstack([table[table["account"] == name] for name in names])


def _versions(model, stamps, index):
    """(picture on the scale of the stamp, bytes) of every version of one stamp."""
    scaling, (height, width) = stamps.scalings[index], stamps.images[index].shape[-2:]
    free = model.network.side is None and height == width
    view = view_of(model, height if free else None)
    for levels, size in stamps.source.versions_of(stamps.origins[index]):
        x, own, _ = view.prepare(levels, pictures=True)
        # Gray levels are scaled linearly; a rule that looks at the stamp would give the
        # version a range of its own, so both are undone and the original's is used.
        values = own.zero + x * own.span - scaling.zero
        x = np.clip(values / scaling.span, 0, 1) if scaling.span else np.zeros(x.shape)
        yield picture(x.astype(np.float32)), size


def crossing_tensors(model, image):
    """What goes from encoder to decoder for one stamp, not quantised.

    Parameters
    ----------
    model : Model
    image : ndarray (C, H, W)
        In [0, 1].

    Returns
    -------
    dict of str to ndarray (channel, y, x)
        The latents first.
    """
    seen = Normalisation(**model.input).network_input(np.asarray(image, np.float64))
    tensor = torch.from_numpy(np.ascontiguousarray(seen[None], np.float32))
    with torch.no_grad():
        found = thaw(model).encode(pad(tensor, model.network.multiple))
    return {name: found[name][0].numpy() for name in model.network.crossing}
