"""A lazy header says what astropy's own says, of odd cards too."""

import pickle
import warnings

import pytest
from astropy.io.fits import Header
from astropy.io.fits.verify import VerifyError
from hypothesis import given
from hypothesis import strategies as st

from astroae.container.header import raw_cards
from astroae.container.lazy import LazyHeader

KEYS = ("NAXIS", "BSCALE", "EXTNAME", "DP1", "A-_9")
#: What follows column 8, or a whole card.
RESTS = (
    "=                    2 / axes",
    "=                  007",
    "=                  -12/no space",
    "= 12345678901234567890123",
    "=                 1.50 / is: 'quoted'",
    "= 1.5D3",
    "= 1.5E-3",
    "= .5",
    "= 2 5",
    "= - 5",
    "=                    T",
    "=                    F / no",
    "= TRUE",
    "= 'M 31    '           / object",
    "= 'it''s   '",
    "= ''",
    "= '   '",
    "= 'open",
    "= 'AXIS.1: 2' / a record",
    "= 'AXIS.1: 2.5D1' / a record that astropy cannot read",
    "= 'not: a record'",
    "= 'goes on &'",
    "= 'ends with &",
    "= (1.0, 2.0)",
    "=",
    "= / nothing",
    "=5",
    "  no value",
    "= \t5",
    "= = 5",
    "= 'caf\xe9'",
    "",
)
WHOLE = (
    "COMMENT = 5",
    "HISTORY none",
    "CONTINUE  'more' / comment",
    "CONTINUE  'more &'",
    "HIERARCH NAXIS = 7",
    "HIERARCH ESO DET ID = 'x: 1'",
    "HIERARCH nothing",
    "naxis   = 3",
    "NAXIS= 4",
    " NAXIS  = 4",
    "        text",
    "",
    "END     = 3",
    "END",
    "N\xe9XIS  = 4",
)
CARDS = st.one_of(
    st.builds("{:8s}{}".format, st.sampled_from(KEYS), st.sampled_from(RESTS)),
    st.sampled_from(WHOLE),
)


def told(header, ask):
    """What a header answers, errors too."""
    try:
        return repr(ask(header))
    except (LookupError, ValueError, VerifyError) as exc:
        return type(exc).__name__


@pytest.mark.filterwarnings("ignore")
@given(st.lists(CARDS, max_size=8), st.booleans())
def test_as_astropy_says(cards, as_bytes):
    text = "".join(card.ljust(80) for card in cards)
    data = text.encode("latin-1") if as_bytes else text
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for key in (*KEYS, "END", "CONTINUE", "naxis", "DP1.AXIS.1", "ESO DET ID", "A", 0):
            for ask in (
                lambda h, key=key: h.get(key, "none"),
                lambda h, key=key: h[key],
                lambda h, key=key: key in h,
                lambda h: list(h),
                lambda h, key=key: type(h.get(key)),
                lambda h: list(h) and raw_cards(h),  # astropy refuses some when they are read
            ):
                wanted = told(data, lambda d, ask=ask: ask(Header.fromstring(d)))
                assert told(data, lambda d, ask=ask: ask(LazyHeader.of(d))) == wanted
        for key in ("NAXIS", "BSCALE"):
            wanted = told(data, lambda d, key=key: Header.fromstring(d).count(key))
            assert told(data, lambda d, key=key: LazyHeader.of(d).count(key)) == wanted


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("key", KEYS)
def test_each_card_by_itself(key):
    for rest in RESTS:
        text = f"{key:8s}{rest}".ljust(80) + "BITPIX  =                    8".ljust(80)
        for ask in (
            lambda h: h[key],
            lambda h: h[f"{key}.AXIS.1"],
            lambda h: h.count(key),
            lambda h: h["BITPIX"],
            lambda h: list(h),
        ):
            wanted = told(text, lambda d, ask=ask: ask(Header.fromstring(d)))
            assert told(text, lambda d, ask=ask: ask(LazyHeader.of(d))) == wanted, rest


def test_a_comment_that_ends_in_end_ends_no_header():
    text = "COMMENT".ljust(77) + "END" + " " * 80 + "NAXIS   =                    2".ljust(80)
    header = LazyHeader.of(text + "END".ljust(80) + "NAXIS1  =                    5".ljust(80))
    assert header["NAXIS"] == 2 and "NAXIS1" not in header and raw_cards(header)[2] == text[160:]


def test_edited_as_any_header():
    header = LazyHeader.of("NAXIS   =                    2".ljust(80))
    assert header["NAXIS"] == 2
    header["NAXIS"] = 3
    header["BITPIX"] = 8
    assert (header["NAXIS"], header.get("BITPIX"), "BITPIX" in header) == (3, 8, True)
    assert raw_cards(header)[0][:30] == "NAXIS   =                    3"
    header.cards["NAXIS"].value = 4
    assert header["NAXIS"] == 4
    again = pickle.loads(pickle.dumps(header))
    assert again["NAXIS"] == header.copy()["NAXIS"] == 4


def test_a_pickle_before_it_is_parsed():
    header = pickle.loads(pickle.dumps(LazyHeader.of("NAXIS   =                    2")))
    assert header["NAXIS"] == 2 and header.text is not None
    assert len(header) == 1 and header.text is None
