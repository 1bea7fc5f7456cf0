"""`AEImageHDU`: a compressed image that behaves as an image HDU of astropy.

astropy picks the class of an HDU from those that are registered; a registered
BinTableHDU subclass comes before BinTableHDU itself, so that the gateway at the
end of this module is asked first and hands out an `AEImageHDU`.

Pixels that nobody touched are never coded again: tiles are compared with what
was read, and only the changed ones are coded.  Decoding trusts the AE* cards
alone (`astroae.container.structure`), never the image's own, which users edit.

The module is long because astropy wants all of an HDU on one object; what can
stand alone is beside it: the file (`tablebacked`, `table`), scaling (`scaling`,
`pixels`), parts of an image (`section`), the codec's call (`encoding`).
"""

import math
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
from astropy.io import fits
from astropy.io.fits.hdu.base import DELAYED
from astropy.io.fits.hdu.image import ImageHDU, PrimaryHDU
from astropy.io.fits.header import Header, _BasicHeader
from astropy.io.fits.verify import VerifyError
from astropy.utils.decorators import lazyproperty

from astroae.codec import image as codec
from astroae.codec.models import tile_grid
from astroae.container.header import raw_cards, scale_sum, to_image_header
from astroae.container.keywords import MARK
from astroae.container.structure import (
    BITPIX_TO_DTYPE,
    DTYPE_TO_BITPIX,
    read_notes,
    read_structure,
)
from astroae.errors import AstroAEError, UnsupportedDataError
from astroae.io.encoding import check_axes, encode_stored, make_consistent, structure_of
from astroae.io.models import keep, settings_of
from astroae.io.pixels import Baseline, scale_back, stored_of_hdu, to_stored, unit_of
from astroae.io.scaling import Scaling, exact_copy
from astroae.io.section import AESection
from astroae.io.table import AETable
from astroae.io.tablebacked import TableBackedHDU
from astroae.pixels.nulls import refuse_mask
from astroae.pixels.tiling import TileGrid
from astroae.settings import Latent, Lossless, ModelName, Settings

__all__ = ["AEImageHDU"]

_PSEUDO_ZERO = {"i1": -128, "u2": 2**15, "u4": 2**31, "u8": 2**63}


