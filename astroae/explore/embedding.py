"""Latents in two dimensions: PCA and t-SNE of scikit-learn."""

import numpy as np

from astroae.errors import SettingError
from astroae.explore.extras import needed
from astroae.explore.neighbours import standardised

__doctest_requires__ = {"embed": ["sklearn"]}
__all__ = ["METHODS", "embed"]

METHODS = ("pca", "tsne")
LEAST = 4  # stamps: fewer make no picture
FEW = 500


def embed(vectors, method="pca", *, seed=0, perplexity=30.0):
    """Two coordinates for each vector.

    Parameters
    ----------
    vectors : array_like (N, K)
        Latents; each is standardised first, so that all count alike.
    method : {"pca", "tsne"}
        The two directions of largest variance, or a picture that keeps neighbours
        together and whose distances between groups mean nothing (van der Maaten &
        Hinton 2008, JMLR 9, 2579).
    seed : int
        Of t-SNE.
    perplexity : float
        Of t-SNE: neighbours that count, at most a third of the stamps.

    Returns
    -------
    places : ndarray (N, 2) of float64
    about : dict
        ``method`` and, of PCA, ``explained``: the share of the variance of each axis;
        of t-SNE ``perplexity`` and ``seed``.

    Raises
    ------
    SettingError
        A method that is not known, or fewer than four stamps.

    Examples
    --------
    >>> import numpy as np
    >>> from astroae.explore.embedding import embed
    >>> line = np.arange(5.0)[:, None] * [1.0, 2.0]
    >>> places, about = embed(line)
    >>> about["explained"][0]
    1.0
    """
    vectors = standardised(vectors)
    if method not in METHODS or len(vectors) < LEAST:
        raise SettingError(
            "no embedding of these stamps",
            where="embed",
            found=f"method {method!r} of {', '.join(METHODS)}; {len(vectors)} stamps of at "
            f"least {LEAST}",
            hint="give more images, or cut them into smaller stamps (--side)",
        )
    if not vectors.any():
        raise SettingError(
            "no embedding of stamps that are all alike",
            where="embed",
            found=f"{len(vectors)} stamps with equal latents",
            hint="give other images",
        )
    return _pca(vectors) if method == "pca" else _tsne(vectors, seed, perplexity)


def _pca(vectors):
    vectors = vectors if vectors.shape[1] > 1 else np.pad(vectors, ((0, 0), (0, 1)))
    fitted = needed("sklearn.decomposition").PCA(2, svd_solver="full").fit(vectors)
    explained = [round(float(share), 4) for share in fitted.explained_variance_ratio_]
    return fitted.transform(vectors), {"method": "pca", "explained": explained}


def _tsne(vectors, seed, perplexity):
    perplexity = min(perplexity, (len(vectors) - 1) / 3)
    fitted = needed("sklearn.manifold").TSNE(
        2,
        perplexity=perplexity,
        init="pca" if vectors.shape[1] > 1 else "random",
        # The tree of Barnes and Hut pays off for many only.
        method="exact" if len(vectors) <= FEW else "barnes_hut",
        random_state=seed,
    )
    about = {"method": "tsne", "perplexity": perplexity, "seed": seed}
    return np.float64(fitted.fit_transform(vectors)), about
