"""Blocks that the recipes' networks are built from: short functions that add nodes.

A `Stack` collects the nodes of one side of a network and names their tensors.
"""

from astroae.nets.spec import Node

__all__ = ["Stack"]


class Stack:
    """Nodes of an encoder or a decoder, in order.

    Parameters
    ----------
    prefix : str
        Put before the names of the tensors.

    Examples
    --------
    >>> from astroae.nets.blocks import Stack
    >>> encoder = Stack("e")
    >>> encoder.dense(encoder.conv("x", 4), 2, name="z")
    'z'
    >>> [node.op for node in encoder.nodes]
    ['conv', 'dense']
    """

    def __init__(self, prefix):
        self._prefix = prefix
        self.nodes = []

    def add(self, op, inputs, *, name=None, **options):
        """Add one node; the name of its tensor."""
        name = name or f"{self._prefix}{len(self.nodes)}"
        inputs = (inputs,) if isinstance(inputs, str) else tuple(inputs)
        self.nodes.append(Node(op, name, inputs, options))
        return name

    def conv(self, tensor, channels, *, kernel=3, stride=1, norm=False, relu=True, name=None):
        """Convolution, batch norm where asked, ReLU unless told otherwise."""
        return self.add(
            "conv",
            tensor,
            name=name,
            channels=channels,
            kernel=kernel,
            stride=stride,
            norm=norm,
            activation="relu" if relu else "none",
        )

    def convs(self, tensor, channels, *, count=2, norm=False, name=None):
        """``count`` convolutions of 3 x 3 with ReLU."""
        for i in range(count):
            tensor = self.conv(tensor, channels, norm=norm, name=name if i == count - 1 else None)
        return tensor

    def dense(self, tensor, features, *, relu=False, name=None):
        """Fully connected layer."""
        return self.add(
            "dense", tensor, name=name, features=features, activation="relu" if relu else "none"
        )

    def residual(self, tensor, channels):
        """The tensor plus two convolutions of itself."""
        inner = self.conv(self.conv(tensor, channels), channels, relu=False)
        return self.add("add", (tensor, inner))

    def up(self, tensor, channels=None):
        """Twice the size: nearest, or a transposed convolution to ``channels``."""
        if channels is None:
            return self.add("upsample", tensor)
        return self.add("conv_transpose", tensor, channels=channels)
