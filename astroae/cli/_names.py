"""Names of outputs: ``a.fits``, ``a.fits.gz``, ``a.fits.fz`` <-> ``a.aae.fits``."""

from pathlib import Path

from astroae.errors import OutputError, SettingError

__all__ = ["Outputs", "add_output_arguments", "compressed_name", "restored_name"]

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


class Outputs:
    """Which output each input of a run has; two inputs never share one.

    Parameters
    ----------
    args : argparse.Namespace
        With ``files`` and the `add_output_arguments`.
    name : callable
        ``name(path)`` gives the default.

    Raises
    ------
    SettingError
        One output was named for several inputs.
    """

    def __init__(self, args, name):
        if args.output is not None and (len(args.files) > 1 or args.output_dir is not None):
            raise SettingError(
                "one output for several inputs",
                where="--output",
                found=f"{len(args.files)} inputs"
                + (" and --output-dir" if args.output_dir is not None else ""),
                hint="use --output-dir, or give one input",
            )
        self._args, self._name, self._given = args, name, {}

    def of(self, path):
        """The output of an input.

        Raises
        ------
        OutputError
            Another input of this run has it.
        """
        target = self._target(path)
        if self._given.setdefault(target, path) != path:
            raise OutputError(
                "another input of this run has the same output",
                where=str(path),
                found=f"{self._given[target]} became {target}",
                hint="give this one a name of its own, with --output",
            )
        return target

    def _target(self, path):
        if self._args.output is not None:
            return Path(self._args.output)
        default = self._name(path)
        folder = self._args.output_dir
        return default if folder is None else Path(folder) / default.name
