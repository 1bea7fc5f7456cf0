"""Terms of a loss against plain numpy; the rate model against the logistic distribution."""

import math

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from astroae.errors import SettingError  # noqa: E402
from astroae.train.losses import RateModel, Result, build_terms  # noqa: E402


def pair(side=24):
    rng = np.random.default_rng(2)
    x, y = rng.random((2, 3, 1, side, side))
    return x, y, Result(torch.from_numpy(x), torch.from_numpy(y))


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("mse", lambda x, y: (x - y) ** 2),
        ("l1", lambda x, y: abs(x - y)),
        ("bce", lambda x, y: -x * np.log(y) - (1 - x) * np.log(1 - y)),
    ],
)
def test_a_term_by_hand(name, plain):
    x, y, result = pair()
    ((term, weight),) = build_terms([(name, 3.0)])
    assert weight == 3.0
    np.testing.assert_allclose(term(result), plain(x, y).mean((1, 2, 3)), rtol=1e-12)


def test_ssim_is_scikit_images():
    metrics = pytest.importorskip("skimage.metrics")
    pytest.importorskip("pytorch_msssim")
    x, y, result = pair(64)
    ((term, _),) = build_terms([("ssim", 1.0)])
    told = [
        # The windows that lie inside alone, as the loss takes them.
        metrics.structural_similarity(
            a, b, data_range=1, gaussian_weights=True, sigma=1.5, use_sample_covariance=False,
            full=True,
        )[1][5:-5, 5:-5].mean()
        for a, b in zip(x[:, 0], y[:, 0])
    ]  # fmt: skip
    np.testing.assert_allclose(term(result), 1 - np.array(told), atol=1e-5)


def test_error_counts_more_at_a_finer_step():
    _, _, result = pair()
    ((mse, _),) = build_terms([("mse", 1.0)])
    plain = mse(result)
    result.step = torch.tensor([0.5, 1.0, 2.0])
    np.testing.assert_allclose(mse(result), plain * torch.tensor([4, 1, 0.25]), rtol=1e-6)


def test_cross_entropy_of_black_and_white_is_finite():
    ones = torch.ones(1, 1, 2, 2)
    y = torch.zeros(1, 1, 2, 2, requires_grad=True)
    ((bce, _),) = build_terms([("bce", 1.0)])
    value = bce(Result(ones, y))
    value.sum().backward()
    assert value.item() == pytest.approx(-math.log(1e-6), rel=1e-3)
    assert torch.isfinite(y.grad).all()


def test_a_term_that_there_is_not():
    with pytest.raises(SettingError, match="--vgg-weights"):
        build_terms([("perceptual", 1.0)])


def logistic_bits(value, scale, step):
    """In double precision and by logarithms throughout, so that nothing underflows."""
    upper, lower = (-np.logaddexp(0, (abs(value) + side * step / 2) / scale) for side in (-1, 1))
    return -(upper + np.log1p(-np.exp(lower - upper))) / math.log(2)


def bits_of(value, scale, step):
    model = RateModel({"z": 1})
    model.log_scale["z"].data.fill_(math.log(scale))
    tensor = torch.full((1, 1, 1, 1), value, requires_grad=True)
    bits = model.bits("z", tensor, torch.tensor([step]))
    bits.sum().backward()
    return bits.item(), tensor.grad, model.log_scale["z"].grad


@pytest.mark.parametrize("scale", [0.002, 0.05, 1.0, 30.0])
@pytest.mark.parametrize("step", [0.25, 1.0, 2.0])
@pytest.mark.parametrize("value", [0.0, 0.3, -0.9, 1.1, 5.0, -40.0, 900.0])
def test_bits_are_the_mass_of_a_logistic(value, scale, step):
    """Far in the tails, and where the scale is a small part of the step."""
    bits, slope, scale_slope = bits_of(value, scale, step)
    assert bits == pytest.approx(logistic_bits(value, scale, step), rel=2e-3, abs=2e-4)
    assert bits >= 0
    assert torch.isfinite(slope).all() and torch.isfinite(scale_slope).all()


def test_masses_add_to_one():
    model = RateModel({"z": 1})
    values = torch.arange(-60.0, 61.0).reshape(-1, 1, 1, 1)
    with torch.no_grad():
        bits = model.bits("z", values, torch.ones(121))
    assert (2.0**-bits).sum().item() == pytest.approx(1, abs=1e-5)


def test_mean_bits_of_logistic_noise_is_its_entropy():
    """At a fine step: differential entropy (2 nats at scale 1) less log2 of the step."""
    rng = np.random.default_rng(3)
    values = torch.from_numpy(rng.logistic(size=(1, 1, 200, 200)).astype(np.float32))
    model = RateModel({"z": 1})
    with torch.no_grad():
        bits = model.bits("z", values, torch.tensor([0.125])).item() / 40_000
    assert bits == pytest.approx(2 / math.log(2) + 3, abs=0.03)
