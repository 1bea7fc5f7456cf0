"""Who keeps the science at which size: coders and a blur, validated with the same tool.

Every image is taken as float32, as ``fpack`` takes those that it quantizes.  Each coder
codes it once; what comes back is measured once and judged by every tolerance set.
"""

import io
import math
import warnings
from collections import namedtuple
from pathlib import Path

import numpy as np
from astropy.io import fits
from astropy.utils.exceptions import AstropyWarning

import astroae
from astroae.bench.rate import bytes_of
from astroae.validation.measure import judge_pair, measure_pair
from astroae.validation.original import Original
from astroae.validation.pair import Pair
from astroae.validation.tolerances import load_tolerances, tolerance_names

__all__ = ["CODERS", "IMAGES", "Coded", "compare_coders", "scene", "totals"]

#: Real images of different kinds that ``astroae bench science`` and ``verdicts`` take.
IMAGES = (
    "saao-ste3_a8280271",  # raw CCD
    "panoptes-dslr_pointing00",  # raw Bayer mosaic
    "hst-nicmos_n4hk12010",  # HST
    "hst-stis_3c120",  # HST, two-dimensional spectrum
    "spitzer-irac_i1",  # Spitzer
    "spitzer-irac_n2207",  # Spitzer, NaN
    "cfht-megacam_cfhtls27_g",  # survey coadd
    "vista-vircam_mystery_z",  # crowded coadd
    "eso-emmi_galaxies",  # coadd of 16-bit integers
    "ukirt-wfcam_ukidss",  # survey frame
    "kmtnet_saao_targ",  # crowded
    "kepler-ffi_ch01",  # undersampled and crowded
    "rosat_pspc_skyview",  # X-ray counts over exposure
    "hess_survey_snippet",  # gamma rays
    "ami-la_grb120422a",  # radio
    "soho-mdi_fd_ic",  # solar disk
    "hinode-xrt_l1_20120605",  # solar, X-rays
    "rosat_allsky",  # all-sky
    "drao-26m_u_gal",  # all-sky, NaN
    "herschel-spire_plw",  # NaN-rich
)

Coded = namedtuple("Coded", "image coder bits_per_pixel sets failed undetermined")
_SEED = 1


def _astroae(**settings):
    def code(image):
        encoded = astroae.encode(image, **settings)
        return astroae.decode(encoded), 8 * bytes_of(encoded) / image.size

    return code


def _tiled(method, level, dither, **options):
    """As fpack does: CFITSIO's quantisation and tiled coding, through astropy."""

    def code(image):
        hdu = fits.CompImageHDU(
            image,
            compression_type=method,
            quantize_level=level,
            quantize_method=dither,
            dither_seed=_SEED if dither > 0 else None,
            **options,
        )
        target = io.BytesIO()
        fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(target)
        with fits.open(io.BytesIO(target.getvalue()), disable_image_compression=True) as hdus:
            size = hdus[1].header["NAXIS1"] * hdus[1].header["NAXIS2"] + hdus[1].header["PCOUNT"]
        with fits.open(io.BytesIO(target.getvalue())) as hdus:
            return np.array(hdus[1].data), 8 * size / image.size

    return code


def _jpegxl(distance):
    """Lossy JPEG XL of 16 bits between the smallest and the largest pixel."""

    def code(image):
        import imagecodecs

        good = np.isfinite(image)
        low, high = float(image[good].min()), float(image[good].max())
        scale = 65535 / (high - low) if high > low else 1.0
        levels = np.rint((np.where(good, image, low) - low) * scale).astype(np.uint16)
        coded = imagecodecs.jpegxl_encode(levels, distance=distance, effort=7)
        back = imagecodecs.jpegxl_decode(coded).reshape(image.shape) / scale + low
        return np.where(good, back, np.nan), 8 * len(coded) / image.size

    return code


def _blur(image):
    """What an autoencoder without a residual does to noise; no size of its own."""
    from scipy.ndimage import gaussian_filter

    good = np.isfinite(image)
    filled = np.where(good, image, np.median(image[good]))
    return np.where(good, gaussian_filter(filled, 1.0), np.nan), math.nan


