"""Rank the stamps of an image by how odd they are, and say where on the sky.

What is ordinary is learned from the image itself: stars and galaxies are fitted, or
with --model an autoencoder explains what it can.  Writes, for each file,
NAME_anomalies.ecsv (the oddest first) and a figure of the first.
"""

from pathlib import Path

from astroae.cli._explore_job import Job, add_image_arguments, add_output_arguments, names_for

HELP = "stamps of an image ranked by how odd they are"
SHOWN = 24


def add_arguments(parser):
    """Arguments of the action."""
    add_output_arguments(parser, required=False)
    add_image_arguments(parser, side="64")
    parser.add_argument("--fwhm", type=float, help="of the PSF in pixels (default: measured)")
    parser.add_argument(
        "--electrons",
        type=float,
        default=float("inf"),
        help="that one sigma of the noise is, to count the noise of sources themselves",
    )


def run(args):
    """Rank and draw."""
    from astroae.explore.anomalies import find_anomalies
    from astroae.explore.outputs import Outputs
    from astroae.explore.planes import read_plane
    from astroae.explore.plots import plot_anomalies

    job = Job(args, "scipy")
    names = names_for(args.files, "_anomalies.ecsv", "_anomalies.png")
    out = Outputs(args.output, [n for pair in names.values() for n in pair], args.overwrite)
    side = args.side or 64

    def one(path):
        plane = read_plane(path, args.hdu, args.plane)
        with job.bar(Path(path).name) as bar:
            table = find_anomalies(
                plane,
                model=job.model,
                side=side,
                stride=args.stride,
                fwhm=args.fwhm,
                electrons=args.electrons,
                progress=bar,
            )
        table.meta.update(file=path, hdu=plane.hdu, plane=plane.plane, side=side)
        if job.model is not None:
            table.meta.update(model=job.model.name, model_sha256=job.model.sha256)
        out.table(names[path][0], table)
        title = f"{Path(path).name}: the oddest of {len(table)}"
        out.figure(names[path][1], plot_anomalies(plane, table[:SHOWN], side, title=title))
        first = table[0]
        return {
            "file": path,
            "ranked": len(table),
            "oddest": {name: _plain(first[name]) for name in table.colnames},
        }

    reports = job.each(one)
    return job.tell(out.written, "\n".join(map(_text, reports)), anomalies=reports)


def _plain(value):
    value = getattr(value, "value", value)
    return value.item() if hasattr(value, "item") else value


def _text(report):
    first = report["oddest"]
    return (
        f"{report['file']}: {report['ranked']} ranked; the oddest, a {first['family']}, at "
        f"x = {first['x']:.1f}, y = {first['y']:.1f}, score {first['score']:.1f}"
    )
