"""A certificate: what compression did to the sources of an image, as a table for its file.

One row per source, the same aperture on both images, above the original's background and above
each image's own; and in the header the verdict of every quantity, the tolerance set and the
versions that measured.  It holds no date: the same images give the same bytes.
"""

import json
import math
from dataclasses import dataclass, replace

import numpy as np
from astropy.io import fits

from astroae.container.keywords import CERTIFICATE_COLUMNS, CERTIFICATE_KEYWORDS
from astroae.io.spans import quiet_headers
from astroae.validation.cubes import more_planes, planes_of
from astroae.validation.extras import needed
from astroae.validation.levels import INNER, OUTER
from astroae.validation.measure import judge_pair, measure_pair, versions
from astroae.validation.original import Original
from astroae.validation.own import own_fluxes
from astroae.validation.pair import Pair, check_shapes
from astroae.validation.pairing import Image
from astroae.validation.pooling import merged, pool, undecided
from astroae.validation.promises import bound_of_coded
from astroae.validation.result import ImageValidation
from astroae.validation.sources import APERTURE
from astroae.validation.stamps import disk_any
from astroae.validation.tolerances import load_tolerances

__all__ = ["LOST", "Certificate", "certify", "checked_tolerances"]
__doctest_requires__ = {"certify": ["photutils"]}

#: Flag of a source with a pixel that came back as NaN; beside those of `sources`.
LOST = 16
NAME = "PHOTOMETRY"
_MOST = 100_000  # rows
_DIGITS = 6  # of the numbers in the header
_UNITS = {"x": "pix", "y": "pix", "ra": "deg", "dec": "deg"}
_UNITS |= {"change_mag": "mag", "mag_before": "mag"}
_FLUXES = ("flux_before", "flux_err", "flux_after", "own_before", "own_after")
_COMMENTS = {keyword.name: keyword.comment for keyword in CERTIFICATE_KEYWORDS}


@dataclass(frozen=True)
class Certificate:
    """What `certify` found.

    Attributes
    ----------
    hdu : `~astropy.io.fits.BinTableHDU` or None
        Table of the sources; None for masks, weights and errors, which have none.
    validation : ImageValidation
        All quantities.
    """

    hdu: fits.BinTableHDU | None
    validation: ImageValidation

    @property
    def verdict(self):
        """ "pass", "fail" or "undetermined"."""
        return self.validation.verdict

    @property
    def broken(self):
        """A line for each quantity that fails: name, value, tolerance."""
        return [f"{r.name} {r.text}" for r in self.validation.results if r.verdict == "fail"]


def checked_tolerances(name):
    """A tolerance set, and the optional packages are there: asked before a long run.

    Parameters
    ----------
    name : str, path-like or Tolerances

    Returns
    -------
    `~astroae.validation.tolerances.Tolerances`

    Raises
    ------
    MissingDependencyError
        photutils or scipy is not installed.
    SettingError
        No such tolerance set.
    """
    needed("photutils.background")
    needed("scipy.ndimage")
    return load_tolerances(name)


def certify(
    original,
    restored,
    header,
    *,
    name="",
    tolerance="default",
    mask=None,
    encoded=None,
    unit=1.0,
    role="image",
    notes=None,
):
    """Measure what compression did to an image.

    Of a cube of more than three planes those are measured that `astroae.validate` measures;
    what one plane cannot decide is pooled over them.

    Parameters
    ----------
    original, restored : array (..., y, x)
        Physical values.
    header : `~astropy.io.fits.Header`
        Of the image, for WCS, BUNIT, gain, saturation and zero point.
    name : str
        Of the image, for messages.
    tolerance : str, path-like or Tolerances
    mask : array of bool (..., y, x), optional
        True: bad.
    encoded : `~astroae.codec.image.EncodedImage`, optional
        What the restored image was decoded from: says what was promised of its pixels.
    unit : float
        Physical units per stored level of ``encoded``.
    role : {"image", "exact", "relative"}
        See `astroae.io.planes`.
    notes : dict, optional
        Further cards (keyword: value or (value, comment)): whom it belongs to.

    Returns
    -------
    Certificate

    Raises
    ------
    InputError
        Two images of different shapes.
    MissingDependencyError
        An optional package is not installed.
    SettingError
        No such tolerance set.

    Examples
    --------
    >>> from astroae.simulate import FieldSettings, make_field
    >>> from astroae.validation.certificate import certify
    >>> field = make_field(FieldSettings(shape=(256, 256)))
    >>> found = certify(field.image, field.image * 1.01, field.header)
    >>> found.verdict, found.hdu.name, found.hdu.columns["x"].unit
    ('fail', 'PHOTOMETRY', 'pix')
    """
    tolerances = checked_tolerances(tolerance)
    before, after = np.asarray(original), np.asarray(restored)
    check_shapes(before.shape, after.shape, name)
    image, other = (
        Image(values, header, values.shape, file=name, mask=mask) for values in (before, after)
    )
    with quiet_headers():
        keys, labels, _ = planes_of(image, other)
        only, rows = _only(image, role), role == "image" and not image.is_line

        def measured(key, label, only, rows=False):
            pair = _pair(image, other, key, encoded=encoded, unit=unit, role=role)
            return _measured(pair, label, only, tolerances, rows)

        planes = [measured(key, label, only, rows) for key, label in zip(keys, labels)]
        further = zip(*more_planes(image, keys))
        validation = _validation(
            planes, lambda metrics: [measured(*of, metrics) for of in further], tolerances, name
        )
        if not rows:
            return Certificate(None, validation)
        numbers = [int(np.ravel_multi_index(k, before.shape[:-2])) for k in keys if k is not ...]
        return Certificate(_table(planes, numbers, validation, tolerances, notes or {}), validation)


