"""A network as data: named tensors, and the operations that make one of others.

An autoencoder is two lists of operations.  The encoder starts at the tensor
``"x"``, the image; the decoder starts at the *crossing* tensors, which are all that
passes between the two: the latents, and the skips that a U-Net adds to them.  What
crosses is paid for, so it has a name.

The same description runs in torch (`astroae.train.network`, to train) and in exact
fixed-point numpy (`astroae.nets.exact`, to read and write files).
"""

from dataclasses import asdict, dataclass, field

from astroae.errors import ModelError

__all__ = ["ACTIVATIONS", "OPERATIONS", "Network", "Node", "shapes"]

#: Options of each operation, with their defaults; None: must be given.
OPERATIONS = {
    "conv": {"channels": None, "kernel": 3, "stride": 1, "norm": False, "activation": "none"},
    "conv_transpose": {"channels": None, "norm": False, "activation": "none"},
    "dense": {"features": None, "norm": False, "activation": "none"},
    "reshape": {"shape": None},
    "max_pool": {},
    "mean_pool": {},
    "upsample": {},
    "concat": {},
    "add": {},
    "sigmoid": {},
}
ACTIVATIONS = ("none", "relu")
_INPUTS = {"concat": (2, 16), "add": (2, 16)}  # the others take one
_MOST_NODES, _MOST_CHANNELS, _MOST_FEATURES = 256, 1024, 1 << 20


@dataclass(frozen=True)
class Node:
    """One operation.

    Attributes
    ----------
    op : str
        ``conv`` (odd kernel, zeros beyond the edge, batch norm, activation),
        ``conv_transpose`` (kernel 2, stride 2), ``dense`` (of the flattened input, C
        order), ``reshape``, ``max_pool`` and ``mean_pool`` (2 x 2), ``upsample``
        (nearest, 2 x 2), ``concat`` (channels), ``add``, ``sigmoid``.
    name : str
        Of the tensor that it makes; weights are named after it.
    inputs : tuple of str
    options : dict
        See `OPERATIONS`.
    """

    op: str
    name: str
    inputs: tuple[str, ...]
    options: dict = field(default_factory=dict)

    def __post_init__(self):
        known = OPERATIONS.get(self.op)
        if known is None:
            raise _wrong(self.name, f"operation {self.op!r}; known are {', '.join(OPERATIONS)}")
        if set(self.options) - set(known):
            raise _wrong(self.name, f"options {sorted(set(self.options) - set(known))}")
        fewest, most = _INPUTS.get(self.op, (1, 1))
        if not fewest <= len(self.inputs) <= most:
            raise _wrong(self.name, f"{len(self.inputs)} inputs")
        object.__setattr__(self, "inputs", tuple(self.inputs))
        object.__setattr__(self, "options", {**known, **self.options})
        self._check_options()

    def _check_options(self):
        for key, most in (("channels", _MOST_CHANNELS), ("features", _MOST_FEATURES)):
            if key in self.options and not _whole(self.options[key], 1, most):
                raise _wrong(self.name, f"{key} = {self.options[key]!r}")
        if self.options.get("activation", "none") not in ACTIVATIONS:
            raise _wrong(self.name, f"activation {self.options['activation']!r}")
        if "kernel" in self.options and self.options["kernel"] not in (1, 3, 5, 7):
            raise _wrong(self.name, f"kernel = {self.options['kernel']!r}; 1, 3, 5 or 7")
        if "stride" in self.options and self.options["stride"] not in (1, 2):
            raise _wrong(self.name, f"stride = {self.options['stride']!r}; 1 or 2")
        if self.op == "reshape":
            shape = self.options["shape"]
            if len(shape or ()) != 3 or not all(_whole(n, 1, _MOST_FEATURES) for n in shape):
                raise _wrong(self.name, f"shape = {shape!r}; (channels, height, width)")
            object.__setattr__(self, "options", {"shape": tuple(shape)})

    @property
    def weighted(self):
        """Whether it has weights."""
        return self.op in ("conv", "conv_transpose", "dense")


