"""The verdict of every quantity on real images after ``astroae compress -q 4 --certify``."""

import tempfile
import warnings
from pathlib import Path

from astropy.utils.exceptions import AstropyUserWarning

import astroae

__all__ = ["verdicts_of"]

LEVEL = 4


def verdicts_of(path, pages=None):
    """Compress, certify, validate one file.

    Parameters
    ----------
    path : path-like
        FITS, plain or gzipped.
    pages : path-like, optional
        Folder for the HTML report.

    Returns
    -------
    list of dict
        One per image: ``image``, ``hdu``, ``overall``, ``certificate``, and the verdict of
        every quantity of its pixels under its name.
    """
    path = Path(path)
    name = path.name.split(".fits")[0]
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        # A broken tolerance is a result here; the rest is astropy's view of other people's cards.
        warnings.simplefilter("ignore", AstropyUserWarning)
        target = Path(folder) / f"{name}.aae.fits"
        asked = {"quantize_level": LEVEL, "lossy_integers": True}
        made = astroae.compress(path, target, **asked, certify=True, on_fail="warn")
        found = astroae.validate(path, target, figures=pages is not None)
    if pages is not None:
        from astroae.validation.report import to_html

        Path(pages, f"{name}.html").write_text(to_html(found))
    certificate = " ".join(hdu.verdict for hdu in made.hdus if hdu.verdict)
    return [
        {
            "image": name,
            "hdu": image.name,
            "kinds": " ".join(image.facts["kinds"]),
            "overall": image.verdict,
            "certificate": certificate,
            **{r.name: r.verdict for r in image.results if not r.name.startswith("header.")},
        }
        for image in found.images
    ]
