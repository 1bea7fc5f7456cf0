"""One pair of images through all metrics."""

from importlib.metadata import PackageNotFoundError, version

from astroae.errors import SettingError
from astroae.validation.metrics import metrics
from astroae.validation.result import ImageValidation, judge
from astroae.validation.tolerances import load_tolerances

__all__ = ["chosen_metrics", "facts", "judge_pair", "measure_pair", "validate_pair", "versions"]
__doctest_requires__ = {"validate_pair": ["photutils"]}

_OF_PLANES = ("pixels", "planes")  # all that a mask or a weight plane is asked
_ALWAYS = ("header", "file")  # of files, whatever the choice
_PACKAGES = ("astroae", "numpy", "astropy", "scipy", "photutils", "scikit-image", "pytorch-msssim")


def validate_pair(pair, *, tolerance="default", only=None, name="", progress=None):
    """Measure one pair, and judge it.

    Parameters
    ----------
    pair : `~astroae.validation.pair.Pair`
    tolerance : str, path-like or Tolerances
    only : str or iterable of str, optional
        Names of metrics; by default all.
    name : str
        Of the image.
    progress : callable, optional
        ``progress(done, total)``, metrics.

    Returns
    -------
    `~astroae.validation.result.ImageValidation`

    Raises
    ------
    SettingError
        No such metric or tolerance set.

    Examples
    --------
    >>> from astroae.simulate import FieldSettings, make_field
    >>> from astroae.validation.measure import validate_pair
    >>> from astroae.validation.original import Original
    >>> from astroae.validation.pair import Pair
    >>> field = make_field(FieldSettings(shape=(256, 256)))
    >>> pair = Pair(Original(field.image, header=field.header), field.image + 1)
    >>> validate_pair(pair, only=["background"])["background.shift"].verdict
    'fail'
    """
    tolerances = load_tolerances(tolerance)
    found = measure_pair(pair, only=only, progress=progress)
    return judge_pair(pair, found, tolerances, name)


def measure_pair(pair, *, only=None, progress=None):
    """All that is measured of a pair, without verdicts.

    Parameters
    ----------
    pair, only, progress
        As in `validate_pair`.

    Returns
    -------
    dict of str to (module, dict)
        By metric: its module, and a Measured or a Skipped for each of its quantities.
    """
    found, chosen = {}, chosen_metrics(only, pair.role)
    for done, metric in enumerate(chosen, 1):
        found[metric.NAME] = metric, metric.measure(pair)
        if progress is not None:
            progress(done, len(chosen))
    return found


def judge_pair(pair, found, tolerances, name=""):
    """Verdicts on what `measure_pair` found, by one tolerance set.

    Parameters
    ----------
    pair : `~astroae.validation.pair.Pair`
    found : dict
    tolerances : Tolerances
    name : str

    Returns
    -------
    `~astroae.validation.result.ImageValidation`
    """
    results = [
        judge(metric, quantity, measured[quantity.name], tolerances)
        for metric, measured in found.values()
        for quantity in metric.QUANTITIES
    ]
    return ImageValidation(name or pair.original.name, tuple(results), facts(pair))


def facts(pair):
    """What was measured on the original, for the reader."""
    original = pair.original
    known = {"shape": list(original.shape), "bad_pixels": int(original.bad.sum())}
    if pair.role != "image":
        return known | {"kinds": ["mask" if pair.role == "exact" else "weights or errors"]}
    scene = original.scene
    known |= {
        "kinds": list(scene.kinds),
        "noise": original.noise,
        "unit": None if original.unit is None else str(original.unit),
        "zero_point": original.zero_point,
        "gain": original.gain,
        "pixel_mas": original.pixel_mas,
    }
    if scene.no_sources:
        return known | {"sources": 0, "why_no_sources": scene.no_sources}
    return known | {
        "fwhm": original.fwhm,
        "sources": len(original.sources),
        "clean_sources": len(original.sources.clean),
        "measured_sources": len(original.sample),
    }


def versions():
    """Versions of the packages that measure."""
    found = {}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


def chosen_metrics(only, role):
    """The metrics of these names, all by default, as far as the role is asked them."""
    known = metrics()
    asked = known if only is None else {only} if isinstance(only, str) else set(only)
    names = {name.partition(".")[0] for name in asked}  # "pixels.rms" is of "pixels"
    unknown = sorted(names - set(known) - set(_ALWAYS))
    if unknown:
        raise SettingError(
            "no such metric",
            where="only",
            found=f"got {unknown[0]!r}, known are {', '.join(known)}",
            hint="choose among these",
        )
    asked = names if role == "image" else names & set(_OF_PLANES)
    return [metric for name, metric in known.items() if name in asked]