@dataclass(frozen=True)
class Network:
    """An autoencoder.

    Attributes
    ----------
    channels : int
        Of the image: 1 gray, 3 RGB.
    side : int or None
        Height and width of the stamps it takes; None: any.
    multiple : int
        Sides are padded by reflection to a multiple of it, and the result is
        cropped, outside the network.
    encoder, decoder : tuple of Node
        The last node of the decoder makes the image.
    latents, skips : tuple of str
        The crossing tensors, coarsest first.
    """

    channels: int
    side: int | None
    multiple: int
    encoder: tuple[Node, ...]
    decoder: tuple[Node, ...]
    latents: tuple[str, ...]
    skips: tuple[str, ...] = ()

    def __post_init__(self):
        if not _whole(self.channels, 1, 16) or not _whole(self.multiple, 1, 1024):
            raise _wrong("input", f"{self.channels} channels, multiple {self.multiple}")
        if self.side is not None and not _whole(self.side, 1, 4096):
            raise _wrong("input", f"side {self.side!r}")
        empty = not (self.encoder and self.decoder and self.latents)
        if empty or len(self.encoder) + len(self.decoder) > _MOST_NODES:
            raise _wrong("network", "no nodes or latents, or too many nodes")
        names = [node.name for node in (*self.encoder, *self.decoder)]
        if len({"x", *names}) != len(names) + 1:
            raise _wrong("network", "two tensors of one name")
        _check_order(self.encoder, ("x",))
        _check_order(self.decoder, self.crossing)
        missing = set(self.crossing) - {node.name for node in self.encoder}
        if missing:
            raise _wrong("network", f"the encoder does not make {sorted(missing)}")
        self.shapes()

    @property
    def crossing(self):
        """Names of all tensors that go from encoder to decoder."""
        return self.latents + self.skips

    @property
    def output(self):
        """Name of the image that the decoder makes."""
        return self.decoder[-1].name

    def padded(self, length):
        """A side of the image as the network sees it."""
        return -(-length // self.multiple) * self.multiple

    def shapes(self, height=None, width=None):
        """Shape (channels, height, width) of every tensor; sides before padding.

        Without sides: of the network's own stamps, or of the smallest image.
        """
        height = height or self.side or self.multiple
        width = width or self.side or self.multiple
        if self.side is not None and (height, width) != (self.side, self.side):
            raise _wrong("x", f"{height} x {width} pixels; it takes {self.side} x {self.side}")
        return shapes(self, self.padded(height), self.padded(width))

    def to_dict(self):
        """As plain values, for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values):
        """Inverse of `to_dict`.

        Raises
        ------
        ModelError
            On anything that is no network.
        """
        try:
            values = dict(values)
            for part in ("encoder", "decoder"):
                values[part] = tuple(Node(**node) for node in values[part])
            for part in ("latents", "skips"):
                values[part] = tuple(str(name) for name in values[part])
            return cls(**values)
        except (TypeError, KeyError, AttributeError, ValueError) as exc:
            raise _wrong("network", f"no description of a network ({exc})") from exc


def _wrong(where, found):
    return ModelError(
        "the model's network makes no sense",
        where=where,
        found=found,
        hint="train it again, or get the model file from where it was published",
    )


def _whole(value, least, most):
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def _check_order(nodes, given):
    known = set(given)
    for node in nodes:
        unknown = set(node.inputs) - known
        if unknown:
            raise _wrong(node.name, f"inputs {sorted(unknown)} are not made before it")
        known.add(node.name)


def shapes(network, height, width):
    """Shape of every tensor for a padded image of ``height`` x ``width`` pixels.

    Returns
    -------
    dict of str to (channels, height, width)

    Raises
    ------
    ModelError
        If tensors do not fit together.
    """
    known = {"x": (network.channels, height, width)}
    for node in network.encoder:
        known[node.name] = _shape(node, [known[name] for name in node.inputs])
    for node in network.decoder:
        known[node.name] = _shape(node, [known[name] for name in node.inputs])
    if known[network.output] != known["x"]:
        raise _wrong(network.output, f"the image comes out as {known[network.output]}")
    return known


def _shape(node, inputs):
    c, h, w = inputs[0]
    match node.op:
        case "conv":
            stride = node.options["stride"]
            return (node.options["channels"], -(-h // stride), -(-w // stride))
        case "conv_transpose":
            return (node.options["channels"], 2 * h, 2 * w)
        case "dense":
            return (node.options["features"], 1, 1)
        case "reshape":
            n, m, k = node.options["shape"]
            if n * m * k != c * h * w:
                raise _wrong(node.name, f"{(c, h, w)} does not become {(n, m, k)}")
            return (n, m, k)
        case "max_pool" | "mean_pool":
            if h % 2 or w % 2:
                raise _wrong(node.name, f"pooling of {h} x {w}: odd sides")
            return (c, h // 2, w // 2)
        case "upsample":
            return (c, 2 * h, 2 * w)
        case "concat":
            if any(shape[1:] != (h, w) for shape in inputs):
                raise _wrong(node.name, f"tensors of {inputs} side by side")
            return (sum(shape[0] for shape in inputs), h, w)
        case "add":
            if any(shape != (c, h, w) for shape in inputs):
                raise _wrong(node.name, f"a sum of {inputs}")
    return (c, h, w)
