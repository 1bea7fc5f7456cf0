"""`AEImageHDU`: a compressed image that behaves as an image HDU of astropy.

astropy picks the class of an HDU from those that are registered; a registered
BinTableHDU subclass comes before BinTableHDU itself, so that the gateway at the
end of this module is asked first and hands out an `AEImageHDU`.

Pixels that nobody touched are never coded again: tiles are compared with what
was read, and only the changed ones are coded.  Decoding trusts the AE* cards
alone (`astroae.container.structure`), never the image's own, which users edit.
"""

import copy
import math
import warnings
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
from astropy.io import fits
from astropy.io.fits.hdu.base import DELAYED
from astropy.io.fits.header import Header, _BasicHeader
from astropy.utils.decorators import lazyproperty

from astroae.codec import image as codec
from astroae.container.header import header_sum, raw_cards, to_image_header, to_table_cards
from astroae.container.keywords import FILE_KEYWORDS, HEADER_BEGIN, MARK
from astroae.container.rows import pack
from astroae.container.structure import (
    BITPIX_TO_DTYPE,
    DTYPE_TO_BITPIX,
    Structure,
    card,
    read_structure,
    stored_settings,
    structure_cards,
)
from astroae.errors import AstroAEError, UnsupportedDataError
from astroae.io.pixels import Baseline, scale_back, stored_of_hdu, to_stored, unit_of
from astroae.io.scaling import exact_copy, restore_scale_cards
from astroae.io.section import AESection
from astroae.io.table import AETable
from astroae.settings import Relative, Settings, from_keywords

__all__ = ["AEImageHDU"]

_NOTES = tuple(keyword.name for keyword in FILE_KEYWORDS)


def _on_table(name):
    """Property that lives on the table, which is what stands in the file."""
    private = "_own" + name

    def get(self):
        table = self.__dict__.get("_bintable")
        return self.__dict__.get(private) if table is None else getattr(table, name)

    def put(self, value):
        table = self.__dict__.get("_bintable")
        if table is None:
            self.__dict__[private] = value
        else:
            setattr(table, name, value)

    return property(get, put)


