"""`astroae.validate`: files, or what is in memory, before and after."""

import time
from dataclasses import replace

import numpy as np
from astropy.io import fits

from astroae.errors import InputError, SettingError
from astroae.io.planes import role_of
from astroae.validation.cubes import planes_of
from astroae.validation.headers import differing_cards
from astroae.validation.masks import bad_pixels
from astroae.validation.measure import chosen_metrics, judge_pair, measure_pair, versions
from astroae.validation.original import Original
from astroae.validation.pair import Pair
from astroae.validation.pairing import images_of, name_of, partners
from astroae.validation.promises import bound_of, codec_of
from astroae.validation.result import Validation
from astroae.validation.tolerances import load_tolerances

__all__ = ["validate"]
__doctest_requires__ = {"validate": ["photutils"]}

_LARGEST = 2**53  # whole numbers above it have no place in float64


def validate(
    original,
    restored,
    *,
    hdu=None,
    tolerance="default",
    only=None,
    mask=None,
    wcs=None,
    unit=None,
    zero_point=None,
    gain=None,
    saturation=None,
    max_sources=5000,
    figures=False,
    progress=None,
):
    """Measure what compression did to images, and judge it.

    Every image HDU of the original is compared with its partner in the restored file:
    by EXTNAME and EXTVER, else by order among those of the same shape.  Values are
    compared in physical units.  An image that is missing in the restored file, or whose WCS
    or BUNIT is another there, keeps the whole from passing.  Masks, weights and errors are recognised by their names
    (`astroae.io.planes`), and held to what may become of them.  A compressed image of
    astroae or fpack is held to the error that its writer promised, too.

    Of a cube of more than three planes the first that holds something, the middle one, the
    last and the one that changed most are measured.

    A mask or DQ extension is never used as the mask of another image unless ``mask``
    asks for it: its bits mean different things in every archive.

    Parameters
    ----------
    original, restored : path, array, NDData, HDU or HDUList
        Before, and as decoded, by whatever codec.  Or two equally long lists of these:
        every pair is validated, and light curves through all of them.
    hdu : int or str, optional
        Only this HDU of the original: its number, ``"SCI"`` or ``"SCI,2"``.
    tolerance : str, path-like or Tolerances
        Name of a set (`astroae.validation.tolerances.tolerance_names`), or a TOML file.
    only : str or iterable of str, optional
        Names of metrics; by default all that apply.
    mask : array of bool, int or str, optional
        Bad pixels: True, or not 0.  A number or EXTNAME is that of an HDU of the
        original; of several with one EXTNAME each image takes that of its own EXTVER.
    wcs : `~astropy.wcs.WCS`, optional
    unit : `~astropy.units.Unit`, optional
    zero_point, gain, saturation : float, optional
        Magnitude of one unit per second or image, electrons per unit, and the level of
        saturation in the image's unit; by default from the header, where they are.
    max_sources : int
        Most sources for what is slow per source.
    figures : bool
        Draw the report's figures too.
    progress : callable, optional
        ``progress(done, total)``, metrics of all images.

    Returns
    -------
    `~astroae.validation.result.Validation`

    Raises
    ------
    InputError
        A file cannot be read, or no image has a partner.
    SettingError
        No such metric or tolerance set, or lists of different lengths.
    CorruptFileError
        A tile of the compressed file is damaged.
    MissingDependencyError
        photutils, scikit-image or pytorch-msssim is not installed.

    Examples
    --------
    >>> import astroae
    >>> from astroae.simulate import FieldSettings, make_field
    >>> field = make_field(FieldSettings(shape=(256, 256)))
    >>> restored = astroae.decode(astroae.encode(field.image, quantize_level=16))
    >>> found = astroae.validate(field.image, restored, only=["background"])
    >>> found.images[0]["background.shift"].verdict
    'pass'
    """
    begun = time.monotonic()
    tolerances, only = load_tolerances(tolerance), (only,) if isinstance(only, str) else only
    only = None if only is None else tuple(only)
    chosen_metrics(only, "image")  # a metric that does not exist is said before anything is read
    originals, many = _listed(original)
    after, _ = _listed(restored)
    if len(originals) != len(after):
        raise SettingError(
            "as many restored images as originals are needed",
            where="restored",
            found=f"{len(originals)} originals, {len(after)} restored",
            hint="give them in pairs",
        )
    about = {"wcs": wcs, "unit": unit, "zero_point": zero_point, "gain": gain}
    about |= {"saturation": saturation, "max_sources": max_sources}
    images, notes, unjudged, series = [], [], [], []
    for i, (one, other) in enumerate(zip(originals, after)):
        work = _Work(tolerances, only, mask, about, figures, name_of(other) if many else "")
        bar = None if progress is None else _part(progress, i, len(originals))
        found, said, left, first = work.file(one, other, hdu, bar, keep=many)
        images += found
        notes += said
        unjudged += left
        series += [] if first is None else [first]
    if len(series) > 1 and only is None:
        from astroae.validation.series import series_results

        images.append(series_results(series, tolerances))
    return Validation(
        ", ".join(map(name_of, originals)),
        ", ".join(map(name_of, after)),
        {"name": tolerances.name, "sha256": tolerances.sha256},
        tuple(images),
        tuple(notes),
        versions(),
        time.monotonic() - begun,
        tuple(unjudged),
    )


