"""What was recommended, for people and for programs."""

import shlex
from dataclasses import asdict, dataclass

from astroae.validation.trial import mode_of

__all__ = ["ImageRecommendation", "Recommendation", "brief"]

_SHOWN = 3  # of what was broken, with its numbers


@dataclass(frozen=True)
class ImageRecommendation:
    """What is recommended for one image.

    Attributes
    ----------
    index : int
        Number of the HDU.
    name : str
    role : str
        "image", "exact", "relative" (`astroae.io.planes`), or "kept": no setting changes it.
    shape : tuple of int
    part : str
        What the settings were tried on.
    quantize_level : float or None
        None: lossless.
    dither : int or None
    reason : str
        A sentence.
    trials : tuple of `~astroae.validation.trial.Trial`
        From coarse to fine, lossless last; empty where nothing was tried.
    kinds : tuple of str
        Of image, see `astroae.validation.scene`.
    lossy_integers : bool
        It holds integers that may lose.
    """

    index: int
    name: str
    role: str
    shape: tuple
    part: str = ""
    quantize_level: float | None = None
    dither: int | None = None
    reason: str = ""
    trials: tuple = ()
    kinds: tuple = ()
    lossy_integers: bool = False

    @property
    def mode(self):
        """Mode of `astroae.settings`."""
        return mode_of(self.quantize_level, self.dither, self.lossy_integers)

    @property
    def trial(self):
        """The `~astroae.validation.trial.Trial` that is recommended, or None."""
        found = [t for t in self.trials if t.quantize_level == self.quantize_level]
        return found[0] if found else None


@dataclass(frozen=True)
class Recommendation:
    """What is recommended for a file.

    Attributes
    ----------
    image : str
        File, or what was given.
    quantize_level : float or None
        The finest of its images' levels; None: lossless.
    dither : int or None
        2 where zeros of an image stay exact, None where all are integers.
    planes : dict of int to str
        Roles to give to images that are better left lossless while others are not.
    images : tuple of ImageRecommendation
    tolerance : dict
        Name and SHA-256 of the tolerance set.
    is_file : bool
        Whether ``image`` is the name of a file.
    seconds : float
    """

    image: str
    quantize_level: float | None
    dither: int | None
    planes: dict
    images: tuple
    tolerance: dict
    is_file: bool = True
    seconds: float = 0.0

    @property
    def command(self):
        """To be pasted: into a shell, or into Python where no file was given."""
        if not self.is_file:
            level = f", quantize_level={self.quantize_level:g}" if self.quantize_level else ""
            dither = f", dither={self.dither}" if level and self.dither in (0, 2) else ""
            integers = ", lossy_integers=True" if self.lossy_integers else ""
            return f"astroae.encode(array{level}{integers}{dither})"
        words = ["astroae", "compress"]
        if self.quantize_level is not None:
            words += ["-q", f"{self.quantize_level:g}"]
            words += ["--lossy-integers"] if self.lossy_integers else []
            words += ["--dither", str(self.dither)] if self.dither in (0, 2) else []
            for index, role in self.planes.items():
                words += ["--plane", f"{index}={role}"]
        return shlex.join([*words, self.image])

    @property
    def lossy_integers(self):
        """Whether an image of integers is to lose."""
        return any(i.lossy_integers and i.quantize_level is not None for i in self.images)

    def to_dict(self):
        """Plain values, for JSON."""
        images = [asdict(i) | {"trials": [t.to_dict() for t in i.trials]} for i in self.images]
        values = {key: getattr(self, key) for key in self.__dataclass_fields__}
        return {"command": self.command} | values | {"images": images}

    def summary(self):
        """The command, and the tables that it was decided from."""
        lines = [self.command]
        for image in self.images:
            lines += ["", f"{image.index:3d} {image.name or 'image'}: {image.reason}"]
            if image.trials:
                kinds = f"; {', '.join(image.kinds)}" if image.kinds else ""
                lines.append(f"    tried on the {image.part}{kinds}")
                lines.append(f"     {'setting':18s} {'bits/px':>8s} {'ratio':>8s}  verdict")
            for trial in image.trials:
                lines += _rows(trial, trial is image.trial)
        return "\n".join(lines)


def brief(trial):
    """What was broken or undetermined in a trial: the first, and how many there were."""
    more = len(trial.open) - 1
    return _said(trial.open[0]) + (f"; and {more} more" if more else "")


def _rows(trial, best):
    """Lines of the table: the numbers, and what was broken or undetermined."""
    numbers = f"{trial.setting:18s} {trial.bits_per_pixel:8.3f} {trial.ratio:8.2f}"
    lines = [f"  {'->' if best else '  '} {numbers}  {trial.verdict}"]
    lines += [f"{'':12s}{_said(each)}" for each in trial.open[:_SHOWN]]
    more = [each["name"] for each in trial.open[_SHOWN:]]
    return lines + ([f"{'':12s}and {', '.join(more)}"] if more else [])


def _said(each):
    return f"{each['name']} {each['verdict']}: {each['text']}"