class AEImageHDU(fits.CompImageHDU):
    """Image HDU whose pixels are compressed by astroae.

    Parameters
    ----------
    data : array, optional
        Pixels.  With a header that holds BSCALE they are stored values, as for
        `~astropy.io.fits.ImageHDU`.
    header : `~astropy.io.fits.Header`, optional
    name : str, optional
        EXTNAME.
    lossless, quantize_level, error_bound, relative_error, dither, tile_shape, \
dither_seed, model
        See `astroae.settings.from_keywords`.  No mode named: lossless.
    uint, scale_back, do_not_scale_image_data
        As in `~astropy.io.fits.ImageHDU`.
    table : AETable, optional
        Table to read from; given by the gateway.

    Examples
    --------
    >>> import numpy as np
    >>> from astroae.io.hdu import AEImageHDU
    >>> hdu = AEImageHDU(np.arange(6.0).reshape(2, 3), name="SCI")
    >>> hdu.name, hdu.shape, len(hdu.encoded.tiles)
    ('SCI', (2, 3), 1)
    """

    _default_name = ""

    _file = _on_table("_file")
    _buffer = _on_table("_buffer")
    _header_offset = _on_table("_header_offset")
    _data_offset = _on_table("_data_offset")
    _data_size = _on_table("_data_size")
    _new = _on_table("_new")

    def __init__(
        self,
        data=None,
        header=None,
        name=None,
        *,
        lossless=False,
        quantize_level=None,
        error_bound=None,
        relative_error=None,
        dither=None,
        tile_shape=None,
        dither_seed=None,
        model="default",
        uint=True,
        scale_back=None,
        do_not_scale_image_data=False,
        table=None,
    ):
        self._start()
        reading = {
            "uint": uint,
            "scale_back": scale_back,
            "do_not_scale_image_data": do_not_scale_image_data,
        }
        if table is None and data is DELAYED:  # AEImageHDU.fromstring and readfrom
            if isinstance(header, _BasicHeader):
                raise TypeError("a full Header is needed")  # astropy comes back with one
            table = AETable(header)
        if table is not None:
            self._open(table, reading)
            if name:
                self.name = name
            return
        self.settings = from_keywords(
            lossless=lossless,
            quantize_level=quantize_level,
            error_bound=error_bound,
            relative_error=relative_error,
            dither=dither,
            tile_shape=tile_shape,
            dither_seed=dither_seed,
            model=model,
        )
        self._build(data, header, name, reading)

    def _start(self):
        self._bintable = self._tmp_bintable = None
        self._structure = self._encoded = self._baseline = None
        self._damage = None
        self._table_current = False
        self._scaled_from = None
        self._kept = (None, None, None)
        self.notes = {}

    # ---- where an HDU comes from -----------------------------------------------------

    def _build(self, data, header, name, reading):
        """Around an array in memory, as astropy builds its own."""
        header = Header() if header is None else header
        fits.ImageHDU.__init__(self, data=data, header=header, name=name, **reading)
        self._output_checksum = False
        if "SIMPLE" in header:
            for keyword in ("XTENSION", "PCOUNT", "GCOUNT"):
                del self._header[keyword]
            self._header.insert(0, header.cards["SIMPLE"])

    def _open(self, table, reading):
        """On a table that was read from a file, pixels untouched."""
        header = to_image_header(table.header)
        try:
            self._structure = read_structure(table.header)
        except AstroAEError as damage:
            # Header and neighbours stay readable; pixels give the error.
            self._damage = damage
        self._adopt(header, reading)
        checksum = table._output_checksum
        self._bintable, self._table_current = table, True
        table._new = False
        # Not from the image's own CHECKSUM card, which speaks of another HDU.
        self._output_checksum = checksum
        self.notes = {key: table.header[key] for key in _NOTES if key in table.header}

    def _adopt(self, header, reading):
        """Take a header as it is, to the card, with pixels to be decoded later."""
        self.settings = Settings() if self._structure is None else self._structure.settings
        _make_consistent(header, self._structure)
        fits.ImageHDU.__init__(self, data=DELAYED, header=header, **reading)
        self._output_checksum = False
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # astropy has just said it all
            self._scaler = fits.ImageHDU(data=DELAYED, header=exact_copy(header), **reading)

    @classmethod
    def from_encoded(cls, encoded, header, *, settings=None, bscale=None, **reading):
        """Around an image that is compressed already.

        Parameters
        ----------
        encoded : `~astroae.codec.image.EncodedImage` or None
            None for an HDU without pixels.
        header : `~astropy.io.fits.Header`
            Of the image; kept card for card.
        settings : `~astroae.settings.Settings`, optional
            As the user gave them; by default those of ``encoded``, in stored units.
        bscale : float, optional
            Physical units per stored level that ``settings`` were converted with.

        Returns
        -------
        AEImageHDU
        """
        hdu = cls.__new__(cls)
        hdu._start()
        hdu._encoded = encoded
        hdu._structure = _structure_of(encoded, header, settings, bscale or 1.0)
        hdu._adopt(exact_copy(header), reading)
        hdu._header._modified = True
        return hdu

    @classmethod
    def from_hdu(cls, hdu, *, threads=None, progress=None, **settings):
        """Compress an image HDU now, its header kept card for card.

        An HDU whose ``.data`` was not touched is compressed from the stored
        values, through a memory map where there is one.

        Parameters
        ----------
        hdu : `~astropy.io.fits.ImageHDU`, PrimaryHDU, CompImageHDU or AEImageHDU
        threads, progress
            See `astroae.codec.image.encode_image`.
        **settings
            See `astroae.settings.from_keywords`.

        Returns
        -------
        AEImageHDU

        Raises
        ------
        UnsupportedDataError
            Not an image, or an image that the mode does not take.
        """
        if not isinstance(hdu, (fits.ImageHDU, fits.PrimaryHDU)):
            raise UnsupportedDataError(
                "only image HDUs can be compressed",
                where=getattr(hdu, "name", ""),
                found=f"got {type(hdu).__name__}",
                hint="compress the whole file: other HDUs pass through it unchanged",
            )
        settings = from_keywords(**settings)
        hdu.update_header()
        header = exact_copy(hdu.header)  # before .data is touched, which would edit it
        stored = hdu.read_stored() if isinstance(hdu, cls) else stored_of_hdu(hdu)
        bscale = unit_of(header)
        encoded = _encode(stored, header, settings, bscale, threads, progress)
        return cls.from_encoded(
            encoded,
            header,
            settings=settings,
            bscale=bscale,
            uint=hdu._uint,
            do_not_scale_image_data=hdu._do_not_scale_image_data,
        )

    @classmethod
    def match_header(cls, header):
        return False  # never by itself: the gateway decides

    # ---- what an HDU is --------------------------------------------------------------

    compression_type = "ASTROAE"

    @property
    def tile_shape(self):
        """Shape of a tile in C order."""
        if self._structure is not None:
            return self._structure.tile_shape
        return self.settings.tile_shape or codec.TileGrid.default(self.shape).tile_shape

    @property
    def size(self):
        if self._bintable is not None:
            return self._bintable.size
        return fits.ImageHDU.size.fget(self)

    @property
    def compressed_data(self):
        """Row and figures of each tile: a structured array, see `TILE_DTYPE`."""
        encoded = self.encoded
        return None if encoded is None else encoded.tiles

    @property
    def _data_loaded(self):
        return self.__dict__.get("data") is not None

    def _physical_dtype(self):
        if self._do_not_scale_image_data or self._structure is None:
            return np.dtype(BITPIX_TO_DTYPE[self._bitpix])
        return self._to_physical(np.zeros(1, self._structure.dtype)).dtype

    # ---- decoding --------------------------------------------------------------------

    @property
    def encoded(self):
        """The compressed image (`~astroae.codec.image.EncodedImage`) of the pixels as
        they are now; None without pixels.  Encodes what is not encoded yet."""
        self.encode()
        return self._encoded

    @property
    def section(self):
        """Parts of the image, see `astroae.io.section.AESection`."""
        return AESection(self)

    @lazyproperty
    def data(self):
        pixels = self.read()
        if pixels is not None:
            self._baseline = Baseline.of(pixels, self._structure.tile_shape)
            self._note_scaling(pixels.dtype)
        return pixels

    @data.setter
    def data(self, data):
        return fits.ImageHDU.data.fset(self, data)

    def read(self, *, on_corrupt="raise", threads=None, progress=None):
        """Decode all pixels, to physical values, without keeping them.

        Parameters
        ----------
        on_corrupt : {"raise", "blank"}
            A damaged tile is an error, or comes as NaN, BLANK or 0.
        threads, progress
            See `astroae.codec.image.decode_image`.

        Returns
        -------
        `~numpy.ndarray` or None
            None without pixels.
        """
        if self._data_loaded:
            return self.__dict__["data"]
        stored = self.read_stored(on_corrupt=on_corrupt, threads=threads, progress=progress)
        return None if stored is None else self._to_physical(stored)

    def read_stored(self, *, on_corrupt="raise", threads=None, progress=None):
        """As `read`, but the stored values, before BSCALE and BZERO."""
        if self._data_loaded:
            return self._stored_pixels()
        if self._open_encoded() is None:
            return None
        return self._decode(None, on_corrupt=on_corrupt, threads=threads, progress=progress)

    @property
    def error_map(self):
        """1-sigma quantisation error of each pixel in physical units, 0 where exact.

        A float32 array of the image's shape; None without pixels.
        """
        encoded = self.encoded
        if encoded is None:
            return None
        with self._placing_errors():
            return codec.error_map(encoded) * np.float32(unit_of(self._image_header()))

    def _decode(self, region, **options):
        encoded = self._open_encoded()
        with self._placing_errors():
            return codec.decode_image(encoded, region, **options)

    def _open_encoded(self):
        """The compressed image that was read or made, whatever `data` became since."""
        if self._damage is not None:
            raise self._damage.at(self._place()) from None
        if self._encoded is None and self._table_current and self._bintable.packed is None:
            with self._placing_errors():
                self._encoded = self._bintable.encoded(self._structure)
        return self._encoded

    def _to_physical(self, stored):
        return self._scaler._scale_data(stored)

    @contextmanager
    def _placing_errors(self):
        try:
            yield
        except AstroAEError as exc:
            raise exc.at(self._place()) from exc

    def _place(self):
        name = getattr(self._file, "name", None)
        extension = f"extension {self.name or '(unnamed)'}, version {self.ver}"
        return f"{name}, {extension}" if name else extension

    def _note_scaling(self, dtype):
        """Let astropy edit the scale cards, and remember how they stood."""
        before = exact_copy(self._header)
        self._update_header_scale_info(dtype)
        if self._header["BITPIX"] != before["BITPIX"] or "BZERO" in before:
            self._scaled_from = (before, self._header.tostring())

    def _update_pseudo_int_scale_keywords(self):
        """As in astropy, but cards that are right already stay where they are."""
        if self._has_data and self._header.get("BSCALE", 1) == 1:
            offset = {"i1": -128, "u2": 2**15, "u4": 2**31, "u8": 2**63}
            if self._header.get("BZERO") == offset.get(self.data.dtype.str[1:]):
                return
        super()._update_pseudo_int_scale_keywords()

    # ---- encoding --------------------------------------------------------------------

    def encode(self, *, threads=None, progress=None):
        """Encode what is not encoded yet: all of a new image, else the changed tiles.

        Called by itself when the HDU is written.

        Parameters
        ----------
        threads, progress
            See `astroae.codec.image.encode_image`.
        """
        if "data" not in self.__dict__:
            self._open_encoded()
            return
        data = self.__dict__["data"]
        if data is None:
            if self._structure is None or self._structure.shape:
                self._set_encoded(None, 1.0)
            return
        if self._baseline is None or not self._baseline.fits(data):
            bscale = unit_of(self._header)
            with self._placing_errors():
                encoded = _encode(
                    to_stored(data), self._header, self.settings, bscale, threads, progress
                )
            self._scaled_from = None
            self._set_encoded(encoded, bscale)
        elif (changed := self._baseline.changed(data)).any():
            self._encode_changed(data, changed, threads, progress)
        else:
            return
        self._baseline = Baseline.of(data, self._structure.tile_shape)

    def _encode_changed(self, data, changed, threads, progress):
        if self._scaled_from is not None and not self._scale_back:
            # Scaled integers that were edited become floats, as in astropy.
            self._scaled_from, self._baseline = None, None
            return self.encode(threads=threads, progress=progress)
        with self._placing_errors():
            encoded = codec.reencode_tiles(
                self._open_encoded(),
                self._stored_pixels(),
                changed,
                threads=threads,
                progress=progress,
            )
        self._set_encoded(encoded, self._structure.bscale)

    def _stored_pixels(self):
        """Stored values of the loaded pixels."""
        data = self.__dict__["data"]
        if self._scaled_from is None or not self._scale_back:
            return to_stored(data)
        before = self._scaled_from[0]
        return scale_back(
            data,
            np.dtype(BITPIX_TO_DTYPE[before["BITPIX"]]),
            before.get("BSCALE", 1),
            before.get("BZERO", 0),
            before.get("BLANK"),
        )

    def _set_encoded(self, encoded, bscale):
        self._encoded = encoded
        self._structure = _structure_of(encoded, self._header, self.settings, bscale)
        self._table_current = False
        self._damage = None
        self._kept = (None, None, None)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self._scaler = fits.ImageHDU(
                data=DELAYED,
                header=exact_copy(self._image_header()),
                uint=self._uint,
                do_not_scale_image_data=self._do_not_scale_image_data,
            )

    # ---- writing ---------------------------------------------------------------------

    def _image_header(self):
        """The header of the stored pixels: with the scale cards that reading took away."""
        if self._scaled_from is None:
            return self._header
        before, after = self._scaled_from
        if self._header.tostring() == after:
            return before
        return restore_scale_cards(self._header, before)

    def _prewriteto(self, inplace=False):
        if self._has_data:
            self.update_header()
        if self._damage is None:
            self.encode()
        table = self._table(inplace)
        table._output_checksum = self._output_checksum
        self._tmp_bintable = table
        return table._prewriteto(inplace=inplace)

    def _table(self, inplace):
        """The table to be written, the HDU's own or one for another file."""
        if self._table_current:
            return self._with_header(inplace)
        packed = pack(self._encoded)
        cards, n_blank = to_table_cards(self._image_header())
        own = packed.cards + structure_cards(self._structure, n_blank, self.notes)
        header = Header.fromstring("".join(own + cards))
        header._modified = True
        if self._bintable is None:
            self._bintable = self._moved_table(AETable(header, packed))
            self._table_current = True
            return self._bintable
        table = self._bintable if inplace else copy.copy(self._bintable)
        table._header, table.packed = header, packed
        self._table_current = inplace
        return table

    def _moved_table(self, table):
        """Give a new table the place in a file that the HDU may have had."""
        for name in ("_file", "_buffer", "_header_offset", "_data_offset", "_data_size", "_new"):
            setattr(table, name, self.__dict__.get("_own" + name))
        return table

    def _with_header(self, inplace):
        """The table as it is, under the header as it is now."""
        old = raw_cards(self._bintable.header)
        cards, n_blank = to_table_cards(self._image_header())
        begin = next((i for i, c in enumerate(old) if c.startswith(HEADER_BEGIN)), None)
        own = [c for c in old if not c.startswith(_NOTES)] if begin is None else old[:begin]
        new = own + [card(HEADER_BEGIN, n_blank)] + cards
        if begin is None or new == [c for c in old if c[:8] not in ("CHECKSUM", "DATASUM ")]:
            return self._bintable
        table = self._bintable if inplace else copy.copy(self._bintable)
        table._header = Header.fromstring("".join(new))
        table._header._modified = True
        return table

    def _writeto(self, fileobj, inplace=False, copy=False):
        # astropy's flush to a file-like object comes here without _prewriteto.
        table = self._bintable if self._tmp_bintable is None else self._tmp_bintable
        if table is not None:
            return table._writeto(fileobj, inplace=inplace, copy=copy)

    def _postwriteto(self):
        self._tmp_bintable = None
        if self._bintable is not None:
            self._bintable._header._modified = False

    def _verify_checksum_datasum(self):
        table = self._bintable
        table._verify_checksum_datasum()
        for name in ("_checksum", "_datasum", "_checksum_valid", "_datasum_valid"):
            setattr(self, name, getattr(table, name))

    def copy(self):
        """A copy in memory, independent of the file; untouched pixels stay as coded."""
        encoded = self.encoded
        if encoded is not None:
            encoded = replace(
                encoded, tiles=encoded.tiles.copy(), streams=[bytes(s) for s in encoded.streams]
            )
        twin = type(self).from_encoded(
            encoded,
            self._image_header(),
            settings=self.settings,
            bscale=self._structure.bscale,
            uint=self._uint,
            scale_back=self._scale_back,
            do_not_scale_image_data=self._do_not_scale_image_data,
        )
        twin.notes = dict(self.notes)
        return twin


