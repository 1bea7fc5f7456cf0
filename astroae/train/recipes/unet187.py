"""FITS stamps, 187 x 187: a U-Net around eight numbers."""

from astroae.nets.blocks import Stack
from astroae.nets.spec import Network
from astroae.train.recipes._recipe import Recipe

__all__ = ["RECIPE", "build"]


def build(widths=(16, 32, 64, 128), latent=8, side=187):
    """Four blocks down, ``latent`` numbers, four blocks up, a skip at each scale."""
    scale = 2 ** len(widths)
    padded = -(-side // scale) * scale
    encoder, decoder = Stack("e"), Stack("d")
    tensor, skips = "x", []
    for level, width in enumerate(widths):
        tensor = encoder.convs(tensor, width, norm=True, name=f"skip{level}")
        skips.append(tensor)
        tensor = encoder.add("max_pool", tensor)
    z = encoder.dense(tensor, latent, name="z")
    coarse = padded // scale
    flat = decoder.dense(z, widths[-1] * coarse**2)
    tensor = decoder.add("reshape", flat, shape=(widths[-1], coarse, coarse))
    for level in reversed(range(len(widths))):
        width = widths[max(level - 1, 0)]
        tensor = decoder.up(tensor, width)
        tensor = decoder.add("concat", (tensor, skips[level]))
        tensor = decoder.convs(tensor, width, norm=True)
    image = decoder.conv(tensor, 1, kernel=1, relu=False)
    decoder.add("sigmoid", image, name="y")
    nodes = tuple(encoder.nodes), tuple(decoder.nodes)
    return Network(1, side, scale, *nodes, (z,), tuple(reversed(skips)))


RECIPE = Recipe(
    name="unet187",
    summary="FITS stamps of any dimensionality, 187 x 187: U-Net with an 8-number latent",
    origin=(
        "AryanPrakhar/astro-autoencoder; its page gives MSE 5.4e-5, SSIM 0.9868, MS-SSIM 0.9982, "
        "its own test log averages of 6.8e-5, 0.9858 and 0.9974"
    ),
    build=build,
    options={"widths": (16, 32, 64, 128), "latent": 8, "side": 187},
    fit="resize",
    normalisation={"kind": "minmax"},
    loss=(("bce", 1.0),),
    epochs=150,
    schedule="cosine",
    norm_epochs=1,
    decisions=(
        "Stamps are padded by reflection to 192 and the result is cropped: four poolings need it.",
        "Of a cube the middle plane, unless one is named.",
        "Rotations are by 90 degrees, so that no pixel is interpolated.",
        "The 80/20 split is by instrument.",
        "Batch norm takes its statistics in the first epoch and keeps them: stamps differ so much "
        "in level that batches of 16 never agree, and a network trained on each batch's own "
        "statistics is off by them afterwards (median MSE 8e-4 where 3e-4 is reached this way).",
        "The learning rate falls from 0.001 to zero as a cosine.",
        "Up-convolutions give half the channels of their input.",
    ),
    skip_levels=4.0,
    intended_use="Feature vectors of stamps; the study of what skip connections carry.",
    known_failures=(
        "Without the skips it gives a blurred average: eight numbers hold position and size of "
        "the brightest thing at best. With them coded the file is larger than the codec's."
    ),
)
