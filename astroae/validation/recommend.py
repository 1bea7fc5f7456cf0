"""The right setting for an image: the smallest that its validation passes.

The levels are tried on the image itself, or on the part of a large one that has most to
lose, by bisection: what passes at one level is taken to pass at all finer ones.  So the
level that is recommended passed, and the next coarser one was tried and did not.
"""

import time
from dataclasses import replace
from os import PathLike

import numpy as np
from astropy.io import fits

from astroae.container.structure import DTYPE_TO_BITPIX
from astroae.errors import InputError, SettingError, UnsupportedDataError
from astroae.io.identify import is_marked
from astroae.io.pixels import stored_of_hdu, to_stored
from astroae.io.plane_words import references_in
from astroae.io.planes import INTEGERS, plane_of
from astroae.io.scaling import Scaling
from astroae.pixels.content import blocks_of
from astroae.pixels.tiling import TileGrid
from astroae.validation.pairing import images_of, name_of
from astroae.validation.part import choose_part, describe_part
from astroae.validation.recommendation import ImageRecommendation, Recommendation
from astroae.validation.search import LEVELS, Steps, reason_of, search
from astroae.validation.tolerances import load_tolerances
from astroae.validation.trial import Bench

__all__ = ["LEVELS", "recommend", "recommend_array"]
__doctest_requires__ = {"recommend": ["photutils", "skimage", "pytorch_msssim"]}

_SIDE = 2048  # pixels of the part of a larger image that is tried
_SMALLEST = 32  # pixels a side, below which nothing can be measured


def recommend(
    image,
    *,
    hdu=None,
    tolerance="default",
    whole=False,
    sample=None,
    lossy_integers=False,
    dither=None,
    threads=None,
    progress=None,
):
    """The smallest setting whose validation passes.

    Undetermined is not passed, and nothing is recommended that is larger than lossless.

    Parameters
    ----------
    image : path, array, masked array, `~astropy.nddata.NDData`, HDU or HDUList
        Of arrays two axes are measured, of cubes one plane.
    hdu : int or str, optional
        Number or EXTNAME; by default every image gets a recommendation of its own.
    tolerance : str, path-like or Tolerances
        Name of a tolerance set, or a TOML file.
    whole : bool
        Try on whole planes however large they are.  By default images of more than
        2048 x 2048 pixels are tried on a part of them, see
        `astroae.validation.part.choose_part`.
    sample : int, optional
        Side of that part in pixels, 32 or more.
    lossy_integers : bool
        Integer images may lose too; else they stay lossless.
    dither : {0, 1, 2}, optional
        By default 2 where exact zeros are more than 0.1 % of the pixels of a float image.
    threads : int, optional
        Tiles coded at once.
    progress : callable, optional
        ``progress(done, total)``; may jump ahead.

    Returns
    -------
    `~astroae.validation.recommendation.Recommendation`

    Raises
    ------
    SettingError
        No such tolerance set or HDU, or a part that is too small.
    InputError
        Not FITS, without an image, or compressed by astroae already.
    UnsupportedDataError
        Values that FITS has no images of.
    MissingDependencyError
        Without ``astroae[validate]``.

    Examples
    --------
    >>> import astroae
    >>> from astroae.simulate import FieldSettings, make_field
    >>> field = make_field(FieldSettings(shape=(256, 256)))
    >>> found = astroae.recommend(field.image)
    >>> [trial.quantize_level for trial in found.images[0].trials][-1] is None
    True
    """
    start = time.monotonic()
    tolerances = load_tolerances(tolerance)
    _check_sample(whole, sample)
    with images_of(image) as images:
        _check_plain(images)
        everything, images = images, _named(images, hdu)
        steps = Steps(progress, len(images))
        options = {
            "tolerances": tolerances,
            "whole": whole,
            "side": sample,
            "lossy_integers": lossy_integers,
            "dither": dither,
            "threads": threads,
        }
        known = _headers(everything)
        found = tuple(_of_image(one, known, steps, options) for one in images)
    return Recommendation(
        name_of(image),
        *_together(found),
        found,
        {"name": tolerances.name, "sha256": tolerances.sha256},
        isinstance(image, (str, PathLike)),
        time.monotonic() - start,
    )


def recommend_array(
    stored,
    header,
    *,
    name="",
    tolerance="default",
    lossy_integers=False,
    dither=None,
    tile_shape=None,
    threads=None,
    progress=None,
):
    """`recommend` for stored pixels: what ``compress(quantize_level="auto")`` asks.

    Parameters
    ----------
    stored : array
        Stored values of a FITS type, any byte order.
    header : `~astropy.io.fits.Header`
        Of the image.
    name : str
        For messages.
    tolerance, lossy_integers, dither, threads, progress
        As in `recommend`.
    tile_shape : tuple of int, optional
        In C order, where it has as many axes.

    Returns
    -------
    `~astroae.validation.recommendation.ImageRecommendation`
    """
    options = {
        "tolerances": load_tolerances(tolerance),
        "whole": False,
        "side": None,
        "lossy_integers": lossy_integers,
        "dither": dither,
        "threads": threads,
        "tile_shape": tile_shape,
    }
    about = ImageRecommendation(0, name, "image", stored.shape)
    return _tried(about, stored, header, {"header": header}, Steps(progress, 1), options)


# ---- one image ---------------------------------------------------------------------------


def _headers(images):
    """What `plane_of` is to know of a file; of NDData there is no file."""
    headers = [image.header for image in images]
    if not all(isinstance(header, fits.Header) for header in headers):
        return {}
    return {"headers": headers, "references": references_in(headers)}


