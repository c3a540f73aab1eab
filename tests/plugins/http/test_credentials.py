"""Target http: a key that nothing shows."""

from __future__ import annotations

import time
import timeit

import pytest

from neatfool import ExperimentError
from neatfool_plugins.http.credentials import _ESCAPES, ApiKey

CANARY = "sk-canary0123456789"


def test_a_key_shows_itself_to_nobody():
    key = ApiKey(CANARY, "a test")
    assert CANARY not in f"{key} {key!r} {[key]} {vars(key).keys()}"
    assert key.reveal() == CANARY
    with pytest.raises(TypeError):
        __import__("copy").copy(key)


def test_a_key_is_scrubbed_in_all_its_forms():
    key = ApiKey('ab/c+d"e f', "a test")
    text = r'ab/c+d"e f, ab/c%2Bd%22e%20f, ab%2Fc%2Bd%22e%20f, ab/c+d\"e f, ab\/c+d\"e f, ' + (
        "YWIvYytkImUgZg==, and its beginning: ab/c+d"
    )
    scrubbed = key.scrub(text)
    assert scrubbed.count("[the key]") == 7
    assert "c+d" not in scrubbed


def test_a_key_is_taken_out_of_json_however_it_is_escaped():
    key = ApiKey(CANARY, "a test")
    assert key.scrub_json({"a": [f"is {CANARY}", 1.5, None], CANARY: True}) == {
        "a": ["is [the key]", 1.5, None],
        "[the key]": True,
    }


@pytest.mark.parametrize(
    "text",
    [
        r'{"error": "bad sk\u002bcanary\/0123456"}',
        r'{"error": "{\"of\": \"sk\\u002Bcanary/0123456\"}"}',
        "<p>sk&#43;canary&#x2F;0123456</p>",
        "sk&amp;#43;canary/0123456",
        "sk%2bcanary%2f0123456",
        r"its beginning: sk\u002Bcanary",
    ],
)
def test_a_key_is_scrubbed_however_a_service_escapes_it(text):
    scrubbed = ApiKey("sk+canary/0123456", "a test").scrub(text)
    assert "[the key]" in scrubbed
    assert "canary" not in scrubbed


def test_escapes_that_hide_no_key_stay():
    text = r"no \u00e9, &amp; and %20" + "%25" * 9
    assert ApiKey(CANARY, "a test").scrub(text) == text


@pytest.mark.parametrize(
    "unit",
    ["\\", "&", "%", "&#", "&a", "é%", "%41", r"\x", r"\\u005c", "&#9", "&" + " " * 900, CANARY],
)
def test_no_text_takes_long_to_scrub(unit):
    key = ApiKey(CANARY, "a test")
    text = unit * (2_000_000 // len(unit))
    began = time.process_time()
    scrubbed = key.scrub(text + CANARY)
    assert time.process_time() - began < 1
    assert CANARY not in scrubbed
    assert scrubbed.endswith("[the key]")
    assert CANARY not in key.scrub_json([text + CANARY])[0]


def test_backslashes_are_looked_through_once():
    def seconds(count):
        text = "\\" * count
        return min(timeit.repeat(lambda: _ESCAPES.sub("", text), number=1, repeat=5))

    assert seconds(4000) < 8 * seconds(1000)


def test_a_number_of_thousands_of_digits_is_no_letter():
    text = f"{CANARY} &#{'9' * 5000};"
    assert ApiKey(CANARY, "a test").scrub(text) == "[the key]"
    assert ApiKey(CANARY, "a test").scrub_json([text]) == ["[the key]"]


def test_numbers_and_names_that_only_begin_as_a_key_does_stay():
    said = {"score": [0.0000, 10000], "more": ["high score"]}
    assert ApiKey("0000", "a test").scrub_json(said) == said
    assert ApiKey("score-1234", "a test").scrub_json(said) == said


@pytest.mark.parametrize("value", ["", "   ", "abc", "ab\ncdef", "kéykey", "a\x00bcdef"])
def test_what_no_header_can_hold_is_no_key(value):
    with pytest.raises(ExperimentError, match="holds no key") as caught:
        ApiKey(value, "the file x")
    assert not value.strip() or value not in str(caught.value)
