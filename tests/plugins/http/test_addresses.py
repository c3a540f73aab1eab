"""Target http: where it may connect to."""

import socket
import threading

import pytest
from http_targets import open_target, random_images

from neatfool import TargetError, TargetUnavailable
from neatfool_plugins.http import Options, _target, service


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "[::ffff:127.0.0.1]"]
)
def test_this_machine_is_not_asked_however_it_is_written(server, host):
    url = f"http://{host}:{server.port}"
    with pytest.raises(TargetError, match="allow_private = true") as caught:
        _target(Options(url=url, model="patches"))
    assert not isinstance(caught.value, TargetUnavailable)
    assert server.seen == []


@pytest.mark.parametrize("host", ["169.254.169.254", "[fe80::1]", "[::ffff:169.254.169.254]"])
@pytest.mark.parametrize("allow_private", [True, False])
def test_link_local_addresses_are_never_sent_anything(host, allow_private):
    with pytest.raises(TargetError, match="never sent anything"):
        _target(Options(url=f"http://{host}", model="m", allow_private=allow_private))


def names_mean(monkeypatch, *answers):
    """Let the names of hosts mean addresses, the last ones for ever."""
    left = list(answers)
    lock = threading.Lock()

    def look_up(host, port, *_, **__):
        with lock:
            addresses = left.pop(0) if len(left) > 1 else left[0]
        return [
            (socket.AF_INET6 if ":" in each else socket.AF_INET, 1, 6, "", (each, port))
            for each in addresses
        ]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)


def test_a_name_that_means_this_machine_is_refused(server, monkeypatch):
    names_mean(monkeypatch, ["127.0.0.1"])
    with pytest.raises(TargetError, match=r"rebinding\.example \(127\.0\.0\.1\)"):
        _target(Options(url=f"http://rebinding.example:{server.port}", model="patches"))
    assert server.seen == []


def test_a_further_address_is_tried_where_one_does_not_answer(server, monkeypatch):
    names_mean(monkeypatch, ["127.0.0.9", "127.0.0.1"])
    with open_target(server, url=f"http://two.example:{server.port}") as target:
        assert target.score(random_images(1)).ok.all()


def test_a_host_that_there_is_not_is_an_error(monkeypatch):
    def look_up(*_, **__):
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    with pytest.raises(TargetError, match=r"no host 'nowhere\.example'"):
        _target(Options(url="https://nowhere.example", model="m"))


def test_names_that_cannot_be_looked_up_now_make_the_run_pause(monkeypatch):
    def look_up(*_, **__):
        raise socket.gaierror(socket.EAI_AGAIN, "later")

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    monkeypatch.setattr(service, "GIVE_UP_AFTER", 1)
    with pytest.raises(TargetUnavailable, match=r"the connection failed .*later"):
        _target(Options(url="https://later.example", model="m"))


def test_a_look_up_that_never_ends_ends_in_time(monkeypatch):
    never = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: never.wait(20))
    monkeypatch.setattr(service, "GIVE_UP_AFTER", 0.3)
    try:
        with pytest.raises(TargetUnavailable, match="not connected after"):
            _target(Options(url="https://slow.example", model="m", timeout=0.2))
    finally:
        never.set()


def test_redirections_are_not_followed(server):
    server.plan.append("redirect")
    with open_target(server) as target, pytest.raises(TargetError, match="not followed"):
        target.score(random_images(1))
    assert [each.path for each in server.seen][2:] == ["/v2/models/patches/infer"]


def test_proxies_of_the_environment_are_ignored(server, monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    with open_target(server) as target:
        assert target.score(random_images(1)).ok.all()