def _of_image(image, known, steps, options):
    about = ImageRecommendation(image.index, image.label, "image", image.shape)
    if isinstance(image.source, fits.CompImageHDU):
        about = replace(about, role="kept", reason="tile-compressed: its integers are kept")
        steps.image_done()
        return about
    stored, header = _stored(image)
    whole, lossy = stored.dtype.kind != "f", options["lossy_integers"]
    # An array is the picture that it is given as; so `astroae.encode` takes it.
    judged = not isinstance(image.source, np.ndarray) and (lossy or not whole)
    blocks = blocks_of(stored) if judged else None
    plane = plane_of(image.header, image.index, blocks=blocks, **known)
    about = replace(about, role=plane.role)
    if plane.role == "exact" or (plane.role == "relative" and whole):
        about = replace(about, reason=f"stays exact: {plane.why}")
    elif plane.role == "relative":
        about = replace(about, reason=f"within 0.2 % of itself: {plane.why}")
    elif whole and not lossy:
        about = replace(about, role="kept", reason=INTEGERS)
    else:
        known = {"header": image.header, "mask": image.mask, "wcs": image.wcs, "unit": image.unit}
        about = _tried(about, stored, header, known, steps, options)
    steps.image_done()
    return about


def _stored(image):
    """Stored values of an image, and a header that says how they are scaled."""
    if not isinstance(image.source, np.ndarray):
        return stored_of_hdu(image.source), image.header
    stored = to_stored(image.source)
    if stored.dtype.newbyteorder("=") not in DTYPE_TO_BITPIX:
        raise UnsupportedDataError(
            "FITS has no images of this type",
            where=image.file,
            found=f"got {stored.dtype}",
            hint="convert it to integers or floats first",
        )
    return stored, fits.ImageHDU(image.source).header


def _tried(about, stored, header, known, steps, options):
    """Search the levels on an image, or on a part of it."""
    if stored.ndim < 2 or min(stored.shape[-2:]) < _SMALLEST:
        why = f"lossless: fewer than {_SMALLEST} x {_SMALLEST} pixels, too few to measure"
        return replace(about, reason=why)
    part, tile_shape = _part(stored, header, options)
    shape = tuple(s.stop - s.start for s in part[-2:])
    mask = known.get("mask")
    known = known | {"mask": None if mask is None else mask[part].reshape(shape)}
    lossy_integers = options["lossy_integers"] and stored.dtype.kind != "f"
    bench = Bench(
        stored[part].reshape(shape),
        header,
        about=known | {"name": about.name},
        tolerances=options["tolerances"],
        lossy_integers=lossy_integers,
        dither=options["dither"],
        tile_shape=tile_shape,
        threads=options["threads"],
    )
    trials, why = search(bench, steps)
    best = next(trial for trial in trials if trial.verdict == "pass")
    return replace(
        about,
        part=describe_part(part, stored.shape),
        quantize_level=best.quantize_level,
        dither=best.dither,
        reason=why or reason_of(best, trials),
        trials=tuple(trials),
        kinds=bench.original.scene.kinds if bench.original.good.any() else (),
        lossy_integers=lossy_integers,
    )


def _part(stored, header, options):
    """Slices of the part to try, and the shape of its tiles."""
    asked = options.get("tile_shape")
    if asked is not None and len(asked) == stored.ndim:
        tile_shape = TileGrid(stored.shape, asked).tile_shape
    else:
        tile_shape = TileGrid.default(stored.shape).tile_shape
    scaling = Scaling(header)

    def read(region):
        # A copy in native order: scaling may write to it.
        values = np.array(stored[region], stored.dtype.newbyteorder("="))
        return scaling.to_physical(values)

    side = options["side"]
    if side is None and stored.shape[-2] * stored.shape[-1] > _SIDE**2 and not options["whole"]:
        side = _SIDE
    return choose_part(stored.shape, tile_shape, side, read), tile_shape[-2:]


# ---- the file ----------------------------------------------------------------------------


def _together(found):
    """Level, dither and roles of a file, from its images' own."""
    pictures = [image for image in found if image.role == "image"]
    lossy = [image for image in pictures if image.quantize_level is not None]
    if not lossy:
        return None, None, {}
    dithers = [image.dither for image in lossy if image.dither is not None]
    planes = {image.index: "exact" for image in pictures if image.quantize_level is None}
    return max(image.quantize_level for image in lossy), max(dithers, default=None), planes


def _check_sample(whole, sample):
    if sample is None:
        return
    if isinstance(sample, bool) or not isinstance(sample, int) or sample < _SMALLEST:
        raise SettingError(
            "the part to try is too small",
            where="sample",
            found=f"got {sample!r}, expected a whole number of {_SMALLEST} pixels or more",
            hint="leave it out for 2048 pixels a side",
        )
    if whole:
        raise SettingError(
            "the whole image and a part of it",
            where="whole and sample",
            found="both were given",
            hint="give one of them",
        )


def _check_plain(images):
    if any(is_marked(image.source) for image in images if hasattr(image.source, "header")):
        raise InputError(
            "the file is compressed by astroae already",
            where=images[0].file,
            found="a compressed image",
            hint="decompress it first",
        )


def _named(images, hdu):
    """The image of that number or name; all where none was asked for."""
    if hdu is None:
        return images
    name = str(hdu).strip().upper()
    found = [i for i in images if str(i.index) == name or i.extname == name]
    if not found:
        raise SettingError(
            "no such image",
            where="hdu",
            found=f"got {hdu!r}, there are {', '.join(image.label for image in images)}",
            hint="give the number or the EXTNAME of an image",
        )
    return found
