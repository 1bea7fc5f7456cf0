"""Stamps that look alike: nearest neighbours among latents."""

import numpy as np
from astropy.table import Table

from astroae.errors import SettingError
from astroae.explore.extras import needed

__doctest_requires__ = {"neighbours": ["sklearn"]}
__all__ = ["neighbours", "standardised"]


def standardised(vectors):
    """Columns with mean 0 and standard deviation 1; constant ones are 0.

    Parameters
    ----------
    vectors : array_like (N, K)

    Returns
    -------
    ndarray (N, K) of float64

    Examples
    --------
    >>> from astroae.explore.neighbours import standardised
    >>> standardised([[1.0, 5.0], [3.0, 5.0]])
    array([[-1.,  0.],
           [ 1.,  0.]])
    """
    vectors = np.asarray(vectors, np.float64)
    centred = vectors - vectors.mean(0)
    spread = vectors.std(0)
    # A column of equal numbers may keep a rounding error of its mean.
    known = spread > 1e-12 * np.abs(vectors).max(0, initial=0.0)
    return np.where(known, centred / np.where(known, spread, 1.0), 0.0)


def neighbours(vectors, count=5, of=None):
    """The nearest stamps of some or all stamps.

    Parameters
    ----------
    vectors : array_like (N, K)
        Latents; each is standardised, so that all count alike.
    count : int
        Neighbours of each, itself not counted.
    of : sequence of int, optional
        Rows whose neighbours are wanted; by default all.

    Returns
    -------
    astropy.table.Table
        ``stamp``, ``rank`` (from 1), ``neighbour`` (rows), ``distance`` (Euclidean, in
        standard deviations).

    Raises
    ------
    SettingError
        Fewer stamps than neighbours wanted, or no such row.

    Examples
    --------
    >>> from astroae.explore.neighbours import neighbours
    >>> found = neighbours([[0.0], [1.0], [5.0]], count=1)
    >>> found["neighbour"].tolist()
    [1, 0, 1]
    """
    vectors = standardised(vectors)
    total = len(vectors)
    rows = np.arange(total) if of is None else np.asarray(of, int)
    if not 1 <= count < total:
        _refuse("count", f"{count} neighbours among {total} stamps", "ask for fewer")
    if len(rows) and not (0 <= rows.min() and rows.max() < total):
        _refuse("of", f"rows {rows.min()} to {rows.max()} of {total}", "rows are counted from 0")
    search = needed("sklearn.neighbors").NearestNeighbors(n_neighbors=count + 1).fit(vectors)
    distance, index = search.kneighbors(vectors[rows])
    kept = _others(index, rows)
    return Table(
        {
            "stamp": np.repeat(rows, count),
            "rank": np.tile(np.arange(1, count + 1), len(rows)),
            "neighbour": index[kept],
            "distance": distance[kept],
        }
    )


def _others(index, rows):
    """All but the stamp itself; among equal stamps it may not be the first, or be absent."""
    own = index == rows[:, None]
    own[~own.any(1), -1] = True
    return ~own


def _refuse(where, found, hint):
    raise SettingError("neighbours cannot be given", where=where, found=found, hint=hint)
