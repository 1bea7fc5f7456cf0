"""One file on its way into compressed form, HDU by HDU.

`FileJob` decides what becomes of each HDU and writes it: an image is coded, a
tile-compressed one is taken over, anything else is copied as bytes.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from zlib import crc32

import numpy as np

from astroae.codec.image import decode_image
from astroae.codec.models import tile_grid
from astroae.container.fpack import is_fpacked
from astroae.container.keywords import HEADER_BEGIN, MARK
from astroae.container.structure import card
from astroae.errors import AstroAEError, InputError, ToleranceError, UnsupportedDataError
from astroae.io.coded import (
    MAX_AXES,
    can_code,
    encode_span,
    error_over_bound,
    is_exact,
    pixels_of,
)
from astroae.io.fpack_files import encode_fpacked
from astroae.io.latent_errors import latent_errors
from astroae.io.models import model_bytes
from astroae.io.planes import planes_of, settings_for
from astroae.io.preview import BUDGET, NAME, make_preview
from astroae.io.primary import note_primary
from astroae.io.readback import Original, read_back
from astroae.io.results import HDUResult
from astroae.io.spans import Span, chunks, sha256_of
from astroae.settings import Bounded, Latent, Lossless, Settings

__all__ = ["FileJob"]

#: Known when all is written; the last two stand in every compressed image.
SAME, COUNT, KEPT = "AEFILSAM", "AENHDU", "AEKEPSUM"


@dataclass
class FileJob:
    """What is to be done with a file, and what came of it.

    Parameters
    ----------
    src, plain : pathlib.Path
        The input, and the same unpacked.
    spans : list of Span
    settings : `~astroae.settings.Settings`
        As asked for.
    planes : dict
        Roles, see `astroae.io.planes`.
    preview : bool
    embed_model : bool
    threads : int or None
    progress : callable or None
    choose : callable or None
        Finds the level of an image, see `astroae.io.auto.chooser`.
    certifier : `~astroae.io.certify.Certifier` or None
    """

    src: Path
    plain: Path
    spans: list[Span]
    settings: Settings
    planes: dict
    preview: bool
    embed_model: bool
    threads: int | None
    progress: object
    choose: object = None
    certifier: object = None
    results: list = field(default_factory=list)
    asked: list = field(default_factory=list)  # settings of each coded image, stored units
    marks: dict = field(default_factory=dict)  # where the cards that are patched stand
    written: int = 0
    kept_sum: int = 0
    hdus: int = 0
    same: bool = False
    tiles_done: int = 0
    previews: int = 0
    model_note: str = ""

    def check(self):
        """Refuse a file without an image, or one that is compressed already."""
        if any(span.header.get(MARK) is True for span in self.spans):
            raise InputError(
                "the file is compressed by astroae already",
                where=str(self.src),
                found=f"an extension with {MARK} = T",
                hint="decompress it first to compress it in another way",
            )
        self.plain_images = [span for span in self.spans if span.is_image and can_code(span)]
        self.fpacked = [span for span in self.spans if is_fpacked(span.header)]
        # A reader who asks for a name gets the first of that name.
        self.preview = self.preview and all(span.name.upper() != NAME for span in self.spans)
        if not self.plain_images + self.fpacked:
            raise InputError(
                "no image to compress",
                where=str(self.src),
                found=f"{len(self.spans)} HDUs, none an image of 1 to 5 axes with pixels",
                hint="images of more axes, and tables, are left to gzip; if one should be there, "
                "the file was cut short: get it again",
            )
        self.taken_for = planes_of(self.plain, self.spans, self.settings, self.planes)
        self._hashing = _background(sha256_of, self.plain)
        self.original_bytes = self.plain.stat().st_size
        # Each tile is coded, and read back.
        self.tiles = 2 * sum(self._n_tiles(span) for span in self.plain_images + self.fpacked)

    @property
    def sha256(self):
        """Of the plain input; worked out while the first image is coded."""
        return self._hashing.result()

    def _n_tiles(self, span):
        if is_fpacked(span.header):
            stem, settings = "ZNAXIS", replace(self.settings, mode=Lossless())
        else:
            stem, settings = "NAXIS", self._settings_of(span)
        n_axes = span.header.get(stem, 0)
        shape = tuple(span.header.get(f"{stem}{n}", 1) for n in range(n_axes, 0, -1)) or (1,)
        if settings.tile_shape is not None and len(settings.tile_shape) != len(shape):
            settings = replace(settings, tile_shape=None)
        return len(tile_grid(shape, settings))

    def _settings_of(self, span):
        role = self.taken_for[span.index].role
        return settings_for(role, self.settings, span.header["BITPIX"])

    def write(self, out):
        """All HDUs, then whatever follows the last."""
        self.out = out
        images, fpacked = ({span.index for span in s} for s in (self.plain_images, self.fpacked))
        for span in self.spans:
            if span.index in images:
                self._image(span)
            elif span.index in fpacked:
                self._take_over(span)
            else:
                self._keep(span, _why_kept(span))
        self._embed()
        self._copy(self.spans[-1].end, None)
        self._patch(COUNT, 0, self.hdus)
        self._patch(KEPT, 0, self.kept_sum)

    def read_back(self, where, *, at_hand):
        """Hold what was written against the original, and note whether it comes back.

        Parameters
        ----------
        where : path-like
            Name of the output.
        at_hand : bool
            The model is taken as it is here: readers would not find it yet.

        Raises
        ------
        ReadBackError
        """
        model = getattr(self.settings.mode, "model", None) if at_hand else None
        original = Original(self.plain, self.spans, self.asked, model)
        self.same = read_back(
            self.out.flushed(),
            where,
            original,
            threads=self.threads,
            progress=None if self.progress is None else self._one_more,
        )
        self._patch(SAME, False, self.same)

    def _one_more(self, *_):
        self.tiles_done = min(self.tiles_done + 1, self.tiles)
        self.progress(self.tiles_done, self.tiles)

    def _patch(self, keyword, before, value):
        """Put a value that is known now into a header that was written before."""
        old, new = (card(keyword, each).encode() for each in (before, value))
        for place in self.marks[keyword]:
            self.out.patch(place, old, new)

    # ---- kinds of HDU ----------------------------------------------------------------

    def _keep(self, span, note):
        before = self.written
        self.hdus += 1
        self._copy(span.start, span.end)
        size = self.written - before
        taken = self.taken_for.get(span.index)
        plane = {} if taken is None else {"role": taken.role, "why": taken.why}
        self.results.append(
            HDUResult(span.index, span.name, "kept", "", span.size, size, note=note, **plane)
        )

    def _image(self, span):
        plane, role = self.taken_for[span.index], self.taken_for[span.index].role
        settings, how = self._settings_of(span), ""
        if self.choose is not None and role == "image" and isinstance(settings.mode, Bounded):
            settings, how = self._chosen(span, settings)
        table = self._encode(encode_span, span, settings)
        settings = table.structure.settings
        exact, errors = is_exact(table.encoded, settings), {}
        if isinstance(settings.mode, Latent) and not exact:
            errors = latent_errors(table.encoded, table.structure.bscale)
        certificate, found = self._certified(span, role, table)
        notes = (how or (_note_exact(settings.mode) if exact else ""), found.pop("note", ""))
        self._table(
            span,
            table,
            {},
            action="compressed",
            mode="lossless" if exact else settings.mode.name,
            largest_error=float(table.encoded.tiles["MAXERR"].max()) * table.structure.bscale,
            error_over_bound=error_over_bound(table.encoded, settings),
            **errors,
            **found,
            note="; ".join(filter(None, notes)),
            role=role,
            why=plane.why,
        )
        if certificate:
            self._put_hdu(certificate)
        if role == "image":
            self._preview(span, span.header, pixels_of(self.plain, span))

    def _take_over(self, span):
        try:
            taken = self._encode(encode_fpacked, span, self.settings)
        except UnsupportedDataError as exc:
            if len(self.plain_images) + len(self.fpacked) == 1:
                raise
            self._keep(span, f"{exc.what}: {exc.found}")
            return
        asked = self.certifier is not None or not isinstance(self.settings.mode, Lossless)
        kept = "its integers are kept, nothing is lost a second time" if asked else ""
        self._table(
            span,
            taken.table,
            taken.notes,
            action="taken over",
            mode="lossless",
            note="; ".join(filter(None, (taken.note, kept))),
            verdict="pass" if self.certifier is not None else "",
        )
        encoded = taken.table.encoded
        if len(encoded.shape) > 1:
            header = taken.table.image_header
            middle = tuple(slice(n // 2, n // 2 + 1) for n in encoded.shape[:-2])
            region = middle + tuple(slice(0, n) for n in encoded.shape[-2:])
            self._preview(span, header, decode_image(encoded, region, threads=self.threads))

    def _chosen(self, span, settings):
        """Settings of an image whose level is to be found, and how that was done."""
        try:
            return self.choose(self.plain, span, settings)
        except AstroAEError as exc:
            raise exc.at(f"{self.src}, {span.label}") from exc

    def _certified(self, span, role, table):
        """Bytes of a certificate, and what the result says of it."""
        if self.certifier is None:
            return b"", {}
        try:
            return self.certifier.certify(self, span, role, table)
        except ToleranceError:
            raise  # it names its place
        except AstroAEError as exc:
            raise exc.at(f"{self.src}, {span.label}") from exc

    def _encode(self, encode, span, settings):
        try:
            made = encode(
                self.plain,
                span,
                settings,
                verify=False,  # the whole file is read back
                threads=self.threads,
                progress=self._progress(),
            )
        except AstroAEError as exc:
            raise exc.at(f"{self.src}, {span.label}") from exc
        self.tiles_done += self._n_tiles(span)
        if self.progress is not None:
            self.progress(self.tiles_done, self.tiles)
        return made

    def _progress(self):
        if self.progress is None:
            return None
        start = self.tiles_done
        return lambda done, total: self.progress(min(start + done, self.tiles), self.tiles)

    # ---- what is written -------------------------------------------------------------

    def _put(self, data):
        self.out.write(data)
        self.written += len(data)

    def _put_hdu(self, data):
        self.hdus += 1
        self._put(data)

    def _copy(self, start, stop):
        for chunk in chunks(self.plain, start, stop):
            self.kept_sum = crc32(chunk, self.kept_sum)
            self._put(chunk)

    def _table(self, span, table, notes, **report):
        before = self.written
        if span.index == 0:
            self._put_hdu(note_primary())
        header = table.header(self._notes(span) | notes)
        for key in (SAME, COUNT, KEPT):
            place = header.find(f"{key:8s}=".encode(), 0, header.index(HEADER_BEGIN.encode()))
            if place >= 0:
                self.marks.setdefault(key, []).append(self.written + place)
        self.kept_sum = crc32(table.structure.header_sum.to_bytes(4, "big"), self.kept_sum)
        self.asked.append(table.encoded.settings)
        self._put_hdu(header)
        for piece in table.pieces():
            self._put(piece)
        size = self.written - before
        if size >= span.size:  # of some kB: readers find every image in the same way
            report["note"] = "; ".join(filter(None, (report["note"], "does not get smaller")))
        self.results.append(
            HDUResult(
                span.index,
                span.name,
                original_bytes=span.size,
                compressed_bytes=size,
                **report,
            )
        )

    def _notes(self, span):
        notes = {"AEPRIM": True} if span.index == 0 else {}
        notes |= {COUNT: 0, KEPT: 0}
        if not self.marks:
            notes |= {
                "AEFILNAM": _ascii(self.src.name),
                "AEFILSIZ": self.original_bytes,
                "AEFILSHA": self.sha256,
                SAME: False,
            }
        return notes

    def note_model(self, path):
        """Remember where a model was put, and say so in the result."""
        model = self.settings.mode.model
        where = ", embedded in the file" if self.embed_model else ""
        if path is not None:
            where = f", copied to {path}: the file cannot be read without it"
        self.model_note = f"{model.name}, SHA-256 {model.sha256}{where}"

    def _embed(self):
        """The model behind the last HDU, where an image needs it."""
        if not isinstance(self.settings.mode, Latent):
            return
        self.note_model(None)
        if self.embed_model:
            self._put_hdu(model_bytes(self.settings.mode.model))

    def _preview(self, span, header, pixels):
        if not self.preview:
            return
        notes = {
            "EXTVER": self.previews + 1,
            "AEPREV": (True, "preview of another HDU"),
            "AEOWNER": (span.name, "EXTNAME of the image this belongs to"),
            "AEOWNVER": (span.header.get("EXTVER", 1), "EXTVER of that image"),
        }
        budget = int(self.results[-1].compressed_bytes * BUDGET)
        coded = make_preview(np.asanyarray(pixels), header, budget, notes)
        if coded is not None:
            self.previews += 1
            self._put_hdu(coded)


def _background(work, *args):
    """A future of ``work(*args)``, which goes on in a thread of its own."""
    pool = ThreadPoolExecutor(1)
    future = pool.submit(work, *args)
    pool.shutdown(wait=False)
    return future


def _why_kept(span):
    if not span.is_image:
        return "no image"
    if span.header["NAXIS"] > MAX_AXES:
        return f"more than {MAX_AXES} axes"
    return "its cards of type and size are odd, or stand twice"


def _note_exact(mode):
    if isinstance(mode, Latent):
        note = "no tile is smaller as latents, or the model takes none: lossless"
        if mode.skips == "coded" and mode.model.network.skips:
            note += "; skips='cut' (--skips cut) keeps its latents alone"
        return note
    return "" if isinstance(mode, Lossless) else "every step is 1, or nothing to round: lossless"


def _ascii(name):
    """A file name as a card can hold it."""
    name = name.encode("ascii", "replace").decode()
    return name if len(name) <= 60 else name[:57] + "..."
