"""Target http: what an experiment may say, and what must not stand in it."""

import pytest

from neatfool import ExperimentError
from neatfool.experiment.single_choice import choose
from neatfool.plugin.manager import PluginManager

CANARY = "sk-canary0123456789"
HTTPS = "https://example.org"
HEADERS_OF_KEYS = (
    *("x-functions-key", "X-Key", "X-Auth", "Auth", "X-Client-Key", "X-License-Key"),
    *("X-Session", "X-Pass", "Key", "X-Code"),
)
FIELDS_OF_KEYS = (
    *("apiKey", "APIKey", "access_token", "client-secret", "AWSAccessKeyId", "auth", "code", "pwd"),
    *("pass", "client_key", "app_key", "appkey", "secretkey", "accesskey", "authtoken"),
)


def read(**options):
    """Read options as an experiment's are; no target is made."""
    return choose(PluginManager(), "target", "http", {"url": HTTPS, "model": "m"} | options).options


def json_options(**options):
    return {
        "model": None,
        "height": 8,
        "width": 8,
        "body": {"image": "{image}"},
        "found_at": "found",
        "labels_at": "label",
        "scores_at": "score",
        **options,
    }


@pytest.mark.parametrize(
    "options",
    [
        {"headers": {"Authorization": f"Bearer {CANARY}"}},
        {"headers": {"Authorization": "secret of mine"}},
        {"headers": {"X-API-Key": "mine"}},
        {"headers": {"Ocp-Apim-Subscription-Key": "mine"}},
        {"headers": {"X-Thing": CANARY}},
        {"headers": {CANARY: "x"}},
        {"headers": {"Cookie": "session=1"}},
        {"headers": f"Authorization: Bearer {CANARY}"},
        {"headers": [CANARY]},
        {"headers": {"X-Many": [CANARY]}},
        {"url": f"https://example.org?key={CANARY}"},
        {"url": "https://example.org?api_key=mine"},
        {"url": "https://example.org?key=mine"},
        {"url": f"https://user:{CANARY}@example.org"},
        {"url": f"https://{CANARY}@example.org"},
        {"url": f"https://example.org/{CANARY}"},
        {"api_key_env": CANARY},
        {"api_key_env": "mine or yours"},
        {"api_key_env": "AKIACANARY0123456789"},
        {"model": CANARY},
        {"url": "https://example.org?code=mine"},
        {"url": "https://example.org?app_key=mine"},
        json_options(body={"image": "{image}", "key": "mine"}),
        json_options(body={"image": "{image}", "api_key": "mine"}),
        json_options(body={"image": "{image}", "more": [{"accessToken": "mine"}]}),
        json_options(body={"image": "{image}", "text": f"with {CANARY}"}),
        json_options(body=f"image, {CANARY}"),
        *({"headers": {name: "mine"}} for name in HEADERS_OF_KEYS),
        *(json_options(body={"image": "{image}", name: "mine"}) for name in FIELDS_OF_KEYS),
    ],
)
def test_a_key_in_an_experiment_is_an_error_that_does_not_show_it(options):
    with pytest.raises(ExperimentError) as caught:
        read(**options)
    said = str(caught.value)
    for secret in (CANARY, "mine", "AKIA", "secret of"):
        assert secret not in said
    error = caught.value
    while error is not None:
        assert CANARY not in repr(error)
        error = error.__cause__ or error.__context__


@pytest.mark.parametrize(
    "options",
    [
        {"headers": {"X-Model-Version": "7", "Accept-Language": "en"}},
        {"url": "https://example.org/v1?model=keyboards&top_k=5", **json_options()},
        json_options(body={"image": "{image}", "max_tokens": 5, "task": "Basic classification"}),
        json_options(body={"image": "data:image/png;base64,{image}", "monkey": "yes"}),
        json_options(body={"image": "{image}", "language_code": "en", "pass_through": "no"}),
        json_options(body={"image": "{image}", "key_points": 1, "keyword": "a", "tokenizer": "b"}),
        {"api_key_env": "HF_TOKEN"},
        {"api_key_env": "A", "headers": {"X-Goog-Api-Key": "{key}"}},
    ],
)
def test_what_is_no_key_is_taken(options):
    read(**options)


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "ftp://example.org",
        "gopher://example.org",
        "unix:///run/docker.sock",
        "javascript:alert(1)",
        "example.org",
        "//example.org",
        "http://",
        "http:///v2",
        "http://[::1",
        "http://example.org:99999",
        "http://exam ple.org",
        "http://example.org\r\nX-Header: 1",
        "http://example.org#part",
        "http://0177.0.0.1",
        "http://①②⑦.0.0.1",
        "http://256.1.1.1",
        "",
    ],
)
def test_only_http_and_https_addresses_are_taken(url):
    with pytest.raises(ExperimentError, match="url"):
        read(url=url)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"model": None}, "model is missing"),
        ({"url": "https://example.org?x=1"}, "url has a \\? in it"),
        (json_options(body={"i": "{image}", "c": "{classes}"}), "name 2 to 26 classes"),
        (json_options(body={"i": "{image}", "k": "{key}"}), r"body has a place \{key\}"),
        ({"url": "https://example.org/{key}"}, r"url has a place \{key\}"),
        ({"url": "https://{key}.example.org"}, "in its host"),
        (json_options(scores_at="expp(score)"), r"no function expp\(\); did you mean 'exp'"),
        (json_options(height=None), "height and width are missing"),
        (json_options(labels_at=None, found_at=None), "neither labels_at nor classes"),
        (json_options(labels_at=None, classes=["a", "b"]), "give found_at and labels_at"),
        (json_options(labels_at="[*"), "no JMESPath expression"),
        (json_options(body={"image": "png"}), "no place for the image"),
        (json_options(body=None), "no place for the image"),
        (json_options(send="bytes"), "body is not for send = bytes"),
        (json_options(send="form", body={"top": 3}), "one of them the file"),
        (json_options(classes=["a", "a"]), "a name twice"),
        ({"headers": {"Host": "example.com"}}, "set by neatfool itself"),
        ({"headers": {"X": "a\r\nY: b"}}, "ASCII, without line ends"),
        ({"ca_file": "none.pem"}, "there is no file"),
        ({"channels": 2}, r"must be 1 \(grey\) or 3"),
        ({"timeout": 0}, "must be > 0"),
        ({"concurrency": 0}, "must be >= 1"),
        ({"max_retries": 3}, "unknown key"),
    ],
)
def test_what_does_not_fit_together_is_an_error(options, said):
    with pytest.raises(ExperimentError, match=said):
        read(**options)
