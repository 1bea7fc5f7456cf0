"""A network in whole numbers: the same bits on every machine.

Tensors are float64 arrays of whole numbers in units of 2^-fraction.  A layer sums
products of them and int16 weights exactly (`astroae.nets.layer`), rounds
``floor(sum / 2^shift + 1/2)`` and clips.  What is not a sum of whole numbers, the
sigmoid, is made of elementwise float64 operations, which IEEE 754 rounds in one way.
The last operation of the decoder is not rounded, so that smooth skies show no steps.
"""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from astroae.errors import ModelError
from astroae.nets.layer import LIMIT

__all__ = ["decode", "encode", "pad", "sigmoid"]

_BAND = 1 << 18  # numbers of an unfolded band of rows: 2 MB, a cache's worth
_LN2_HIGH, _LN2_LOW = 0.6931471803691238, 1.9082149292705877e-10  # Cody & Waite (1980)
_EXP = (1.0, 1.0, 1 / 2, 1 / 6, 1 / 24, 1 / 120, 1 / 720, 1 / 5040, 1 / 40320, 1 / 362880)


def encode(model, x):
    """Crossing tensors of an image.

    Parameters
    ----------
    model : astroae.nets.modelfile.Model
    x : array_like (C, H, W) or (N, C, H, W)
        What the network sees: normalised, and mapped by
        `astroae.pixels.stamps.Normalisation.network_input`.  Sides that are no
        multiple of ``model.network.multiple`` are padded (`pad`).

    Returns
    -------
    dict of str to float64 ndarray (C, h, w), or (N, C, h, w)
        In order; whole multiples of ``2**-model.fraction``.

    Raises
    ------
    ModelError
        If the network does not take images of this shape.
    """
    x = np.asarray(x, np.float64)
    network = model.network
    if x.ndim not in (3, 4) or x.shape[-3] != network.channels or 0 in x.shape[-2:]:
        raise ModelError(
            "the model does not take this image",
            where=model.name,
            found=f"shape {x.shape}, not ({network.channels}, height, width)",
            hint="give one plane for each of its channels",
        )
    network.shapes(*x.shape[-2:])
    x = pad(x, network.multiple)
    tensors = _run(model, network.encoder, {"x": _whole(x, model)}, network.crossing)
    return {name: _real(tensors[name], model, x.ndim) for name in network.crossing}


def decode(model, crossing):
    """The image that the decoder makes.

    Parameters
    ----------
    model : astroae.nets.modelfile.Model
    crossing : dict of str to array_like (C, h, w) or (N, C, h, w)
        Rounded to multiples of ``2**-model.fraction`` and clipped first.

    Returns
    -------
    float64 ndarray (C, H, W), or (N, C, H, W)
        With padded sides: the caller crops.

    Raises
    ------
    ModelError
        If a tensor is missing, or their shapes do not belong to one image.
    """
    network = model.network
    given = {name: np.asarray(crossing[name], np.float64) for name in network.crossing}
    _check_crossing(model, given)
    dims = next(iter(given.values())).ndim
    tensors = {name: _whole(tensor, model) for name, tensor in given.items()}
    return _real(_run(model, network.decoder, tensors, ())[network.output], model, dims)


def pad(x, multiple):
    """Images with their sides padded to a multiple, by reflection (the edge is not repeated).

    Examples
    --------
    >>> import numpy as np
    >>> from astroae.nets.exact import pad
    >>> pad(np.arange(6.0).reshape(1, 2, 3), 4)[0, 0]
    array([0., 1., 2., 1.])
    """
    sides = [(0, -size % multiple) for size in x.shape[-2:]]
    return np.pad(x, [(0, 0)] * (x.ndim - 2) + sides, mode="reflect")


def sigmoid(x):
    """1 / (1 + exp(-x)), to 1e-11 of its value, by + - * / only.

    Parameters
    ----------
    x : float64 ndarray

    Returns
    -------
    float64 ndarray

    Examples
    --------
    >>> import numpy as np
    >>> from astroae.nets.exact import sigmoid
    >>> print(*sigmoid(np.array([-40.0, 0.0, 2.0])).round(6))
    0.0 0.5 0.880797
    """
    size = np.minimum(np.abs(x), 700.0)
    power = np.floor(size * (1 / (_LN2_HIGH + _LN2_LOW)) + 0.5)
    rest = power * _LN2_HIGH - size + power * _LN2_LOW  # |rest| <= ln(2) / 2
    value = np.full_like(rest, _EXP[-1])
    for coefficient in _EXP[-2::-1]:
        value = value * rest + coefficient
    value = np.ldexp(value, -power.astype(np.int32))  # exp(-|x|)
    return np.where(x < 0, value, 1.0) / (1.0 + value)


