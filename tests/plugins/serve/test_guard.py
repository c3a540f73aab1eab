"""Pages of other sites are kept away from what serves on this machine."""

import json
import socket
from urllib.parse import urlsplit

import numpy as np
import pytest
from commands import neatfool, run_small, write_experiment
from serving import binary_request, body_of, in_a_process, in_this_process, on_loopback
from watching import ask, served

from neatfool.testing import ToyTarget

JSON = {"Content-Type": "Application/JSON; charset=utf-8"}
IMAGES = np.zeros((1, *ToyTarget().spec.shape), np.uint8)
BODY = json.dumps(body_of(IMAGES)).encode()


@pytest.fixture(scope="module")
def service():
    """Serve a target; give its address."""
    with in_this_process(ToyTarget()) as client, on_loopback(client.app) as port:
        yield f"http://127.0.0.1:{port}/v2"


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """Serve the page of a run; give its address."""
    with served(run_small(tmp_path_factory.mktemp("watched"))) as address:
        yield address


@pytest.fixture(params=["service", "page"])
def place(request):
    found: str = request.getfixturevalue(request.param)
    return found


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.0.0.1:{port}", "localhost:{port}", "LocalHost", "[::1]:{port}"]
)
def test_this_machine_is_known_by_its_addresses_and_as_localhost(place, host):
    port = urlsplit(place).port
    assert ask(place, Host=host.format(port=port))[0] == 200


WRONG_HOST = b'{"error":"the request\'s Host is no name of this service; ask it by its address"}'


@pytest.mark.parametrize(
    "host",
    [
        "evil.example:{port}",
        "localhost:{port}@evil.example",
        "localhost.evil.example:{port}",
        "127.0.0.1.evil.example:{port}",
        "evil.example:80@127.0.0.1",
        "evil.example, 127.0.0.1",
        "",
    ],
)
def test_a_name_that_was_made_to_lead_here_is_refused(place, host):
    port = urlsplit(place).port
    assert ask(place, Host=host.format(port=port)) == (400, WRONG_HOST)


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "no-cors"},
        {"Origin": "http://evil.example", "Sec-Fetch-Site": "same-origin"},
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_the_page_of_another_site_is_refused(place, method, headers):
    answer = ask(place, method, **headers)
    assert answer == (403, b'{"error":"the page of another site asks"}')


def test_its_own_page_and_programs_are_answered(place):
    port = urlsplit(place).port
    for headers in (
        {"Origin": f"http://127.0.0.1:{port}", "Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate"},
        # Somebody clicks the address in a notebook.
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"},
    ):
        assert ask(place, **headers)[0] == 200


def test_images_are_taken_from_programs_only(service):
    """A page may send these without asking the browser: text, forms, and no type at all."""
    address = f"{service}/models/toy/infer"
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""):
        status, words = ask(address, "POST", BODY, **{"Content-Type": kind})
        assert status == 415
        assert "send application/json" in words.decode()
    assert ask(address, "POST", BODY)[0] == 415
    assert ask(address, "POST", BODY, **JSON)[0] == 200
    headers, raw = binary_request(IMAGES)
    assert ask(address, "POST", raw, **headers)[0] == 200


def test_other_names_are_allowed_where_that_is_said(tmp_path):
    options = ["--allow-host", "api.example.org", "--allow-host", "*.lan"]
    with in_a_process(write_experiment(tmp_path), *options) as process:
        for name in ("api.example.org", "box.lan", socket.gethostname(), "127.0.0.1"):
            assert ask(f"{process.url}/v2", Host=name)[0] == 200
        for name in ("example.org", "lan", "evil.example"):
            assert ask(f"{process.url}/v2", Host=name)[0] == 400


@pytest.mark.parametrize("name", ["http://a.example", "a.example:80", "a*", "a.*.example", ""])
def test_what_is_no_name_is_refused(tmp_path, name):
    result = neatfool(
        "serve", write_experiment(tmp_path), "--allow-host", name, "--port", "0", exit_code=2
    )
    assert "is no name such as api.example.org" in result.stderr
