"""Target http: where it may connect to."""

from __future__ import annotations

import ipaddress
import socket
import threading

import pytest
from http_targets import open_target, random_images

from neatfool import ExperimentError, TargetError, TargetUnavailable
from neatfool_plugins.http import Options, _target
from neatfool_plugins.http.client.addresses import check_address, check_name

NEVER = [
    "169.254.169.254",
    "169.254.0.1",
    "169.254.170.2",
    "fe80::1",
    "fd00:ec2::254",
    "100.100.100.200",
    "168.63.129.16",
    "192.0.0.192",
    "0.0.0.0",
    "0.1.2.3",
    "::",
    "224.0.0.1",
    "ff02::1",
    "255.255.255.255",
    "240.0.0.1",
    "::ffff:169.254.169.254",
    "64:ff9b::169.254.169.254",
    "2002:a9fe:a9fe::1",
    "::169.254.169.254",
    "fd20:ce::254",
    "64:ff9b:1::a9fe:a9fe",
    "64:ff9b:1:a9fe:a9:fe00::",
    "::ffff:0:169.254.169.254",
]
PRIVATE = [
    "127.0.0.1",
    "127.9.9.9",
    "::1",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "100.64.0.1",
    "fc00::1",
    "fec0::1",
    "198.18.0.1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "64:ff9b::10.0.0.1",
    "2002:7f00:1::1",
    "::127.0.0.1",
]
PUBLIC = ["8.8.8.8", "2606:4700:4700::1111", "64:ff9b::8.8.8.8", "::ffff:8.8.8.8"]


@pytest.mark.parametrize("address", NEVER)
@pytest.mark.parametrize("allow_private", [True, False])
def test_some_addresses_are_never_connected_to(address, allow_private):
    with pytest.raises(TargetError, match="never"):
        check_address(ipaddress.ip_address(address), "host", allow_private=allow_private)


@pytest.mark.parametrize("address", PRIVATE)
def test_private_addresses_only_where_they_are_allowed(address):
    check_address(ipaddress.ip_address(address), "host", allow_private=True)
    with pytest.raises(TargetError, match="allow_private = true"):
        check_address(ipaddress.ip_address(address), "host", allow_private=False)


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_connected_to(address):
    check_address(ipaddress.ip_address(address), "host", allow_private=False)


@pytest.mark.parametrize("name", ["metadata.google.internal", "METADATA.google.internal."])
def test_metadata_services_are_not_asked_by_name_either(name):
    with pytest.raises(TargetError, match="metadata service"):
        check_name(name)


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "[::1]", "[::ffff:127.0.0.1]"]
)
def test_this_machine_is_not_asked_however_it_is_written(server, host):
    url = f"http://{host}:{server.port}"
    with pytest.raises(TargetError, match="allow_private = true") as caught:
        _target(Options(url=url, model="patches"))
    assert not isinstance(caught.value, TargetUnavailable)
    assert server.seen == []


def names_mean(monkeypatch, *answers):
    """Let the names of hosts mean addresses, the last ones for ever."""
    left = list(answers)
    lock = threading.Lock()

    def look_up(host, port, **_):
        with lock:
            addresses = left.pop(0) if len(left) > 1 else left[0]
        return [
            (socket.AF_INET6 if ":" in each else socket.AF_INET, 1, 6, "", (each, port))
            for each in addresses
        ]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)


def test_a_name_is_refused_if_one_of_its_addresses_is_private(server, monkeypatch):
    names_mean(monkeypatch, ["8.8.8.8", "127.0.0.1"])
    with pytest.raises(TargetError, match=r"rebinding\.example \(127\.0\.0\.1\)"):
        _target(Options(url=f"http://rebinding.example:{server.port}", model="patches"))
    assert server.seen == []


def test_a_name_that_means_something_else_the_next_time_is_refused(server, monkeypatch):
    names_mean(monkeypatch, ["127.0.0.1"], ["169.254.169.254"])
    url = f"http://rebinding.example:{server.port}"
    server.headers = {"Connection": "close"}
    with open_target(server, url=url) as target, pytest.raises(TargetError, match="metadata"):
        target.score(random_images(1))
    assert len(server.seen) == 1


