"""Sums over tiles: the pieces that are drawn again and again for an interval."""

import numpy as np

__all__ = ["fewest_tiles", "tile_sums"]


def tile_sums(image, side):
    """Sums over nearly equal tiles.

    Parameters
    ----------
    image : array (y, x)
    side : float
        About how wide a tile is, pixels.

    Returns
    -------
    array (n,)
        Row by row; a side shorter than a tile is one tile.

    Examples
    --------
    >>> import numpy as np
    >>> from astroae.validation.tiles import tile_sums
    >>> tile_sums(np.ones((8, 9)), 4).tolist()
    [16.0, 20.0, 16.0, 20.0]
    """
    rows, columns = (_starts(length, side) for length in image.shape)
    return np.add.reduceat(np.add.reduceat(image, columns, 1), rows, 0).ravel()


def _starts(length, side):
    count = max(1, round(length / side))
    return np.arange(count) * length // count


def fewest_tiles(shape, smallest, most=4096, least=16):
    """Side of tiles so that there are at least 16 of them, and no more than resampling bears.

    Parameters
    ----------
    shape : (int, int)
    smallest : float
        Side that is wanted.
    most, least : int
        Tiles.
    """
    area = shape[0] * shape[1]
    return max(min(smallest, np.sqrt(area / least)), np.sqrt(area / most), 1.0)
