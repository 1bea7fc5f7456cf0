"""`astroae.validate`: files, or what is in memory, before and after."""

import time
from dataclasses import dataclass, field, replace

import numpy as np
from astropy.io import fits

from astroae.errors import InputError, SettingError
from astroae.io.planes import plane_of
from astroae.validation.cubes import more_planes, planes_of
from astroae.validation.headers import header_results
from astroae.validation.masks import bad_pixels
from astroae.validation.measure import chosen_metrics, judge_pair, measure_pair, versions
from astroae.validation.original import Original
from astroae.validation.pair import Pair
from astroae.validation.pairing import Image, contents_of, name_of, no_image, partners
from astroae.validation.pooling import POOLED, pool, undecided
from astroae.validation.promises import bound_of, codec_of
from astroae.validation.result import ImageValidation, Validation
from astroae.validation.tolerances import load_tolerances
from astroae.validation.whole import unjudged, whole_results

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
    compared in physical units.  An image or table that is missing in the restored file fails,
    and so does a WCS that moves pixels, another unit, gain, exposure time or zero point;
    how they are written is no difference.  Masks, weights and errors are recognised by
    their names (`astroae.io.planes`), and held to what may become of them.  A compressed
    image of astroae or fpack is held to the error that its writer promised, too.

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
        Names of metrics; by default all that apply.  Headers, and whether all images are
        there, are judged whatever the choice.
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
        A file cannot be read, or two objects in memory differ in shape.
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
    images, notes, left, whole, series = [], [], [], [], []
    for i, (one, other) in enumerate(zip(originals, after)):
        prefix = name_of(other) if many else ""
        work = _Work(tolerances, only, mask, about, figures, prefix, many)
        bar = None if progress is None else _part(progress, i, len(originals))
        found = work.file(one, other, hdu, bar)
        images += found.images
        notes += found.notes
        left += found.unjudged
        whole += found.whole
        series += [] if found.first is None else [found.first]
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
        tuple(left),
        tuple(whole),
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


@dataclass
class _Found:
    """Of one pair of files."""

    images: list = field(default_factory=list)
    notes: list = field(default_factory=list)
    unjudged: list = field(default_factory=list)
    whole: list = field(default_factory=list)
    measured: list = field(default_factory=list)  # of each image; empty of no picture
    first: Pair | None = None  # of its first picture

    def named(self, file):
        """With the name of the file, where there are several."""
        if file:
            self.notes = [f"{file}: {note}" for note in self.notes]
            self.unjudged = [f"{file}: {text}" for text in self.unjudged]
            self.whole = [replace(one, note=f"{file}: {one.note}") for one in self.whole]
            if self.images and self.images[-1].name == POOLED:
                self.images[-1] = replace(self.images[-1], name=f"{file}: {POOLED}")
        return self


@dataclass(frozen=True)
class _Job:
    """A plane to be measured."""

    one: Image
    other: Image
    key: tuple
    label: str
    names: list  # of metrics
    header: tuple  # results


