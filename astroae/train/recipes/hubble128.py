"""Hubble images, gray, 128 x 128: a convolutional autoencoder without skips."""

from astroae.nets.blocks import Stack
from astroae.nets.spec import Network
from astroae.train.recipes._recipe import Recipe

__all__ = ["RECIPE", "build"]


def build(widths=(24, 48, 96), latent=8):
    """Three poolings to 16 x 16 x ``latent``, and back."""
    encoder, decoder = Stack("e"), Stack("d")
    tensor = "x"
    for width in widths:
        tensor = encoder.convs(tensor, width)
        tensor = encoder.add("mean_pool", tensor)
    z = encoder.conv(tensor, latent, relu=False, name="z")
    tensor = decoder.conv(z, widths[-1])
    for width in reversed(widths):
        tensor = decoder.convs(decoder.up(tensor), width)
    image = decoder.conv(tensor, 1, relu=False)
    decoder.add("sigmoid", image, name="y")
    side, scale = 128, 2 ** len(widths)
    return Network(1, side, scale, tuple(encoder.nodes), tuple(decoder.nodes), (z,))


RECIPE = Recipe(
    name="hubble128",
    summary="Hubble images to gray, 128 x 128: convolutional autoencoder, MSE + SSIM + VGG loss",
    origin="A convolutional autoencoder of Hubble images; loss MSE + SSIM + VGG perceptual",
    build=build,
    options={"widths": (24, 48, 96), "latent": 8},
    fit="resize",
    normalisation={"kind": "minmax", "stretch": "asinh"},
    picture_normalisation={"kind": "fixed", "low": 0.0, "high": 255.0},
    loss=(("mse", 10.0), ("ssim", 0.1), ("perceptual", 0.01)),
    epochs=100,
    schedule="cosine",
    decisions=(
        "Latent of 16 x 16 x 8 numbers: one for eight pixels; the project names none.",
        "Weights: 10 MSE + 0.1 (1 - SSIM) + 0.01 perceptual, so that the terms are alike in size.",
        "FITS images are stretched by asinh before the min-max, as the outreach images were.",
        "Gray is the Rec. 601 luminance of a colour image.",
    ),
    intended_use="Pictures of galaxies and clusters: previews, search by looks.",
    known_failures="Noise is smoothed away and faint stars with it; no flux is promised.",
)
