"""Settings: the keywords of the public functions, checked once at the edge.

`from_keywords` turns loose keywords into frozen dataclasses; everything behind
it may trust them.  ``to_dict`` and `from_dict` carry them through TOML files and
headers.  Bounds are in *physical* units here; the FITS layer, which knows
BSCALE, passes the codec the same settings in stored units (`Bounded.scaled`).
"""

import math
from dataclasses import asdict, dataclass, field, replace

from astroae.errors import SettingError

__all__ = [
    "Bounded",
    "Latent",
    "Lossless",
    "ModelName",
    "Relative",
    "Settings",
    "from_dict",
    "from_keywords",
]

DITHER_METHODS = {0: "none", 1: "subtractive", 2: "subtractive, exact zeros kept"}
MAX_DITHER_SEED = 10_000  # the FITS convention numbers its starts from 1 to 10 000
SKIPS = ("coded", "cut")
EFFORTS = ("default", "high")
NO_NETWORK = ("default", "classical")


def _positive(name, value, hint="leave it out for lossless compression"):
    """``value`` as a finite float above zero, or a `SettingError` naming it."""
    try:
        if isinstance(value, (bool, str, bytes)):
            raise TypeError
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not (math.isfinite(number) and number > 0):
        raise SettingError(
            f"{name} must be a finite number above 0",
            where=name,
            found=f"got {value!r}",
            hint=hint,
        )
    return number


def _boolean(name, value):
    if not isinstance(value, bool):
        raise SettingError(
            f"{name} must be True or False",
            where=name,
            found=f"got {value!r}",
            hint="leave it out: integer images stay lossless",
        )


def _one_of(allowed, name, value, what, hint):
    if value not in allowed:
        raise SettingError(
            what,
            where=name,
            found=f"got {value!r}, allowed are {', '.join(allowed)}",
            hint=hint,
        )


def _scaled(mode, unit):
    """The same promise where one stored level is ``unit`` physical units."""
    if mode.error_bound is None:
        return mode
    return replace(mode, error_bound=mode.error_bound / abs(unit))


@dataclass(frozen=True)
class Lossless:
    """Every stored value comes back bit for bit."""

    name = "lossless"


@dataclass(frozen=True)
class Bounded:
    """Every finite pixel within half a step of its original.

    Exactly one of the first two is given.

    Parameters
    ----------
    quantize_level : float, optional
        Step of sigma / quantize_level, sigma being each tile's noise.
    error_bound : float, optional
        Largest absolute error, in physical units; step of twice that.
    dither : {0, 1, 2}
        None, FITS subtractive dither, or the same with exact zeros kept.
    lossy_integers : bool
        Integer images lose too; else they stay lossless.
    """

    quantize_level: float | None = None
    error_bound: float | None = None
    dither: int = 1
    lossy_integers: bool = False
    name = "bounded"

    def __post_init__(self):
        given = [n for n in ("quantize_level", "error_bound") if getattr(self, n) is not None]
        if len(given) != 1:
            raise SettingError(
                "bounded mode takes quantize_level or error_bound, one of them",
                where=" and ".join(given) or "quantize_level",
                found=f"{len(given)} were given",
                hint="choose one",
            )
        object.__setattr__(self, given[0], _positive(given[0], getattr(self, given[0])))
        if isinstance(self.dither, bool) or self.dither not in DITHER_METHODS:
            raise SettingError(
                "unknown dither method",
                where="dither",
                found=f"got {self.dither!r}, allowed are 0, 1 and 2",
                hint="0 is none, 1 subtractive, 2 keeps exact zeros too",
            )
        _boolean("lossy_integers", self.lossy_integers)

    scaled = _scaled


@dataclass(frozen=True)
class Relative:
    """Every finite pixel within a fraction of itself; zero and sign are kept.

    For uncertainty, variance and weight planes, which an absolute step would
    push below zero.

    Parameters
    ----------
    relative_error : float
        Largest error over the value itself, below 1.
    error_bound : float, optional
        Largest absolute error besides, in physical units: both hold.
    """

    relative_error: float
    error_bound: float | None = None
    name = "relative"

    def __post_init__(self):
        value = _positive("relative_error", self.relative_error)
        if value >= 1:
            raise SettingError(
                "relative_error must be below 1",
                where="relative_error",
                found=f"got {value}",
                hint="1/512 keeps a weight to 0.2 %",
            )
        object.__setattr__(self, "relative_error", value)
        if self.error_bound is not None:
            object.__setattr__(self, "error_bound", _positive("error_bound", self.error_bound))

    scaled = _scaled


