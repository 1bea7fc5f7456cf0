"""A finished file, read back before it gets its name.

`read_back` opens what was written as `astroae.decompress` and `astroae.verify` open it, and
holds every HDU against the original: headers card for card, what was kept byte for byte,
pixels bit for bit or within the bound that was asked for.  The encoder's own checks see
what it has in memory; only this one sees what a reader will see.
"""

from dataclasses import dataclass, replace
from pathlib import Path

from astropy.io import fits

from astroae.codec.image import broken_tile
from astroae.codec.parallel import in_parallel
from astroae.container.header import raw_cards
from astroae.errors import AstroAEError, ReadBackError
from astroae.io.coded import header_block, pixels_of
from astroae.io.compare import same_tiles
from astroae.io.fpack_files import cards_of, check_cards, fpack_pieces
from astroae.io.spans import BLOCK, Span, chunks, scan
from astroae.io.whole import altered, check_complete, coded_hdus, goes_back, has_own_primary

__all__ = ["Original", "read_back"]


@dataclass(frozen=True)
class Original:
    """The file that was compressed, and what was asked of its images.

    Parameters
    ----------
    plain : pathlib.Path
    spans : list of Span
    settings : list of `~astroae.settings.Settings`
        Of each compressed image in order, in stored units.
    model : `~astroae.nets.modelfile.Model`, optional
        Of latent mode, where readers do not find it yet.
    """

    plain: Path
    spans: list[Span]
    settings: list
    model: object = None


def read_back(written, where, original, *, threads=None, progress=None):
    """Hold a file that was just written against the original.

    Parameters
    ----------
    written : path-like
    where : path-like
        Its name in messages.
    original : Original
    threads : int, optional
        Tiles decoded at once.
    progress : callable, optional
        Called once for each tile.

    Returns
    -------
    bool
        Whether `astroae.decompress` gives the original byte for byte.

    Raises
    ------
    ReadBackError
        Something does not come back as it was promised.
    """
    try:
        spans = scan(written, where)
        coded = coded_hdus(written, spans, where)
        check_complete(spans, coded, where)
    except AstroAEError as exc:
        raise _not_as_promised(where, str(exc)) from exc
    if changed := altered(written, spans, coded):
        raise _not_as_promised(where, changed)
    going = goes_back(spans, coded, drop_primary=has_own_primary(spans, coded))
    if len(going) != len(original.spans) or len(coded) != len(original.settings):
        raise _not_as_promised(where, f"{len(going)} HDUs come back of {len(original.spans)}")
    asked, fpacked, same = iter(original.settings), [], True
    for new, old in zip(going, original.spans):
        if new.index not in coded:
            _check_kept((written, new), (original.plain, old), where)
            continue
        hdu = coded[new.index]
        if original.model is not None:
            hdu.encoded = replace(hdu.encoded, find_model=lambda _: original.model)
        fpacked.append(hdu.was_fpacked)
        check = _check_table if hdu.was_fpacked else _check_image
        try:
            found = check(hdu, original.plain, old, next(asked), threads, progress)
        except ReadBackError as exc:
            raise exc.at(f"{where}, {old.label}") from exc
        except AstroAEError as exc:
            raise _not_as_promised(f"{where}, {old.label}", str(exc)) from exc
        same &= found
    _check_tail((written, spans[-1].end), (original.plain, original.spans[-1].end), where)
    # The way back makes all images tile-compressed, or none.
    return same and len(set(fpacked)) == 1


def _check_kept(new, old, where):
    for ours, theirs in zip(_pieces(*new), _pieces(*old), strict=True):
        if ours != theirs:
            raise _not_as_promised(f"{where}, {old[1].label}", "its bytes differ")


def _pieces(path, span):
    return chunks(path, span.start, span.end)


def _check_tail(new, old, where):
    if b"".join(chunks(*new)) != b"".join(chunks(*old)):
        raise _not_as_promised(where, "what follows the last HDU differs")


def _check_image(hdu, plain, span, settings, threads, progress):
    """Whether an image comes back byte for byte; an error where it is not as promised."""
    with open(plain, "rb") as stream:
        stream.seek(span.start)
        header = stream.read(span.data - span.start)
        stream.seek(span.data_end)
        padding = stream.read(span.end - span.data_end)
    cards = raw_cards(hdu.image_header)
    _check_header(cards, [*cards_of(header)])
    pixels, encoded = pixels_of(plain, span), hdu.encoded

    def work(i):
        return broken_tile(encoded, i, pixels, settings)

    for i, broken in enumerate(in_parallel(work, range(len(encoded.grid)), threads, progress)):
        if broken is not None:
            raise _not_as_promised(f"tile {i}", broken)
    whole = (span.end - span.start) % BLOCK == 0 and not any(padding)
    return whole and hdu.is_exact and header_block(cards) == header


def _check_table(hdu, plain, span, settings, threads, progress):
    """As `_check_image`, of a tile-compressed image that was taken over."""
    (block, data, padding), _ = fpack_pieces(hdu, threads=threads, progress=progress)
    raw = b"".join(chunks(plain, span.start, span.end))
    if block + data + padding == raw:
        return True
    check_cards(block, raw, span)
    header = fits.Header.fromstring(block)
    theirs = raw[span.data - span.start : span.data_end - span.start]
    if not same_tiles((header, data), (span.header, theirs)):
        raise _not_as_promised("tiles", "integers, scales or pixels differ")
    return False


def _check_header(back, cards):
    for mine, theirs in zip(back, cards):
        if mine != theirs:
            raise _not_as_promised("header", f"{theirs.strip()!r} came back as {mine.strip()!r}")
    if len(back) != len(cards):
        raise _not_as_promised("header", f"{len(cards)} cards did not all come back")


def _not_as_promised(where, found):
    return ReadBackError(
        "what was written does not come back as promised, and is not kept",
        where=str(where),
        found=found,
        hint="this is a fault of astroae: please report it, with the file if you can",
    )