def _check_crossing(model, given):
    """All tensors of one image, or of as many images each."""
    network = model.network
    last = network.crossing[-1]
    wanted = network.shapes()
    lead, shape = given[last].shape[:-3], given[last].shape[-3:]
    if network.side is None and len(shape) == 3 and 0 not in shape:
        # Of the smallest image, scaled: an image of any size has no dense latents.
        sides = (wanted["x"][i] * shape[i] // wanted[last][i] for i in (1, 2))
        wanted = network.shapes(*sides)
    for name, tensor in given.items():
        if len(lead) > 1 or tensor.shape != (*lead, *wanted[name]):
            raise ModelError(
                "crossing tensors do not belong to one image of the model",
                where=f"{model.name}, {name}",
                found=f"shape {tensor.shape}, not {(*lead, *wanted[name])}",
                hint="give what encode returned",
            )


def _whole(values, model):
    """Whole numbers (N, C, H, W) of real values."""
    whole = np.clip(np.floor(values * 2.0**model.fraction + 0.5), -LIMIT, LIMIT)
    return whole.reshape(-1, *values.shape[-3:])


def _real(whole, model, dims):
    return (whole if dims == 4 else whole[0]) * 0.5**model.fraction


def _run(model, nodes, tensors, keep):
    """Run nodes in order; tensors are dropped after their last use."""
    last = {name: i for i, node in enumerate(nodes) for name in node.inputs}
    for i, node in enumerate(nodes):
        inputs = [tensors[name] for name in node.inputs]
        tensors[node.name] = _result(model, node, inputs)
        for name in {*node.inputs} - {*keep}:
            if last[name] == i:
                del tensors[name]
    return tensors


def _result(model, node, inputs):
    x = inputs[0]
    n, c, h, w = x.shape
    match node.op:
        case "reshape":
            return x.reshape(n, *node.options["shape"])
        case "max_pool":
            return x.reshape(n, c, h // 2, 2, w // 2, 2).max((3, 5))
        case "mean_pool":
            rows = x[:, :, ::2] + x[:, :, 1::2]
            return np.floor((rows[..., ::2] + rows[..., 1::2] + 2.0) * 0.25)
        case "upsample":
            return x.repeat(2, 2).repeat(2, 3)
        case "concat":
            return np.concatenate(inputs, 1)
        case "add":
            return np.clip(sum(inputs[1:], x), -LIMIT, LIMIT)
        case "sigmoid":
            value = sigmoid(x * 0.5**model.fraction) * 2.0**model.fraction
            return value if node.name == model.network.output else np.floor(value + 0.5)
    return _weighted(model, node, x)


def _weighted(model, node, x):
    """A layer's sums, rounded unless they are the image, activated and clipped."""
    layer = model.layers[node.name]
    sums = {"dense": _dense, "conv": _convolve, "conv_transpose": _spread}[node.op]
    total = sums(layer.weight.astype(np.float64), x, node.options)
    rounded = node.name != model.network.output
    added = layer.bias + (1 << layer.shift >> 1) * rounded
    total += added.astype(np.float64)[:, None, None]
    total *= 0.5 ** layer.shift[:, None, None]
    if rounded:
        np.floor(total, out=total)
    least = 0 if node.options["activation"] == "relu" else -LIMIT
    return np.clip(total, least, LIMIT, out=total)


def _dense(weight, x, options):
    return (x.reshape(len(x), -1) @ weight.T)[..., None, None]


def _convolve(weight, x, options):
    """'Same' convolution, zeros beyond the edge: one product for each band of rows."""
    kernel, stride = options["kernel"], options["stride"]
    n, _, h, w = x.shape
    matrix = weight.reshape(len(weight), -1)
    out = np.empty((n, len(weight), -(-h // stride), -(-w // stride)))
    rows = max(1, _BAND // (matrix.shape[1] * out.shape[3]))
    edge = (kernel // 2, kernel // 2)
    for image, result in zip(x, out):
        padded = np.pad(image, ((0, 0), edge, edge))
        windows = sliding_window_view(padded, (kernel, kernel), (1, 2))[:, ::stride, ::stride]
        windows = windows.transpose(0, 3, 4, 1, 2)  # (channel, dy, dx, y, x)
        for top in range(0, out.shape[2], rows):
            band = windows[..., top : top + rows, :]
            product = matrix @ band.reshape(matrix.shape[1], -1)
            result[:, top : top + rows] = product.reshape(len(weight), -1, out.shape[3])
    return out


def _spread(weight, x, options):
    """Transposed convolution of kernel 2 and stride 2: every pixel becomes four."""
    n, c, h, w = x.shape
    features = len(weight)
    matrix = weight.transpose(0, 2, 3, 1).reshape(4 * features, c)
    four = (matrix @ x.reshape(n, c, h * w)).reshape(n, features, 2, 2, h, w)
    return four.transpose(0, 1, 4, 2, 5, 3).reshape(n, features, 2 * h, 2 * w)
