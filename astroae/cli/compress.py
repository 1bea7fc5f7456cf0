"""Compress the images of FITS files: a.fits, a.fits.gz or a.fits.fz becomes a.aae.fits.

Without -q, -e or --model nothing is lost.  Integer images lose nothing without
--lossy-integers either.  Tables and other extensions are copied byte for byte; masks, lookup
tables and whatever is no picture stay exact, and uncertainties keep 0.2 % of themselves,
whatever the image is allowed to lose.  Each line of the report says what a plane was taken
for and why; --hdu NAME takes it for a picture."""

import warnings

from astroae.cli._many import run_many
from astroae.cli._names import (
    Outputs,
    add_output_arguments,
    compressed_name,
)
from astroae.cli._progress import ProgressBar
from astroae.errors import SettingError
from astroae.settings import EFFORTS

__all__ = ["HELP", "add_arguments", "run"]

HELP = "compress FITS images"


def add_arguments(parser):
    """Arguments of the verb."""
    parser.add_argument("files", nargs="+", metavar="FILE", help="FITS files")
    mode = parser.add_argument_group("what may be lost (nothing by default)")
    mode.add_argument(
        "-q",
        "--quantize-level",
        metavar="Q",
        help="steps of noise / Q, as fpack -q; 'auto': as `astroae recommend` finds it",
    )
    mode.add_argument(
        "--tolerance",
        metavar="NAME|FILE",
        help="tolerance set of --certify and -q auto; by default 'default'",
    )
    mode.add_argument("-e", "--error-bound", metavar="E", help="largest absolute error of a pixel")
    mode.add_argument(
        "--lossy-integers",
        action="store_true",
        help="-q and -e are for integer images too, which stay lossless otherwise",
    )
    mode.add_argument("--lossless", action="store_true", help="nothing: the default, said aloud")
    mode.add_argument(
        "--model",
        default="default",
        metavar="NAME|PATH",
        help="keep a trained network's latents: no bound on the error; 'classical': no network",
    )
    mode.add_argument("--latent-step", metavar="S", help="times the model's own steps")
    mode.add_argument("--skips", metavar="WAY", help="of a model: coded (default) or cut")
    mode.add_argument(
        "--dither", metavar="N", help="0 none, 1 subtractive (default), 2 keeps zeros"
    )
    mode.add_argument(
        "--hdu",
        action="append",
        default=[],
        metavar="NAME",
        help="this extension (EXTNAME or number) is a picture, whatever it looks like; integers "
        "need --lossy-integers all the same",
    )
    mode.add_argument("--dither-seed", metavar="N", help="1 to 10000; from the pixels by default")
    mode.add_argument(
        "--plane",
        action="append",
        default=[],
        metavar="NAME=ROLE",
        help="treat an extension (EXTNAME or number) as image, exact or relative",
    )
    parser.add_argument(
        "--certify",
        action="store_true",
        help="measure the sources before and after, and write them and a verdict into the file",
    )
    parser.add_argument(
        "--on-fail",
        choices=("raise", "warn"),
        help="a broken tolerance: no file (default), or the file and a warning",
    )
    parser.add_argument(
        "--effort",
        choices=EFFORTS,
        default=EFFORTS[0],
        help="high: ten times as long, 1 to 4 %% fewer bytes, the same pixels",
    )
    parser.add_argument("--tile-shape", metavar="Y,X", help="tile, slowest axis first")
    parser.add_argument("--embed-model", action="store_true", help="put the model into the file")
    parser.add_argument("--no-preview", action="store_true", help="leave the PREVIEW image out")
    parser.add_argument("--dry-run", action="store_true", help="report sizes, write nothing")
    parser.add_argument("--threads", type=int, metavar="N", help="tiles coded at once")
    add_output_arguments(parser)


def run(args):
    """Compress every file; the worst exit code."""
    import astroae
    from astroae.io.auto import asked_settings, chooser
    from astroae.io.certify import Certifier
    from astroae.io.models import check_embedding

    outputs = Outputs(args, compressed_name)
    asked = _settings(args)
    # A wrong setting is one error, not one per file.
    settings, auto = asked_settings(**asked)
    check_embedding(args.embed_model, settings)
    _check_asked(args, auto)
    tolerance, on_fail = args.tolerance or "default", args.on_fail or "raise"
    if auto:
        chooser(tolerance=tolerance)
    if args.certify:
        Certifier(tolerance, on_fail)
    lossy = settings.mode.name != "lossless"
    options = {
        "certify": args.certify,
        "on_fail": on_fail,
        "tolerance": tolerance,
        "planes": _planes(args),
        "preview": not args.no_preview,
        "embed_model": args.embed_model,
        "overwrite": args.overwrite,
        "dry_run": args.dry_run,
        "threads": args.threads,
    }

    def job(path):
        target = outputs.of(path)
        with ProgressBar(path.name, args.quiet) as bar, warnings.catch_warnings():
            warnings.filterwarnings("ignore", "tolerances are broken")  # the report says it
            result = astroae.compress(path, target, progress=bar, **asked, **options)
        return {"file": str(path), "lossy": lossy, **result.to_dict()}, 0

    plain = not lossy and not args.lossless

    def show(report):
        return _text(report) + (_hint(report) if plain else "")

    return run_many(args, args.files, job, show)


