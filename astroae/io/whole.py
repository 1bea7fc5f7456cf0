"""A compressed file as it lies on the disk: its HDUs, and whether all that was written is there.

How many HDUs a file was written with, and a checksum of what was copied into it, stand in
every compressed image, so that the loss of any HDU, the first one too, is seen.
"""

from zlib import crc32

from astropy.io.fits.verify import VerifyError

from astroae.container.keywords import HEADER_BEGIN, MARK, is_extra
from astroae.errors import AstroAEError, CorruptFileError, InputError
from astroae.io.coded import CodedHDU
from astroae.io.primary import says_nothing
from astroae.io.spans import BLOCK, chunks, scan, tail

__all__ = [
    "altered",
    "check_complete",
    "check_length",
    "coded_hdus",
    "file_sha256",
    "goes_back",
    "has_own_primary",
    "nothing_compressed",
    "spans_of",
    "written_hdus",
]

ALTERED = (
    "what decompress gives is not what was compressed, though no image was edited: an HDU that is "
    "kept as it is was edited, damaged or moved since"
)

#: What no other table has.
_BESIDE_MARK = ("AEVERSN", HEADER_BEGIN)


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


def has_own_primary(spans, coded):
    """Whether the primary HDU is the one with astroae's note, and nobody wrote into it."""
    first = coded.get(1)
    return (
        first is not None
        and first.span.header.get("AEPRIM") is True
        and says_nothing(spans[0], first.image_header)
    )


def nothing_compressed(where, n_hdus):
    """The error of a file without any image of astroae."""
    return InputError(
        "nothing in the file was compressed by astroae",
        where=str(where),
        found=f"{n_hdus} HDUs, none with {MARK} = T",
        hint="a plain FITS file needs none of this; if astroae wrote it, it was cut short: "
        "get it again",
    )


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
    found = f"{len(spans)} HDUs are here, {wanted} were written"
    _incomplete(where, found, "HDUs were removed", damages)


def check_length(size, coded, where, damages):
    """Refuse a file that lacks some of its last block, or of what followed that."""
    wanted = _told(coded, "AEFILSIZ", int) or 0
    fpacked = any(hdu.was_fpacked for hdu in coded.values())  # streams may be of other lengths
    # By whole blocks: HDUs that are kept as they are may have been edited since.
    if damages or fpacked or size >= wanted or (wanted - size) % BLOCK == 0:
        return
    found = f"it gives {size} bytes, the original had {wanted}"
    _incomplete(where, found, "a copy left out what followed the last HDU", damages)


def _incomplete(where, found, else_why, damages):
    damage = CorruptFileError(
        "the file is not complete",
        where=str(where),
        found=found,
        hint=f"it was cut short, or {else_why}: get it again, or take what is here with "
        "on_corrupt='blank' (--keep-going)",
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
    for span in goes_back(spans, coded, drop_primary=has_own_primary(spans, coded)):
        if span.index in coded:
            found = crc32(coded[span.index].structure.header_sum.to_bytes(4, "big"), found)
        else:
            for chunk in chunks(plain, span.start, span.end):
                found = crc32(chunk, found)
    for chunk in tail(plain, spans):
        found = crc32(chunk, found)
    return "" if found == wanted else ALTERED


def file_sha256(coded):
    """SHA-256 of the file that was compressed, or None where no image tells it.

    Parameters
    ----------
    coded : dict of int to CodedHDU
    """
    return _told(coded, "AEFILSHA", str)


def _told(coded, keyword, kind):
    """The value of a card that images of the file hold, of the first that holds it."""
    values = (hdu.span.header.get(keyword) for hdu in coded.values())
    return next((value for value in values if type(value) is kind), None)


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
