"""VGG16's features, with random weights in files as the user would give them."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from astroae.errors import ModelError  # noqa: E402
from astroae.train.vgg import _features, load_perceptual  # noqa: E402


@pytest.fixture(scope="module")
def weights():
    """A state dict of torchvision's names, the classifier's among them."""
    torch.manual_seed(4)
    found = {f"features.{name}": value for name, value in _features().state_dict().items()}
    return found | {"classifier.0.weight": torch.zeros(2, 2)}


@pytest.fixture(scope="module", params=[".pth", ".safetensors"])
def weight_file(request, weights, tmp_path_factory):
    path = tmp_path_factory.mktemp("vgg") / f"vgg16{request.param}"
    if request.param == ".pth":
        torch.save(weights, path)
    else:
        from safetensors.torch import save_file

        save_file(weights, path)
    return path


def test_distance_of_a_file(weight_file):
    """None to itself, some to another; gray is three equal channels; a slope for y only."""
    distance = load_perceptual(weight_file)
    x = torch.from_numpy(np.random.default_rng(5).random((2, 1, 32, 32), np.float32))
    y = (x * 0.5).requires_grad_()
    assert distance(x, x).tolist() == [0, 0]
    found = distance(y, x)
    assert found.shape == (2,) and (found > 0).all()
    assert torch.allclose(found, distance(y.expand(-1, 3, -1, -1), x.expand(-1, 3, -1, -1)))
    found.sum().backward()
    assert torch.isfinite(y.grad).all() and y.grad.abs().max() > 0
    assert all(weight.grad is None for weight in distance.parameters())


def test_features_are_those_of_plain_convolutions(weights, weight_file):
    """The first tap by hand: two convolutions with ReLU of ImageNet-normalised pixels."""
    from torch.nn.functional import conv2d, relu

    distance = load_perceptual(weight_file)
    x = torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(1))
    mean = torch.tensor([0.485, 0.456, 0.406])[:, None, None]
    deviation = torch.tensor([0.229, 0.224, 0.225])[:, None, None]
    values = (x - mean) / deviation
    for layer in (0, 2):
        kernel, bias = (weights[f"features.{layer}.{part}"] for part in ("weight", "bias"))
        values = relu(conv2d(values, kernel, bias, padding=1))
    assert torch.allclose(distance._tapped(x)[0], values, atol=1e-5)


def check_refused(path):
    with pytest.raises(ModelError) as caught:
        load_perceptual(path)
    message = str(caught.value)
    assert "VGG16" in message and "vgg16-397923af.pth" in message and "--no-perceptual" in message
    return message


def test_no_such_file(tmp_path):
    assert "nothing.pth" in check_refused(tmp_path / "nothing.pth")


def test_a_file_that_is_none(tmp_path):
    for name in ("a.pth", "a.safetensors"):
        (tmp_path / name).write_bytes(b"not weights")
        check_refused(tmp_path / name)


def test_weights_of_another_network(tmp_path, weights):
    torch.save({"conv.weight": torch.zeros(1)}, tmp_path / "other.pth")
    assert "missing" in check_refused(tmp_path / "other.pth")
    torch.save([1, 2], tmp_path / "list.pth")
    check_refused(tmp_path / "list.pth")
    torch.save(weights | {"features.0.weight": torch.zeros(64, 1, 3, 3)}, tmp_path / "gray.pth")
    assert "size mismatch" in check_refused(tmp_path / "gray.pth")
