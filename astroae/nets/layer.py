"""Weights of one operation in fixed point, and the proof that its sums are exact.

Every tensor of a network holds whole numbers of at most `LIMIT`, in units of
2^-fraction (`astroae.nets.modelfile.Model.fraction`).  A layer's sums then stay below
2^53, where float64 adds whole numbers exactly: in any order, by any BLAS, with or
without fused multiply-add.
"""

from dataclasses import dataclass

import numpy as np

from astroae.errors import ModelError

__all__ = ["LIMIT", "MOST_SHIFT", "Layer", "weight_shape"]

LIMIT = 1 << 27  #: Largest size of a tensor's whole numbers; operations clip to it.
MOST_SHIFT = 30
_EXACT = 1 << 53


@dataclass(frozen=True, eq=False)
class Layer:
    """Weights ``weight / 2^shift`` and biases of one weighted node.

    Parameters
    ----------
    weight : int16 ndarray
        (features, inputs) of ``dense``, (features, inputs, kernel, kernel) else; of a
        transposed convolution too.
    shift : int64 ndarray (features,)
        Fraction bits of each feature's weights.
    bias : int64 ndarray (features,)
        On the scale of the sums: in 2^-(fraction + shift).

    Examples
    --------
    >>> import numpy as np
    >>> from astroae.nets.layer import Layer
    >>> layer = Layer(np.full((1, 2), 3, np.int16), np.array([1]), np.array([8]))
    >>> layer.bound()
    array([805306377])
    """

    weight: np.ndarray
    shift: np.ndarray
    bias: np.ndarray

    def bound(self):
        """Largest size that the sums of each feature can reach, rounding included.

        Returns
        -------
        int64 ndarray (features,)
        """
        weights = np.abs(self.weight.astype(np.int64)).reshape(len(self.weight), -1).sum(1)
        return weights * LIMIT + np.abs(self.bias) + (1 << self.shift >> 1)

    def check(self, name, shape):
        """Refuse what the exact interpreter cannot run.

        Parameters
        ----------
        name : str
            Of the node, for messages.
        shape : tuple of int
            Of the weights, from `weight_shape`.

        Raises
        ------
        ModelError
            Wrong types or shapes, or sums that may pass 2^53.
        """
        for part, wanted, dtype in (
            ("weight", shape, np.int16),
            ("shift", shape[:1], np.int64),
            ("bias", shape[:1], np.int64),
        ):
            array = getattr(self, part)
            if array.shape != tuple(wanted) or array.dtype != dtype:
                found = f"{part}: {array.dtype} {array.shape}, not {np.dtype(dtype)} {wanted}"
                raise _wrong(name, found)
        if self.shift.min() < 0 or self.shift.max() > MOST_SHIFT:
            raise _wrong(name, f"shifts of {self.shift.min()} to {self.shift.max()} bits")
        if self.bias.min() <= -_EXACT or self.bias.max() >= _EXACT or self.bound().max() >= _EXACT:
            raise _wrong(name, "its sums may pass 2^53, beyond which they are not exact")


def _wrong(name, found):
    return ModelError(
        "the weights of a model cannot be used",
        where=name,
        found=found,
        hint="freeze it again, or get the model file from where it was published",
    )


def weight_shape(node, shape):
    """Shape of the weights of a node whose input has ``shape`` (channels, height, width)."""
    channels, height, width = shape
    if node.op == "dense":
        return (node.options["features"], channels * height * width)
    kernel = 2 if node.op == "conv_transpose" else node.options["kernel"]
    return (node.options["channels"], channels, kernel, kernel)
