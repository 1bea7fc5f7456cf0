"""Arrays without FITS: the keywords of `astroae.compress`, the codec's `EncodedImage`."""

import numpy as np

from astroae.codec.image import decode_image, encode_image
from astroae.errors import UnsupportedDataError
from astroae.io.models import settings_of
from astroae.pixels.nulls import refuse_mask

__all__ = ["decode", "encode"]


def encode(array, *, blank=None, threads=None, progress=None, **settings):
    """Compress an array.

    Parameters
    ----------
    array : array-like
        uint8, int16, int32, int64, float32 or float64, 1 to 5 axes.
    blank : int, optional
        Value of undefined pixels of an integer array; it comes back as it was.
    threads : int, optional
        Tiles coded at once; by default as many as there are cores.
    progress : callable, optional
        ``progress(done, total)``, tiles.
    **settings
        Those of `astroae.settings.from_keywords`: ``quantize_level``,
        ``error_bound``, ``relative_error``, ``lossy_integers``, ``dither``,
        ``tile_shape``, ``model``, ...  No mode named: lossless; integers are lossless in
        bounded mode too, unless ``lossy_integers=True``.

    Returns
    -------
    `~astroae.codec.image.EncodedImage`

    Raises
    ------
    SettingError
        Two modes at once, or a value out of range.
    UnsupportedDataError
        An empty array, one without axes, of a type that FITS does not have, or with
        masked pixels.

    Examples
    --------
    >>> import numpy as np
    >>> import astroae
    >>> sky = np.random.default_rng(1).normal(100, 5, (300, 300))
    >>> encoded = astroae.encode(sky, error_bound=0.5)
    >>> bool(abs(astroae.decode(encoded) - sky).max() <= 0.5)
    True
    """
    settings = settings_of(**settings)
    try:
        refuse_mask(array)
        return encode_image(
            np.asarray(array), settings, blank=blank, threads=threads, progress=progress
        )
    except UnsupportedDataError as exc:
        raise exc.at("array") from exc


def decode(encoded, region=None, *, on_corrupt="raise", threads=None, progress=None):
    """The array, or part of it.

    Parameters
    ----------
    encoded : `~astroae.codec.image.EncodedImage`
    region : tuple of slice, optional
        One slice of step 1 per axis; only the tiles it touches are decoded.
    on_corrupt : {"raise", "blank"}
        What a damaged tile does: an error, or NaN, ``blank`` or 0 in its place.
    threads : int, optional
        Tiles decoded at once.
    progress : callable, optional
        ``progress(done, total)``, tiles.

    Returns
    -------
    `~numpy.ndarray`
        Native byte order.

    Raises
    ------
    CorruptFileError
        A damaged tile, by its number.

    Examples
    --------
    >>> import numpy as np
    >>> import astroae
    >>> encoded = astroae.encode(np.arange(600 * 500).reshape(600, 500))
    >>> astroae.decode(encoded, (slice(599, 600), slice(497, 500)))
    array([[299997, 299998, 299999]])
    """
    return decode_image(encoded, region, on_corrupt=on_corrupt, threads=threads, progress=progress)