def _only(image, role):
    """Metrics of that which gets no table; None, all of them, of a picture."""
    if role != "image":
        return ["planes"]  # that no promise is broken was checked while it was coded
    return ["pixels"] if image.is_line else None


def _pair(image, other, key, *, encoded, unit, role):
    values = image.pixels(key)
    measured = Original(values, mask=image.masked(key), header=image.header, name=image.file)
    bound = None
    if encoded is not None:
        place = _place(encoded.shape, key)
        bzero = measured.header.get("BZERO", 0)
        bound = bound_of_coded(encoded, unit, values, place, bzero=bzero)
    return Pair(measured, other.pixels(key), bound=bound, role=role)


def _place(shape, key):
    """The key of a plane among axes of which those of length one had been left out."""
    if key is ...:
        return key
    left, found = list(key), []
    for n in shape:
        if left:
            found.append(left.pop(0) if n > 1 else 0)
    return tuple(found)


@dataclass(frozen=True)
class _Plane:
    """What is kept of a plane: not its pixels, and not the many maps made of them."""

    result: ImageValidation
    measured: dict
    columns: dict
    cards: dict
    unit: object


def _measured(pair, label, only, tolerances, rows):
    found, original = measure_pair(pair, only=only), pair.original
    result = judge_pair(pair, found, tolerances, f"plane {label.partition('[')[2][:-1]}")
    columns, cards = (_columns(pair), _cards(original)) if rows else ({}, {})
    return _Plane(result, found, columns, cards, original.unit)


def _validation(planes, more, tolerances, name):
    """The verdicts on all planes as those on one image; ``more`` where these cannot decide."""
    if len(planes) == 1:
        return replace(planes[0].result, name=name)

    def pooled(planes):
        return pool([p.result for p in planes], [p.measured for p in planes], tolerances)

    together, common = pooled(planes)
    if names := undecided([*together, common]):
        planes = planes + more({name.partition(".")[0] for name in names})
        together, common = pooled(planes)
    facts = max(together, key=lambda one: one.facts.get("sources", 0)).facts
    return ImageValidation(name, merged(together, common), facts)


# ---- the table -----------------------------------------------------------------------------


def _table(planes, numbers, validation, tolerances, notes):
    columns = _rows(planes, numbers)
    units = _UNITS | dict.fromkeys(_FLUXES, _unit(planes[0].unit))
    known = [column for column in CERTIFICATE_COLUMNS if column.name in columns]
    hdu = fits.BinTableHDU.from_columns(
        [
            fits.Column(c.name, c.form, units.get(c.name), array=columns[c.name].astype(c.dtype))
            for c in known
        ],
        name=NAME,
    )
    for number, column in enumerate(known, 1):
        hdu.header.set(f"TCOMM{number}", column.comment, after=f"TFORM{number}")
    for key, value in notes.items():
        hdu.header[key] = value
    for key, value in _facts(planes, numbers, validation, tolerances).items():
        hdu.header[key] = value, _COMMENTS[key]
    hdu.header["LONGSTRN"] = "OGIP 1.0", "strings may go on in CONTINUE"
    for number, result in enumerate(validation.results, 1):
        hdu.header[f"AEQTY{number}"] = _as_json(result)
    return hdu


