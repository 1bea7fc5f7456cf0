"""Digits, 28 x 28: one dense layer in, one out."""

from astroae.nets.blocks import Stack
from astroae.nets.spec import Network
from astroae.train.recipes._recipe import Recipe

__all__ = ["RECIPE", "build"]


def build(latent=32):
    """784 pixels -> ``latent`` numbers -> 784 pixels."""
    encoder, decoder = Stack("e"), Stack("d")
    z = encoder.dense("x", latent, relu=True, name="z")
    flat = decoder.dense(z, 784)
    image = decoder.add("reshape", flat, shape=(1, 28, 28))
    decoder.add("sigmoid", image, name="y")
    return Network(1, 28, 1, tuple(encoder.nodes), tuple(decoder.nodes), (z,))


RECIPE = Recipe(
    name="dense784",
    summary="28 x 28 pixels flattened to 784, dense to 32 numbers and back",
    origin="MNIST autoencoder: 784-32-784, ReLU and sigmoid, inputs in [0, 1]",
    build=build,
    options={"latent": 32},
    fit="resize",
    normalisation={"kind": "minmax"},
    picture_normalisation={"kind": "fixed", "low": 0.0, "high": 255.0},
    loss=(("bce", 1.0),),
    epochs=600,
    batch=64,
    schedule="cosine",
    precision="32-true",
    checkpoint_every=100,
    augment=False,
    split=0.9,
    decisions=(
        "Loss: binary cross-entropy, which goes with a sigmoid; the project names none.",
        "Adam 0.001 falling to zero as a cosine, batch 64, 600 epochs, single precision.",
        "Latents begin well above zero: a ReLU that is zero for every digit never learns.",
        "No flips or rotations: a turned digit is another digit.",
    ),
    intended_use="Handwritten digits; the smallest example of what a latent is.",
    known_failures="Blurs thin strokes; useless on anything that is not a centred digit.",
)
