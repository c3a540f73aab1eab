"""What the text of a value says, and that what is written reads back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neatfool.config.ini import split, unquote, without_comments
from neatfool.config.ini_writer import write_value

TEXTS = (
    st.text() | st.text(alphabet='ab "#;,\\\n[]=') | st.from_regex(r'"[a "#;]*"?', fullmatch=True)
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("200", "200"),
        ("200 # a comment", "200"),
        ("200\t; a comment", "200"),
        ("# nothing else", ""),
        ("a#b;c", "a#b;c"),
        ('"a # b"  # but this', '"a # b"'),
        ('5" wide # inches', '5" wide'),
        ('"a", "b ; c" ; d', '"a", "b ; c"'),
        ('["#", "b"] # c', '["#", "b"]'),
        ("one # first\n# no line\ntwo", "one\ntwo"),
    ],
)
def test_comments_begin_at_the_start_or_after_a_space(text, expected):
    assert without_comments(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("mnist", "mnist"),
        ('"mnist"', "mnist"),
        (r'"a\nb"', "a\nb"),
        ('"a" and "b"', '"a" and "b"'),
        ('"', '"'),
        (r'"\q"', r'"\q"'),
        ("", ""),
    ],
)
def test_double_quotes_hold_a_json_string(text, expected):
    assert unquote(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("3", ["3"]),
        ("3, 8", ["3", "8"]),
        ("great white shark, tench", ["great white shark", "tench"]),
        ("a\nb, c\n", ["a", "b", "c"]),
        (",a,,b,", ["a", "b"]),
        ('"a, b", c', ["a, b", "c"]),
        ('c, "a, b"', ["c", "a, b"]),
        ('""', [""]),
        ('"a" b, c', ['"a" b', "c"]),
    ],
)
def test_items_are_separated_by_commas_or_line_ends(text, expected):
    assert split(text) == expected


def test_spaces_separate_items_where_asked():
    assert split("sin  gauss,\n tanh", at_spaces=True) == ["sin", "gauss", "tanh"]


@given(TEXTS)
def test_text_that_is_written_reads_back(text):
    written = write_value(text)
    assert "\n" not in written
    assert unquote(without_comments(written)) == text


@given(st.lists(TEXTS))
def test_a_list_that_is_written_reads_back(items):
    assert split(without_comments(write_value(items))) == items


def test_plain_text_is_written_plainly():
    assert write_value("great white shark") == "great white shark"
    assert write_value(["3", "8"]) == "3, 8"
    assert [write_value(value) for value in (True, 5, 0.1, 1e-9)] == ["true", "5", "0.1", "1e-09"]
