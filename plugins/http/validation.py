"""The texts of an experiment: addresses, headers, places such as ``{key}``, and no keys."""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from pydantic import AfterValidator

KEY_PLACE, IMAGE_PLACE, CLASSES_PLACE = "{key}", "{image}", "{classes}"
"""What stands for the key, an image in base64, and the classes with letters."""
HEADER_VALUE: Final = re.compile(r"[\x20-\x7e]*")
HEADER_NAME: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_OWN_HEADERS: Final = ("host", "content-length", "transfer-encoding", "connection")
_PLACES: Final = re.compile(r"\{(?:image|key|classes)\}")
_SECRET_NAME: Final = re.compile(
    r"(?<![a-z])(?:auth|authori[sz]ation|cookie|credentials?|pwd|secret|session|sig|signature"
    r"|token)(?![a-z])|(?<!mon)(?<!don)(?<!tur)(?<!hoc)key(?:-?id)?$|(?<![a-z])pass$|(?:passwd|password|secret"
    r"|token)$|^(?:x-)?code$"
)
_KEY_SHAPES: Final = re.compile(
    r"^\s*(?:bearer|basic|key|token|apikey)\s+(?=\S*\d)\S{8,}"
    r"|\b(?:sk-|hf_|ghp_|gho_|github_pat_|glpat-|xox[abp]-|AIza|ya29\.|AKIA|ASIA)[\w.-]{8,}"
    # The first eyJ of a word is enough, so that no word is read twice.
    r"|(?<![\w-])(?>[\w-]*?\beyJ)[\w-]{8,}+\.[\w.-]{8,}",
    re.IGNORECASE,
)


def has_place(template: Any, place: str) -> bool:
    """Say whether a place is in a text of a JSON value."""
    return any(place in text for _, text in find_texts("", template))


def find_texts(name: str, value: Any) -> Iterator[tuple[str, str]]:
    """List the texts of a JSON value, each with the name that is nearest to it."""
    if isinstance(value, str):
        yield name, value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from find_texts(str(key), inner)
    elif isinstance(value, list):
        for inner in value:
            yield from find_texts(name, inner)


def fill(template: Any, places: Mapping[str, str]) -> Any:
    """Put what has a place into the texts of a template."""
    if isinstance(template, str):
        # In one pass: what is filled in is not looked through.
        return _PLACES.sub(lambda match: places.get(match[0], match[0]), template)
    if isinstance(template, dict):
        return {key: fill(inner, places) for key, inner in template.items()}
    if isinstance(template, list):
        return [fill(inner, places) for inner in template]
    return template


def refuse_keys(value: Any) -> Any:
    """Refuse what looks like a key written into an experiment, by its name or by its value."""
    for place, text in find_texts("it", value):
        named = text.strip() and KEY_PLACE not in text and is_secret_name(place)
        if named or looks_like_a_key(text):
            raise ValueError(
                f"{place!r} holds what looks like a key; put the key into an environment variable, "
                "name it with api_key_env, and write "
                f"{KEY_PLACE} in its place"
            )
    return value


def is_secret_name(name: str) -> bool:
    """Say whether what has this name is a secret: ``Authorization``, ``X-API-Key``, ``token``."""
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", "-", name).lower()
    return _SECRET_NAME.search(words) is not None


def looks_like_a_key(text: str) -> bool:
    """Say whether a text has the shape of a key of a known kind."""
    return _KEY_SHAPES.search(text) is not None


def must_be(be: str, check: Callable[[Any], object]) -> AfterValidator:
    """Validate an option, if it is given; what it is instead is not shown: it may be a key."""

    def validate(value: Any) -> Any:
        if value is not None and (looks_like_a_key(str(value)) or not check(value)):
            raise ValueError(f"must be {be}")
        return value

    return AfterValidator(validate)


def check_headers(headers: Any) -> Any:
    """Refuse what are no headers, or have a key in them, without showing it."""
    if not isinstance(headers, dict) or not all(isinstance(e, str) for e in headers.values()):
        raise ValueError('must be a JSON object of texts, as in {"name": "text"}')
    for name, value in headers.items():
        if looks_like_a_key(name):
            raise ValueError("has a key in the place of a header's name")
        if not HEADER_NAME.fullmatch(name) or not HEADER_VALUE.fullmatch(value):
            raise ValueError("names and values of headers are ASCII, without line ends")
        if name.lower() in _OWN_HEADERS:
            raise ValueError(f"{name!r} is set by neatfool itself; leave it out")
    refuse_keys(headers)
    return headers


def check_json(value: Any) -> Any:
    """Refuse what is no JSON object, without showing it: it may have a key in it."""
    if value is not None and not isinstance(value, dict | list):
        raise ValueError('must be JSON, as in {"name": "text"}')
    return value


def check_url(url: str) -> str:
    """Refuse what is no address, or has a key in it."""
    if looks_like_a_key(url):
        raise ValueError("has a key in it; name its environment variable with api_key_env")
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - raises where it is none
        with suppress(ModuleNotFoundError):  # the target says what to install
            import httpx2

            httpx2.URL(url)
    except Exception:  # ValueError, or httpx2's own
        raise ValueError(
            "is no address; give http://HOST or https://HOST, as in http://127.0.0.1 or http://[::1]"
        ) from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("must begin with http:// or https:// and a host")
    if parts.username is not None or parts.password is not None:
        raise ValueError("has a user or password in it; name the key's variable with api_key_env")
    if "{" in parts.netloc:
        raise ValueError("has a { in its host; places are for the path and the query")
    if parts.fragment or any(not each.isprintable() or each == " " for each in url):
        raise ValueError("has a space, a control character or a # in it; leave it out")
    for name, value in parse_qsl(parts.query):
        refuse_keys({name: value})
    return url
