"""Trained networks as files: one safetensors file, named by its SHA-256.

In: a `Model`.  Out: weights in fixed point (`astroae.nets.layer`), the quantisation of
what crosses (`astroae.nets.grid`), and one JSON document with the network, the
normalisation and the card, in the file's metadata.  The same model gives the same
bytes, so a compressed file names its model by their SHA-256.  What is read is checked
as a whole before it is used: sizes, types, shapes, and that no sum can pass 2^53.
"""

import hashlib
import json
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import safetensors
from safetensors import numpy as tensors

from astroae.errors import AstroAEError, FormatVersionError, ModelError
from astroae.nets.grid import LatentGrid
from astroae.nets.layer import Layer, weight_shape
from astroae.nets.spec import Network

__all__ = ["LARGEST_FILE", "Model", "pack", "unpack"]

VERSION = 1
LARGEST_FILE = 64 << 20  #: Bytes of a model file at most.
_KEY = "astroae"
_TEXT = ("version", "name", "network", "fraction", "input", "recipe", "card")
_LAYER = ("weight", "shift", "bias")
_GRID = ("step", "scale", "mean", "context")
#: Types of whole numbers in a `Model`; a file holds them in the smallest that serves.
_WHOLE = {"weight": np.int16, "shift": np.int64, "bias": np.int64, "context": np.int32}


@dataclass(frozen=True, eq=False)
class Model:
    """A trained network that every machine runs alike.

    Parameters
    ----------
    name : str
    network : astroae.nets.spec.Network
    fraction : int
        Tensors hold multiples of 2^-fraction.
    layers : dict of str to astroae.nets.layer.Layer
        By the name of the node.
    latents : dict of str to astroae.nets.grid.LatentGrid
        Every crossing tensor, skips included.
    input : dict
        Of `astroae.pixels.stamps.Normalisation.to_dict`.
    recipe : dict
        Of ``Recipe.to_dict``.
    card : dict
        Data, seed, versions, command, intended use, known failures, figures.

    Raises
    ------
    ModelError
        If the parts do not fit together, or sums could pass 2^53.
    """

    name: str
    network: Network
    fraction: int
    layers: dict[str, Layer]
    latents: dict[str, LatentGrid]
    input: dict
    recipe: dict = field(default_factory=dict)
    card: dict = field(default_factory=dict)

    def __post_init__(self):
        texts = (self.input, self.recipe, self.card)
        whole = isinstance(self.fraction, int) and 0 <= self.fraction <= 24
        if not (isinstance(self.name, str) and whole and all(type(t) is dict for t in texts)):
            raise _wrong("metadata", f"name {self.name!r}, fraction {self.fraction!r}")
        nodes = [n for n in (*self.network.encoder, *self.network.decoder) if n.weighted]
        _same_names("layers", self.layers, [node.name for node in nodes])
        _same_names("latents", self.latents, self.network.crossing)
        shapes = self.network.shapes()
        for node in nodes:
            self.layers[node.name].check(node.name, weight_shape(node, shapes[node.inputs[0]]))
        for name, grid in self.latents.items():
            grid.check(name, shapes[name][0])

    @cached_property
    def sha256(self):
        """Of the file's bytes, in hexadecimal."""
        return hashlib.sha256(pack(self)).hexdigest()

    def quantise(self, crossing, step=1.0):
        """Crossing tensors as whole numbers: dict of str to int64 ndarray.

        Parameters
        ----------
        crossing : dict of str to ndarray (..., C, h, w)
            From `astroae.nets.exact.encode`, or from torch.
        step : float
            Times the model's own steps.
        """
        return {name: self.latents[name].quantise(crossing[name], step) for name in self.latents}

    def restore(self, whole, step=1.0):
        """Inverse of `quantise`, but for its rounding: dict of str to float64 ndarray."""
        return {name: self.latents[name].restore(whole[name], step) for name in self.latents}


