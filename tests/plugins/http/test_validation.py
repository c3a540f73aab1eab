"""Target http: an experiment's texts, their places, and what names of secrets look like."""

from __future__ import annotations

import json

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from neatfool_plugins.http.validation import fill, is_secret_name

HEADERS_OF_KEYS = (
    *("x-functions-key", "X-Key", "X-Auth", "Auth", "X-Client-Key", "X-License-Key"),
    *("X-Session", "X-Pass", "Key", "X-Code"),
)


FIELDS_OF_KEYS = (
    *("key", "auth", "code", "pwd", "pass", "client_key", "app_key", "appkey", "secretkey"),
    *("accesskey", "authtoken"),
)


@pytest.mark.parametrize(
    ("name", "secret"),
    [
        ("Authorization", True),
        ("x-api-key", True),
        ("apiKey", True),
        ("APIKey", True),
        ("api_key", True),
        ("access_token", True),
        ("client-secret", True),
        ("AWSAccessKeyId", True),
        *[(name, True) for name in HEADERS_OF_KEYS + FIELDS_OF_KEYS],
        ("language_code", False),
        ("monkey", False),
        ("key_points", False),
        ("max_tokens", False),
        ("keyword", False),
        ("tokenizer", False),
        ("Content-Type", False),
    ],
)
def test_names_tell_secrets(name, secret):
    assert is_secret_name(name) is secret


@given(
    st.recursive(
        st.one_of(st.none(), st.integers(), st.text(max_size=8), st.just("a {image} b")),
        lambda inner: st.one_of(
            st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=4), inner, max_size=3)
        ),
        max_leaves=8,
    )
)
def test_filling_a_template_changes_its_places_only(template):
    assume("{image}" not in json.dumps(template).replace("a {image} b", ""))
    filled = fill(template, {"{image}": "AAE="})
    assert json.dumps(filled) == json.dumps(template).replace("{image}", "AAE=")