def test_what_is_connected_to_is_what_was_checked(server, monkeypatch):
    """A second look-up, as an ordinary client makes when it connects, would find another one."""
    names_mean(monkeypatch, ["127.0.0.1"], ["203.0.113.1"])
    with open_target(server, url=f"http://rebinding.example:{server.port}") as target:
        assert target.spec.shape == (1, 6, 8)
    assert server.seen[0].headers["Host"] == f"rebinding.example:{server.port}"


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
    with pytest.raises(TargetUnavailable, match="cannot be looked up now"):
        _target(Options(url="https://later.example", model="m", give_up_after=1))


def test_a_look_up_that_never_ends_ends_in_time(monkeypatch):
    never = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: never.wait(20))
    try:
        with pytest.raises(TargetUnavailable, match="not be looked up in time"):
            _target(Options(url="https://slow.example", model="m", give_up_after=0.3, timeout=0.2))
    finally:
        never.set()


def test_redirections_are_not_followed(server):
    server.plan.append("redirect")
    with open_target(server) as target, pytest.raises(TargetError, match="not followed"):
        target.score(random_images(1))
    assert [each.path for each in server.seen][2:] == ["/v2/models/patches/infer"]


@pytest.mark.parametrize(
    ("location", "said"),
    [
        (
            "https://user:pass@new.example:8443/v3?token=pass#pass",
            r"to https://new\.example:8443/v3\?…;",
        ),
        ("/elsewhere", r"to http://127\.0\.0\.1:\d+/elsewhere;"),
        ("http://[::1", "a redirection;"),
    ],
)
def test_it_is_said_where_a_redirection_leads_without_secrets(server, location, said):
    server.location = location
    server.plan.append("redirect")
    with open_target(server) as target, pytest.raises(TargetError, match=said) as caught:
        target.score(random_images(1))
    assert "pass" not in str(caught.value)


def test_proxies_of_the_environment_are_ignored(server, monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    with open_target(server) as target:
        assert target.score(random_images(1)).ok.all()


def test_a_proxy_of_the_environment_is_used_where_it_is_asked_for(server, monkeypatch):
    monkeypatch.setenv("http_proxy", server.url)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    with open_target(server, url="http://far.example", proxy_from_env=True) as target:
        assert "proxy" in target.describe()
    assert server.seen[0].path == "http://far.example/v2/models/patches"


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254",
        "http://169.254.169.254.",
        "http://metadata.google.internal",
        "http://10.0.0.1",
        "http://2852039166",
        "http://0xa9fea9fe",
        "http://169.254.43518",
        "http://[fd20:ce::254]",
    ],
)
def test_a_proxy_is_no_way_around_the_rules(server, monkeypatch, url):
    monkeypatch.setenv("http_proxy", server.url)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    with pytest.raises(TargetError, match=r"metadata service|allow_private"):
        _target(Options(url=url, model="m", proxy_from_env=True))
    assert server.seen == []


@pytest.mark.parametrize(
    "proxy",
    [
        "http://user:pa/ss@proxy.example:80",
        "http://user:pa#ss@proxy.example:80",
        "http://pa/ss@proxy.example:80",
        "user:pass",
        "pass://proxy.example",
        "http://user:pass@[::1",
        "http://user:pass@",
        "ftp://user:pass@proxy.example",
        "http://user:pass@proxy.example:99999999",
    ],
)
def test_a_proxy_that_is_none_is_an_error_without_its_password(server, monkeypatch, proxy):
    monkeypatch.setenv("http_proxy", proxy)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    with pytest.raises(ExperimentError, match="is no address of a proxy") as caught:
        open_target(server, url="http://far.example", proxy_from_env=True).__enter__()
    said = str(caught.value)
    assert not any(part in said for part in ("user", "pa/", "pa#", "pass", "'pa'"))
    assert caught.value.__cause__ is None