def _rows(planes, numbers):
    """Columns of all planes, one below the other."""
    parts = [plane.columns for plane in planes]
    if not numbers:
        return parts[0]
    full = [part for part in parts if len(part["id"])] or parts[:1]
    found = {name: np.concatenate([part[name] for part in full]) for name in full[0]}
    found["id"] = np.arange(1, len(found["id"]) + 1)
    return found | {"plane": np.repeat(numbers, [len(part["id"]) for part in parts])}


def _has_rows(original):
    """Whether sources make sense on it; too few for statistics are sources all the same."""
    return not original.scene.no_sources or "empty" in original.scene.kinds


def _columns(pair):
    """Values by the name of their column."""
    original = pair.original
    if not _has_rows(original):
        names = ("id", "x", "y", *_FLUXES, "change_sigma", "change_mag", "change_own", "flags")
        return {name: np.zeros(0) for name in names}
    sources, radius = original.sources.stratified(_MOST), APERTURE * original.fwhm
    change = pair.aperture_changes(sources, radius)
    after = sources.flux + change
    lost = disk_any(pair.lost, sources.x, sources.y, radius)
    found = {
        "id": np.arange(1, len(sources) + 1),
        "x": sources.x,
        "y": sources.y,
        **_sky(original.wcs, sources),
        "flux_before": sources.flux,
        "flux_err": sources.flux_err,
        "flux_after": after,
        "change_sigma": change / sources.flux_err,
        "change_mag": _magnitudes(sources.flux, after),
        **own_fluxes(pair, sources, change),
        "flags": sources.flags | LOST * lost,
    }
    return found | ({"mag_before": sources.mag} if original.zero_point else {})


def _magnitudes(before, after):
    """After less before, NaN where either flux is not above zero."""
    seen = (before > 0) & (after > 0)
    ratio = np.where(seen, after, 1) / np.where(seen, before, 1)
    return np.where(seen, -2.5 * np.log10(ratio), np.nan)


def _sky(wcs, sources):
    """Right ascension and declination, ICRS, where the WCS leads to them."""
    if wcs is None:
        return {}
    try:
        place = wcs.celestial.pixel_to_world(sources.x, sources.y).icrs
        return {"ra": place.ra.deg, "dec": place.dec.deg}
    except Exception:  # no way from this frame to the sky (the Sun's), or no solution
        return {}


def _unit(unit):
    """The unit as FITS writes it; ``electron``, which FITS does not know, as astropy does."""
    if unit is None:
        return None
    try:
        return unit.to_string("fits")
    except ValueError:
        return unit.to_string()


# ---- its header ----------------------------------------------------------------------------


def _facts(planes, numbers, validation, tolerances):
    """Values of CERTIFICATE_KEYWORDS, all but the quantities."""
    packages = versions()
    known = {
        "AECREATR": f"astroae {packages.pop('astroae', '')}".strip(),
        "AEPACKGS": ", ".join(f"{name} {number}" for name, number in packages.items()),
        "AEVERDIC": validation.verdict,
        "AETOLNAM": tolerances.name,
        "AETOLSHA": tolerances.sha256,
    }
    if numbers:
        known["AEPLANES"] = ", ".join(map(str, numbers))
    # Of a cube's planes the richest one's, but the numbers of all.
    known |= max((plane.cards for plane in planes), key=lambda cards: cards["AESOURCE"])
    for key in ("AESOURCE", "AESAMPLE"):
        if key in known:
            known[key] = sum(plane.cards.get(key, 0) for plane in planes)
    return known


def _cards(original):
    """Those of one plane."""
    scene, found = original.scene, len(original.sources) if _has_rows(original) else 0
    known = {"AEKINDS": ", ".join(scene.kinds), "AESOURCE": found, "AEPIXORG": 0}
    if scene.no_sources:
        known["AENOSRC"] = scene.no_sources
    if original.noise > 0:
        known |= {
            "AEFWHM": _rounded(original.fwhm),
            "AEAPRAD": _rounded(APERTURE * original.fwhm),
            "AEANNIN": _rounded(INNER * original.fwhm),
            "AEANNOUT": _rounded(OUTER * original.fwhm),
            "AESAMPLE": min(original.max_sources, found),
        }
    if original.zero_point:
        known["AEZEROPT"] = original.zero_point
    return known


def _as_json(result):
    if result.verdict == "skipped":
        return json.dumps([result.name, result.verdict, result.note])
    numbers = (result.value, result.low, result.high, result.limit)
    values = [result.name, result.verdict, *map(_rounded, numbers), result.unit, result.n]
    return json.dumps(values, separators=(",", ":"))


def _rounded(value):
    if value is None or not math.isfinite(value):
        return None
    return float(f"{value:.{_DIGITS}g}")
