"""Decode a stamp with one latent changed at a time, or on the way from one stamp to another.

One file: a row for each latent; two files: from the first to the second.  Writes
traversal.fits (the stamp, and a cube of decoded images for each row, from 0 to 1 as the
model normalises) and a figure.
"""

from pathlib import Path

from astroae.cli._explore_job import Job, add_image_arguments, add_output_arguments

HELP = "decoded images along a latent, or between two stamps"


def add_arguments(parser):
    """Arguments of the action."""
    add_output_arguments(parser)
    add_image_arguments(parser, stride=False)
    parser.add_argument(
        "--at",
        type=float,
        nargs="+",
        metavar="X Y",
        help="middle of the stamp in pixels from 0, one pair for each file (default: of the image)",
    )
    parser.add_argument("--latents", type=int, nargs="+", metavar="K", help="which, from 0")
    parser.add_argument("--steps", type=int, default=7, help="images in a row (default 7)")
    parser.add_argument(
        "--span", type=float, default=3.0, help="in standard deviations (default 3)"
    )
    parser.add_argument("--keep-skips", action="store_true", help="do not cut skip connections")


def run(args):
    """Decode and draw."""
    from astroae.explore.outputs import Outputs
    from astroae.explore.panels import plot_traversal
    from astroae.explore.traversal import between, traverse

    _check(args)
    job = Job(args)
    out = Outputs(args.output, ("traversal.fits", "traversal.png"), args.overwrite)
    stamps = _stamps(job)
    if len(stamps) == 1:
        found = traverse(
            job.model,
            stamps[0],
            args.latents,
            span=args.span,
            steps=args.steps,
            skips=args.keep_skips,
        )
    else:
        found = between(job.model, *stamps, steps=args.steps, skips=args.keep_skips)
    out.fits("traversal.fits", found.to_hdus(job.model))
    skips = ", skips kept" if args.keep_skips else ""
    title = f"{' to '.join(Path(path).name for path in args.files)}: {job.model.name}{skips}"
    out.figure("traversal.png", plot_traversal(found, title=title, window=_window(job.model)))
    text = f"{args.steps} images for each of {', '.join(found.names)}"
    return job.tell(out.written, text, ways=found.names, steps=found.steps.tolist())


def _check(args):
    from astroae.errors import SettingError

    if len(args.files) > 2 or len(args.at or args.files * 2) != 2 * len(args.files):
        raise SettingError(
            "a traversal needs one stamp or two",
            where="FILE, --at",
            found=f"{len(args.files)} files, {len(args.at or ())} numbers of --at",
            hint="give one or two files, and X Y for each where the middle is not wanted",
        )


def _stamps(job):
    """The stamp of each file; both are needed."""
    from astroae.explore.planes import read_plane
    from astroae.explore.stamps import stamp_at

    args = job.args
    places = zip(args.at[::2], args.at[1::2]) if args.at else [()] * len(args.files)
    return [
        stamp_at(read_plane(path, args.hdu, args.plane), job.side, *place)
        for path, place in zip(args.files, places, strict=True)
    ]


def _window(model):
    """A stretched normalisation is drawn as it is; a linear one like any stamp."""
    from astroae.explore.drawing import Window

    return Window(0.0, 0.0, 1.0) if model.input["stretch"] == "asinh" else None
