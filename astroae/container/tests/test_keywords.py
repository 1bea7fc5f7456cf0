"""The table of keywords and columns is complete, and fits into cards."""

import ast
import inspect

import pytest

from astroae.codec.image import TILE_DTYPE
from astroae.container import keywords
from astroae.container.keywords import (
    CERTIFICATE_COLUMNS,
    CERTIFICATE_KEYWORDS,
    COLUMNS,
    FILE_KEYWORDS,
    KEYWORDS,
    comment_of,
    is_extra,
)


@pytest.mark.parametrize(
    "keyword", KEYWORDS + FILE_KEYWORDS + CERTIFICATE_KEYWORDS, ids=lambda k: k.name
)
def test_keyword_fits_a_card(keyword):
    assert len(keyword.name) <= 8
    assert keyword.name.startswith("AE")
    assert keyword.meaning.endswith(".")
    # A number, its sign and exponent, and the comment: one card.
    assert len(keyword.comment) <= 47


def test_names_are_unique():
    for table in (KEYWORDS + FILE_KEYWORDS + COLUMNS, CERTIFICATE_KEYWORDS, CERTIFICATE_COLUMNS):
        names = [entry.name for entry in table]
        assert len(names) == len(set(names))


def test_columns_hold_every_figure_of_a_tile():
    fixed = {column.name: column.dtype for column in COLUMNS if column.dtype}
    assert fixed == {name: TILE_DTYPE[name].str[1:] for name in TILE_DTYPE.names}


def test_comment_of_numbered_keyword():
    assert comment_of("AETILE2") == comment_of("AETILEn")
    with pytest.raises(KeyError):
        comment_of("AEOTHER")


def test_module_imports_only_the_standard_library():
    tree = ast.parse(inspect.getsource(keywords))
    found = [node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    found += [a.name for node in ast.walk(tree) if isinstance(node, ast.Import) for a in node.names]
    assert found == ["dataclasses"]


def test_a_copied_certificate_is_the_users_table():
    """Only those that name the file itself were added to it, and go on the way back."""
    own = {"AECERT": True, "AEFILSHA": "ab"}
    assert is_extra(own, "ab") and is_extra(own)
    assert not is_extra(own, "cd")
    assert not is_extra({"AECERT": True}, "ab")
    assert is_extra({"AEPREV": True}, "ab") and is_extra({"AEMODEXT": True}, "ab")
    assert not is_extra({"AECERT": False, "AEPREV": 1}, "ab")
