"""Take the noise out of images, fluxes of sources kept.

Writes, for each file, NAME_denoised.fits (the plane, float32, with its header) and a
figure: before, after, and what was taken.
"""

from pathlib import Path

from astroae.cli._explore_job import Job, add_image_arguments, add_output_arguments, names_for

HELP = "images without their noise, fluxes kept"


def add_arguments(parser):
    """Arguments of the action."""
    add_output_arguments(parser, required=False, model="denoise")
    add_image_arguments(parser, side=None)
    parser.add_argument("--fwhm", type=float, help="of the PSF in pixels (default: measured)")
    parser.add_argument(
        "--no-flux",
        action="store_true",
        help="the network's own estimate, which draws faint sources towards the sky",
    )


def run(args):
    """Denoise and draw."""
    import numpy as np

    from astroae.explore.denoise import denoise
    from astroae.explore.outputs import Outputs
    from astroae.explore.panels import plot_denoised
    from astroae.explore.planes import read_plane

    job = Job(args)
    names = names_for(args.files, "_denoised.fits", "_denoised.png")
    out = Outputs(args.output, [n for pair in names.values() for n in pair], args.overwrite)

    def one(path):
        plane = read_plane(path, args.hdu, args.plane)
        with job.bar(Path(path).name) as bar:
            clean = denoise(
                plane.values, model=job.model, fwhm=args.fwhm, flux=not args.no_flux, progress=bar
            )
        out.fits(names[path][0], plane.to_hdus(clean, job.model))
        figure = plot_denoised(plane.values, clean, title=f"{Path(path).name}, denoised")
        out.figure(names[path][1], figure)
        taken = plane.values - clean
        return {"file": path, "rms_taken": float(np.nanstd(taken)), "shape": list(clean.shape)}

    reports = job.each(one)
    text = "\n".join(f"{r['file']}: noise of {r['rms_taken']:.4g} rms taken" for r in reports)
    return job.tell(out.written, text, images=reports)
