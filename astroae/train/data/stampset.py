"""Stamps ready for a network, and where each of them comes from."""

from collections import Counter
from dataclasses import dataclass, replace

import numpy as np

from astroae.errors import SettingError, UnsupportedDataError
from astroae.pixels.stamps import Normalisation, Scaling
from astroae.train.data.augment import cut, turn
from astroae.train.data.origin import Source, Stamp, StampOrigin, hashed

__all__ = ["StampSet", "make_stamps"]


@dataclass(frozen=True, eq=False)
class StampSet:
    """Stamps, a `torch.utils.data.Dataset` in all but name.

    Parameters
    ----------
    images : ndarray (N, C, H, W) of float32, or list of (C, H, W)
        From 0 to 1; a list where the sizes differ.
    scalings : list of astroae.pixels.stamps.Scaling
    origins : list of StampOrigin
    masks : list of (bool ndarray (C, H, W) or None)
        True where undefined.
    normalisation : astroae.pixels.stamps.Normalisation
    source : Source
        Reads the pixels themselves.
    labels : ndarray (N,) or None
    """

    images: np.ndarray | list
    scalings: list[Scaling]
    origins: list[StampOrigin]
    masks: list
    normalisation: Normalisation
    source: Source
    labels: np.ndarray | None = None

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        """One stamp as a float32 tensor (C, H, W)."""
        import torch

        return torch.from_numpy(np.array(self.images[index]))

    @property
    def groups(self):
        """Instruments or source images, sorted."""
        return sorted({origin.group for origin in self.origins})

    def stamp(self, index):
        """The pixels behind one stamp at their own resolution, read anew: a `Stamp`."""
        origin = self.origins[index]
        return Stamp(self.source.read(origin), origin)

    def restore(self, index, image):
        """What a network gave for one stamp, in the image's units and with its flux.

        Parameters
        ----------
        index : int
        image : array_like (C, H, W)
            From 0 to 1.

        Returns
        -------
        ndarray (C, H, W) of float64
        """
        return self.normalisation.restore(image, self.scalings[index], self.masks[index])

    def augmented(self, index, epoch, seed=0, crop=None):
        """One stamp, cut, turned and flipped at random.

        The same for the same arguments, so that a run that is resumed sees what an
        uninterrupted one would have seen.

        Parameters
        ----------
        index, epoch, seed : int
        crop : int, optional
            Side of a random cut-out.

        Returns
        -------
        ndarray (C, H, W) of float32
        """
        image = self.images[index]
        if crop is not None:
            image = cut(image, crop, hashed("crop", index, epoch, seed))
        return turn(image, hashed("turn", index, epoch, seed) % 8)

    def subset(self, indices):
        """Some of the stamps, in the order given."""
        indices = [int(i) for i in indices]
        same_size = isinstance(self.images, np.ndarray)
        return StampSet(
            self.images[indices] if same_size else [self.images[i] for i in indices],
            [self.scalings[i] for i in indices],
            [self.origins[i] for i in indices],
            [self.masks[i] for i in indices],
            self.normalisation,
            self.source,
            None if self.labels is None else self.labels[indices],
        )

    def split(self, fraction=0.8, seed=0):
        """Two parts that share no group.

        Parameters
        ----------
        fraction : float
            Of the stamps, in the first part; met as nearly as whole groups allow.
        seed : int

        Returns
        -------
        StampSet, StampSet
            In the order of this set; neither is empty.

        Raises
        ------
        SettingError
            A fraction beyond 0 to 1, or fewer than two groups.
        """
        groups = [origin.group for origin in self.origins]
        names = sorted(set(groups), key=lambda name: hashed("split", seed, name))
        if not 0 < fraction < 1 or len(names) < 2:
            raise SettingError(
                "stamps cannot be split",
                where="split",
                found=f"fraction {fraction!r} of {len(names)} groups; "
                "needed are 0 to 1, both excluded, and two groups or more",
                hint="give images of another instrument, or another file, to validate on",
            )
        small = _pick(names, groups, (1 - fraction) * len(groups))
        inside = [group in small for group in groups]
        return (
            self.subset([i for i, held in enumerate(inside) if not held]),
            self.subset([i for i, held in enumerate(inside) if held]),
        )

    def statistics(self):
        """Mean and standard deviation of all pixels between 0 and 1: (float, float)."""
        sums = np.array([(x.size, x.sum(), (x * x).sum()) for x in map(np.float64, self.images)])
        count, first, second = sums.sum(0)
        return float(first / count), float(max(second / count - (first / count) ** 2, 0) ** 0.5)

    def card(self):
        """Files behind the stamps, for a model's card.

        Returns
        -------
        list of dict
            ``file``, ``sha256``, ``stamps`` (how many), and what is known of licence
            and source.
        """
        counts = Counter(origin.file for origin in self.origins)
        entries = self.source.card(sorted(counts))
        return [{**entry, "stamps": counts[entry["file"]]} for entry in entries]


def _pick(names, groups, wanted):
    """Groups, taken in the order of ``names``, of about so many members in all."""
    sizes = Counter(groups)
    picked, count = set(), 0
    for name in names[:-1]:  # one group at least is left to the large part
        if abs(count + sizes[name] - wanted) < abs(count - wanted):
            picked.add(name)
            count += sizes[name]
    # Where even the smallest group is too large for the small part, it is that part.
    return picked or {min(names, key=lambda name: (sizes[name], name))}


def make_stamps(source, view):
    """Every stamp that a source gives, as a view wants it.

    Parameters
    ----------
    source : Source
    view : View

    Returns
    -------
    StampSet

    Raises
    ------
    UnsupportedDataError
        The source gives none.
    """
    if view.side is None:
        view = replace(view, side=source.side)
    images, scalings, origins, masks, labels = [], [], [], [], []
    for number, whole in enumerate(source.origins):
        for origin in view.pieces(whole):
            x, scaling, mask = view.prepare(source.read(origin), source.pictures)
            images.append(x.astype(np.float32))
            scalings.append(scaling)
            origins.append(origin)
            masks.append(mask)
            labels.append(number)
    if not images:
        raise UnsupportedDataError(
            "no stamps",
            where="data",
            found="not one image gives a stamp",
            hint="give images with two axes and at least one finite pixel",
        )
    return StampSet(
        np.stack(images) if len({image.shape for image in images}) == 1 else images,
        scalings,
        origins,
        masks,
        view.picture_normalisation if source.pictures else view.normalisation,
        source,
        None if source.labels is None else np.asarray(source.labels)[labels],
    )