@dataclass(frozen=True)
class ModelName:
    """Which model, where it is not at hand: its name and the SHA-256 of its file."""

    name: str
    sha256: str


@dataclass(frozen=True)
class Latent:
    """What a network's latents keep of the pixels: no bound is promised.

    Parameters
    ----------
    model : astroae.nets.modelfile.Model or ModelName
        Anything with ``name`` and ``sha256``; the codec needs the model itself, or
        finds it by its SHA-256.
    latent_step : float
        Times the model's own quantisation steps: 2 is coarser and smaller.
    skips : {"coded", "cut"}
        What becomes of the tensors that a U-Net hands past its latents: coded and
        paid for, or replaced by their means.
    """

    model: object
    latent_step: float = 1.0
    skips: str = "coded"
    name = "latent"

    def __post_init__(self):
        if isinstance(self.model, dict):
            object.__setattr__(self, "model", ModelName(**self.model))
        step = _positive("latent_step", self.latent_step, "1 is what the model was made for")
        object.__setattr__(self, "latent_step", step)
        _one_of(
            SKIPS,
            "skips",
            self.skips,
            "unknown way to treat skip connections",
            "'cut' keeps the latents alone",
        )

    def to_dict(self):
        """Plain values; of the model its name and SHA-256."""
        named = {"name": self.model.name, "sha256": self.model.sha256}
        return {"model": named, "latent_step": self.latent_step, "skips": self.skips}


MODES = {mode.name: mode for mode in (Lossless, Bounded, Relative, Latent)}


@dataclass(frozen=True)
class Settings:
    """All that decides what one image becomes.

    Parameters
    ----------
    mode : Lossless, Bounded, Relative or Latent
        What is promised of the pixels.
    tile_shape : tuple of int, optional
        In C order, as many as the image has axes.  By default planes of
        256 x 256 of the last two axes (512 x 512 from 2048 x 2048 pixels on, and with
        high effort),
        1 x 65536 for spectra; in latent mode what the model takes.
    dither_seed : int, optional
        1 to 10 000.  By default a checksum of the pixels, so that exposures of
        one field never share their dither.
    effort : {"default", "high"}
        High takes ten times as long to encode, and up to three times to decode, for some
        percent fewer bytes; it changes no pixel.
    """

    mode: Lossless | Bounded | Relative | Latent = field(default_factory=Lossless)
    tile_shape: tuple[int, ...] | None = None
    dither_seed: int | None = None
    effort: str = "default"

    def __post_init__(self):
        _one_of(
            EFFORTS,
            "effort",
            self.effort,
            "unknown effort",
            "'high' is slower and gives some percent fewer bytes",
        )
        if self.tile_shape is not None:
            object.__setattr__(self, "tile_shape", _tile_shape(self.tile_shape))
        seed = self.dither_seed
        if seed is not None and (
            isinstance(seed, bool) or not isinstance(seed, int) or not 1 <= seed <= MAX_DITHER_SEED
        ):
            raise SettingError(
                "dither_seed must be a whole number from 1 to 10000",
                where="dither_seed",
                found=f"got {seed!r}",
                hint="leave it out to derive it from the pixels",
            )

    @property
    def model(self):
        """Name of the model; ``"classical"``: no network."""
        return self.mode.model.name if isinstance(self.mode, Latent) else "classical"

    def for_integers(self):
        """What they are for an integer image: lossless, unless it was asked to lose."""
        if isinstance(self.mode, Bounded) and not self.mode.lossy_integers:
            return replace(self, mode=Lossless())
        return self

    def to_dict(self):
        """Plain values, for TOML files and headers."""
        mode = self.mode.to_dict() if isinstance(self.mode, Latent) else asdict(self.mode)
        return {"mode": {"name": self.mode.name, **mode}} | {
            key: getattr(self, key) for key in ("tile_shape", "dither_seed", "effort")
        }


