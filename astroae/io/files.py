"""Whole files: images are compressed, everything else passes byte for byte.

`compress` keeps the order and the names of all HDUs.  A primary image moves to
extension 1, behind an empty primary HDU that holds nothing but a note, and
`decompress` (in `astroae.io.restore`) moves it back.  Tables, unknown extensions and
whatever follows the last HDU are copied as the bytes they are.  Tile-compressed images
(``.fits.fz``) are taken over with the integers they have, whatever may be lost of the
others.  The SHA-256 of the original file, unpacked where it was gzipped, stands in the
header of the first compressed image, and with it whether the way back gives the same
file byte for byte: the finished file is read back and compared (`astroae.io.readback`)
before it gets its name.
"""

import os
from pathlib import Path

from astroae.io.atomic import atomic_output, check_target, scratch_output
from astroae.io.auto import asked_settings, chooser
from astroae.io.certify import Certifier
from astroae.io.job import FileJob
from astroae.io.models import check_embedding, keep
from astroae.io.planes import check_planes
from astroae.io.results import CompressionResult
from astroae.io.spans import plain_source, quiet_headers, scan
from astroae.settings import Latent

__all__ = ["compress"]


def compress(
    src,
    dst,
    *,
    quantize_level=None,
    error_bound=None,
    lossless=False,
    lossy_integers=False,
    dither=None,
    tile_shape=None,
    dither_seed=None,
    effort="default",
    model="default",
    latent_step=None,
    skips=None,
    embed_model=False,
    planes=None,
    certify=False,
    on_fail="raise",
    tolerance="default",
    preview=True,
    overwrite=False,
    dry_run=False,
    progress=None,
    threads=None,
):
    """Compress the images of a FITS file into a FITS file.

    No mode named: lossless.

    Parameters
    ----------
    src, dst : str or path-like
        Input (plain, or in gzip, bzip2 or xz) and output.  The input is never
        written to.
    quantize_level : float or "auto", optional
        Step of each tile's noise over this number.  ``"auto"``: the coarsest that
        `astroae.recommend` finds to be within ``tolerance``, for each image by itself, or
        lossless where there is none; the result's notes say what was found.
    error_bound : float, optional
        Largest absolute error, in the image's physical units, of whatever loses anything.
    lossless : bool
        Says aloud what is the default.
    lossy_integers : bool
        ``quantize_level`` and ``error_bound`` are for integer images too.  Without it
        these stay lossless, as with fpack.
    dither : {0, 1, 2}, optional
        In a quantized mode; 1 by default.
    tile_shape : tuple of int, optional
        In C order, for the images with as many axes.
    dither_seed : int, optional
        1 to 10 000; by default a checksum of the pixels.
    effort : {"default", "high"}
        High takes about ten times as long, and up to three times to read, for 1 to 4 %
        fewer bytes; the pixels are the same.
    model : str, path-like or astroae.nets.modelfile.Model
        ``"classical"``: no network.  A trained model, by name, path or SHA-256, means
        latent mode: the images become what its latents keep of them.  That promises no
        bound; the errors are measured and told.  Tiles that are smaller without loss
        have none.
    latent_step : float, optional
        Times the model's own quantisation steps; 1 by default.
    skips : {"coded", "cut"}, optional
        Of a model with skip connections: coded (the default), or replaced by their
        means, so that the latents alone carry the picture.
    embed_model : bool
        Put the model into the file, once, so that it is read anywhere.  Else a model
        that is not installed is copied into the user's folder
        (`astroae.nets.store.user_folder`), and the result says so.
    planes : dict, optional
        Role (``"image"``, ``"exact"``, ``"relative"``) by EXTNAME or number of
        the HDU, where `astroae.io.planes` would find another.  The result says of each
        HDU what it was taken for and why.
    certify : bool
        Measure the sources of every image of two axes before and after, and write them
        behind it as a table PHOTOMETRY, with a verdict on each quantity.
    on_fail : {"raise", "warn"}
        What a certificate does that fails: no file, or the file and a warning.
    tolerance : str, path-like or Tolerances
        Tolerance set of ``certify`` and of ``quantize_level="auto"``: a name, or a TOML
        file.
    preview : bool
        Add a PREVIEW extension to large images.
    overwrite : bool
        An existing output may be replaced.
    dry_run : bool
        Compress, read back, report, and keep nothing.
    progress : callable, optional
        ``progress(done, total)``: tiles of the whole file, coded and then read back.
    threads : int, optional
        Tiles coded at once; by default as many as there are cores.

    Returns
    -------
    CompressionResult

    Raises
    ------
    SettingError
        Two modes at once, or a value out of range.
    ModelError
        No such model.
    InputError
        Not FITS, cut short, or no image in it.
    UnsupportedDataError
        Data that this mode does not take.
    ToleranceError
        A certificate fails.
    ReadBackError
        What was written does not come back as promised; no file is left.
    MissingDependencyError
        What measures is not installed (``pip install astroae[validate]``).
    OutputError
        The output exists or cannot be written.

    Warns
    -----
    AstropyUserWarning
        A certificate fails, with ``on_fail="warn"``.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> import numpy as np
    >>> from astropy.io import fits
    >>> import astroae
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> sky = np.random.default_rng(1).normal(100, 5, (256, 256)).astype("float32")
    >>> fits.writeto(folder / "a.fits", sky)
    >>> result = astroae.compress(folder / "a.fits", folder / "a.aae.fits")
    >>> result.byte_identical
    True
    """
    settings, auto = asked_settings(
        lossless=lossless,
        quantize_level=quantize_level,
        error_bound=error_bound,
        lossy_integers=lossy_integers,
        dither=dither,
        tile_shape=tile_shape,
        dither_seed=dither_seed,
        effort=effort,
        model=model,
        latent_step=latent_step,
        skips=skips,
    )
    check_embedding(embed_model, settings)
    options = {"lossy_integers": lossy_integers, "dither": dither, "threads": threads}
    choose = chooser(tolerance=tolerance, **options) if auto else None
    certifier = Certifier(tolerance, on_fail, threads) if certify else None
    src, dst = Path(src), Path(dst)
    with plain_source(src) as plain, quiet_headers():
        spans = scan(plain, where=src)
        check_planes(planes, spans, src)
        job = FileJob(
            src,
            plain,
            spans,
            settings,
            planes or {},
            preview,
            embed_model,
            threads,
            progress,
            choose,
            certifier,
        )
        job.check()
        if not dry_run:
            check_target(dst, source=src, overwrite=overwrite)
        with scratch_output(dst) if dry_run else atomic_output(dst, overwrite) as out:
            job.write(out)
            if isinstance(settings.mode, Latent) and not (embed_model or dry_run):
                job.note_model(keep(settings.mode.model))
            job.read_back(dst, at_hand=dry_run)
    result = CompressionResult(
        source=str(src),
        target=str(dst),
        original_bytes=job.original_bytes,
        compressed_bytes=job.written,
        source_bytes=os.path.getsize(src),
        sha256=job.sha256,
        byte_identical=job.same,
        hdus=tuple(job.results),
        dry_run=dry_run,
        model=job.model_note,
    )
    if certifier is not None:
        certifier.warn(result)
    return result
