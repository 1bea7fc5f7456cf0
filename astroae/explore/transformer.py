"""Latents as features: a transformer of scikit-learn.

Imported where it is wanted only: scikit-learn is an optional package.
"""

import math

import numpy as np

from astroae.errors import SettingError
from astroae.explore.coding import channel_names, vectors
from astroae.explore.extras import needed
from astroae.nets.store import find

_base = needed("sklearn.base")
_validation = needed("sklearn.utils.validation")

__all__ = ["LatentTransformer"]


class LatentTransformer(_base.TransformerMixin, _base.BaseEstimator):
    """Stamps -> latent vectors, for pipelines of scikit-learn.

    Nothing is learned by `fit`: the model was trained before.

    Parameters
    ----------
    model : str, path-like or astroae.nets.modelfile.Model
        As for `astroae.latents`.
    image_shape : tuple of int, optional
        (height, width) of images that come as rows of a table.  By default rows are
        square images where their length is a square, else images of one row.
    pictures : bool
        The images are gray levels from 0 to 255 rather than flux per pixel.
    smaller : {"pad", "resize"}
        What becomes of images smaller than the model's side: padded by reflection, as
        by `astroae.latents`, or resized.

    Attributes
    ----------
    model_ : astroae.nets.modelfile.Model
    n_features_in_ : int
        Pixels of an image.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from astroae.explore.transformer import LatentTransformer
    >>> classifier = make_pipeline(
    ...     LatentTransformer(model="hubble128"), StandardScaler(), LogisticRegression()
    ... )
    """

    def __init__(self, model="hubble128", *, image_shape=None, pictures=False, smaller="pad"):
        self.model = model
        self.image_shape = image_shape
        self.pictures = pictures
        self.smaller = smaller

    def fit(self, X, y=None):
        """Find the model, and learn how many pixels an image has.

        Parameters
        ----------
        X : array_like (N, H, W), (N, C, H, W) or (N, pixels)
            NaN and inf are undefined pixels.
        y : ignored

        Returns
        -------
        LatentTransformer

        Raises
        ------
        ModelError
            No such model.
        ValueError, TypeError
            What scikit-learn says of no images.
        """
        self.model_ = find(self.model)
        self._images(X, reset=True)
        return self

    def transform(self, X):
        """Latent vectors.

        Parameters
        ----------
        X : array_like (N, H, W), (N, C, H, W) or (N, pixels)

        Returns
        -------
        ndarray (N, K) of float64
            As `astroae.latents` gives them, in float64.
        """
        _validation.check_is_fitted(self)
        return vectors(
            self.model_,
            self._images(X, reset=False),
            pictures=self.pictures,
            smaller=self.smaller,
        )

    def get_feature_names_out(self, input_features=None):
        """Names of the latents: tensor and channel.

        Parameters
        ----------
        input_features : ignored

        Returns
        -------
        ndarray of str objects
        """
        _validation.check_is_fitted(self)
        return np.array(channel_names(self.model_), object)

    def _images(self, X, reset):
        X = _validation.validate_data(
            self,
            X,
            reset=reset,
            dtype=np.float64,
            allow_nd=True,
            ensure_all_finite=False,
        )
        pixels = X.size // len(X)
        if reset:
            # The second axis of a table; of images the count of all their pixels.
            self._pixels = pixels
        elif pixels != self._pixels:
            raise ValueError(
                f"X has images of {pixels} pixels, but {type(self).__name__} was fitted with "
                f"images of {self._pixels}"
            )
        return X if X.ndim > 2 else X.reshape(len(X), *self._shape(X.shape[1]))

    def _shape(self, pixels):
        if self.image_shape is None:
            side = math.isqrt(pixels)
            return (side, side) if side * side == pixels else (1, pixels)
        if math.prod(self.image_shape) != pixels:
            raise SettingError(
                "rows are not images of this shape",
                where="image_shape",
                found=f"{tuple(self.image_shape)}, but rows have {pixels} numbers",
                hint="give the height and width of the images",
            )
        return tuple(self.image_shape)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.three_d_array = True
        return tags
