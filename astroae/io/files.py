"""Whole files: images are compressed, everything else passes byte for byte.

`compress` keeps the order and the names of all HDUs.  A primary image moves to
extension 1, behind an empty primary HDU that holds nothing but a note, and
`decompress` (in `astroae.io.restore`) moves it back.  Tables, unknown extensions,
images that would not get smaller and whatever follows the last HDU are copied as
the bytes they are.  The SHA-256 of the original file, unpacked where it was
gzipped, stands in the header of the first compressed image, and with it whether
the way back gives the same file byte for byte.
"""

import os
from dataclasses import dataclass, field
from pathlib import Path

from astroae.container.keywords import MARK
from astroae.container.structure import card
from astroae.errors import AstroAEError, InputError
from astroae.io.atomic import atomic_output, check_target
from astroae.io.coded import (
    can_code,
    encode_span,
    error_over_bound,
    header_block,
    is_exact,
    pixels_of,
)
from astroae.io.planes import check_planes, role_of, settings_for
from astroae.io.preview import BUDGET, make_preview
from astroae.io.results import CompressionResult, HDUResult
from astroae.io.spans import BLOCK, chunks, plain_source, quiet_headers, scan, sha256_of
from astroae.pixels.tiling import TileGrid
from astroae.settings import from_keywords

__all__ = ["compress"]

NOTE = (
    "This file was compressed by astroae. The primary image is in extension",
    "1: after `import astroae`, astropy.io.fits reads it as an image. The",
    "program `astroae decompress` gives the original layout back.",
)
SAME = "AEFILSAM"