_NO_DITHER, _DITHER = -1, 1  # FITS names: NO_DITHER, SUBTRACTIVE_DITHER_1
#: Coders by name: ``code(image) -> (restored image, bits per pixel)``.
CODERS = {
    "astroae lossless": _astroae(),
    **{f"astroae q={q}": _astroae(quantize_level=q, lossy_integers=True) for q in (16, 8, 4, 2, 1)},
    **{f"fpack q={q}": _tiled("RICE_1", q, _DITHER) for q in (16, 4, 1)},
    **{f"fpack q={q}, no dither": _tiled("RICE_1", q, _NO_DITHER) for q in (16, 4, 1)},
    "HCOMPRESS q=4, scale 0": _tiled("HCOMPRESS_1", 4, _DITHER, hcomp_scale=0),
    "HCOMPRESS q=4, scale 2": _tiled("HCOMPRESS_1", 4, _DITHER, hcomp_scale=2),
    "JPEG XL d=0.1": _jpegxl(0.1),
    "JPEG XL d=1": _jpegxl(1.0),
    "blur of 1 px": _blur,
}


def scene(path):
    """The first image of a file: name, middle plane as float32, header.

    Parameters
    ----------
    path : path-like
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AstropyWarning)
        with fits.open(path, memmap=False) as hdus:
            hdu = next(h for h in hdus if h.is_image and h.data is not None)
            data = np.asarray(hdu.data)
            plane = data.reshape(-1, *data.shape[-2:])[data[..., 0, 0].size // 2]
            return Path(path).name.split(".fits")[0], plane.astype(np.float32), hdu.header


def compare_coders(scenes, *, progress=None):
    """Every coder on every image.

    Parameters
    ----------
    scenes : list of (str, array (y, x), Header)
    progress : callable, optional
        ``progress(done, total)``.

    Returns
    -------
    list of Coded
        ``sets``: verdict by tolerance set; ``failed`` and ``undetermined``: quantities
        of the default set.
    """
    rows = []
    tolerances = {name: load_tolerances(name) for name in tolerance_names()}
    for done, (name, image, header) in enumerate(scenes, 1):
        original = Original(image, header=header, name=name)
        rows += [_judged(original, coder, code, tolerances) for coder, code in CODERS.items()]
        if progress is not None:
            progress(done, len(scenes))
    return rows


def _judged(original, coder, code, tolerances):
    image = original.data.astype(np.float32)
    try:
        restored, bits = code(image)
    except Exception as exc:  # another coder's refusal is a result
        why = f"refused: {type(exc).__name__}"
        return Coded(original.name, coder, math.nan, dict.fromkeys(tolerances, "refused"), why, "")
    pair = Pair(original, restored)
    found = measure_pair(pair)
    seen = {name: judge_pair(pair, found, limits) for name, limits in tolerances.items()}
    return Coded(
        original.name,
        coder,
        round(bits, 4),
        {name: judged.verdict for name, judged in seen.items()},
        *(
            " ".join(r.name for r in seen["default"].results if r.verdict == verdict)
            for verdict in ("fail", "undetermined")
        ),
    )


def totals(rows):
    """One line per coder: mean bits per pixel, and how many images each set lets pass.

    Returns
    -------
    list of dict
    """
    lines = []
    for coder in dict.fromkeys(row.coder for row in rows):
        chosen = [row for row in rows if row.coder == coder]
        bits = [row.bits_per_pixel for row in chosen if math.isfinite(row.bits_per_pixel)]
        line = {
            "coder": coder,
            "images": len(chosen),
            "bits/pixel": float(np.mean(bits)) if bits else math.nan,
        }
        for name in chosen[0].sets:
            verdicts = [row.sets[name] for row in chosen]
            counts = (verdicts.count(v) for v in ("pass", "undetermined", "fail"))
            line[name] = "/".join(map(str, counts))
        lines.append(line)
    return lines
