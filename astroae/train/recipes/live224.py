"""Natural images, 224 x 224: convolutions to one vector, upsampling back."""

from astroae.nets.blocks import Stack
from astroae.nets.spec import Network
from astroae.train.recipes._recipe import Recipe

__all__ = ["RECIPE", "build"]


def build(width=16, depth=5, latent=192, last=32, channels=3):
    """``depth`` convolutions with pooling, ``latent`` numbers, and back."""
    side = 224
    coarse = side >> depth
    widths = [min(width << level, 64) for level in range(depth - 1)] + [last]
    encoder, decoder = Stack("e"), Stack("d")
    tensor = "x"
    for n in widths:
        tensor = encoder.add("max_pool", encoder.conv(tensor, n))
    z = encoder.dense(tensor, latent, name="z")
    flat = decoder.dense(z, last * coarse**2, relu=True)
    tensor = decoder.add("reshape", flat, shape=(last, coarse, coarse))
    for n in reversed(widths):
        tensor = decoder.conv(decoder.up(tensor), n)
    image = decoder.conv(tensor, channels, relu=False)
    decoder.add("sigmoid", image, name="y")
    nodes = tuple(encoder.nodes), tuple(decoder.nodes)
    return Network(channels, side, 1 << depth, *nodes, (z,))


RECIPE = Recipe(
    name="live224",
    summary="natural images, 224 x 224: convolutions and pooling, a dense latent, upsampling",
    origin=(
        "An autoencoder of the LIVE image quality set (originals and their JPEG versions); "
        "ReLU, sigmoid, MSE, Adam 0.001, batch 64"
    ),
    build=build,
    options={"width": 16, "depth": 5, "latent": 192, "last": 32, "channels": 3},
    fit="crop",
    crop=224,
    normalisation={"kind": "minmax", "stretch": "asinh", "input": "signed"},
    picture_normalisation={"kind": "fixed", "low": 0.0, "high": 255.0, "input": "signed"},
    loss=(("mse", 1.0),),
    epochs=300,
    batch=64,
    schedule="cosine",
    checkpoint_every=50,
    decisions=(
        "Inputs in [-1, 1], outputs of the sigmoid in [0, 1]: compared in [0, 1].",
        "Colour; 192 latents, depth 5 and width 16: chosen for size, and a short sweep did not "
        "contradict it.",
        "Photographs are cut into stamps at their own resolution; with --side 320 each epoch sees "
        "other cut-outs of 224 of them.",
    ),
    intended_use="A study of width, depth and latent size; not a codec.",
    known_failures="Gives a blurred impression: 192 numbers for 150 528 samples; trained on a dozen "
    "photographs it knows little but them.",
)