def _tile_shape(value):
    try:
        shape = tuple(value)
        if not shape or any(isinstance(n, bool) or int(n) != n or n < 1 for n in shape):
            raise ValueError
    except (TypeError, ValueError):
        raise SettingError(
            "tile_shape must hold whole numbers above 0",
            where="tile_shape",
            found=f"got {value!r}",
            hint="give one number per axis, slowest axis first, as in (256, 256)",
        ) from None
    return tuple(int(n) for n in shape)


def from_dict(values):
    """`Settings` from what `Settings.to_dict` gave; an unknown key is an error."""
    values = dict(values)
    mode = dict(values.pop("mode", {"name": "lossless"}))
    name = mode.pop("name", None)
    if name not in MODES:
        raise SettingError(
            "unknown mode",
            where="mode",
            found=f"got {name!r}, known are {', '.join(MODES)}",
            hint="the file may come from a newer astroae",
        )
    try:
        return Settings(mode=MODES[name](**mode), **values)
    except TypeError as exc:
        raise SettingError("unknown setting", where=name, found=str(exc)) from exc


def from_keywords(
    *,
    lossless=False,
    quantize_level=None,
    error_bound=None,
    relative_error=None,
    lossy_integers=False,
    dither=None,
    tile_shape=None,
    dither_seed=None,
    effort="default",
    model="default",
    latent_step=None,
    skips=None,
):
    """Check the keywords of a public function and freeze them.

    Naming no mode means lossless; a model means latent mode.

    Parameters
    ----------
    lossless, quantize_level, error_bound, relative_error, lossy_integers, dither, tile_shape, \
dither_seed, effort
        See the modes and `Settings`.
    model : str or astroae.nets.modelfile.Model
        ``"default"`` and ``"classical"``: no network.  Models have been found before
        (`astroae.io.models.settings_of`).
    latent_step, skips
        See `Latent`.

    Returns
    -------
    Settings

    Raises
    ------
    SettingError
        Two modes at once, or a value out of range.
    """
    network = not (isinstance(model, str) and model in NO_NETWORK)
    named = [
        name
        for name, given in (
            ("lossless", lossless),
            ("quantize_level", quantize_level is not None),
            ("error_bound", error_bound is not None),
            ("relative_error", relative_error is not None),
            ("model", network),
        )
        if given
    ]
    _check_one_mode(named)
    _boolean("lossy_integers", lossy_integers)
    for name, given, wanted, hint in (
        (
            "lossy_integers",
            lossy_integers or None,
            ("quantize_level", "error_bound"),
            "quantize_level or error_bound",
        ),
        ("dither", dither, ("quantize_level", "error_bound"), "quantize_level or error_bound"),
        ("latent_step", latent_step, ("model",), "a model"),
        ("skips", skips, ("model",), "a model"),
    ):
        if given is not None and not set(named) & set(wanted):
            raise SettingError(
                f"{name} belongs to another mode",
                where=name,
                found=f"the mode is {named[0] if named else 'lossless'}",
                hint=f"give {hint} too, or leave {name} out",
            )
    if network:
        mode = Latent(_found(model), 1.0 if latent_step is None else latent_step, skips or "coded")
    elif relative_error is not None:
        mode = Relative(relative_error)
    elif quantize_level is not None or error_bound is not None:
        mode = Bounded(quantize_level, error_bound, 1 if dither is None else dither, lossy_integers)
    else:
        mode = Lossless()
    return Settings(mode, tile_shape, dither_seed, effort)


def _check_one_mode(named):
    if len(named) < 2:
        return
    hint = "give one of them, or none for lossless"
    if "model" in named:
        hint = "a model promises no bound: leave it out to keep the promise, or give it alone"
    raise SettingError(
        "two modes at once",
        where=" and ".join(named),
        found="each asks for another promise",
        hint=hint,
    )


def _found(model):
    if hasattr(model, "name") and hasattr(model, "sha256"):
        return model
    raise SettingError(
        "not a model",
        where="model",
        found=f"got {model!r}",
        hint="find it first: astroae.nets.store.find",
    )
