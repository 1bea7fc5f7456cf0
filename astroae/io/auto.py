"""``quantize_level="auto"``: the level is found image by image, by validating what it does."""

from dataclasses import replace

from astroae.io.above import ask
from astroae.io.coded import pixels_of
from astroae.io.models import settings_of

__all__ = ["AUTO", "asked_settings", "chooser"]

AUTO = "auto"
_ANY = 4.0  # stands for the level that is still to be found


def asked_settings(**keywords):
    """Settings of a public function, and whether their level is still to be found.

    Parameters
    ----------
    **keywords
        As `astroae.io.models.settings_of` takes them; ``quantize_level`` may be ``"auto"``.

    Returns
    -------
    settings : `~astroae.settings.Settings`
    auto : bool

    Raises
    ------
    ModelError
        No such model.
    SettingError
        Two modes at once, or a value out of range.

    Examples
    --------
    >>> from astroae.io.auto import asked_settings
    >>> asked_settings(quantize_level="auto")[1], asked_settings(quantize_level=8)[1]
    (True, False)
    """
    level = keywords.get("quantize_level")
    auto = isinstance(level, str) and level == AUTO
    return settings_of(**keywords | ({"quantize_level": _ANY} if auto else {})), auto


def chooser(*, tolerance="default", lossy_integers=False, dither=None, threads=None):
    """What finds the level of each image of a file.

    Parameters
    ----------
    tolerance : str, path-like or Tolerances
        See `astroae.validate`.
    lossy_integers : bool
        Integer images are to lose too.
    dither : {0, 1, 2}, optional
        As asked for; by default it is chosen too.
    threads : int, optional

    Returns
    -------
    callable
        ``choose(path, span, settings)`` gives the settings with the level in them (or
        lossless), and a sentence on how it was found.

    Raises
    ------
    MissingDependencyError
        What measures is not installed.
    SettingError
        No such tolerance set.
    """
    recommend, tolerances = ask("recommend"), ask("tolerances")(tolerance)

    def choose(path, span, settings):
        found = recommend(
            pixels_of(path, span),
            span.header,
            name=span.label,
            tolerance=tolerances,
            lossy_integers=lossy_integers,
            dither=dither,
            tile_shape=settings.tile_shape,
            threads=threads,
        )
        return replace(settings, mode=found.mode), found.reason

    return choose
