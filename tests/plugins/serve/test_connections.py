"""Where a service listens, and how it treats connections."""

import http.client
import json
import socket
import time

import numpy as np
import pytest
from serving import body_of, in_this_process, on_loopback

from neatfool import ExperimentError, ImageSpec
from neatfool import server as network
from neatfool.server import address_of, listen
from neatfool.testing import ToyTarget
from neatfool_plugins.serve.requests import RequestLimits

LIVE = b"GET /v2/health/live HTTP/1.1\r\nHost: here\r\n\r\n"
INFER = b"POST /v2/models/toy/infer HTTP/1.1\r\nHost: here\r\nContent-Type: application/json\r\n"


@pytest.fixture
def connect():
    """Serve a target over loopback; give a way to connect to it."""
    opened = []
    with (
        in_this_process(ToyTarget(), limits=RequestLimits(body=1_600_000)) as client,
        on_loopback(client.app) as port,
    ):

        def connect():
            opened.append(socket.create_connection(("127.0.0.1", port), timeout=10))
            return opened[-1]

        yield connect
        for each in opened:
            each.close()


def answer_to(connection, request):
    """Send a request; give the status and the body of the answer."""
    connection.sendall(request)
    response = http.client.HTTPResponse(connection)
    response.begin()
    return response.status, response.read()


def said(connection):
    """Read what a server says until it closes the connection."""
    pieces = []
    while piece := connection.recv(2**16):
        pieces.append(piece)
    return b"".join(pieces)


def test_a_free_port_is_found_and_told():
    with listen("localhost", 0) as listening:
        assert address_of(listening) in {
            f"http://{host}:{listening.getsockname()[1]}" for host in ("127.0.0.1", "[::1]")
        }


def test_all_addresses_are_those_of_the_machine_s_name():
    with listen("0.0.0.0", 0) as listening:
        assert address_of(listening).startswith(f"http://{socket.gethostname()}:")


def test_a_port_that_is_taken_is_told():
    with listen("127.0.0.1", 0) as listening:
        port = listening.getsockname()[1]
        with pytest.raises(ExperimentError, match=rf"port {port}: .*Give another --port"):
            listen("127.0.0.1", port)


@pytest.mark.parametrize("host", ["203.0.113.7", "no such host"])
def test_an_address_that_is_not_this_machine_s_is_told(host):
    with pytest.raises(ExperimentError, match=f"cannot listen on {host}"):
        listen(host, 0)


@pytest.mark.parametrize("sent", [b"", b"GET /v2 HTTP/1.1\r\nHost: he"], ids=["silent", "half"])
def test_a_connection_that_asks_nothing_is_closed(connect, monkeypatch, sent):
    monkeypatch.setattr(network, "SECONDS_TO_ASK", 0.2)
    connection = connect()
    connection.sendall(sent)
    assert said(connection) == b""


def test_a_header_that_comes_drop_by_drop_is_not_waited_for(connect, monkeypatch):
    monkeypatch.setattr(network, "SECONDS_TO_ASK", 0.3)
    connection = connect()

    def drop():
        while True:
            connection.sendall(b"G")
            time.sleep(0.05)

    began = time.monotonic()
    with pytest.raises(ConnectionError):
        drop()
    assert time.monotonic() - began < 5


def test_a_connection_that_asks_again_and_again_is_kept(connect, monkeypatch):
    monkeypatch.setattr(network, "SECONDS_TO_ASK", 0.3)
    connection = connect()
    for _ in range(4):
        assert answer_to(connection, LIVE)[0] == 200
        time.sleep(0.2)


def test_a_body_that_is_said_to_be_too_long_is_refused_before_it_comes(connect, monkeypatch):
    monkeypatch.setattr(network, "SECONDS_TO_ASK", 0.3)
    connection = connect()
    status, words = answer_to(connection, INFER + b"Content-Length: 100001\r\n\r\n")
    assert status == 413
    assert b"more than 100000 bytes" in words
    connection.sendall(b" " * 1000)
    assert said(connection) == b"", "and what does not come is not waited for"


def test_after_a_body_that_was_too_long_the_connection_goes_on(connect):
    connection = connect()
    header = INFER + b"Content-Length: 100001\r\n\r\n"
    assert answer_to(connection, header + b" " * 100_001)[0] == 413
    assert answer_to(connection, LIVE)[0] == 200


def test_an_answer_goes_out_at_once(connect):
    """Its two pieces are not kept back until the first is acknowledged, which takes 40 ms."""
    connection = connect()
    seconds = []
    for _ in range(20):
        began = time.perf_counter()
        answer_to(connection, LIVE)
        seconds.append(time.perf_counter() - began)
    assert min(seconds[5:]) < 0.03


def test_an_answer_that_nobody_reads_is_given_up(monkeypatch):
    monkeypatch.setattr(network, "SECONDS_OF_SILENCE", 0.3)
    spec = ImageSpec(1, 1, 1, tuple(map(str, range(20_000))))
    body = json.dumps(body_of(np.zeros((60, 1, 1, 1), np.uint8))).encode()
    with (
        in_this_process(ToyTarget(spec), limits=RequestLimits(body=2**29)) as client,
        on_loopback(client.app) as port,
        socket.create_connection(("127.0.0.1", port), timeout=10) as connection,
    ):
        connection.sendall(INFER + b"Content-Length: %d\r\n\r\n" % len(body) + body)
        assert connection.recv(1, socket.MSG_PEEK)
        time.sleep(1)
        response = http.client.HTTPResponse(connection)
        response.begin()
        with pytest.raises((ConnectionError, http.client.IncompleteRead)):
            response.read()
