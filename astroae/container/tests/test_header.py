"""Image headers come back to the byte."""

import string

import pytest
from astropy.io import fits
from astropy.io.fits import Header
from hypothesis import given
from hypothesis import strategies as st

from astroae.container.header import header_sum, raw_cards, to_image_header, to_table_cards
from astroae.container.structure import card
from astroae.errors import UnsupportedDataError

# astropy warns of each non-standard card, which is what most of these are.
pytestmark = pytest.mark.filterwarnings("ignore::astropy.utils.exceptions.AstropyUserWarning")

TABLE = "XTENSION= 'BINTABLE'".ljust(80) + "BITPIX  =                    8".ljust(80)

NASTY = """\
XTENSION= 'IMAGE   '           / an image, says its own comment
BITPIX  =                  -32 / odd comment
NAXIS   =                    2/ no blank before the slash
NAXIS1  =                  100
NAXIS2  =                  +50 / signed
PCOUNT  =                    0
GCOUNT  =                    1
BSCALE  =               1.0E+0
BZERO   =                 0.d0
BUNIT   = 'adu'
BLANK   =                   -1
DATAMAX =                   1.
DATAMIN =                   0.
EXTNAME = 'SCI'
OBJECT  = 'M 31'
OBJECT  = 'M 32'               / again
COMMENT between
COMMENT = 'not a value'
HISTORY of it

        blank keyword
TTYPE1  = 'COUNTS'
TFORM1  = 'E'
TFIELDS =                    1
THEAP   =                   12
ZIMAGE  =                    T
ZNAXIS1 =                    7
ZTENSION= 'IMAGE'
ZSCALE  =                  0.5
AEFOO   =                    1 / not ours
AEIMAGE =                    F
AEK1    = 'OBJECT'
HIERARCH ESO DET NAME = 'chip 1'
HIERARCH TTYPE1 = 'astropy drops the word'
HIERARCH AEIMAGE = T
LONG    = 'a long string that goes on and on and on until it meets the end of &'
CONTINUE  'the card and is carried over'
TUNIT1  = 'and one of those that are escaped goes on and on until it meets the&'
CONTINUE  'end'
NOVALUE
lower   = 'lower case keyword'
EXPO    =1.0 / badly aligned
GROUPS  =                    F
CHECKSUM= 'abcdefghijklmnop'   / of the original
DATASUM = '12345'
NAXIS123=                    1
"""


def as_header(text, n_blank=0):
    cards = [line.ljust(80) for line in text.splitlines()]
    return Header.fromstring("".join(cards + [" " * 80] * n_blank))


def round_trip(header):
    """Through a table's header, with the table's own checksum cards behind it."""
    cards, n_blank = to_table_cards(header)
    own = [TABLE, card("AEIMAGE", True), card("AEHDRBEG", n_blank)]
    sums = ["CHECKSUM= 'table'".ljust(80), "DATASUM = '1'".ljust(80)]
    table = Header.fromstring("".join(own + cards + sums))
    return to_image_header(table), cards


@pytest.mark.parametrize("n_blank", [0, 1, 7])
def test_nasty_header_comes_back(n_blank):
    header = as_header(NASTY, n_blank)
    back, _ = round_trip(header)
    assert raw_cards(back) == raw_cards(header)
    assert header_sum(back) == header_sum(header)


def test_nothing_of_the_image_passes_for_the_table():
    cards, _ = to_table_cards(as_header(NASTY))
    table = Header.fromstring("".join(cards))
    for keyword in (
        "TTYPE1",
        "TFIELDS",
        "ZIMAGE",
        "AEIMAGE",
        "BSCALE",
        "BUNIT",
        "NAXIS",
        "CHECKSUM",
    ):
        assert keyword not in table


def test_world_coordinates_stay_readable():
    header = as_header("XTENSION= 'IMAGE   '\nCRVAL1  = 10.5\nEXTNAME = 'SCI'\nTELESCOP= 'x'\n")
    cards, _ = to_table_cards(header)
    assert cards[1:] == raw_cards(header)[1:]


def test_primary_header_comes_back():
    header = fits.PrimaryHDU([[1, 2]]).header
    header["ORIGIN"] = "here"
    back, cards = round_trip(header)
    assert raw_cards(back) == raw_cards(header)
    assert cards[0].startswith("ZSIMPLE")


def test_card_added_by_another_program_is_the_images():
    cards, n_blank = to_table_cards(as_header("BITPIX  =                    8\n"))
    table = Header.fromstring("".join([TABLE, card("AEHDRBEG", n_blank), *cards]))
    table["ADDED"] = 1
    assert to_image_header(table)["ADDED"] == 1


def test_header_rebuilt_without_its_mark():
    cards, _ = to_table_cards(as_header(NASTY))
    kept = [c for c in cards if not c.startswith("CHECKSUM")]
    back = to_image_header(Header.fromstring("".join([TABLE, card("AEIMAGE", True), *kept])))
    assert raw_cards(back) == raw_cards(as_header(NASTY))


@pytest.mark.parametrize("value", ["= -1", "= 999999999999", "= 'x'", "", "= 1e5"])
def test_hostile_count_of_blank_cards(value):
    table = Header.fromstring(TABLE + f"AEHDRBEG{value}".ljust(80) + "OBJECT  = 'x'".ljust(80))
    assert len(to_image_header(table)) < 100_000
    assert to_image_header(table)["OBJECT"] == "x"


def test_too_many_reserved_cards():
    header = Header.fromstring("AEFOO   =                    1".ljust(80) * 100_000)
    with pytest.raises(UnsupportedDataError, match="99999"):
        to_table_cards(header)


keyword = st.one_of(
    st.text(string.ascii_uppercase + string.digits + "-_", min_size=1, max_size=8),
    st.sampled_from(
        "NAXIS1 ZNAXIS1 SIMPLE ZSIMPLE TFORM12 AEX1 AEK2 AEHDRBEG COMMENT HISTORY HIERARCH "
        "CONTINUE BUNIT BLANK ZHECKSUM CHECKSUM DATASUM ZDATASUM".split()
    ),
    st.just(""),
)
rest = st.text([chr(i) for i in range(32, 127)], max_size=72)


@given(st.lists(st.builds(lambda k, r: (f"{k:8s}" + r).ljust(80), keyword, rest), max_size=30))
def test_any_cards_come_back(cards):
    cards = [c for c in cards if c[:8] != "END     "]
    header = Header.fromstring("".join(cards))
    back, _ = round_trip(header)
    assert raw_cards(back) == raw_cards(header)