def compress(
    src,
    dst,
    *,
    quantize_level=None,
    error_bound=None,
    lossless=False,
    dither=None,
    tile_shape=None,
    dither_seed=None,
    model="default",
    planes=None,
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
    quantize_level : float, optional
        Step of each tile's noise over this number.
    error_bound : float, optional
        Largest absolute error, in the image's physical units.
    lossless : bool
        Says aloud what is the default.
    dither : {0, 1, 2}, optional
        Of float images in a quantized mode; 1 by default.
    tile_shape : tuple of int, optional
        In C order, for the images with as many axes.
    dither_seed : int, optional
        1 to 10 000; by default a checksum of the pixels.
    model : str
        ``"classical"``: no network.
    planes : dict, optional
        Role (``"image"``, ``"exact"``, ``"relative"``) by EXTNAME or number of
        the HDU, where `astroae.io.planes` would guess another.
    preview : bool
        Add a PREVIEW extension to large images.
    overwrite : bool
        An existing output may be replaced.
    dry_run : bool
        Compress, report, write nothing.
    progress : callable, optional
        ``progress(done, total)``, tiles of the whole file.
    threads : int, optional
        Tiles coded at once; by default as many as there are cores.

    Returns
    -------
    CompressionResult

    Raises
    ------
    SettingError
        Two modes at once, or a value out of range.
    InputError
        Not FITS, cut short, or no image in it.
    UnsupportedDataError
        Data that this mode does not take.
    OutputError
        The output exists or cannot be written.

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
    settings = from_keywords(
        lossless=lossless,
        quantize_level=quantize_level,
        error_bound=error_bound,
        dither=dither,
        tile_shape=tile_shape,
        dither_seed=dither_seed,
        model=model,
    )
    src, dst = Path(src), Path(dst)
    with plain_source(src) as plain, quiet_headers():
        spans = scan(plain, where=src)
        check_planes(planes, spans, src)
        job = _Job(src, plain, spans, settings, planes or {}, preview, threads, progress)
        job.check()
        if dry_run:
            job.write(_Counter())
        else:
            check_target(dst, source=src, overwrite=overwrite)
            with atomic_output(dst, overwrite) as out:
                job.write(out)
    return CompressionResult(
        source=str(src),
        target=str(dst),
        original_bytes=job.original_bytes,
        compressed_bytes=job.written,
        source_bytes=os.path.getsize(src),
        sha256=job.sha256,
        byte_identical=job.same,
        hdus=tuple(job.results),
        dry_run=dry_run,
    )


class _Counter:
    """Where a dry run writes to."""

    def write(self, data):
        return len(data)

    def patch(self, offset, data):
        pass


@dataclass
class _Job:
    """One file on its way; what it has met so far."""

    src: Path
    plain: Path
    spans: list
    settings: object
    planes: dict
    preview: bool
    threads: int | None
    progress: object
    results: list = field(default_factory=list)
    written: int = 0
    same: bool = True
    tiles_done: int = 0
    previews: int = 0

    def check(self):
        """Refuse a file without an image, or one that is compressed already."""
        if any(span.header.get(MARK) is True for span in self.spans):
            raise InputError(
                "the file is compressed by astroae already",
                where=str(self.src),
                found=f"an extension with {MARK} = T",
                hint="decompress it first to compress it in another way",
            )
        self.images = [span for span in self.spans if span.is_image and can_code(span)]
        if not self.images:
            raise InputError(
                "no image to compress",
                where=str(self.src),
                found=f"{len(self.spans)} HDUs, none an image of 1 to 5 axes with pixels",
                hint="tables alone are left to gzip",
            )
        self.sha256 = sha256_of(self.plain)
        self.original_bytes = self.plain.stat().st_size
        self.tiles = sum(len(self._grid(span)) for span in self.images)

    def _grid(self, span):
        shape = pixels_of(self.plain, span).shape
        asked = self.settings.tile_shape
        return (
            TileGrid(shape, asked)
            if asked and len(asked) == len(shape)
            else TileGrid.default(shape)
        )

    def write(self, out):
        """All HDUs, then whatever follows the last."""
        self.out = out
        self.mark = None  # where the SAME card stands
        for span in self.spans:
            if span in self.images:
                self._image(span)
            else:
                self._keep(span, "no image" if not span.is_image else "more than 5 axes")
        self._copy(self.spans[-1].end, None)
        if self.mark is not None:
            out.patch(self.mark, card(SAME, self.same).encode())

    def _put(self, data):
        self.out.write(data)
        self.written += len(data)

    def _copy(self, start, stop):
        for chunk in chunks(self.plain, start, stop):
            self._put(chunk)

    def _keep(self, span, note):
        before = self.written
        self._copy(span.start, span.end)
        self.results.append(
            HDUResult(
                span.index, span.name, "kept", "", span.size, self.written - before, note=note
            )
        )

    def _image(self, span):
        role = role_of(span.header, span.index, self.planes)
        settings = settings_for(role, self.settings, span.header["BITPIX"])
        try:
            table = encode_span(
                self.plain, span, settings, threads=self.threads, progress=self._progress()
            )
        except AstroAEError as exc:
            raise exc.at(f"{self.src}, {span.label}") from exc
        self.tiles_done += len(table.encoded.tiles)
        if self.progress is not None:
            self.progress(self.tiles_done, self.tiles)
        header = table.header(self._notes(span))
        size = len(header) + table.data_size
        if size + (BLOCK if span.index == 0 else 0) >= span.size:
            self._keep(span, "would not get smaller")
            return
        before = self.written
        if span.index == 0:
            self._put(_note_primary())
        self._remember_mark(header)
        self._put(header)
        for piece in table.pieces():
            self._put(piece)
        self.same &= self._same(span, table)
        self._report(span, table, self.written - before)
        if self.preview and role == "image":
            self._preview(span, self.written - before)

    def _progress(self):
        if self.progress is None:
            return None
        start = self.tiles_done
        return lambda done, total: self.progress(start + done, self.tiles)

    def _notes(self, span):
        notes = {"AEPRIM": True} if span.index == 0 else {}
        if self.mark is None:
            notes |= {
                "AEFILNAM": _ascii(self.src.name),
                "AEFILSIZ": self.original_bytes,
                "AEFILSHA": self.sha256,
                SAME: False,
            }
        return notes

    def _remember_mark(self, header):
        if self.mark is None:
            self.mark = self.written + header.index(f"{SAME:8s}=".encode())

    def _same(self, span, table):
        """Whether this HDU comes back byte for byte: header, pixels and padding."""
        with open(self.plain, "rb") as stream:
            stream.seek(span.start)
            header = stream.read(span.data - span.start)
            stream.seek(span.data_end)
            padding = stream.read(span.end - span.data_end)
        whole = (span.end - span.start) % BLOCK == 0
        return whole and not any(padding) and table.comes_back_as(header)

    def _report(self, span, table, size):
        mode = table.structure.settings.mode
        exact = is_exact(table.encoded, table.structure.settings)
        self.results.append(
            HDUResult(
                span.index,
                span.name,
                "compressed",
                "lossless" if exact else mode.name,
                span.size,
                size,
                largest_error=float(table.encoded.tiles["MAXERR"].max()) * table.structure.bscale,
                error_over_bound=error_over_bound(table.encoded, table.structure.settings),
                note="the step is 1: lossless" if exact and mode.name != "lossless" else "",
            )
        )

    def _preview(self, span, size):
        notes = {
            "EXTVER": self.previews + 1,
            "AEPREV": (True, "preview of another HDU"),
            "AEOWNER": (span.name, "EXTNAME of the image this belongs to"),
            "AEOWNVER": (span.header.get("EXTVER", 1), "EXTVER of that image"),
        }
        coded = make_preview(pixels_of(self.plain, span), span.header, int(size * BUDGET), notes)
        if coded is not None:
            self.previews += 1
            self._put(coded)


def _note_primary():
    cards = [
        "SIMPLE  =                    T / conforms to FITS standard",
        "BITPIX  =                    8 / array data type",
        "NAXIS   =                    0 / number of array dimensions",
        "EXTEND  =                    T",
    ] + [f"COMMENT {line}" for line in NOTE]
    return header_block([text.ljust(80) for text in cards])


def _ascii(name):
    """A file name as a card can hold it."""
    name = name.encode("ascii", "replace").decode()
    return name if len(name) <= 60 else name[:57] + "..."
