"""Find the stamps that look most alike, by their latents.

Writes neighbours.ecsv (stamp, rank, neighbour, distance), stamps.ecsv (the rows that
those numbers mean: file, place, latents) and a figure.
"""

from astroae.cli._explore_job import Job, add_image_arguments, add_output_arguments

HELP = "the nearest neighbours of one stamp or all"


def add_arguments(parser):
    """Arguments of the action."""
    add_output_arguments(parser)
    add_image_arguments(parser)
    parser.add_argument("--count", type=int, default=6, help="neighbours of each (default 6)")
    parser.add_argument(
        "--of", type=int, nargs="+", metavar="ROW", help="stamps whose neighbours are wanted"
    )
    parser.add_argument("--most", type=int, default=2000, help="stamps at most (default 2000)")


def run(args):
    """Find and draw."""
    from astroae.explore.neighbours import neighbours
    from astroae.explore.outputs import Outputs
    from astroae.explore.plots import plot_neighbours

    job = Job(args, "sklearn")
    names = ("neighbours.ecsv", "stamps.ecsv", "neighbours.png")
    out = Outputs(args.output, names, args.overwrite)
    stamps = job.stamps()
    vectors = job.vectors(stamps)
    found = neighbours(vectors, args.count, args.of)
    found.meta.update(model=job.model.name, model_sha256=job.model.sha256)
    title = f"nearest of {len(stamps)} stamps, by {vectors.shape[1]} latents of {job.model.name}"
    out.table(names[0], found)
    out.table(names[1], job.table(stamps, vectors))
    out.figure(names[2], plot_neighbours(stamps, found, title=title))
    text = f"{args.count} neighbours of {len(found) // args.count} stamps among {len(stamps)}"
    return job.tell(out.written, text, stamps=len(stamps), rows=len(found))
