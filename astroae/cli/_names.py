"""Names of outputs: ``a.fits``, ``a.fits.gz``, ``a.fits.fz`` <-> ``a.aae.fits``."""

from pathlib import Path

from astroae.errors import SettingError

__all__ = ["add_output_arguments", "compressed_name", "output_for", "restored_name"]

PACKED = (".gz", ".fz", ".bz2", ".xz")
FITS = (".fits", ".fit", ".fts")
MARK = ".aae"


def compressed_name(path):
    """Name of the compressed file, beside the original.

    Examples
    --------
    >>> str(compressed_name("a.fits.gz")), str(compressed_name("night.fit"))
    ('a.aae.fits', 'night.aae.fits')
    """
    path = Path(path)
    return path.with_name(_stem(path) + MARK + ".fits")


def restored_name(path, fpack=False):
    """Name of the restored file, beside the compressed one.

    Examples
    --------
    >>> str(restored_name("a.aae.fits")), str(restored_name("a.aae.fits", fpack=True))
    ('a.fits', 'a.fits.fz')
    """
    path = Path(path)
    return path.with_name(_stem(path).removesuffix(MARK) + (".fits.fz" if fpack else ".fits"))


def _stem(path):
    name = path.name
    for endings in (PACKED, FITS):
        for ending in endings:
            if name.lower().endswith(ending):
                name = name[: -len(ending)]
                break
    return name


def add_output_arguments(parser):
    """``-o``, ``--output-dir`` and ``--overwrite``."""
    parser.add_argument("-o", "--output", metavar="FILE", help="output, of one input only")
    parser.add_argument("--output-dir", metavar="FOLDER", help="folder of the outputs")
    parser.add_argument("--overwrite", action="store_true", help="replace outputs that exist")


def output_for(args, path, default):
    """The output that the arguments name for an input."""
    if args.output is not None:
        return Path(args.output)
    return default if args.output_dir is None else Path(args.output_dir) / default.name


def check_output_arguments(args):
    """Refuse one output for many inputs."""
    if args.output is not None and (len(args.files) > 1 or args.output_dir is not None):
        raise SettingError(
            "one output for several inputs",
            where="--output",
            found=f"{len(args.files)} inputs"
            + (" and --output-dir" if args.output_dir is not None else ""),
            hint="use --output-dir, or give one input",
        )