def _listed(thing):
    many = isinstance(thing, (list, tuple)) and not isinstance(thing, fits.HDUList)
    if many and not thing:
        raise InputError(
            "an empty list", where="validate", found="no image", hint="give at least one"
        )
    return (list(thing), True) if many else ([thing], False)


def _part(progress, i, n):
    """The bar of file ``i`` of ``n``, as if all were like it."""
    return lambda done, total: progress(i * total + done, n * total)


class _Work:
    """What is the same for all images of a call."""

    def __init__(self, tolerances, only, mask, about, figures, prefix):
        self.tolerances, self.only, self.mask = tolerances, only, mask
        self.about, self.figures, self.prefix = about, figures, prefix

    def file(self, original, restored, hdu, progress, keep):
        """Results of a pair of files, notes, what no metric judges, a `Pair` of its first picture."""
        with images_of(original) as before, images_of(restored) as after:
            wanted, there = _wanted(before, after, hdu)
            pairs, notes = partners(wanted, there)
            unjudged = _unjudged(wanted, pairs)
            planes = [(one, other, *planes_of(one, other)) for one, other in pairs]
            notes += [note for *_, note in planes if note]
            jobs = [
                (one, other, key, label, names)
                for one, other, keys, labels, _ in planes
                if (names := self._metrics(one, notes))
                for key, label in zip(keys, labels)
            ]
            total = sum(len(names) for *_, names in jobs)
            results, done, first = [], 0, None
            for one, other, key, label, names in jobs:
                bar = None if progress is None else _behind(progress, done, total)
                result, pair = self._plane(one, other, key, label, names, before, notes, bar)
                results.append(result)
                done += len(names)
                if keep and first is None and pair.role == "image":
                    first = pair
                    pair.codec = None  # it needs the file, which is closed when series begin
        if self.prefix:
            notes = [f"{self.prefix}: {note}" for note in notes]
            unjudged = [f"{self.prefix}: {text}" for text in unjudged]
        return results, notes, unjudged, first

    def _metrics(self, image, notes):
        """Names of the metrics that are asked of an image."""
        role = _role(image)
        found = chosen_metrics(self.only, "exact" if image.is_line else role)
        names = [metric.NAME for metric in found]
        if not names:
            notes.append(f"{image.label}: none of the metrics asked for applies to it")
        elif image.is_line and role == "image":
            notes.append(f"{image.label}: a line of pixels, measured as pixels only")
        return names

    def _plane(self, one, other, key, label, names, images, notes, progress):
        values, role = one.pixels(key), _role(one)
        after = other.pixels(key)
        if (lost := other.masked(key)) is not None:
            after = np.where(lost, np.nan, after)
        if values.dtype.itemsize == 8 and values.dtype.kind in "iu":
            if max(abs(int(values.min())), abs(int(values.max()))) > _LARGEST:
                notes.append(f"{label}: whole numbers above 2^53, compared as float64")
        bad = one.masked(key)
        if role == "image" and self.mask is not None:
            bad = bad_pixels(self.mask, one, key, images, notes)
        label = f"{self.prefix}: {label}" if self.prefix else label
        about = dict(self.about)
        about["wcs"] = one.wcs if about["wcs"] is None else about["wcs"]
        about["unit"] = one.unit if about["unit"] is None else about["unit"]
        picture = Original(values, mask=bad, header=one.header, name=label, **about)
        bound = bound_of(other, one, key, values)
        codec = codec_of(other) if role == "image" else None
        pair = Pair(picture, after, bound=bound, role=role, codec=codec)
        found = measure_pair(pair, only=names, progress=progress)
        result = judge_pair(pair, found, self.tolerances, label)
        if self.figures and role == "image" and not one.is_line:
            from astroae.validation.report.figures import draw

            result = replace(result, figures=draw(pair, result))
        return result, pair


def _unjudged(wanted, pairs):
    """What keeps a file from passing though no metric looks at it."""
    paired = [one for one, _ in pairs]
    found = [f"{one.label} is not in the restored file" for one in wanted if one not in paired]
    for one, other in pairs:
        if not any(isinstance(image.source, np.ndarray) for image in (one, other)):
            cards = differing_cards(one.header, other.header)
            found += [f"{one.label}: {', '.join(cards)} differ"] if cards else []
        elif None not in (one.unit, other.unit) and one.unit != other.unit:
            found.append(f"{one.label}: the unit {one.unit} became {other.unit}")
    return found


def _behind(progress, before, total):
    return lambda done, _: progress(before + done, total)


def _role(image):
    if isinstance(image.source, np.ndarray) and image.source.dtype.kind == "b":
        return "exact"
    return role_of(image.header, image.index)


def _wanted(before, after, hdu):
    """Both lists, or only what ``hdu`` names of the originals and what may be its partner."""
    if hdu is None:
        return before, after
    asked = [image for image in before if image.is_called(hdu)]
    if not asked:
        raise InputError(
            "no such image HDU in the original",
            where=f"{before[0].file}, hdu",
            found=f"got {hdu!r}, there are "
            + ", ".join(f"{image.index} ({image.label})" for image in before),
            hint="give a number or an EXTNAME",
        )
    # Paired among all, so that order means the same.
    pairs, _ = partners(before, after)
    kept = [(one, other) for one, other in pairs if one in asked]
    if not kept:
        return asked, after
    return [one for one, _ in kept], [other for _, other in kept]