class AEImageHDU(TableBackedHDU):
    """Image HDU whose pixels are compressed by astroae.

    A table made by astroae opens as this class after ``import astroae``.  Header,
    ``.data`` and ``.section`` are those of an uncompressed image.

    Parameters
    ----------
    data : array, optional
        Pixels, in physical units: BSCALE and BZERO of ``header`` are left out, as by
        `~astropy.io.fits.ImageHDU`.
    header : `~astropy.io.fits.Header`, optional
    name : str, optional
        EXTNAME.
    ver : int, optional
        EXTVER.
    lossless, quantize_level, error_bound, relative_error, lossy_integers, dither, \
tile_shape, dither_seed, effort, model, latent_step, skips
        See `astroae.settings.from_keywords`.  No mode named: lossless; integers are
        lossless in bounded mode too, unless ``lossy_integers=True``.
    uint, do_not_scale_image_data, ignore_blank
        As in `~astropy.io.fits.ImageHDU`.
    scale_back : bool, optional
        What becomes of an image with BSCALE or BZERO whose pixels were edited.
        True: back to the stored integers, changed tiles only; pixels that were not
        edited keep theirs.  False: floats, all tiles coded anew.  By default floats
        for a lossless image, as in astropy, and the stored integers for any other, so
        that no tile loses twice.
    table : AETable, optional
        Table to read from; given by astropy's reader.

    Attributes
    ----------
    settings : `~astroae.settings.Settings`
        How the image was or will be compressed, in physical units.
    notes : dict
        Values of `astroae.container.keywords.FILE_KEYWORDS` to be written.

    Examples
    --------
    >>> import numpy as np
    >>> from astroae.io.hdu import AEImageHDU
    >>> hdu = AEImageHDU(np.arange(6.0).reshape(2, 3), name="SCI")
    >>> hdu.name, hdu.shape, len(hdu.encoded.tiles)
    ('SCI', (2, 3), 1)
    """

    compression_type = "ASTROAE"

    def __init__(
        self,
        data=None,
        header=None,
        name=None,
        *,
        ver=None,
        lossless=False,
        quantize_level=None,
        error_bound=None,
        relative_error=None,
        lossy_integers=False,
        dither=None,
        tile_shape=None,
        dither_seed=None,
        effort="default",
        model="default",
        latent_step=None,
        skips=None,
        uint=True,
        scale_back=None,
        do_not_scale_image_data=False,
        ignore_blank=False,
        table=None,
    ):
        self._start()
        reading = {
            "name": name,
            "ver": ver,
            "uint": uint,
            "scale_back": scale_back,
            "do_not_scale_image_data": do_not_scale_image_data,
            "ignore_blank": ignore_blank,
        }
        if table is None and data is DELAYED:  # AEImageHDU.fromstring and readfrom
            if isinstance(header, _BasicHeader):
                raise TypeError("a full Header is needed")  # astropy comes back with one
            table = AETable(header)
        if table is not None:
            self._open(table, reading)
            return
        self.settings = settings_of(
            lossless=lossless,
            quantize_level=quantize_level,
            error_bound=error_bound,
            relative_error=relative_error,
            lossy_integers=lossy_integers,
            dither=dither,
            tile_shape=tile_shape,
            dither_seed=dither_seed,
            effort=effort,
            model=model,
            latent_step=latent_step,
            skips=skips,
        )
        self._build(data, header, reading)

    def _start(self):
        self._bintable = self._tmp_bintable = None
        self._table_current = False
        self._structure = self._encoded = self._baseline = None
        self._damage = None  # why the table describes no image; raised when pixels are asked for
        self._scaling = None
        self._kept = (None, None, None)  # see AESection
        self._ignore_blank = False
        self._fresh = (None, True)  # see TableBackedHDU
        self.notes = {}

    # ---- where an HDU comes from -----------------------------------------------------

    def _build(self, data, header, reading):
        """Around an array in memory, as astropy builds its own."""
        header = Header() if header is None else header
        self._take_up(data, header, reading)
        self._output_checksum = False
        if "SIMPLE" in header:
            for keyword in ("XTENSION", "PCOUNT", "GCOUNT"):
                del self._header[keyword]
            self._header.insert(0, header.cards["SIMPLE"])
        if self._has_data:  # what does not fit says so now
            check_axes(self.shape)
            TileGrid(self.shape, self.tile_shape).limited()

    def _open(self, table, reading):
        """On a table that was read from a file, pixels untouched."""
        try:
            self._structure = read_structure(table.header)
        except AstroAEError as damage:
            # Header and neighbours stay readable.
            self._damage = damage
        self._adopt(to_image_header(table.header), reading)
        if self._structure is not None:
            self._learn_scaling(scale_sum(self._header) == self._structure.scale_sum)
        self._bintable, self._table_current, self._fresh = table, True, (None, False)
        table._new = False
        # Not from the image's own CHECKSUM card, which speaks of another HDU.
        self._output_checksum = table._output_checksum
        self.notes = read_notes(table.header)

    def _adopt(self, header, reading):
        """Take a header as it is, to the card, with pixels to be decoded later."""
        self.settings = Settings() if self._structure is None else self._structure.settings
        make_consistent(header, self._structure)
        header._modified = False
        self._take_up(DELAYED, header, reading)
        self._output_checksum = False
        self._learn_scaling()

    def _take_up(self, data, header, reading):
        self._ignore_blank = bool(reading.get("ignore_blank"))
        # Not ImageHDU's own, which knows no ignore_blank.
        super(ImageHDU, self).__init__(data=data, header=header, **reading)

    @classmethod
    def from_encoded(cls, encoded, header, *, settings=None, bscale=1.0, **reading):
        """Around an image that is compressed already.

        Parameters
        ----------
        encoded : `~astroae.codec.image.EncodedImage` or None
            None for an HDU without pixels.
        header : `~astropy.io.fits.Header`
            Of the image; kept card for card.
        settings : `~astroae.settings.Settings`, optional
            As the user gave them; by default those of ``encoded``, in stored units.
        bscale : float
            Physical units per stored level that ``settings`` were converted with.
        **reading
            ``name``, ``ver``, ``uint``, ``scale_back``, ``do_not_scale_image_data``,
            ``ignore_blank``.

        Returns
        -------
        AEImageHDU
        """
        hdu = cls.__new__(cls)
        hdu._start()
        hdu._encoded = encoded
        hdu._structure = structure_of(encoded, header, settings, bscale)
        hdu._adopt(exact_copy(header), reading)
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

        Examples
        --------
        >>> import numpy as np
        >>> from astropy.io import fits
        >>> from astroae.io.hdu import AEImageHDU
        >>> hdu = AEImageHDU.from_hdu(fits.ImageHDU(np.zeros((4, 4), "f4")), error_bound=0.5)
        >>> hdu.settings.mode.error_bound
        0.5
        """
        if not isinstance(hdu, (ImageHDU, PrimaryHDU)):
            raise UnsupportedDataError(
                "only image HDUs can be compressed",
                where=getattr(hdu, "name", ""),
                found=f"got {type(hdu).__name__}",
                hint="compress the whole file: other HDUs pass through it unchanged",
            )
        settings = settings_of(**settings)
        hdu.update_header()
        if isinstance(hdu, cls):
            stored, header = hdu.read_stored(), exact_copy(hdu._stored_header())
        else:
            header = exact_copy(hdu.header)  # first: reading pixels may edit it
            stored = stored_of_hdu(hdu)
        bscale = unit_of(header)
        options = {"verify": False, "threads": threads, "progress": progress}  # read back below
        encoded = encode_stored(stored, header, settings, bscale, **options)
        made = cls.from_encoded(
            encoded,
            header,
            settings=settings,
            bscale=bscale,
            uint=hdu._uint,
            do_not_scale_image_data=hdu._do_not_scale_image_data,
            ignore_blank=getattr(hdu, "_ignore_blank", False),
        )
        made._new_table(stored, True, threads)  # while the pixels are what they are
        made._fresh = (None, False)
        return made

    @classmethod
    def match_header(cls, header):
        """Never by itself: the gateway decides."""
        return False

    # ---- what an HDU is --------------------------------------------------------------

    @property
    def _default_name(self):
        """Name where there is no EXTNAME: of a taken-over image the one that astropy gave it."""
        return super()._default_name if "AEFPK1" in self.notes else ""

    @property
    def tile_shape(self):
        """Shape of a tile in C order."""
        if self._structure is not None:
            return self._structure.tile_shape
        return tile_grid(self.shape, self.settings).tile_shape

    @property
    def compressed_data(self):
        """Figures of each tile, see `astroae.codec.image.TILE_DTYPE`; None without pixels."""
        encoded = self.encoded
        return None if encoded is None else encoded.tiles

    @property
    def _data_loaded(self):
        return self.__dict__.get("data") is not None

    @property
    def latents(self):
        """Latent vector of each tile in latent mode: float32 (tiles, n); else None.

        NaN where the model did not take the tile.  Read without the model.
        """
        encoded = self.encoded
        return None if encoded is None else encoded.latents

    # ---- decoding --------------------------------------------------------------------

    @property
    def encoded(self):
        """The compressed image of the pixels as they are now; None without pixels.

        An `~astroae.codec.image.EncodedImage`; what is not encoded yet is encoded.
        """
        self.encode()
        return self._encoded

    @property
    def section(self):
        """Parts of the image, see `astroae.io.section.AESection`."""
        return AESection(self)

    @lazyproperty
    def data(self):
        """Pixels in physical units, decoded when first asked for; None without pixels."""
        pixels = self.decode()
        if pixels is not None:
            self._baseline = Baseline.of(pixels, self._structure.tile_shape)
            self._note_scaling(pixels)
        return pixels

    @data.setter
    def data(self, data):
        refuse_mask(data)
        return ImageHDU.data.fset(self, data)

    def decode(self, *, on_corrupt="raise", threads=None, progress=None):
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

        Raises
        ------
        CorruptFileError
            Naming file, extension and tile.
        """
        if self._data_loaded:
            return self.__dict__["data"]
        stored = self.read_stored(on_corrupt=on_corrupt, threads=threads, progress=progress)
        return None if stored is None else self._to_physical(stored)

    def read_stored(self, *, on_corrupt="raise", threads=None, progress=None):
        """As `decode`, but the stored values, before BSCALE and BZERO."""
        if self._data_loaded:
            return self._stored_pixels()
        if self._open_encoded() is None:
            return self._no_pixels()
        return self._decode(None, on_corrupt=on_corrupt, threads=threads, progress=progress)

    def _no_pixels(self):
        """What an HDU without pixels holds: None without axes, else an array without elements."""
        axes = self._structure is not None and self._structure.shape
        return np.zeros(axes, self._structure.dtype) if axes else None

    @property
    def error_map(self):
        """1-sigma quantisation error of each pixel in physical units, 0 where exact.

        A float32 array of the image's shape; None without pixels.
        """
        encoded = self.encoded
        if encoded is None:
            return None
        with self._placing_errors():
            return codec.error_map(encoded) * np.float32(self.stored_unit)

    @property
    def stored_unit(self):
        """Physical units per stored level: the size of BSCALE."""
        return unit_of(self._image_header())

    def _decode(self, region, **options):
        encoded = self._open_encoded()
        with self._placing_errors():
            return codec.decode_image(encoded, region, **options)

    def _open_encoded(self):
        """The compressed image that was read or made, whatever `data` became since."""
        if self._damage is not None:
            raise self._damage.at(self._place())
        if self._encoded is None and self._table_current and self._bintable.packed is None:
            with self._placing_errors():
                self._encoded = self._bintable.encoded(self._structure)
        return self._encoded

    @contextmanager
    def _placing_errors(self):
        try:
            yield
        except AstroAEError as exc:
            raise exc.at(self._place()) from exc

    def _place(self):
        """File and extension, for messages."""
        name = getattr(self._file, "name", None)
        extension = f"extension {self.name or '(no name)'}, version {self.ver}"
        return f"{name}, {extension}" if name else extension

    # ---- BSCALE, BZERO and BLANK -----------------------------------------------------

    def _learn_scaling(self, trusted=True):
        self._scaling = Scaling(
            self._header,
            uint=self._uint,
            do_not_scale_image_data=self._do_not_scale_image_data,
            ignore_blank=self._ignore_blank,
            trusted=trusted,
        )

    def _to_physical(self, stored):
        with self._placing_errors():
            return self._scaling.to_physical(stored)

    def _physical_dtype(self):
        """Type that `section` and `data` give."""
        if self._structure is None:
            return np.dtype(BITPIX_TO_DTYPE[self._bitpix])
        with self._placing_errors():
            return self._scaling.dtype_of(self._structure.dtype)

    def _note_scaling(self, pixels):
        """Let astropy edit the scale cards, and remember how they stood."""
        before = exact_copy(self._header)
        self._update_header_scale_info(pixels.dtype)
        if self._bitpix < 0:
            self._blank = None  # astropy keeps it, and warns of it whenever the HDU is written
        converted = to_stored(pixels[:0]).dtype != self._structure.dtype
        if converted or raw_cards(self._header) != raw_cards(before):
            self._scaling.note_taken(before, self._header)

    def _image_header(self):
        """The header for the pixels as encoded: with scale cards that reading took away."""
        return self._header if self._scaling is None else self._scaling.stored_header(self._header)

    @property
    def _is_scaled(self):
        """Whether loaded pixels are of another kind than the encoded ones."""
        return self._scaling is not None and self._scaling.taken

    def _forget_scaling(self):
        if self._scaling is not None:
            self._scaling.forget_taken()

    def _stored_header(self):
        """The header that fits `read_stored`."""
        physical = self._data_loaded and not self._goes_back
        return self._header if physical else self._image_header()

    @property
    def _keeps_grid(self):
        """Whether edited pixels of a scaled image go back to its stored integers."""
        if self._scale_back is None:
            return not isinstance(self.settings.mode, Lossless)
        return bool(self._scale_back)

    @property
    def _goes_back(self):
        """Whether the loaded pixels are physical ones and will be stored integers again."""
        data = self.__dict__["data"]
        return self._is_scaled and self._keeps_grid and self._baseline.fits(data)

    def _stored_pixels(self):
        """Stored values of the loaded pixels."""
        data = self.__dict__["data"]
        if not self._goes_back:
            return to_stored(data)
        old = self._decode(None)
        with self._placing_errors():
            before = self._scaling.to_physical(old.copy())
            same = (before == data) | (np.isnan(before) & np.isnan(data))
            return scale_back(data, self._scaling.before, self._scaling.blank, old, same)

    def _update_pseudo_int_scale_keywords(self):
        """As in astropy, but cards that are right already stay where they are."""
        if self._has_data and self._header.get("BSCALE", 1) == 1:
            if self._header.get("BZERO") == _PSEUDO_ZERO.get(self.data.dtype.str[1:], math.nan):
                return
        super()._update_pseudo_int_scale_keywords()

    # ---- encoding --------------------------------------------------------------------

    def _prewriteto(self, inplace=False):
        mode = self.settings.mode
        if isinstance(mode, Latent) and not isinstance(mode.model, ModelName):
            keep(mode.model)  # or nobody could read what is written
        return super()._prewriteto(inplace=inplace)

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
        options = {"threads": threads, "progress": progress}
        if data is None:
            if self._structure is None or math.prod(self._structure.shape):
                self._forget_scaling()
                self._set_encoded(None, 1.0)
            return
        if self._baseline is None or not self._baseline.fits(data):
            self._encode_all(data, options)
        elif (changed := self._baseline.changed(data)).any():
            self._encode_changed(data, changed, options)
        else:
            return
        self._baseline = Baseline.of(data, self._structure.tile_shape)

    def _encode_all(self, data, options):
        stored = to_stored(data)
        self._forget_scaling()
        bitpix = DTYPE_TO_BITPIX[stored.dtype.newbyteorder("=")]
        if self._header.get("BITPIX") != bitpix:
            self._bitpix = self._header["BITPIX"] = bitpix
        if bitpix < 0:
            self._header.remove("BLANK", ignore_missing=True)
        bscale = unit_of(self._header)
        settings = self.settings
        if settings.tile_shape and len(settings.tile_shape) != stored.ndim:
            settings = replace(settings, tile_shape=None)  # they were those of another image
        if isinstance(settings.mode, Latent) and self._encoded is not None:
            settings = replace(settings, mode=replace(settings.mode, model=self._encoded.model))
        with self._placing_errors():
            encoded = encode_stored(  # what is written is read back
                stored, self._header, settings, bscale, verify=False, **options
            )
        self._set_encoded(encoded, bscale)
        self._fresh = (stored, True)

    def _encode_changed(self, data, changed, options):
        taken_over = self._open_encoded().source is not None  # its grids are not ours
        if taken_over or self._is_scaled and not self._keeps_grid:
            self._encode_all(data, options)
            return
        stored = self._stored_pixels()
        with self._placing_errors():
            encoded = codec.reencode_tiles(self._open_encoded(), stored, changed, **options)
        # In memory before the file that lazy streams are read from is written over.
        encoded = replace(encoded, streams=[bytes(stream) for stream in encoded.streams])
        self._set_encoded(encoded, self._structure.bscale)
        self._fresh = (stored, self._fresh[1] | changed)

    def _set_encoded(self, encoded, bscale):
        if self._bintable is not None:
            self.notes["AEEDITED"] = True
        self._encoded = encoded
        self._structure = structure_of(encoded, self._image_header(), self.settings, bscale)
        self._table_current = False
        self._damage = None
        self._kept = (None, None, None)
        if not self._is_scaled:
            self._learn_scaling()

    def copy(self):
        """A copy in memory, independent of the file; untouched pixels stay as coded."""
        encoded = self.encoded
        if encoded is not None:
            encoded = encoded.detached()
        twin = type(self).from_encoded(
            encoded,
            self._image_header(),
            settings=self.settings,
            bscale=self._structure.bscale,
            uint=self._uint,
            scale_back=self._scale_back,
            do_not_scale_image_data=self._do_not_scale_image_data,
            ignore_blank=self._ignore_blank,
        )
        twin.notes, twin._fresh = dict(self.notes), (None, self._fresh[1])
        return twin


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
        ignore_blank=False,
        character_as_bytes=False,
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
            ignore_blank=ignore_blank,
        )

    def __init__(
        self,
        data=None,
        header=None,
        disable_image_compression=False,
        uint=True,
        scale_back=None,
        do_not_scale_image_data=False,
        ignore_blank=False,
        character_as_bytes=False,
    ):
        """Never runs; astropy reads the keywords of `fits.open` off its signature."""

    @classmethod
    def match_header(cls, header):
        try:
            return super().match_header(header) and header.get(MARK) is True
        except VerifyError:  # astropy would give up the HDU, where it is a table still
            return False


fits.register_hdu(_AEGateway)
