"""How a recipe wants its stamps: side, channels, cut or resized, between 0 and 1."""

from dataclasses import dataclass, field, replace

import numpy as np

from astroae.errors import SettingError
from astroae.pixels.resize import resize, resize_levels
from astroae.pixels.stamps import Normalisation, fill_undefined, undefined
from astroae.train.data.origin import hashed

__all__ = ["LUMINANCE", "View"]

#: Red, green, blue: luminance of ITU-R BT.601, as in JPEG's Y and Pillow's "L".
LUMINANCE = (0.299, 0.587, 0.114)


@dataclass(frozen=True)
class View:
    """What becomes of an image before a network sees it.

    Parameters
    ----------
    side : int or None
        Of the square stamps; None: images keep their size.
    channels : {1, 3}
        Colour becomes gray by `LUMINANCE`; gray becomes three equal channels.
    fit : {"resize", "crop"}
        ``"resize"``: the whole image, each axis by area.  ``"crop"``: cut-outs at
        the image's own resolution, side by side around its centre; an image
        smaller than ``side`` is resized.
    normalisation : Normalisation
        Of measured images.
    picture_normalisation : Normalisation
        Of 8-bit pictures.
    most : int
        Cut-outs from one image, so that a large one does not rule.

    Raises
    ------
    SettingError
        A value that is not allowed.
    """

    side: int | None = None
    channels: int = 1
    fit: str = "resize"
    normalisation: Normalisation = field(default_factory=Normalisation)
    picture_normalisation: Normalisation = field(default_factory=lambda: Normalisation("fixed"))
    most: int = 12

    def __post_init__(self):
        for key, good, rule in (
            ("fit", self.fit in ("resize", "crop"), '"resize" or "crop"'),
            ("channels", self.channels in (1, 3), "1 or 3"),
            ("side", self.side is None or self.side >= 1, "None or 1 and above"),
            ("most", self.most >= 1, "1 and above"),
        ):
            if not good:
                raise SettingError(
                    "stamps cannot be made",
                    where=key,
                    found=f"got {getattr(self, key)!r}, allowed is {rule}",
                    hint="see astroae.train.data.View",
                )

    @classmethod
    def of(cls, recipe, network=None):
        """What a recipe asks for; ``network`` where its options were changed.

        Examples
        --------
        >>> from astroae.train.data import View
        >>> from astroae.train.recipes import get_recipe
        >>> View.of(get_recipe("hubble128")).side
        128
        """
        network = network or recipe.network()
        measured = Normalisation(**recipe.normalisation)
        pictures = recipe.picture_normalisation
        return cls(
            side=network.side,
            channels=network.channels,
            fit=recipe.fit,
            normalisation=measured,
            picture_normalisation=measured if pictures is None else Normalisation(**pictures),
        )

    def pieces(self, origin):
        """The rectangles of one image that become stamps.

        Parameters
        ----------
        origin : StampOrigin
            The whole image.

        Returns
        -------
        list of StampOrigin
        """
        side = self.side
        if side is None or self.fit == "resize" or min(origin.height, origin.width) < side:
            return [origin]
        return cut_up(origin, side, self.most)

    def prepare(self, values, pictures):
        """One stamp for the network.

        Parameters
        ----------
        values : ndarray (y, x) or (channel, y, x)
            Image units, NaN where undefined.
        pictures : bool
            Gray levels rather than flux.

        Returns
        -------
        x : ndarray (channel, side, side) of float64
            From 0 to 1.
        scaling : astroae.pixels.stamps.Scaling
        mask : bool ndarray like ``x``, or None where every pixel is defined
        """
        values = _in_channels(np.asarray(values, np.float64), self.channels)
        bad = undefined(values)
        values = fill_undefined(values, bad)
        if self.side is not None:
            shape = (self.side, self.side)
            values = (resize_levels if pictures else resize)(values, shape)
            bad = resize_levels(bad, shape) > 0.5 if bad.any() else np.zeros(values.shape, bool)
        mask = bad if bad.any() else None
        rule = self.picture_normalisation if pictures else self.normalisation
        return *rule.normalise(values, mask), mask


def cut_up(origin, side, most):
    """Squares side by side around the centre, at most so many, picked by a hash.

    Parameters
    ----------
    origin : StampOrigin
        No side shorter than ``side``.
    side, most : int

    Returns
    -------
    list of StampOrigin
        In reading order.
    """
    rows, columns = origin.height // side, origin.width // side
    top = origin.y + (origin.height - rows * side) // 2
    left = origin.x + (origin.width - columns * side) // 2
    cells = [
        replace(origin, y=top + row * side, x=left + column * side, height=side, width=side)
        for row in range(rows)
        for column in range(columns)
    ]
    chosen = sorted(cells, key=lambda cell: hashed("cut", cell.file, cell.plane, cell.y, cell.x))
    return sorted(chosen[:most], key=lambda cell: (cell.y, cell.x))


def _in_channels(values, channels):
    if values.ndim == 2:
        values = values[None]
    if len(values) == channels:
        return values
    if channels == 1:
        return np.tensordot(LUMINANCE, values, 1)[None]
    return np.repeat(values, channels, axis=0)
