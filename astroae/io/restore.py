"""The way back: a compressed file -> the bytes of the file it came from.

`restored` yields the bytes; `decompress` writes them, and `astroae.io.verify`
hashes them.  Previews, certificates and the empty primary HDU with its note are left out; what
was copied on the way in is copied again.  What is given is held against what the file says
of itself: how many HDUs it was written with, and the SHA-256 of the original.
"""

import hashlib
import warnings
from pathlib import Path
from zlib import crc32

from astropy.io.fits.verify import VerifyError
from astropy.utils.exceptions import AstropyUserWarning

from astroae.container.keywords import HEADER_BEGIN, MARK, is_extra
from astroae.errors import AstroAEError, CorruptFileError, InputError, SettingError
from astroae.io.atomic import atomic_output, check_target
from astroae.io.coded import CodedHDU
from astroae.io.fpack_files import empty_primary, fpack_pieces
from astroae.io.primary import says_nothing
from astroae.io.results import CompressionResult, HDUResult
from astroae.io.spans import BLOCK, chunks, plain_source, quiet_headers, scan, tail

__all__ = [
    "altered",
    "check_complete",
    "coded_hdus",
    "decompress",
    "file_sha256",
    "goes_back",
    "nothing_compressed",
    "restored",
    "spans_of",
    "written_hdus",
]

ON_CORRUPT = ("raise", "blank")
ALTERED = (
    "what decompress gives is not what was compressed, though no image was edited: an HDU that is "
    "kept as it is was edited, damaged or moved since"
)

#: What no other table has.
_BESIDE_MARK = ("AEVERSN", HEADER_BEGIN)


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
    _check_length(size, coded, where, damages)


def _pieces(plain, where, spans, coded, *, fpack, results, damages, progress, threads):
    """See `restored`."""
    options = {"threads": threads}
    if damages is not None:
        options |= {"on_corrupt": "blank", "damaged": damages}
    moved = 1 in coded and coded[1].was_primary and says_nothing(spans[0], coded[1].image_header)
    counted = _count(progress, coded.values())
    going = goes_back(spans, coded, drop_primary=moved and not fpack)
    for span in spans:
        if span not in going:
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


def spans_of(plain, where, damages=None):
    """As `astroae.io.spans.scan`; what is cut short in a file of ours is damage, of any HDU.

    Raises
    ------
    CorruptFileError
    """
    found = []
    spans = scan(plain, where, found)
    if found and any(_seems_ours(span.header) for span in spans):
        exc = found[0]
        found = [CorruptFileError(exc.what, where=exc.where, found=exc.found, hint=exc.hint)]
    if found and damages is None:
        raise found[0]
    if damages is not None:
        damages += found
    return spans


def goes_back(spans, coded, *, drop_primary):
    """HDUs of a compressed file that stand for one of the original, in order.

    Parameters
    ----------
    spans : list of Span
    coded : dict of int to CodedHDU
    drop_primary : bool
        The primary HDU is astroae's own.
    """
    sha256 = file_sha256(coded)
    return [
        span
        for span in spans[1 if drop_primary else 0 :]
        if span.index in coded or not (_seems_ours(span.header) or is_extra(span.header, sha256))
    ]


def check_complete(spans, coded, where, damages=None):
    """Refuse a file that holds fewer HDUs than were written.

    Parameters
    ----------
    spans : list of Span
    coded : dict of int to CodedHDU
    where : path-like
    damages : list, optional
        The error is appended here, not raised.

    Raises
    ------
    CorruptFileError
    """
    wanted = written_hdus(coded)
    if len(spans) >= wanted:
        return
    damage = CorruptFileError(
        "the file is not complete",
        where=str(where),
        found=f"{len(spans)} HDUs are here, {wanted} were written",
        hint="it was cut short, or HDUs were removed: get it again, or take what is here with "
        "on_corrupt='blank' (--keep-going)",
    )
    if damages is None:
        raise damage
    damages.append(damage)


