"""The denoiser learns, and freezes into a model that says the same."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from astroae.nets import exact  # noqa: E402
from astroae.nets.modelfile import pack, unpack  # noqa: E402
from astroae.pixels.stamps import Normalisation  # noqa: E402
from astroae.train import denoiser  # noqa: E402


def test_fields():
    light, electrons = denoiser.make_fields(2, 5)
    assert light.shape == (2, 384, 384) and np.all(electrons > 5)
    assert abs(np.median(light)) < 0.2 and light.max() > 2
    again, _ = denoiser.make_fields(2, 5)
    assert np.array_equal(again, light)


def test_a_short_training():
    said = []
    threads = torch.get_num_threads()
    model = denoiser.train(50, 1, 3, report=said.append)
    torch.set_num_threads(threads)
    assert len(said) == 1 and model.card["training"] == {"steps": 50, "fields": 1, "seed": 3}
    model = unpack(pack(model))
    rule = Normalisation.from_dict(model.input)
    noise = np.random.default_rng(1).normal(size=(1, 64, 64))
    seen = rule.network_input((noise - denoiser.LOW) / denoiser.SPAN)
    given = exact.decode(model, exact.encode(model, seen)) * denoiser.SPAN + denoiser.LOW
    assert given.std() < 0.5 and abs(given.mean()) < 0.5


def test_the_narrow_one_has_no_skips():
    network = denoiser.NARROW.network(latent=7)
    assert network.skips == () and network.shapes()["z"] == (7, 1, 1)
