"""Fluxes before and after latent mode, in units of the measurement's own error."""

import numpy as np

from astroae.errors import MissingDependencyError

__all__ = ["aperture_differences", "flux_differences"]

_SOURCES, _EDGE = 30, 8  # of a stamp at most; pixels that a source keeps from its border
_THRESHOLD = 8.0  # noises above the median


def flux_differences(model, stamps, skips="coded", radius=4.0):
    """Total and aperture fluxes after latent mode against before.

    Parameters
    ----------
    model : Model
    stamps : list of ndarray (C, H, W) or (H, W)
        Image units, at their own resolution; their first plane is taken.
    skips : {"coded", "cut"}
    radius : float
        Of the apertures, in pixels.

    Returns
    -------
    dict
        ``stamps`` and ``sources``; ``total, worst``: the largest difference of a
        stamp's sum, over the error of that sum; ``aperture``: mean, median absolute and
        95th percentile of absolute differences, over the sky's error in the aperture.
    """
    from astroae.codec.image import decode_image, encode_image
    from astroae.io.models import settings_of
    from astroae.pixels.noise import noise_sigma

    settings = settings_of(model=model, skips=skips)
    totals, apertures, used, exact = [], [], 0, 0
    for values in stamps:
        before = np.ascontiguousarray(values[0] if values.ndim == 3 else values, np.float32)
        noise = noise_sigma(before)
        if not np.isfinite(before).all() or not noise > 0:
            continue
        encoded = encode_image(before, settings, threads=1)
        after = decode_image(encoded, threads=1).astype(np.float64)
        used, exact = used + 1, exact + int((encoded.tiles["SCALE"] == 0).all())
        change = after - before.astype(np.float64)
        totals.append(abs(change.sum()) / (noise * before.size**0.5))
        apertures += list(aperture_differences(before, change, noise, radius))
    found = np.array(apertures) if apertures else np.full(1, np.nan)
    return {
        "stamps": used,
        "stored exactly": exact,
        "total, worst": f"{max(totals, default=np.nan):.1e}",
        "sources": len(apertures),
        "aperture, mean": f"{found.mean():.2f}",
        "aperture, median": f"{np.median(np.abs(found)):.2f}",
        "aperture, 95 %": f"{np.percentile(np.abs(found), 95):.2f}",
    }


def aperture_differences(before, change, noise, radius):
    """Changes of aperture sums at the peaks of an image, in sigma of the sky.

    Parameters
    ----------
    before, change : ndarray (H, W)
    noise : float
        Of a pixel.
    radius : float

    Returns
    -------
    ndarray (sources,)
    """
    try:
        from photutils.aperture import CircularAperture
        from photutils.detection import find_peaks
    except ImportError as exc:
        raise MissingDependencyError(
            "fluxes are measured with photutils",
            where="photutils",
            found=str(exc),
            hint="pip install astroae[train]",
        ) from exc
    inner = np.asarray(before, np.float64) - np.median(before)
    import warnings

    from photutils.utils.exceptions import NoDetectionsWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NoDetectionsWarning)
        peaks = find_peaks(
            inner, _THRESHOLD * noise, box_size=9, n_peaks=_SOURCES, border_width=_EDGE
        )
    if peaks is None:
        return np.empty(0)
    names = ("x_centroid", "y_centroid") if "x_centroid" in peaks.colnames else ("x_peak", "y_peak")
    apertures = CircularAperture(np.transpose([peaks[name] for name in names]), radius)
    sums, _ = apertures.do_photometry(change)
    return sums / (noise * apertures.area**0.5)
