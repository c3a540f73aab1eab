"""Target http: what names of secrets look like."""

from __future__ import annotations

import pytest

from neatfool_plugins.http.client.literal_keys import is_secret_name

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
