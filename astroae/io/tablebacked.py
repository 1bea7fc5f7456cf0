"""The file side of `AEImageHDU`: which table stands for the image, and when it is written.

An HDU has one of three tables: none yet, that of the file it was read from, or one
packed in memory.  ``_table_current`` says whether it holds the pixels as they are.
Writing to another file leaves the HDU bound to the file it came from.
"""

import copy
import operator
from dataclasses import replace

from astropy.io import fits
from astropy.io.fits.verify import VerifyError

from astroae.container.header import (
    from_cards,
    raw_cards,
    scale_sum,
    table_own_cards,
    to_table_cards,
)
from astroae.container.keywords import HEADER_BEGIN
from astroae.container.rows import pack
from astroae.container.structure import card, structure_cards
from astroae.errors import CorruptFileError
from astroae.io.prewrite import Expected, check_header, check_table
from astroae.io.table import AETable

__all__ = ["TableBackedHDU"]

_PLACES = ("_file", "_buffer", "_header_offset", "_data_offset", "_data_size", "_new")


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


class TableBackedHDU(fits.CompImageHDU):
    """CompImageHDU whose table astropy copies and never interprets.

    A subclass gives ``encode()``, ``_encoded``, ``_structure``, ``_damage``, ``notes``,
    ``_image_header()``, ``_placing_errors()`` and ``_fresh``: stored values, and which
    tiles were coded from them and not written yet (a bool for each, or one for all).
    """

    _file = _on_table("_file")
    _buffer = _on_table("_buffer")
    _header_offset = _on_table("_header_offset")
    _data_offset = _on_table("_data_offset")
    _data_size = _on_table("_data_size")
    _new = _on_table("_new")

    @property
    def size(self):
        """Bytes of the data unit in the file."""
        if self._bintable is None:
            return self._header.data_size
        try:
            size = operator.index(self._bintable.size)
            if size < 0:  # astropy would go back for the next HDU, and find this one for ever
                raise ValueError(f"{size} bytes")
            return size
        except (KeyError, TypeError, ValueError, VerifyError) as exc:
            raise CorruptFileError(
                "the size of the table cannot be told",
                where="NAXISn, PCOUNT and GCOUNT",
                found=str(exc),
                hint="the file is damaged: restore it from a copy",
            ) from exc

    def _prewriteto(self, inplace=False):
        if self._damage is None:
            self.update_header()  # cards that say what the pixels are not
            self.encode()
        table = self._table(inplace)
        table._output_checksum = self._output_checksum
        self._tmp_bintable = table
        return table._prewriteto(inplace=inplace)

    def _table(self, inplace):
        """The table to be written: the HDU's own, or one for another file."""
        if self._table_current:
            return self._with_header(inplace)
        header, packed = self._new_table(*self._fresh)
        self._fresh = (None, False)
        if self._bintable is None:
            self._bintable = self._placed(AETable(header, packed))
            self._table_current = True
            return self._bintable
        table = self._bintable if inplace else copy.copy(self._bintable)
        table._header, table.packed = header, packed
        self._table_current = inplace
        return table

    def _new_table(self, stored, fresh, threads=None):
        """Header and data unit of the pixels as they are, read back before they are used."""
        packed, image_header = pack(self._encoded), self._image_header()
        cards, n_blank = to_table_cards(image_header)
        # Scale cards may have been edited since the pixels were coded.
        structure = replace(self._structure, scale_sum=scale_sum(image_header))
        own = packed.cards + structure_cards(structure, n_blank, self.notes, cards)
        header = _modified_header(own + cards)
        expected = Expected(structure, image_header, stored, fresh)
        with self._placing_errors():
            check_table(header, packed, expected, lambda _: self._encoded.model, threads=threads)
        return header, packed

    def _placed(self, table):
        """A new table, given the place in a file that the HDU may have had."""
        for name in _PLACES:
            setattr(table, name, self.__dict__.get("_own" + name))
        return table

    def _with_header(self, inplace):
        """The table as it is, under the header as it is now.

        Where nothing changed it is left alone, checksums included, so that
        closing a file that was opened for update does not write to it.
        """
        old, image_header = raw_cards(self._bintable.header), self._image_header()
        cards, n_blank = to_table_cards(image_header)
        begin = _find(old, HEADER_BEGIN)
        if not begin and not self._header._modified:
            return self._bintable
        scale = _same_or_new(_find(old, "AESCLSUM"), "AESCLSUM", scale_sum(image_header))
        own = [scale if c.startswith("AESCLSUM") else c for c in table_own_cards(old)]
        new = own + [_same_or_new(begin, HEADER_BEGIN, n_blank)] + cards
        if new == [c for c in old if c[:8].rstrip() not in ("CHECKSUM", "DATASUM")]:
            return self._bintable
        header = _modified_header(new)
        if self._damage is None:
            with self._placing_errors():
                check_header(header, Expected(self._structure, image_header))
        table = self._bintable if inplace else copy.copy(self._bintable)
        table._header = header
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

    def filebytes(self):
        """Bytes that this HDU takes in a file, header and padding included."""
        self._prewriteto()
        try:
            return self._tmp_bintable.filebytes()
        finally:
            self._postwriteto()

    def _verify_checksum_datasum(self):
        table = self._bintable
        table._verify_checksum_datasum()
        for name in ("_checksum", "_datasum", "_checksum_valid", "_datasum_valid"):
            setattr(self, name, getattr(table, name))


def _modified_header(cards):
    header = from_cards(cards)
    header._modified = True
    return header


def _find(cards, keyword):
    return next((c for c in cards if c.startswith(keyword)), "")


def _same_or_new(old, keyword, value):
    """The card that was there while it says the same, else a new one."""
    try:
        same = int(old[10:].split("/")[0]) == value
    except ValueError:
        same = False
    return old if same else card(keyword, value)
