"""The way back: a compressed file -> the bytes of the file it came from.

`restored` yields the bytes; `decompress` writes them, and `astroae.io.inspect`
hashes them.  Previews, certificates and the empty primary HDU with its note are left out; what
was copied on the way in is copied again.
"""

from pathlib import Path

from astroae.container.keywords import MARK, is_extra
from astroae.errors import AstroAEError, SettingError
from astroae.io.atomic import atomic_output, check_target
from astroae.io.coded import CodedHDU
from astroae.io.fpack_files import empty_primary, fpack_pieces
from astroae.io.results import CompressionResult, HDUResult
from astroae.io.spans import chunks, plain_source, quiet_headers, scan

__all__ = ["coded_hdus", "decompress", "file_sha256", "restored"]

ON_CORRUPT = ("raise", "blank")


def decompress(
    src,
    dst,
    *,
    fpack=False,
    on_corrupt="raise",
    overwrite=False,
    progress=None,
    threads=None,
):
    """Give back the file that `astroae.compress` was given.

    A file in which nothing was compressed is copied.

    Parameters
    ----------
    src, dst : str or path-like
        Input and output.  The input is never written to.
    fpack : bool
        Write tile-compressed images of the FITS standard (``.fits.fz``), with the
        integers that an fpacked original had.
    on_corrupt : {"raise", "blank"}
        What a damaged tile does: an error, or NaN, BLANK or 0 in its place.
    overwrite : bool
        An existing output may be replaced.
    progress : callable, optional
        ``progress(done, total)``, tiles of the whole file.
    threads : int, optional
        Tiles decoded at once; by default as many as there are cores.

    Returns
    -------
    CompressionResult
        Sizes of the restored file as ``original_bytes``.

    Raises
    ------
    CorruptFileError
        A damaged tile or table.
    InputError
        Not FITS, or cut short.
    OutputError
        The output exists or cannot be written.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> import numpy as np
    >>> from astropy.io import fits
    >>> import astroae
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> fits.writeto(folder / "a.fits", np.arange(90000, dtype="int16").reshape(300, 300))
    >>> _ = astroae.compress(folder / "a.fits", folder / "a.aae.fits")
    >>> _ = astroae.decompress(folder / "a.aae.fits", folder / "b.fits")
    >>> (folder / "a.fits").read_bytes() == (folder / "b.fits").read_bytes()
    True
    """
    if on_corrupt not in ON_CORRUPT:
        raise SettingError(
            "unknown way to treat damaged tiles",
            where="on_corrupt",
            found=f"got {on_corrupt!r}, allowed are {', '.join(map(repr, ON_CORRUPT))}",
            hint="'blank' reads all that is whole",
        )
    src, dst = Path(src), Path(dst)
    options = {"on_corrupt": on_corrupt, "threads": threads, "fpack": fpack}
    check_target(dst, source=src, overwrite=overwrite)
    results = []
    with plain_source(src) as plain, quiet_headers(), atomic_output(dst, overwrite) as out:
        size = 0
        for piece in restored(plain, src, results=results, progress=progress, **options):
            out.write(piece)
            size += len(piece)
        compressed = plain.stat().st_size
    return CompressionResult(
        source=str(src),
        target=str(dst),
        original_bytes=size,
        compressed_bytes=compressed,
        source_bytes=src.stat().st_size,
        sha256="",
        byte_identical=False,
        hdus=tuple(results),
    )


def restored(plain, where, *, fpack=False, results=None, progress=None, **options):
    """Bytes of the original file, a few MB at a time.

    Parameters
    ----------
    plain : path-like
        Compressed file (itself not in gzip).
    where : path-like
        Its name in messages.
    fpack : bool
        Images as tile-compressed ones.
    results : list, optional
        An `HDUResult` per HDU is appended.
    progress : callable, optional
        ``progress(done, total)``, tiles of the whole file.
    **options
        ``on_corrupt`` and ``threads`` of `astroae.codec.image.decode_image`.

    Yields
    ------
    bytes
    """
    spans = scan(plain, where)
    coded = coded_hdus(plain, spans, where)
    moved = 1 in coded and coded[1].was_primary and spans[0].data_end == spans[0].data
    sha256 = file_sha256(coded)
    counted = _count(progress, coded.values())
    for span in spans:
        extra = span.index not in coded and is_extra(span.header, sha256)
        if span.index == 0 and moved and not fpack or extra:
            continue
        if span.index == 0 and moved and spans[1].header.get("AEPRIM") is True:
            yield empty_primary()  # in place of the one that holds astroae's note
        elif span.index not in coded:
            yield from chunks(plain, span.start, span.end)
            _report(results, span, "kept", "", span.size)
        else:
            hdu, size, note = coded[span.index], 0, ""
            try:
                if fpack:
                    pieces, note = fpack_pieces(hdu, progress=counted(), **options)
                else:
                    first = moved and span.index == 1
                    pieces = hdu.restore(as_extension=not first, progress=counted(), **options)
                for piece in pieces:
                    size += len(piece)
                    yield piece
            except AstroAEError as exc:
                raise exc.at(f"{where}, {span.label}") from exc
            _report(results, span, "restored", hdu.structure.settings.mode.name, size, note)
    yield from chunks(plain, spans[-1].end, None)


def coded_hdus(plain, spans, where):
    """The compressed images of a file, by the number of their HDU.

    Returns
    -------
    dict of int to CodedHDU
    """
    coded = {}
    for span in spans:
        if span.header.get(MARK) is True:
            try:
                coded[span.index] = CodedHDU(plain, span)
            except AstroAEError as exc:
                raise exc.at(f"{where}, {span.label}") from exc
    return coded


def file_sha256(coded):
    """SHA-256 of the file that was compressed, or None where no image tells it.

    Parameters
    ----------
    coded : dict of int to CodedHDU
    """
    known = (hdu.span.header.get("AEFILSHA") for hdu in coded.values())
    return next((value for value in known if isinstance(value, str)), None)


def _report(results, span, action, mode, size, note=""):
    if results is not None:
        results.append(HDUResult(span.index, span.name, action, mode, size, span.size, note=note))


def _count(progress, coded):
    """A factory of ``progress(done, total)`` callables that count over all images."""
    total = sum(len(hdu.encoded.tiles) for hdu in coded if hdu.encoded is not None)
    done = 0

    def one_more(*_):
        nonlocal done
        done += 1
        progress(min(done, total), total)

    return lambda: None if progress is None else one_more
