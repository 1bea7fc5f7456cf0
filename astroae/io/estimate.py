"""What a bounded mode would make of a file, from a few tiles of each float image."""

import numpy as np

from astroae.codec.image import encode_image
from astroae.io.coded import pixels_of
from astroae.io.planes import planes_of
from astroae.io.spans import plain_source, quiet_headers, scan
from astroae.pixels.tiling import TileGrid
from astroae.settings import Bounded, Lossless, Settings

__all__ = ["estimate_saving"]

TILES = 4


def estimate_saving(src, quantize_level=4.0):
    """How much smaller the float images of a file would be in bounded mode.

    Parameters
    ----------
    src : path-like
    quantize_level : float

    Returns
    -------
    float or None
        Bounded over lossless size of a few tiles, spread over each image; None
        where the file has no float image.
    """
    bounded, lossless = Settings(Bounded(quantize_level)), Settings(Lossless())
    sizes = np.zeros(2)
    with plain_source(src) as plain, quiet_headers():
        spans = scan(plain, src)
        planes = planes_of(plain, spans, bounded)
        for span in spans:
            if span.index not in planes or span.header["BITPIX"] > 0:
                continue
            if planes[span.index].role != "image":
                continue
            data = pixels_of(plain, span)
            grid = TileGrid.default(data.shape)
            some = np.unique(np.linspace(0, len(grid) - 1, TILES + 2).astype(int)[1:-1])
            for i in some:
                tile = data[grid.slices(i)]
                share = len(grid) / len(some)
                sizes += [share * _size(tile, s) for s in (bounded, lossless)]
    return float(sizes[0] / sizes[1]) if sizes[1] else None


def _size(tile, settings):
    encoded = encode_image(tile, settings, threads=1)
    return len(encoded.shared) + sum(len(stream) for stream in encoded.streams)
