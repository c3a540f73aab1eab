"""Target http: a key that nothing shows."""

import time

import pytest

from neatfool import ExperimentError
from neatfool_plugins.http.credentials import ApiKey
from neatfool_plugins.http.service import MOST_QUOTED

CANARY = "sk-canary0123456789"


def test_a_key_shows_itself_to_nobody():
    key = ApiKey(CANARY, "a test")
    assert CANARY not in f"{key} {key!r} {[key]} {vars(key).keys()}"
    assert key.reveal() == CANARY
    with pytest.raises(TypeError):
        __import__("copy").copy(key)


@pytest.mark.parametrize(
    "text",
    [
        r'ab/c+d"e f', r"ab/c%2Bd%22e%20f", r"ab%2Fc%2Bd%22e%20f", r'ab/c+d\"e f', r"ab\/c+d\"e f",
        "YWIvYytkImUgZg==", "cut off: ab/c+d",
    ],
)  # fmt: skip
def test_a_key_is_found_in_all_its_forms(text):
    assert ApiKey('ab/c+d"e f', "a test").is_in(f"so: {text}")


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
def test_a_key_is_found_however_a_service_escapes_it(text):
    assert ApiKey("sk+canary/0123456", "a test").is_in(text)


def test_escapes_that_hide_no_key_do_no_harm():
    assert not ApiKey(CANARY, "a test").is_in(r"no \u00e9, &amp; and %20" + "%25" * 9)


@pytest.mark.parametrize(
    "unit",
    ["\\", "&", "%", "&#", "&a", "é%", "%41", r"\x", r"\\u005c", "&#9", "&" + " " * 900, CANARY],
)
def test_no_text_takes_long_to_look_through(unit):
    text = unit * (MOST_QUOTED // len(unit))
    began = time.process_time()
    assert ApiKey(CANARY, "a test").is_in(text + CANARY)
    assert time.process_time() - began < 1


def test_numbers_and_names_that_only_begin_as_a_key_does_stay():
    said = {"score": [0.0000, 10000], "more": ["high score"]}
    assert ApiKey("0000", "a test").scrub_json(said) == said
    assert ApiKey("score-1234", "a test").scrub_json(said) == said


@pytest.mark.parametrize("value", ["", "   ", "abc", "ab\ncdef", "kéykey", "a\x00bcdef"])
def test_what_no_header_can_hold_is_no_key(value):
    with pytest.raises(ExperimentError, match="holds no key") as caught:
        ApiKey(value, "the file x")
    assert not value.strip() or value not in str(caught.value)