def _check_asked(args, auto):
    """An option that would do nothing is refused: it was meant to do something."""
    idle = {
        "--tolerance": args.tolerance is not None and not (args.certify or auto),
        "--on-fail": args.on_fail is not None and not args.certify,
    }
    for option, is_idle in idle.items():
        if is_idle:
            raise SettingError(
                f"{option} without --certify does nothing",
                where=option,
                found="nothing would be measured",
                hint="add --certify",
            )


def _settings(args):
    return {
        "quantize_level": _number(args.quantize_level, float),
        "error_bound": _number(args.error_bound, float),
        "lossless": args.lossless,
        "lossy_integers": args.lossy_integers,
        "dither": _number(args.dither, int),
        "dither_seed": _number(args.dither_seed, int),
        "effort": args.effort,
        "tile_shape": _shape(args.tile_shape),
        "model": args.model,
        "latent_step": _number(args.latent_step, float),
        "skips": args.skips,
    }


def _number(text, kind):
    """The number, or the text itself, which the settings then refuse in their words."""
    try:
        return None if text is None else kind(text)
    except ValueError:
        return text


def _shape(text):
    return None if text is None else tuple(_number(part, int) for part in text.split(","))


def _planes(args):
    """Roles by name; a name that is given two of them is an error."""
    planes = {}
    for name, role in [(name, "image") for name in args.hdu] + [_plane(p) for p in args.plane]:
        if planes.setdefault(name, role) != role:
            raise SettingError(
                "two roles for a plane",
                where="--hdu and --plane",
                found=f"{name} is to be {planes[name]} and {role}",
                hint="give one of them",
            )
    return planes


def _plane(text):
    name, equals, role = text.rpartition("=")
    if not equals:
        raise SettingError(
            "no role for a plane",
            where="--plane",
            found=f"got {text!r}, expected NAME=ROLE",
            hint="for example --plane WHT=exact",
        )
    return name, role


def _text(report):
    """The lines that people see for one file."""
    verb = "would be" if report["dry_run"] else "->"
    lines = [
        f"{report['source']} {verb} {report['target']}: {report['original_bytes']} -> "
        f"{report['compressed_bytes']} bytes, ratio {report['ratio']:.2f}" + _other_file(report)
    ]
    for hdu in report["hdus"]:
        what = f"{hdu['action']} {hdu['mode']}".strip()
        lines.append(
            f"  {hdu['index']:3d} {hdu['name']:12s} {what:22s} {hdu['original_bytes']:>12d} -> "
            f"{hdu['compressed_bytes']:>11d}"
            + _errors(hdu)
            + (f"  ({hdu['note']})" if hdu["note"] else "")
        )
        if hdu["role"] and report["lossy"]:  # else nobody needs to know what is a picture
            lines.append(f"      {hdu['role']}: {hdu['why']}")
        if hdu["verdict"]:
            lines.append(f"      certificate: {hdu['verdict']}")
        lines += [f"      broken: {line}" for line in hdu["broken"]]
    if report["model"]:
        lines.append(f"  model {report['model']}; this mode promises no bound on any pixel")
    return "\n".join(lines)


def _errors(hdu):
    if hdu["mode"] == "latent":
        return (
            f"  no bound; largest error {hdu['largest_error']:.4g} "
            f"({hdu['largest_error_in_noise']:.3g} sigma), "
            f"rms {hdu['rms_error']:.4g} ({hdu['rms_error_in_noise']:.3g} sigma)"
        )
    worst = hdu["error_over_bound"]
    return f"  largest error {hdu['largest_error']:.4g}, {worst:.1%} of its bound" if worst else ""


def _other_file(report):
    """What the way back gives, where it is not the same file byte for byte."""
    if report["byte_identical"]:
        return ""
    if any(hdu["action"] == "taken over" for hdu in report["hdus"]):
        return "; --fpack gives the same integers and cards back, not the same bytes"
    if any(hdu["mode"] == "latent" for hdu in report["hdus"]):
        return "; the same headers come back, and what the latents keep of the pixels"
    return "; the same headers come back, and pixels as promised"


def _hint(report):
    """What -q 4 would have saved, where there is something to save."""
    from astroae.io.estimate import estimate_saving

    part = estimate_saving(report["source"])
    if part is None or part > 0.9:
        return ""
    return (
        f"\n  hint: nothing was lost. -q 4 would store its float images in about {part:.0%} of the"
        " bytes, with errors of at most an eighth of the noise"
    )
