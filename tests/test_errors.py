"""Messages: whatever they quote, a terminal can show them."""

import pytest

from neatfool.errors import LONGEST_LINE, ExperimentError, nearest, quoted


def test_a_message_holds_no_control_characters_whatever_it_quotes():
    told = str(ExperimentError("a.ini: \x1b[31mred\x07\x9b\u202e\r: unknown\n\tnext line"))
    assert told == "a.ini: \\x1b[31mred\\x07\\x9b\\u202e\\r: unknown\n\tnext line"


def test_a_message_about_a_megabyte_keeps_where_and_what_to_do():
    told = str(ExperimentError(f"a.ini:3: {'x' * 1_000_000}: unknown; leave it out\nanother"))
    first, second = told.split("\n")
    assert first.startswith("a.ini:3: xxx")
    assert first.endswith("xxx: unknown; leave it out")
    assert len(first) <= LONGEST_LINE + 1
    assert second == "another"


@pytest.mark.parametrize(
    ("text", "shown"), [("café", "'café'"), ("it's", '"it\'s"'), ("\x1b[0m", r"'\x1b[0m'")]
)
def test_a_quotation_is_safe_to_print(text, shown):
    assert quoted(text) == shown


def test_a_long_quotation_has_its_ends():
    assert quoted("a" * 1000 + "b" * 1000) == f"'{'a' * 30}…{'b' * 30}'"


def test_the_empty_name_is_never_offered():
    assert nearest("", ["", "mean"]) == "; there are: mean"
    assert nearest("", [""]) == ""


def test_a_name_that_is_a_word_of_a_wrong_one_is_offered_first():
    assert nearest("image_size", ["batch_size", "size"]).startswith("; did you mean 'size' or")


def test_all_names_are_listed_unless_they_are_many():
    assert nearest("x", map(str, range(10, 35))).count(", ") == 24
    assert nearest("x", map(str, range(100, 200))).endswith(", … (100 in all)")
