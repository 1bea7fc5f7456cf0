"""What the actions of ``astroae explore`` share: arguments, reading, telling."""

import json
import sys
import traceback
from collections import Counter
from pathlib import Path

from astroae.cli._many import say
from astroae.errors import AstroAEError

__all__ = ["Job", "add_image_arguments", "add_output_arguments", "names_for"]


def add_output_arguments(parser, *, required=True, model=None):
    """``FILES``, ``--model``, ``-o`` and ``--overwrite``."""
    parser.add_argument("files", nargs="+", metavar="FILE", help="FITS images, compressed or not")
    more = "" if required else f" (default {model or 'none'})"
    parser.add_argument(
        "--model",
        required=required,
        default=model,
        help=f"name, SHA-256 or path of a model{more}",
    )
    parser.add_argument(
        "-o", "--output", default="explore-out", metavar="DIR", help="folder (default explore-out)"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace outputs that exist")


def add_image_arguments(parser, *, side="the model's, or 64", stride=True):
    """Which image of a file, and how it is cut; ``side`` None: it is not."""
    parser.add_argument("--hdu", type=int, help="HDU of the image (default: the first)")
    parser.add_argument("--plane", type=int, help="plane of a cube (default: the middle one)")
    if side is not None:
        parser.add_argument("--side", type=int, help=f"of the stamps (default: {side})")
        if stride:
            parser.add_argument("--stride", type=int, help="pixels from stamp to stamp")


class Job:
    """One action: its model, what it reads, what it tells.

    Parameters
    ----------
    args : argparse.Namespace
    *modules : str
        Optional packages that the action needs besides matplotlib.

    Attributes
    ----------
    model : astroae.nets.modelfile.Model or None
    code : int
        Worst exit code of the files so far.
    """

    def __init__(self, args, *modules):
        from astroae.explore.extras import needed
        from astroae.nets.store import find

        _check_numbers(args)
        for module in ("matplotlib", *modules):  # told before any work
            needed(module)
        self.args, self.code, self._failed = args, 0, []
        self.model = find(args.model) if args.model else None

    @property
    def side(self):
        """Of the stamps."""
        return self.args.side or self.model.network.side or 64

    def bar(self, label):
        """A progress bar, a context."""
        from astroae.cli._progress import ProgressBar

        return ProgressBar(label, self.args.quiet or self.args.json)

    def each(self, use):
        """Results of ``use(path)`` for every file; one that fails is told, the rest go on.

        Raises
        ------
        AstroAEError
            None was left.
        """
        results = []
        for path in self.args.files:
            try:
                results.append(use(path))
            except AstroAEError as exc:
                self.code = max(self.code, exc.exit_code)
                self._failed.append({"file": path, "exit_code": exc.exit_code, "message": str(exc)})
                if not results and path == self.args.files[-1]:
                    raise
                if self.args.debug:
                    traceback.print_exc()
                print(f"astroae {self.args.verb}: {exc}", file=sys.stderr)
        return results

    def stamps(self):
        """Stamps of all files."""
        from astroae.explore.planes import read_plane
        from astroae.explore.stamps import cut_files

        planes = self.each(lambda path: read_plane(path, self.args.hdu, self.args.plane))
        return cut_files(planes, self.side, stride=self.args.stride, most=self.args.most)

    def vectors(self, stamps):
        """Latent vectors of stamps."""
        from astroae.explore.coding import vectors

        with self.bar(f"{len(stamps)} stamps") as bar:
            return vectors(self.model, stamps.values, progress=bar)

    def table(self, stamps, vectors):
        """The stamps' table with their latents, and the model's name."""
        table = stamps.table.copy()
        table["latent"] = vectors
        table.meta.update(model=self.model.name, model_sha256=self.model.sha256)
        return table

    def tell(self, written, text, **facts):
        """Say what was made, for people or as JSON; the exit code.

        Parameters
        ----------
        written : list of path-like
        text : str
        **facts
            Into the JSON document.
        """
        say(self.args, "\n".join([text, *(f"  {path}" for path in written)]))
        if self.args.json:
            document = {
                "verb": self.args.verb,
                "action": self.args.action,
                "exit_code": self.code,
                "model": self.model and {"name": self.model.name, "sha256": self.model.sha256},
                "outputs": [str(path) for path in written],
                "failed": self._failed,
                **facts,
            }
            print(json.dumps(document, indent=1))
        return self.code


def names_for(files, *endings):
    """Outputs of each file, after its name; files of one name are told apart by a number.

    Examples
    --------
    >>> names_for(["a/x.fits", "b/x.fits.gz"], "_maps.fits")
    {'a/x.fits': ['x_maps.fits'], 'b/x.fits.gz': ['x~2_maps.fits']}
    """
    names, seen = {}, Counter()
    for path in files:
        stem = Path(path).name.partition(".fit")[0]
        seen[stem] += 1
        mark = f"~{seen[stem]}" if seen[stem] > 1 else ""
        names[path] = [stem + mark + ending for ending in endings]
    return names


def _check_numbers(args):
    from astroae.errors import SettingError

    for name in ("side", "stride", "most", "count"):
        value = getattr(args, name, None)
        if value is not None and value < 1:
            raise SettingError(
                "a length or count below 1",
                where=f"--{name}",
                found=f"got {value}",
                hint="give 1 or more",
            )