class _Work:
    """What is the same for all images of a call."""

    def __init__(self, tolerances, only, mask, about, figures, prefix="", keep=False):
        self.tolerances, self.only, self.mask = tolerances, only, mask
        self.about, self.figures = about, figures
        self.prefix, self.keep = prefix, keep  # of several files

    def file(self, original, restored, hdu, progress):
        """Everything of a pair of files, as `_Found`."""
        with contents_of(original) as before, contents_of(restored) as after:
            wanted, there = _wanted(before, after, hdu)
            pairs, notes = partners(wanted, there)
            if not pairs and None in (before.hdus, after.hdus):
                raise _nothing_to_pair(wanted, there, after.file)
            found = _Found(notes=notes, unjudged=unjudged(before) if hdu is None else [])
            found.whole += whole_results(
                before, after, wanted, pairs, self.tolerances, parts=hdu is None
            )
            jobs = self._jobs(pairs, notes)
            self._measure(jobs, before.images, found, progress)
            images, common = pool(found.images, found.measured, self.tolerances)
            further = self._further(jobs, undecided([*images, common]), notes)
            if further:
                self._measure(further, before.images, found)
                images, common = pool(found.images, found.measured, self.tolerances)
            found.images = [*images, common] if common else images
        return found.named(self.prefix)

    def _measure(self, jobs, images, found, progress=None):
        """Add what is measured of some planes."""
        total, done = sum(len(job.names) for job in jobs), 0
        for job in jobs:
            bar = None if progress is None else _behind(progress, done, total)
            result, pair, measured = self._plane(job, images, found.notes, bar)
            found.images.append(result)
            found.measured.append(measured if pair and pair.role == "image" else {})
            done += len(job.names)
            if self.keep and found.first is None and found.measured[-1]:
                found.first = pair
                pair.codec = None  # it needs the file, which is closed when series begin

    def _further(self, jobs, names, notes):
        """More planes of the cubes, for quantities that are undecided."""
        metrics = {name.partition(".")[0] for name in names}
        found = []
        for one in dict.fromkeys(job.one for job in jobs if _role(job.one) == "image"):
            of = [job for job in jobs if job.one is one]
            wanted = [name for name in of[0].names if name in metrics]
            keys, labels = more_planes(one, [job.key for job in of]) if wanted else ([], [])
            found += [replace(of[0], key=k, label=n, names=wanted) for k, n in zip(keys, labels)]
            if keys:
                notes.append(f"{one.label}: {len(keys)} more planes for {', '.join(wanted)}")
        return found

    def _jobs(self, pairs, notes):
        """A `_Job` for every plane that is measured."""
        planes = [(one, other, *planes_of(one, other)) for one, other in pairs]
        notes += [note for *_, note in planes if note]
        jobs = []
        for one, other, keys, labels, _ in planes:
            names = self._metrics(one, notes)
            header, came = header_results(one, other, self.tolerances)
            notes += came
            if names or any(result.verdict != "skipped" for result in header):
                jobs += [_Job(one, other, *of, names, header) for of in zip(keys, labels)]
        return jobs

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

    def _plane(self, job, images, notes, progress):
        one, other, key, role = job.one, job.other, job.key, _role(job.one)
        label = f"{self.prefix}: {job.label}" if self.prefix else job.label
        if not job.names:
            facts = {"kinds": ["header only"], "shape": list(one.shape)}
            return ImageValidation(label, job.header, facts), None, {}
        values = one.pixels(key)
        after = other.pixels(key)
        if (lost := other.masked(key)) is not None:
            after = np.where(lost, np.nan, after)
        if values.dtype.itemsize == 8 and values.dtype.kind in "iu":
            if max(abs(int(values.min())), abs(int(values.max()))) > _LARGEST:
                notes.append(f"{job.label}: whole numbers above 2^53, compared as float64")
        bad = one.masked(key)
        if role == "image" and self.mask is not None:
            bad = bad_pixels(self.mask, one, key, images, notes)
        about = dict(self.about)
        about["wcs"] = one.wcs if about["wcs"] is None else about["wcs"]
        about["unit"] = one.unit if about["unit"] is None else about["unit"]
        picture = Original(values, mask=bad, header=one.header, name=label, **about)
        bound = bound_of(other, one, key, values)
        codec = codec_of(other) if role == "image" else None
        pair = Pair(picture, after, bound=bound, role=role, codec=codec)
        found = measure_pair(pair, only=job.names, progress=progress)
        result = judge_pair(pair, found, self.tolerances, label)
        result = replace(result, results=result.results + job.header)
        if self.figures and role == "image" and not one.is_line:
            from astroae.validation.report.figures import draw

            result = replace(result, figures=draw(pair, result))
        return result, pair, found


def _behind(progress, before, total):
    return lambda done, _: progress(before + done, total)


def _role(image):
    if isinstance(image.source, np.ndarray) and image.source.dtype.kind == "b":
        return "exact"
    return plane_of(image.header, image.index).role


def _wanted(before, after, hdu):
    """Both lists of images, or only what ``hdu`` names of the originals and its partners."""
    images, there = before.images, after.images
    if not images:
        raise no_image(before.file)
    if hdu is None:
        return images, there
    asked = [image for image in images if image.is_called(hdu)]
    if not asked:
        raise InputError(
            "no such image HDU in the original",
            where=f"{before.file}, hdu",
            found=f"got {hdu!r}, there are "
            + ", ".join(f"{image.index} ({image.label})" for image in images),
            hint="give a number or an EXTNAME",
        )
    # Paired among all, so that order means the same.
    kept = [(one, other) for one, other in partners(images, there)[0] if one in asked]
    return asked, [other for _, other in kept] or there


def _nothing_to_pair(originals, restored, file):
    return InputError(
        "no image of the one has its partner in the other",
        where=file,
        found=f"{_listed_images(restored)}; the original {originals[0].file} has "
        f"{_listed_images(originals)}",
        hint="images are paired by EXTNAME and EXTVER, or by order, where shapes are equal",
    )


def _listed_images(images):
    return ", ".join(f"{image.label} {image.shape}" for image in images) or "no image"
