"""What two headers say of the same pixels: place on the sky, and unit."""

import re

import numpy as np

__all__ = ["differing_cards"]

_CARDS = re.compile(
    r"(CTYPE|CRVAL|CRPIX|CDELT|CUNIT|CROTA)\d+"
    r"|(CD|PC|PV)\d+_\d+|(A|B|AP|BP)_\d+_\d+"
    r"|LONPOLE|LATPOLE|RADESYS|EQUINOX|BUNIT"
)


def differing_cards(original, restored):
    """Keywords of WCS and unit whose values are not the same.

    Parameters
    ----------
    original, restored : `~astropy.io.fits.Header`

    Returns
    -------
    list of str

    Examples
    --------
    >>> from astropy.io.fits import Header
    >>> from astroae.validation.headers import differing_cards
    >>> differing_cards(Header({"CRVAL1": 10.0, "SEED": 1}), Header({"CRVAL1": 11.0}))
    ['CRVAL1']
    """
    names = dict.fromkeys(k for h in (original, restored) for k in h if _CARDS.fullmatch(k))
    return [name for name in names if not _same(original.get(name), restored.get(name))]


def _same(one, other):
    numbers = (int, float)
    if isinstance(one, numbers) and isinstance(other, numbers):
        return bool(np.isclose(one, other, rtol=1e-12, atol=0))
    return str(one).strip() == str(other).strip()
