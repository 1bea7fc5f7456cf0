"""Kron photometry: photutils's segments, deblended, and the original's ellipses on both.

What the ellipses hold is linear in the image, so the change of a flux is measured on the
change of the image.
"""

import numpy as np

from astroae.validation.bins import worst_bin
from astroae.validation.extras import needed
from astroae.validation.metrics import Quantity, Skipped
from astroae.validation.metrics.psf import scale
from astroae.validation.sources import magnitudes, pixel_errors

NAME = "kron"
TITLE = "Kron photometry"
QUANTITIES = (
    Quantity("bias", "mmag", "within", "change of the flux scale, weighted by (S/N)^2"),
    Quantity("pull", "sigma", "within", "mean change of a flux over its error, by magnitude"),
)
_THRESHOLD = 3.0  # sigma of the filtered image, as are the rest
_PIXELS = 5
_LEVELS, _CONTRAST = 32, 0.005
_MOST = 2000  # segments
_FEWEST = 5


def measure(pair):
    """See `QUANTITIES`."""
    original = pair.original
    if original.scene.no_sources:
        return {q.name: Skipped(original.scene.no_sources) for q in QUANTITIES}
    found = original.keep("kron", lambda: _before(original))
    if found is None or found[2].sum() < _FEWEST:
        number = 0 if found is None else found[2].sum()
        why = f"{number} unflagged Kron ellipses of flux above 0, {_FEWEST} needed"
        return {q.name: Skipped(why) for q in QUANTITIES}
    catalog, segments, kept = found
    change = _catalog(pair.change, segments, detection_catalog=catalog).kron_flux[kept]
    flux, error = catalog.kron_flux[kept], catalog.kron_flux_err[kept]
    pull, note = change / error, f"{kept.sum()} ellipses"
    return {
        "bias": scale(pull, flux / error, note),
        "pull": worst_bin(pull, magnitudes(original, flux), note=note),
    }


def _before(original):
    """Catalogue and segments of the original, and which of them are unspoilt."""
    segmentation = needed("photutils.segmentation")
    detected = np.asarray(original.detected, float)
    segments = segmentation.detect_sources(detected, _THRESHOLD, _PIXELS, mask=original.bad)
    if segments is None:
        return None
    seen = original.sample.clean.stratified(_MOST)
    labels = segments.data[np.rint(seen.y).astype(int), np.rint(seen.x).astype(int)]
    labels = np.unique(labels[labels > 0])
    if not len(labels):
        return None
    segments.keep_labels(labels)
    segments = segmentation.deblend_sources(
        detected, segments, _PIXELS, n_levels=_LEVELS, contrast=_CONTRAST, progress_bar=False
    )
    catalog = _catalog(
        original.signal, segments, convolved_data=detected, error=pixel_errors(original)
    )
    spoilt = (original.bad | original.saturated).astype(float)
    spoilt = _catalog(spoilt, segments, detection_catalog=catalog).kron_flux
    kept = _inside(catalog, original.shape) & (spoilt == 0) & (catalog.kron_flux > 0)
    return catalog, segments, kept


def _catalog(image, segments, **more):
    return needed("photutils.segmentation").SourceCatalog(image, segments, **more)


def _inside(catalog, shape):
    """Whose whole ellipse lies on the image; a source too odd for an ellipse has none."""
    boxes = [None if one is None else one.bbox for one in catalog.kron_aperture]
    return np.array(
        [
            box is not None
            and min(box.ixmin, box.iymin) >= 0
            and box.ixmax <= shape[1]
            and box.iymax <= shape[0]
            for box in boxes
        ]
    )
