"""What a table says of an image is checked before it is believed."""

from dataclasses import replace

import numpy as np
import pytest
from astropy.io.fits import Header
from hypothesis import given
from hypothesis import strategies as st

from astroae.container.structure import (
    Structure,
    card,
    read_notes,
    read_structure,
    structure_cards,
)
from astroae.errors import CorruptFileError, FormatVersionError, ModelError
from astroae.settings import Bounded, Latent, Lossless, ModelName, Relative, Settings

positive = st.floats(min_value=5e-324, max_value=1.7e308, exclude_min=False)
modes = st.one_of(
    st.just(Lossless()),
    st.builds(Bounded, quantize_level=positive, dither=st.sampled_from([0, 1, 2])),
    st.builds(Bounded, error_bound=positive, lossy_integers=st.booleans()),
    st.builds(
        Relative, st.floats(min_value=1e-300, max_value=0.999), st.one_of(st.none(), positive)
    ),
    st.builds(
        Latent,
        st.builds(ModelName, st.sampled_from(["unet187", "a b"]), st.just("0f" * 32)),
        positive,
        st.sampled_from(["coded", "cut"]),
    ),
)


@st.composite
def structures(draw):
    shape = tuple(draw(st.lists(st.integers(1, 40), min_size=1, max_size=5)))
    tile_shape = tuple(draw(st.integers(1, 60)) for _ in shape)
    dtype = np.dtype(draw(st.sampled_from(["u1", "i2", "i4", "i8", "f4", "f8"])))
    info = np.iinfo(dtype) if dtype.kind != "f" else None
    return Structure(
        shape,
        dtype,
        tile_shape,
        Settings(draw(modes), tile_shape, draw(st.integers(1, 10_000))),
        draw(st.floats(min_value=1e-30, max_value=1e30)),
        draw(st.none() | st.integers(info.min, info.max)) if info else None,
        draw(st.integers(0, 2**32 - 1)),
        draw(st.integers(0, 2**32 - 1)),
    )


def header_of(structure, notes=None):
    return Header.fromstring("".join(structure_cards(structure, 0, notes)))


@given(structures())
def test_structure_round_trip(structure):
    assert read_structure(header_of(structure)) == structure


SIMPLE = Structure(
    (30, 40), np.dtype("i2"), (16, 16), Settings(Lossless(), (16, 16), 7), scale_sum=0
)


@pytest.mark.parametrize(
    "keyword, value, error",
    [
        ("AEVERSN", 5, FormatVersionError),
        ("AEVERSN", 2, FormatVersionError),
        ("AEVERSN", 0, CorruptFileError),
        ("AEVERSN", "one", CorruptFileError),
        ("AEMODEL", "unet-9", ModelError),
        ("AEMODEL", 3, CorruptFileError),
        ("AEMODHSH", "ab" * 32, ModelError),
        ("AEMODE", "psychic", CorruptFileError),
        ("AEBITPIX", 17, CorruptFileError),
        ("AEBITPIX", True, CorruptFileError),
        ("AENAXIS", -1, CorruptFileError),
        ("AENAXIS", 33, CorruptFileError),
        ("AENAXIS", 3, CorruptFileError),
        ("AENAXIS1", -40, CorruptFileError),
        ("AENAXIS1", 10**30, CorruptFileError),
        ("AENAXIS1", 40.5, CorruptFileError),
        ("AETILE1", 0, CorruptFileError),
        ("AEBLANK", 40_000, CorruptFileError),
        ("AEBSCALE", 0.0, CorruptFileError),
        ("AEBSCALE", "x", CorruptFileError),
        ("AEDSEED", 10_001, CorruptFileError),
    ],
)
def test_hostile_card(keyword, value, error):
    header = header_of(SIMPLE)
    header[keyword] = value
    with pytest.raises(error) as caught:
        read_structure(header)
    assert keyword.rstrip("1") in str(caught.value) or keyword == "AEDSEED"


@pytest.mark.parametrize(
    "keyword", ["AEVERSN", "AEMODEL", "AEMODE", "AEBITPIX", "AETILE2", "AESCLSUM"]
)
def test_missing_card(keyword):
    header = header_of(SIMPLE)
    del header[keyword]
    with pytest.raises(CorruptFileError, match=keyword):
        read_structure(header)


def test_dither_without_its_seed():
    header = header_of(replace(SIMPLE, settings=Settings(Bounded(4.0), (16, 16), 7)))
    del header["AEDSEED"]
    with pytest.raises(CorruptFileError, match="AEDSEED"):
        read_structure(header)


def test_card_that_does_not_parse():
    text = "".join(structure_cards(SIMPLE, 0)).replace(
        "AEBITPIX=                   16", "AEBITPIX= 1 6"
    )
    with pytest.raises(CorruptFileError):
        read_structure(Header.fromstring(text.ljust(-(-len(text) // 80) * 80)))


def test_tile_larger_than_any_sane_one():
    header = header_of(SIMPLE)
    for keyword in ("AENAXIS1", "AENAXIS2", "AETILE1", "AETILE2"):
        header[keyword] = 2**20
    with pytest.raises(CorruptFileError, match="pixels"):
        read_structure(header)


def test_tile_larger_than_its_image_is_no_harm():
    header = header_of(SIMPLE)
    header["AETILE1"] = 2**40
    assert read_structure(header).tile_shape == (16, 2**40)


def test_notes_round_trip_and_damage():
    notes = {"AEPRIM": True, "AEFILSHA": "0" * 64, "AEFILNAM": "it's.fits"}
    header = header_of(SIMPLE, notes)
    assert read_notes(header) == notes
    header["AEPRIM"] = "maybe"
    assert "AEPRIM" not in read_notes(header)


def test_every_card_is_80_characters():
    notes = {"AEFILNAM": "x" * 200, "AEFILSHA": "0" * 64}
    assert {len(text) for text in structure_cards(SIMPLE, 3, notes)} == {80}
    assert float(card("AEERRBND", 1.2345678901234567e-300)[10:].split("/")[0]) == (
        1.2345678901234567e-300
    )
    assert Header.fromstring(card("AEFILNAM", "'" * 99))["AEFILNAM"] == "'" * 34