def pack(model):
    """A model as the bytes of its file.

    Raises
    ------
    ModelError
        If they are more than `LARGEST_FILE`.
    """
    arrays = {}
    for name, layer in model.layers.items():
        arrays |= {f"{part}/{name}": getattr(layer, part) for part in _LAYER}
    for name, grid in model.latents.items():
        arrays |= {f"{part}/{name}": getattr(grid, part) for part in _GRID}
    text = {key: getattr(model, key) for key in ("name", "fraction", "input", "recipe", "card")}
    text |= {"version": VERSION, "network": model.network.to_dict()}
    text = json.dumps(text, sort_keys=True, allow_nan=False)
    arrays = {name: _narrow(array) for name, array in arrays.items()}
    data = tensors.save(arrays, metadata={_KEY: text})
    _check_size(len(data), model.name)
    return data


def _narrow(array):
    """Whole numbers in the smallest type that holds them; `_wide` undoes it."""
    if array.dtype.kind == "i" and array.size:
        low, high = array.min(), array.max()
        for dtype in (np.int8, np.int16, np.int32):
            if np.iinfo(dtype).min <= low and high <= np.iinfo(dtype).max:
                return np.ascontiguousarray(array, dtype)
    return np.ascontiguousarray(array)


def _wide(array, dtype):
    """Whole numbers of a file in the type that a `Model` has; others are left to its checks."""
    fits = array.dtype.kind == "i" and array.dtype.itemsize <= np.dtype(dtype).itemsize
    return array.astype(dtype) if fits else array


def unpack(data, where="model"):
    """Inverse of `pack`, with everything checked.

    Parameters
    ----------
    data : bytes
    where : str
        File, for messages.

    Raises
    ------
    ModelError
        Bytes that are no model, or one that cannot be run.
    FormatVersionError
        A model written by a newer astroae.
    """
    _check_size(len(data), where)
    try:
        arrays = tensors.load(data)
        header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
        text = json.loads(header["__metadata__"][_KEY])
        version = text["version"]
    except (safetensors.SafetensorError, KeyError, TypeError, ValueError, RecursionError) as exc:
        raise _wrong(where, f"no safetensors file of astroae ({exc!r:.200})") from exc
    if isinstance(version, int) and version > VERSION:
        raise FormatVersionError(
            "the model was written by a newer astroae",
            where=where,
            found=f"version {version}; this one reads {VERSION}",
            hint="update astroae",
        )
    try:
        return _assemble(text, arrays, hashlib.sha256(data).hexdigest())
    except AstroAEError as exc:
        raise exc.at(where) from exc
    except (KeyError, TypeError, AttributeError, ValueError, IndexError) as exc:
        raise _wrong(where, f"parts that do not fit together ({exc!r:.200})") from exc


def _assemble(text, arrays, sha256):
    if set(text) != set(_TEXT):
        raise _wrong("metadata", f"keys {sorted(set(text) ^ set(_TEXT))} missing or not known")
    network = Network.from_dict(text["network"])
    weighted = [n.name for n in (*network.encoder, *network.decoder) if n.weighted]
    named = [f"{part}/{name}" for name in weighted for part in _LAYER]
    named += [f"{part}/{name}" for name in network.crossing for part in _GRID]
    _same_names("arrays", arrays, named)
    arrays = {
        name: _wide(array, _WHOLE[part]) if (part := name.partition("/")[0]) in _WHOLE else array
        for name, array in arrays.items()
    }
    layers = {n: Layer(*(arrays[f"{part}/{n}"] for part in _LAYER)) for n in weighted}
    latents = {n: LatentGrid(*(arrays[f"{part}/{n}"] for part in _GRID)) for n in network.crossing}
    rest = {key: text[key] for key in ("name", "fraction", "input", "recipe", "card")}
    model = Model(network=network, layers=layers, latents=latents, **rest)
    model.__dict__["sha256"] = sha256  # of these bytes, however they were written
    return model


def _same_names(what, found, wanted):
    if set(found) != set(wanted):
        raise _wrong(what, f"{sorted(set(found) ^ set(wanted))} missing or not of the network")


def _check_size(size, where):
    if size > LARGEST_FILE:
        raise _wrong(where, f"{size} bytes; at most {LARGEST_FILE} are read")


def _wrong(where, found):
    return ModelError(
        "the model cannot be used",
        where=where,
        found=found,
        hint="train or freeze it again, or get the file from where it was published",
    )
