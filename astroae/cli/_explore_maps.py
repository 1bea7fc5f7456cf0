"""Map each latent over a large image.

Writes, for each file, NAME_latents.fits (one image HDU for each latent, with a WCS for
the grid of stamps) and a figure.
"""

from pathlib import Path

from astroae.cli._explore_job import Job, add_image_arguments, add_output_arguments, names_for

HELP = "a map per latent over a large image, on its WCS"


def add_arguments(parser):
    """Arguments of the action."""
    add_output_arguments(parser)
    add_image_arguments(parser)


def run(args):
    """Map and draw."""
    from astroae.explore.maps import latent_maps
    from astroae.explore.outputs import Outputs
    from astroae.explore.panels import plot_maps
    from astroae.explore.planes import read_plane

    job = Job(args)
    names = names_for(args.files, "_latents.fits", "_latents.png")
    out = Outputs(args.output, [n for pair in names.values() for n in pair], args.overwrite)

    def one(path):
        plane = read_plane(path, args.hdu, args.plane)
        with job.bar(Path(path).name) as bar:
            maps = latent_maps(job.model, plane, side=args.side, stride=args.stride, progress=bar)
        out.fits(names[path][0], maps.to_hdus(job.model))
        title = f"{Path(path).name}: latents of {job.model.name}, stamps of {maps.side} px"
        out.figure(names[path][1], plot_maps(maps, title=title))
        return {"file": path, "latents": len(maps.names), "shape": list(maps.values.shape[1:])}

    reports = job.each(one)
    text = "\n".join(
        f"{r['file']}: {r['latents']} maps of {r['shape'][0]} x {r['shape'][1]}" for r in reports
    )
    return job.tell(out.written, text, maps=reports)
