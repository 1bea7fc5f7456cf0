"""The way back: a compressed file -> the bytes of the file it came from.

`restored` yields the bytes; `decompress` writes them, and `astroae.io.verify`
hashes them.  Previews, certificates and the empty primary HDU with its note are left out; what
was copied on the way in is copied again.  What is given is held against what the file says
of itself (`astroae.io.whole`).
"""

import hashlib
import warnings
from pathlib import Path

from astropy.utils.exceptions import AstropyUserWarning

from astroae.errors import AstroAEError, SettingError
from astroae.io.atomic import atomic_output, check_target
from astroae.io.fpack_files import empty_primary, fpack_pieces
from astroae.io.primary import says_nothing
from astroae.io.results import CompressionResult, HDUResult
from astroae.io.spans import chunks, plain_source, quiet_headers, tail
from astroae.io.whole import (
    altered,
    check_complete,
    check_length,
    coded_hdus,
    file_sha256,
    goes_back,
    nothing_compressed,
    spans_of,
)

__all__ = ["decompress", "restored"]

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

    Parameters
    ----------
    src, dst : str or path-like
        Input and output.  The input is never written to.
    fpack : bool
        Write tile-compressed images of the FITS standard (``.fits.fz``), with the
        integers that an fpacked original had.
    on_corrupt : {"raise", "blank"}
        What damage does: an error and no output; or all that is whole is given, with NaN,
        BLANK or 0 in place of damaged tiles, and the result's ``damages`` say what is not.
    overwrite : bool
        An existing output may be replaced.
    progress : callable, optional
        ``progress(done, total)``, tiles of the whole file.
    threads : int, optional
        Tiles decoded at once; by default as many as there are cores.

    Returns
    -------
    CompressionResult
        Sizes of the restored file as ``original_bytes``; ``byte_identical``: its SHA-256
        is that of the file that was compressed.

    Raises
    ------
    CorruptFileError
        A damaged tile or table, or a compressed file that was cut short.
    InputError
        Not FITS, or nothing in it was compressed by astroae.
    OutputError
        The output exists or cannot be written.

    Warns
    -----
    AstropyUserWarning
        An HDU that is kept as it is was edited, damaged or moved since; the result's
        ``changed`` says so too.

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
    check_target(dst, source=src, overwrite=overwrite)
    results, damages = [], [] if on_corrupt == "blank" else None
    with plain_source(src) as plain, quiet_headers(), atomic_output(dst, overwrite) as out:
        spans = spans_of(plain, src, damages)
        coded = coded_hdus(plain, spans, src, damages)
        if not coded and not damages:
            raise nothing_compressed(src, len(spans))
        size, digest = 0, hashlib.sha256()
        pieces = restored(
            plain,
            src,
            spans,
            coded,
            fpack=fpack,
            results=results,
            damages=damages,
            progress=progress,
            threads=threads,
        )
        for piece in pieces:
            out.write(piece)
            digest.update(piece)
            size += len(piece)
        compressed = plain.stat().st_size
        changed = "" if damages else altered(plain, spans, coded)
    if changed:
        warnings.warn(f"{src}: {changed}", AstropyUserWarning, stacklevel=2)
    return CompressionResult(
        source=str(src),
        target=str(dst),
        original_bytes=size,
        compressed_bytes=compressed,
        source_bytes=src.stat().st_size,
        sha256=digest.hexdigest(),
        byte_identical=digest.hexdigest() == file_sha256(coded),
        hdus=tuple(results),
        damages=tuple(str(damage) for damage in damages or ()),
        changed=changed,
    )


def restored(
    plain,
    where,
    spans,
    coded,
    *,
    fpack=False,
    results=None,
    damages=None,
    progress=None,
    threads=None,
):
    """Bytes of the original file, a few MB at a time.

    Parameters
    ----------
    plain : path-like
        Compressed file (itself not in gzip).
    where : path-like
        Its name in messages.
    spans : list of Span
    coded : dict of int to CodedHDU
        See `coded_hdus`.
    fpack : bool
        Images as tile-compressed ones.
    results : list, optional
        An `HDUResult` per HDU is appended.
    damages : list, optional
        Damage is appended here, and what is whole is given; without, it is raised.
    progress : callable, optional
        ``progress(done, total)``, tiles of the whole file.
    threads : int, optional
        Tiles decoded at once.

    Yields
    ------
    bytes

    Raises
    ------
    CorruptFileError
        A damaged tile or table, or a file that was cut short.
    """
    check_complete(spans, coded, where, damages)
    options = {"fpack": fpack, "results": results, "damages": damages, "progress": progress}
    size = 0
    for piece in _pieces(plain, where, spans, coded, threads=threads, **options):
        size += len(piece)
        yield piece
    check_length(size, coded, where, damages)


def _pieces(plain, where, spans, coded, *, fpack, results, damages, progress, threads):
    """See `restored`."""
    options = {"threads": threads}
    if damages is not None:
        options |= {"on_corrupt": "blank", "damaged": damages}
    moved = 1 in coded and coded[1].was_primary and says_nothing(spans[0], coded[1].image_header)
    counted = _count(progress, coded.values())
    for span in goes_back(spans, coded, drop_primary=moved and not fpack):
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
                told = len(damages or ())
                for piece in pieces:
                    size += len(piece)
                    yield piece
                if damages is not None:
                    damages[told:] = [exc.at(f"{where}, {span.label}") for exc in damages[told:]]
            except AstroAEError as exc:
                raise exc.at(f"{where}, {span.label}") from exc
            _report(results, span, "restored", hdu.structure.settings.mode.name, size, note)
    yield from tail(plain, spans)


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