def _encode(stored, header, settings, bscale, threads, progress):
    """`EncodedImage` of stored values, None without pixels; settings in physical units."""
    if stored is None or not stored.size:
        return None
    if isinstance(settings.mode, Relative) and header.get("BZERO", 0) != 0:
        raise UnsupportedDataError(
            "a relative error needs values that count from zero",
            where="relative_error",
            found=f"BZERO is {header['BZERO']}",
            hint="compress this image lossless or with error_bound",
        )
    blank = header.get("BLANK")
    integers = stored.dtype.kind != "f" and isinstance(blank, int)
    return codec.encode_image(
        stored,
        stored_settings(settings, bscale),
        blank=blank if integers else None,
        threads=threads,
        progress=progress,
    )


def _structure_of(encoded, header, settings, bscale):
    if encoded is None:
        bitpix = header.get("BITPIX", 8)
        dtype = np.dtype(BITPIX_TO_DTYPE.get(bitpix, "u1"))
        shape = tuple(header.get(f"NAXIS{n}", 0) for n in range(header.get("NAXIS", 0), 0, -1))
        tile_shape = (1,) * len(shape)
        settings = replace(settings or Settings(), tile_shape=None, dither_seed=None)
        return Structure(shape, dtype, tile_shape, settings, 1.0, None, header_sum(header))
    filled = encoded.settings
    settings = replace(
        settings or filled,
        tile_shape=filled.tile_shape,
        dither_seed=filled.dither_seed,
        model=filled.model,
    )
    return Structure(
        tuple(encoded.shape),
        np.dtype(encoded.dtype).newbyteorder("="),
        tuple(encoded.tile_shape),
        settings,
        bscale,
        encoded.blank,
        header_sum(header),
    )