def _check_length(size, coded, where, damages):
    """Refuse a file that lacks some of its last block, or of what followed that."""
    wanted = _told(coded, "AEFILSIZ", int) or 0
    fpacked = any(hdu.was_fpacked for hdu in coded.values())  # streams may be of other lengths
    # By whole blocks: HDUs that are kept as they are may have been edited since.
    if damages or fpacked or size >= wanted or (wanted - size) % BLOCK == 0:
        return
    damage = CorruptFileError(
        "the file is not complete",
        where=str(where),
        found=f"it gives {size} bytes, the original had {wanted}",
        hint="it was cut short, or a copy left out what followed the last HDU: get it again, or "
        "take what is here with on_corrupt='blank' (--keep-going)",
    )
    if damages is None:
        raise damage
    damages.append(damage)


def written_hdus(coded):
    """How many HDUs the file was written with; 0 where no image tells it."""
    return _told(coded, "AENHDU", int) or 0


def altered(plain, spans, coded):
    """What is to be said of a file in which something that was copied is not as it was.

    Empty where all is as it was written, and where that cannot be known, since images were
    edited or HDUs added.

    Parameters
    ----------
    plain : path-like
    spans : list of Span
    coded : dict of int to CodedHDU
        See `coded_hdus`.

    Returns
    -------
    str
    """
    wanted = _told(coded, "AEKEPSUM", int)
    if wanted is None or len(spans) != written_hdus(coded):
        return ""
    if any(hdu.was_edited or hdu.structure.header_sum is None for hdu in coded.values()):
        return ""
    found = 0
    own = len(spans) > 1 and spans[1].header.get("AEPRIM") is True
    for span in goes_back(spans, coded, drop_primary=own):
        if span.index in coded:
            found = crc32(coded[span.index].structure.header_sum.to_bytes(4, "big"), found)
        else:
            for chunk in chunks(plain, span.start, span.end):
                found = crc32(chunk, found)
    for chunk in tail(plain, spans):
        found = crc32(chunk, found)
    return "" if found == wanted else ALTERED


def _told(coded, keyword, kind):
    """The value of a card that images of the file hold, of the first that holds it."""
    values = (hdu.span.header.get(keyword) for hdu in coded.values())
    return next((value for value in values if type(value) is kind), None)


def nothing_compressed(where, n_hdus):
    """The error of a file without any image of astroae."""
    return InputError(
        "nothing in the file was compressed by astroae",
        where=str(where),
        found=f"{n_hdus} HDUs, none with {MARK} = T",
        hint="a plain FITS file needs none of this; if astroae wrote it, it was cut short: "
        "get it again",
    )


def coded_hdus(plain, spans, where, damages=None):
    """The compressed images of a file, by the number of their HDU.

    Parameters
    ----------
    plain : path-like
    spans : list of Span
    where : path-like
        Name of the file in messages.
    damages : list, optional
        What is wrong with an image that cannot be read is appended here, not raised.

    Returns
    -------
    dict of int to CodedHDU
    """
    coded = {}
    for span in spans:
        try:
            if _is_ours(span.header):
                hdu = CodedHDU(plain, span)
                hdu.check_header()
                coded[span.index] = hdu
        except VerifyError as exc:
            damage = _damaged_header(f"{where}, extension {span.index}", exc)
            if damages is None:
                raise damage from exc
            damages.append(damage)
        except AstroAEError as exc:
            placed = exc.at(f"{where}, {span.label}")
            if damages is None or not isinstance(exc, CorruptFileError):
                raise placed from exc
            damages.append(placed)
    return coded


def _seems_ours(header):
    """Whether a table is an image of ours, its mark whole or not."""
    return all(key in header for key in _BESIDE_MARK) or header.get(MARK) is True


def _is_ours(header):
    """Whether a table is an image of ours; an error where it is, and its mark is damaged."""
    if _seems_ours(header) and header.get(MARK) is not True:
        raise _damaged_header(MARK, f"it is not T, beside {', '.join(_BESIDE_MARK)}")
    return _seems_ours(header)


def _damaged_header(where, found):
    return CorruptFileError(
        "the header of a compressed image is damaged",
        where=where,
        found=str(found),
        hint="restore the file from a copy",
    )


def file_sha256(coded):
    """SHA-256 of the file that was compressed, or None where no image tells it.

    Parameters
    ----------
    coded : dict of int to CodedHDU
    """
    return _told(coded, "AEFILSHA", str)


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
