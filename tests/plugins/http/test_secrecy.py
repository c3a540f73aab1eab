"""Target http: the key is shown to the service, and to nobody else."""

import logging
import socket
import traceback

import pytest
from http_targets import NAMING, open_target, random_images

from neatfool import ExperimentError, Ledger, TargetError, TargetUnavailable
from neatfool_plugins.http import Options, _target
from neatfool_plugins.http.credentials import ApiKey

CANARY = "canary-0123456789-abcdef"


@pytest.fixture
def key(monkeypatch):
    monkeypatch.setenv("CANARY_KEY", CANARY)
    return {"api_key_env": "CANARY_KEY"}


def all_of(error):
    """Write an exception as --debug does, and all that hangs on it."""
    text = "".join(traceback.format_exception(error))
    while error is not None:
        text += repr(error) + str(error) + repr(vars(error))
        error = error.__cause__ or error.__context__
    return text


@pytest.mark.parametrize(
    ("options", "header", "value"),
    [
        ({}, "Authorization", f"Bearer {CANARY}"),
        ({"headers": {"X-Api-Key": "{key}"}}, "X-Api-Key", CANARY),
        ({"headers": {"Authorization": "Token {key}"}}, "Authorization", f"Token {CANARY}"),
    ],
)
def test_the_key_is_sent_in_the_header_that_is_asked_for(server, key, options, header, value):
    with open_target(server, **key, **options):
        sent = {name.lower(): value for name, value in server.seen[0].headers.items()}
        assert sent[header.lower()] == value
    assert sum(CANARY in each for each in server.seen[0].headers.values()) == 1


def test_a_variable_that_is_not_there_is_an_error(server):
    with pytest.raises(ExperimentError, match="the environment variable NO_SUCH_KEY is not set"):
        open_target(server, api_key_env="NO_SUCH_KEY").__enter__()
    assert server.seen == []


@pytest.mark.parametrize("fault", ["400", "401", "503", "no json", "reset", "truncated"])
def test_no_error_has_the_key_though_the_service_repeats_it(server, key, fault, caplog):
    caplog.set_level(logging.DEBUG)
    server.words = f'{{"error": "bad key {CANARY}, Bearer {CANARY}"}}'.encode()
    server.rate, server.mix = 1.0, (fault,)
    with (
        open_target(server, give_up_after=0.5, **key) as target,
        pytest.raises(TargetError) as caught,
    ):
        target.score(random_images(1))
    assert CANARY not in all_of(caught.value)
    assert CANARY not in caplog.text


@pytest.mark.parametrize("written", [CANARY, CANARY.replace("a", r"\u0061")])
def test_a_label_that_repeats_the_key_does_not_name_a_class_so(server, key, written):
    server.answer = lambda _: f'[{{"label": "a {written}", "score": 1}}]'.encode()
    with open_target(server, "/huggingface", **NAMING, **key) as target:
        assert target.score(random_images(1)).found == [{"a [the key]": 1.0}]


@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("of", ["0000", "0.25", None])
def test_an_answer_means_the_same_whatever_the_key_is(server, monkeypatch, bom, of):
    monkeypatch.setenv("CANARY_KEY", of or "")
    key = {"api_key_env": "CANARY_KEY"} if of else {}
    said = b'[{"label": "a", "score": 0.2500001}, {"label": "b", "score": 0.00001}]'
    server.answer = lambda _: bom + said
    with open_target(server, "/huggingface", **NAMING, **key) as target:
        assert target.score(random_images(1)).found == [{"a": 0.2500001, "b": 0.00001}]


def test_a_model_whose_metadata_repeat_the_key_does_not_put_it_into_classes(server, key):
    for output in server.metadata["outputs"]:
        output["parameters"]["classes"][1] = CANARY
    with open_target(server, **key) as target:
        assert target.spec.classes[1] == "[the key]"


def representations(thing, depth=5):
    """List the representations of an object, and of those that it holds; a key's only by itself."""
    yield repr(thing)
    if depth and hasattr(thing, "__dict__") and not isinstance(thing, type | ApiKey):
        for each in vars(thing).values():
            yield from representations(each, depth - 1)


def test_nothing_that_a_target_says_of_itself_has_the_key(server, key):
    with open_target(server, **key) as target:
        said = [target.describe(), target.fingerprint(), *representations(target)]
        assert "environment variable CANARY_KEY" in said[0]
    assert CANARY not in " ".join(said)
    assert any("user-agent" in each for each in said), "the client's headers must be among them"


def test_a_key_without_tls_is_told_of(server, key):
    with open_target(server, **key) as target:
        assert "not encrypted" in target.describe()
    with open_target(server) as target:
        assert "not encrypted" not in target.describe()


def test_a_certificate_of_an_unknown_authority_is_not_trusted(encrypted, key):
    with pytest.raises(TargetError, match=r"is not trusted .*\[target\] ca_file") as caught:
        open_target(encrypted, **key).__enter__()
    assert not isinstance(caught.value, TargetUnavailable)
    assert encrypted.seen == []


def test_an_authority_of_ones_own_is_trusted_if_it_is_given(encrypted, key):
    encrypted.rate = 0.3
    with open_target(encrypted, ca_file=encrypted.authority, **key) as target:
        for _ in range(5):
            assert target.score(random_images(4)).ok.all()
        assert "WARNING" not in target.describe()
        assert "not encrypted" not in target.describe()


def test_what_is_not_sent_for_lack_of_trust_costs_nothing(encrypted):
    ledger = Ledger()
    how = {"body": {"image": "{image}"}, "scores_at": "scores", "classes": ["a", "b"]}
    with open_target(encrypted, "/dense", **how) as target:
        target.meter(ledger)
        with pytest.raises(TargetError, match="is not trusted"):
            target.score(random_images(1))
    assert (ledger.debits, ledger.requests) == (1, 0)


def test_no_file_is_told_how_to_decrypt_what_is_sent(encrypted, tmp_path, monkeypatch):
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "keys.log"))
    with open_target(encrypted, ca_file=encrypted.authority) as target:
        assert target.score(random_images(1)).ok.all()
    assert not (tmp_path / "keys.log").exists()


def test_a_closed_target_leaves_nothing_open(server, monkeypatch):
    connected = []

    class Recorded(socket.socket):
        def connect(self, address):
            connected.append(self)
            super().connect(address)

    monkeypatch.setattr(socket, "socket", Recorded)
    with open_target(server) as target:
        target.score(random_images(1))
    assert connected
    assert all(each.fileno() < 0 for each in connected)


def test_a_file_that_holds_no_certificates_is_an_error(server, tmp_path):
    (tmp_path / "none.pem").write_text("nothing")
    with pytest.raises(ExperimentError, match="holds no certificates"):
        _target(Options(url="https://example.org", model="m", ca_file=tmp_path / "none.pem"))


def test_a_certificate_of_another_host_is_not_trusted(encrypted, monkeypatch):
    there = [(socket.AF_INET, 1, 6, "", ("127.0.0.1", encrypted.port))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: there)
    url = f"https://other.example:{encrypted.port}"
    with pytest.raises(TargetError, match=r"is not trusted .*other\.example"):
        open_target(encrypted, url=url, ca_file=encrypted.authority).__enter__()