def _make_consistent(header, structure):
    """Make an image header say what the pixels are, where it says something else."""
    bitpix, shape = 8, ()
    if structure is not None:
        bitpix, shape = DTYPE_TO_BITPIX[structure.dtype], structure.shape
    elif header.get("BITPIX") in BITPIX_TO_DTYPE and isinstance(header.get("NAXIS"), int):
        return
    if not ("SIMPLE" in header or "XTENSION" in header):
        header.insert(0, ("XTENSION", "IMAGE"))
    wanted = {"BITPIX": bitpix, "NAXIS": len(shape)}
    wanted |= {f"NAXIS{n}": axis for n, axis in enumerate(reversed(shape), 1)}
    for place, (keyword, value) in enumerate(wanted.items(), 1):
        if header.get(keyword) != value:
            header.remove(keyword, ignore_missing=True, remove_all=True)
            header.insert(place, (keyword, value))


class _AEGateway(fits.BinTableHDU):
    """What astropy finds for a table with ``AEIMAGE = T``; never an object itself."""

    def __new__(
        cls,
        data=None,
        header=None,
        disable_image_compression=False,
        uint=True,
        scale_back=None,
        do_not_scale_image_data=False,
        character_as_bytes=False,
        **kwargs,
    ):
        if data is not DELAYED or disable_image_compression:
            return fits.BinTableHDU(
                data=data, header=header, uint=uint, character_as_bytes=character_as_bytes
            )
        if isinstance(header, _BasicHeader):
            raise TypeError("a full Header is needed")  # astropy comes back with one
        return AEImageHDU(
            table=AETable(header),
            uint=uint,
            scale_back=scale_back,
            do_not_scale_image_data=do_not_scale_image_data,
        )

    def __init__(
        self,
        data=None,
        header=None,
        disable_image_compression=False,
        uint=True,
        scale_back=None,
        do_not_scale_image_data=False,
        character_as_bytes=False,
    ):
        """Never runs; astropy reads the keywords of `fits.open` off its signature."""

    @classmethod
    def match_header(cls, header):
        return super().match_header(header) and header.get(MARK) is True


fits.register_hdu(_AEGateway)
