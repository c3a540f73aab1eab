"""How much memory a service takes, whatever is sent to it over real connections."""

import gzip
import http.client
import json
import socket
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path

import numpy as np
import pytest
from serving import body_of, in_a_process

MIB = 2**20
LONGEST = 16 * MIB
HEAD = (
    b"POST /v2/models/small/infer HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
)


def resident(process, what="VmHWM"):
    """Give the bytes of memory that a process takes, or took at most."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    return int(status.partition(f"{what}:")[2].split()[0]) * 1024


def post(address, body, **headers):
    connection = http.client.HTTPConnection(*address, timeout=60)
    headers = {"Content-Type": "application/json"} | headers
    connection.request("POST", "/v2/models/small/infer", body, headers)
    return connection.getresponse().status


def texts(address):
    body = body_of(np.zeros((9, 1, 6, 8), np.uint8))
    body["inputs"][0]["data"] = ["x" * 400_000] + [""] * 2000
    assert post(address, json.dumps(body)) == 400


def objects(address):
    """The objects of JSON that take the most memory for its length, from several clients."""
    body = b"[" + b"{}," * (LONGEST // 48 - 2) + b"{}]"
    with ThreadPoolExecutor(8) as threads:
        statuses = {*threads.map(lambda _: post(address, body), range(32))}
    assert 400 in statuses <= {400, 503}


def packed(address):
    assert post(address, gzip.compress(b"{}"), **{"Content-Encoding": "gzip"}) == 415


def halted_bodies(address):
    with ExitStack() as open_connections:
        for _ in range(40):
            connection = socket.create_connection(address, timeout=0.5)
            open_connections.enter_context(connection)
            header = HEAD + b"Content-Length: %d\r\n\r\n" % LONGEST
            with suppress(OSError):
                connection.sendall(header + b" " * (LONGEST - 9))
        time.sleep(0.5)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("attack", [texts, objects, packed, halted_bodies])
def test_all_requests_together_take_at_most_four_times_the_longest_body(experiment, attack):
    with in_a_process(experiment, "--max-body", LONGEST // MIB) as process:
        address = ("127.0.0.1", int(process.url.rpartition(":")[2]))
        fine = json.dumps(body_of(np.zeros((1, 1, 6, 8), np.uint8)))
        assert post(address, fine) == 200
        before = resident(process)
        attack(address)
        assert resident(process) - before <= 4 * LONGEST
        deadline = time.monotonic() + 20
        while post(address, fine) != 200:
            assert time.monotonic() < deadline
            time.sleep(0.5)
