"""Where a service listens."""

from __future__ import annotations

import socket

import pytest

from neatfool import ExperimentError
from neatfool.serving import address_of, is_private_to_this_machine, listen


def test_a_free_port_is_found_and_told():
    with listen("localhost", 0) as listening:
        assert address_of(listening) in {
            f"http://{host}:{listening.getsockname()[1]}" for host in ("127.0.0.1", "[::1]")
        }
        assert is_private_to_this_machine(listening)


def test_all_addresses_are_those_of_the_machine_s_name():
    with listen("0.0.0.0", 0) as listening:
        assert address_of(listening).startswith(f"http://{socket.gethostname()}:")
        assert not is_private_to_this_machine(listening)


def test_a_port_that_is_taken_is_told():
    with listen("127.0.0.1", 0) as listening:
        port = listening.getsockname()[1]
        with pytest.raises(ExperimentError, match=rf"port {port}: .*Give another --port"):
            listen("127.0.0.1", port)


@pytest.mark.parametrize("host", ["203.0.113.7", "no such host"])
def test_an_address_that_is_not_this_machine_s_is_told(host):
    with pytest.raises(ExperimentError, match=f"cannot listen on {host}"):
        listen(host, 0)
