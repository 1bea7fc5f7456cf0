"""Gray or RGB images of any size: latents at three resolutions, trained for their bytes."""

from astroae.nets.blocks import Stack
from astroae.nets.spec import Network
from astroae.train.recipes._recipe import Recipe

__all__ = ["RECIPE", "build"]


def build(channels=1, widths=(16, 32, 64, 64, 64), latents=(12, 16, 16)):
    """Latents at 1/4, 1/8 and 1/16 of the size, by mean pooling."""
    encoder, decoder = Stack("e"), Stack("d")
    full, half, *coarse = widths
    tensor = encoder.conv("x", full, kernel=5)
    tensor = encoder.conv(encoder.add("mean_pool", tensor), half)
    tensor = encoder.residual(tensor, half)
    names = []
    for level, (width, count) in enumerate(zip(coarse, latents)):
        tensor = encoder.conv(encoder.add("mean_pool", tensor), width)
        tensor = encoder.residual(tensor, width)
        name = f"z{4 << level}"
        names.append(encoder.conv(tensor, count, kernel=1, relu=False, name=name))
    tensor = None
    for name, width in zip(reversed(names), reversed(coarse)):
        joined = name if tensor is None else decoder.add("concat", (decoder.up(tensor), name))
        tensor = decoder.residual(decoder.conv(joined, width), width)
    tensor = decoder.residual(decoder.conv(decoder.up(tensor), half), half)
    decoder.conv(decoder.up(tensor, full), channels, relu=False, name="y")
    nodes = tuple(encoder.nodes), tuple(decoder.nodes)
    return Network(channels, None, 16, *nodes, tuple(reversed(names)))


RECIPE = Recipe(
    name="multires",
    summary="multi-resolution convolutional autoencoder by pooling, gray or RGB, any size",
    origin="A multi-resolution convolutional autoencoder that was compared with JPEG",
    build=build,
    options={"channels": 1, "widths": (16, 32, 64, 64, 64), "latents": (12, 16, 16)},
    fit="crop",
    crop=128,
    normalisation={"kind": "minmax", "stretch": "asinh"},
    picture_normalisation={"kind": "fixed", "low": 0.0, "high": 255.0},
    loss=(("mse", 800.0), ("rate", 1.0)),
    epochs=150,
    batch=8,
    schedule="cosine",
    latent_levels=None,
    step_range=(0.25, 2.0),
    decisions=(
        "Trained for bits per pixel plus distortion (800 MSE at a latent step of 1, and over "
        "the step's square elsewhere), so that entropy-coded bytes can be compared.",
        "Latent steps of 0.25 to 2 in training: one model serves a range of rates.",
        "All latents cross and are counted; there are no other skips.",
        "Options: channels = 3 for RGB.",
    ),
    intended_use="Pictures at low rates; stamps with search and preview; a rival to JPEG.",
    known_failures="At high rates it is far behind JPEG XL and the codec; no bound on a pixel.",
)
